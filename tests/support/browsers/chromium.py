"""Chromium, driven by Playwright like in the other tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Error, Page

from tests.support.browsers.driver import SIZE, DriverError


class ChromiumDriver:
    """A page of Playwright."""

    script = ""

    def __init__(self, page: Page, *, has_touch: bool) -> None:
        self._page, self.has_touch = page, has_touch
        self._errors: list[str] = []
        page.on("console", lambda message: message.type == "error" and self._errors.append(str(message.text)))
        page.on("pageerror", lambda error: self._errors.append(str(error)))

    def goto(self, url: str) -> None:
        self._page.goto(url)

    def evaluate(self, function: str, *arguments: Any) -> Any:
        try:
            return self._page.evaluate(f"given => ({function})(...given)", list(arguments))
        except Error as error:
            raise DriverError(str(error)) from error

    def press(self, *keys: str) -> None:
        for key in keys:
            self._page.keyboard.press(key)

    def hover(self, x: float, y: float) -> None:
        self._page.mouse.move(x, y)

    def click(self, x: float, y: float) -> None:
        if self.has_touch:
            self._page.touchscreen.tap(x, y)
        else:
            self._page.mouse.click(x, y)

    def take_errors(self) -> list[str]:
        self._page.wait_for_timeout(0)  # lets Playwright report them
        errors, self._errors = self._errors, []
        return errors

    def leave(self) -> None:
        self.goto("about:blank")
        self.take_errors()


@contextmanager
def chromium(browser: Browser, *, has_touch: bool) -> Iterator[ChromiumDriver]:
    """Open a window of the Chromium that runs already, with a context of its own."""
    context = browser.new_context(viewport=SIZE, has_touch=has_touch, is_mobile=has_touch)
    yield ChromiumDriver(context.new_page(), has_touch=has_touch)
    context.close()
