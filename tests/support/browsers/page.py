"""A person's actions on a page and what they see there, in any browser."""

from __future__ import annotations

import time
from typing import Any

from flask import Flask, Response

from tests.support.browsers.driver import Driver, DriverError

PATIENCE = 20.0  # seconds
# Helpers of the functions below.
HELPERS = r"""
const textOf = (element) => element.textContent.replace(/\s+/g, " ").trim();
const find = (selector, text = "") => [...document.querySelectorAll(selector)].filter((element) =>
  element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && textOf(element).includes(text));
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
"""
# The middle of an element, once it rests and nothing covers it.
POINT = """async (selector, text) => {
  const [element] = find(selector, text);
  if (!element) return null;
  element.scrollIntoView({ block: "nearest", inline: "nearest" });
  const before = element.getBoundingClientRect();
  await pause(50);
  const { left, top, width, height } = element.getBoundingClientRect();
  const [x, y] = [left + width / 2, top + height / 2];
  const hit = document.elementFromPoint(x, y);
  const isHit = element.contains(hit) || hit?.closest("label")?.contains(element);
  return isHit && before.left === left && before.top === top ? [x, y] : null;
}"""
# Below or above its opener, in line with one of its edges, and inside the window.
IS_BESIDE = """(menu, opener) => {
  const [mine, other] = [menu, opener].map((selector) => document.querySelector(selector).getBoundingClientRect());
  const isClose = (one, two) => Math.abs(one - two) <= 12;
  const isNext = isClose(mine.top, other.bottom) || isClose(mine.bottom, other.top);
  const isInLine = isClose(mine.left, other.left) || isClose(mine.right, other.right);
  const isInside = mine.left >= 0 && mine.top >= 0 && mine.right <= innerWidth && mine.bottom <= innerHeight;
  return isNext && isInLine && isInside;
}"""
CHOOSE = """(selector, value) => {
  const field = document.querySelector(selector);
  field.value = value;
  for (const name of ["input", "change"]) field.dispatchEvent(new Event(name, { bubbles: true }));
  return true;
}"""
# Where a test stopped.
STATE = """() => [location.href, document.activeElement.outerHTML.slice(0, 300), ...find("h1, .pane__title, .toast")
  .map(textOf)]"""
BOXES = """(...selectors) => selectors.map((selector) => {
  const { left, top, right, bottom } = document.querySelector(selector).getBoundingClientRect();
  return { left, top, right, bottom };
})"""


class Page:
    """An application in a browser's window. Everything waits until it is possible or true."""

    def __init__(self, driver: Driver, base_url: str) -> None:
        self.driver, self._base_url = driver, base_url

    def goto(self, path: str) -> None:
        self.driver.goto(self._base_url + path)

    def evaluate(self, function: str, *arguments: Any) -> Any:
        """Call a function that may use `HELPERS`. Raises `DriverError`."""
        return self.driver.evaluate(
            f"async (...given) => {{{HELPERS} return ({function})(...given);}}", *arguments
        )

    def wait(self, function: str, *arguments: Any) -> Any:
        """Return the result of a function as soon as it is true."""
        ends_at, problem = time.monotonic() + PATIENCE, ""
        while True:
            try:
                if result := self.evaluate(function, *arguments):
                    return result
            except DriverError as error:  # for example between two pages
                problem = f": {error}"
            if time.monotonic() > ends_at:
                raise AssertionError(
                    f"not true in time: {function} {arguments}{problem}; {self.evaluate(STATE)}"
                )
            time.sleep(0.05)

    def see(self, selector: str, text: str = "") -> None:
        """Wait for a visible element that contains this text."""
        self.wait("(selector, text) => find(selector, text).length > 0", selector, text)

    def see_none(self, selector: str, text: str = "") -> None:
        self.wait("(selector, text) => find(selector, text).length === 0", selector, text)

    def see_texts(self, selector: str, texts: list[str]) -> None:
        """Wait until the visible elements have these texts, in this order."""
        same = "(selector, texts) => JSON.stringify(find(selector).map(textOf)) === JSON.stringify(texts)"
        self.wait(same, selector, texts)

    def see_focus(self, selector: str) -> None:
        self.wait("(selector) => document.activeElement?.matches(selector)", selector)

    def see_path(self, path: str) -> None:
        """Wait for an address."""
        self.wait(
            "(path) => document.readyState === 'complete' && location.pathname + location.search === path",
            path,
        )

    def see_beside(self, menu: str, opener: str) -> None:
        """Wait until a menu is open beside what opened it, inside the window."""
        self.see(menu)
        try:
            self.wait(IS_BESIDE, menu, opener)
        except AssertionError as error:
            raise AssertionError(
                f"{menu} is not beside {opener}: {self.evaluate(BOXES, menu, opener)}"
            ) from error

    def press(self, *keys: str) -> None:
        self.driver.press(*keys)

    def type(self, text: str) -> None:
        self.driver.press(*text)

    def hover(self, selector: str, text: str = "") -> None:
        point = self.wait(POINT, selector, text)
        # From elsewhere: a mouse that is there already, since the test before, does not move.
        self.driver.hover(1, 1)
        self.driver.hover(*point)

    def click(self, selector: str, text: str = "") -> None:
        """Click or tap an element."""
        self.driver.click(*self.wait(POINT, selector, text))

    def fill(self, selector: str, text: str) -> None:
        """Replace the text of a field by typing another."""
        self.click(selector)
        self.wait("(selector) => (document.querySelector(selector).select(), true)", selector)
        self.type(text)

    def choose(self, selector: str, value: str) -> None:
        """Set the value of a field whose keys differ between browsers."""
        self.see(selector)
        self.wait(CHOOSE, selector, value)


def serve_script(app: Flask, script: str) -> None:
    """Let every page of an application run a script before its own."""
    if not script:
        return

    def insert_script(response: Response) -> Response:
        if response.mimetype == "text/html" and b"<head>" in response.get_data():
            tag = b'<head><script src="/before.js"></script>'
            response.set_data(response.get_data().replace(b"<head>", tag, 1))
        return response

    app.add_url_rule("/before.js", view_func=lambda: Response(script, mimetype="text/javascript"))
    app.after_request(insert_script)
