"""Firefox, driven by WebDriver BiDi, which needs no separate driver."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.support.browsers.driver import SIZE, DriverError, key_actions, pointer_actions
from tests.support.waiting import wait_until

COMMANDS = ("firefox-esr", "firefox", "/Applications/Firefox.app/Contents/MacOS/firefox")
# What the only pointer can do, a bit each: it is coarse (1), fine (2), it hovers (4). A headless machine has none.
TOUCH, MOUSE = 1, 2 + 4
# With a blank page, the address bar has the focus: nothing in a page matches :focus or gets focus events then.
START_PAGE = "data:text/html,start"
# What Firefox logs when a page is left that is still loading something, such as its stream.
INTERRUPTED = (
    "was interrupted while the page was loading",
    "establish a connection to the server",
    "NetworkError when attempting to fetch resource",
)
CALL = """text => Promise.resolve(({function})(...JSON.parse(text))).then(value => JSON.stringify(value ?? null))"""


class FirefoxDriver:
    """A BiDi session with its only window."""

    script = ""

    def __init__(self, socket: ClientConnection, *, has_touch: bool) -> None:
        self._socket, self.has_touch = socket, has_touch
        self._last_id = 0
        self._errors: list[str] = []
        self._call("session.new", capabilities={})
        self._call("session.subscribe", events=["log.entryAdded"])
        self._context = self._call("browsingContext.getTree")["contexts"][0]["context"]
        self._call("browsingContext.setViewport", context=self._context, viewport=SIZE)

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._last_id += 1
        self._socket.send(json.dumps({"id": self._last_id, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(timeout=60))
            if message["type"] == "event":
                entry = message["params"]
                if entry["level"] == "error" and not any(text in entry["text"] for text in INTERRUPTED):
                    self._errors.append(entry["text"])
            elif message["id"] == self._last_id:
                if message["type"] == "error":
                    raise DriverError(message["message"])
                return dict(message["result"])

    def goto(self, url: str) -> None:
        self._call("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def evaluate(self, function: str, *arguments: Any) -> Any:
        answer = self._call(
            "script.callFunction",
            functionDeclaration=CALL.replace("{function}", function),
            arguments=[{"type": "string", "value": json.dumps(arguments)}],
            awaitPromise=True,
            target={"context": self._context},
        )
        if answer["type"] == "exception":
            raise DriverError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])

    def _perform(self, actions: list[dict[str, Any]]) -> None:
        self._call("input.performActions", context=self._context, actions=actions)

    def press(self, *keys: str) -> None:
        self._perform(key_actions(keys))

    def hover(self, x: float, y: float) -> None:
        self._perform(pointer_actions("mouse", x, y, presses=False))

    def click(self, x: float, y: float) -> None:
        self._perform(pointer_actions("touch" if self.has_touch else "mouse", x, y, presses=True))

    def take_errors(self) -> list[str]:
        self._call("session.status")  # what is logged arrives before the answer
        errors, self._errors = self._errors, []
        return errors

    def leave(self) -> None:
        self.goto("about:blank")
        self.take_errors()


@contextmanager
def firefox(*, has_touch: bool) -> Iterator[FirefoxDriver]:
    """Start Firefox with a new profile."""
    command = next(filter(None, map(shutil.which, COMMANDS)))
    with tempfile.TemporaryDirectory(prefix="bellhop-firefox-", ignore_cleanup_errors=True) as profile:
        abilities = TOUCH if has_touch else MOUSE
        lines = [f'user_pref("ui.{name}PointerCapabilities", {abilities});' for name in ("primary", "all")]
        Path(profile, "user.js").write_text("\n".join(lines), encoding="utf-8")
        arguments = [
            "--headless",
            "--no-remote",
            "--profile",
            profile,
            "--remote-debugging-port",
            "0",
            START_PAGE,
        ]
        listening = Path(profile, "WebDriverBiDiServer.json")
        with subprocess.Popen([command, *arguments], stderr=subprocess.DEVNULL) as process:
            wait_until(lambda: listening.exists() and listening.read_text(encoding="utf-8"))
            server = json.loads(listening.read_text(encoding="utf-8"))
            url = f"ws://{server['ws_host']}:{server['ws_port']}/session"
            with connect(url, max_size=None) as socket:
                driver = FirefoxDriver(socket, has_touch=has_touch)
                wait_until(lambda: driver.evaluate("() => document.hasFocus()"))
                yield driver
            process.terminate()
