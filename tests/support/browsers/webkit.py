"""WebKitGTK, driven by WebDriver, on a display of its own."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tests.support.browsers.driver import SIZE, DriverError, key_actions, pointer_actions
from tests.support.smtp import free_port
from tests.support.waiting import wait_until

# What htmx reports when a page is left that is still loading something.
INTERRUPTED = "Load failed"
# WebDriver does not report what is on the console: each page notes its errors.
NOTE_ERRORS = """
const note = (text) => {
  const errors = JSON.parse(sessionStorage.errors ?? "[]");
  sessionStorage.errors = JSON.stringify([...errors, text]);
};
const { error } = console;
console.error = (...parts) => {
  note(parts.join(" "));
  error(...parts);
};
addEventListener("error", ({ message, target }) => note(message ?? `cannot load ${target.outerHTML}`), true);
addEventListener("unhandledrejection", ({ reason }) => note(`unhandled: ${reason}`));
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
  note(`policy ${violatedDirective}: ${blockedURI}`));
"""
TAKE_ERRORS = """() => {
  const errors = JSON.parse(sessionStorage.errors ?? "[]");
  delete sessionStorage.errors;
  return errors;
}"""
# WebKitGTK has a mouse on every display. The page itself pretends that there is only a finger.
PRETEND_TOUCH = """
const TOUCH = { hover: "none", pointer: "coarse" };
const pretended = (query) =>
  query.replaceAll(/\\((hover|pointer):\\s*(\\w+)\\)/g, (_all, name, value) =>
    value === TOUCH[name] ? "(min-width: 0px)" : "(max-width: 0px)");
const { matchMedia } = window;
window.matchMedia = (query) => matchMedia.call(window, pretended(query));
const pretend = (rules) => {
  for (const rule of rules) {
    if (rule.media) rule.media.mediaText = pretended(rule.media.mediaText);
    pretend(rule.cssRules ?? []);
  }
};
addEventListener("DOMContentLoaded", () => {
  for (const sheet of document.styleSheets) pretend(sheet.cssRules);
});
"""


class WebKitDriver:
    """A WebDriver session of MiniBrowser."""

    def __init__(self, port: int, *, has_touch: bool) -> None:
        self.has_touch = has_touch
        self.script = NOTE_ERRORS + (PRETEND_TOUCH if has_touch else "")
        self._url = f"http://127.0.0.1:{port}/session"
        self._url += "/" + self._call("", capabilities={})["sessionId"]
        self._call("/window/rect", x=0, y=0, **SIZE)

    def _call(self, path: str, method: str = "POST", **body: Any) -> Any:
        request = urllib.request.Request(
            self._url + path,
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise DriverError(json.load(error)["value"]["message"]) from error

    def goto(self, url: str) -> None:
        self._call("/url", url=url)

    def evaluate(self, function: str, *arguments: Any) -> Any:
        return self._call("/execute/sync", script=f"return ({function})(...arguments)", args=arguments)

    def press(self, *keys: str) -> None:
        self._call("/actions", actions=key_actions(keys))

    def hover(self, x: float, y: float) -> None:
        self._call("/actions", actions=pointer_actions("mouse", x, y, presses=False))

    def click(self, x: float, y: float) -> None:
        self._call("/actions", actions=pointer_actions("mouse", x, y, presses=True))

    def take_errors(self) -> list[str]:
        return [error for error in self.evaluate(TAKE_ERRORS) if INTERRUPTED not in error]

    def leave(self) -> None:
        self.goto("about:blank")

    def close(self) -> None:
        """End the session, and with it the browser."""
        self._call("", "DELETE")


@contextmanager
def _display() -> Iterator[str]:
    """Start an X server without a screen; yields its name."""
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL) as process:
        os.close(writer)
        with os.fdopen(reader) as number:
            yield f":{number.readline().strip()}"
        process.terminate()


@contextmanager
def webkit(*, has_touch: bool) -> Iterator[WebKitDriver]:
    """Start WebKitGTK's MiniBrowser, which stores nothing while it is driven."""
    with _display() as display:
        port = free_port()
        environment = os.environ | {"DISPLAY": display}
        with subprocess.Popen(["WebKitWebDriver", f"--port={port}"], env=environment) as process:
            wait_until(lambda: _is_ready(port))
            driver = WebKitDriver(port, has_touch=has_touch)
            yield driver
            driver.close()
            process.terminate()


def _is_ready(port: int) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=5) as response:
        return bool(json.load(response)["value"]["ready"])
    return False
