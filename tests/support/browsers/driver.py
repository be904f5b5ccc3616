"""The interface of each browser, and WebDriver's input actions for keys and pointers."""

from __future__ import annotations

from typing import Any, Protocol

SIZE = {"width": 1440, "height": 900}
# The code points of WebDriver for keys without a character.
CODES = {
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "Tab": "\ue004",
    "ArrowLeft": "\ue012",
    "ArrowUp": "\ue013",
    "ArrowRight": "\ue014",
    "ArrowDown": "\ue015",
    "Shift": "\ue008",
    "Control": "\ue009",
    "Alt": "\ue00a",
}


class DriverError(Exception):
    """The browser could not do it, for example because the page is being replaced."""


class Driver(Protocol):
    """An open window of a browser."""

    # Whether it has touch input, which cannot hover, instead of a mouse.
    has_touch: bool
    # What each page runs before its own scripts.
    script: str

    def goto(self, url: str) -> None:
        """Open an address and wait until the page is loaded."""

    def evaluate(self, function: str, *arguments: Any) -> Any:
        """Call a JavaScript function in the page; arguments and result are JSON, and a promise is awaited.

        Raises `DriverError`.
        """

    def press(self, *keys: str) -> None:
        """Press keys: characters, names such as "Enter", or combinations such as "Alt+l"."""

    def hover(self, x: float, y: float) -> None:
        """Move the mouse to a point of the viewport. A finger does not hover."""

    def click(self, x: float, y: float) -> None:
        """Click or tap a point of the viewport."""

    def take_errors(self) -> list[str]:
        """Return the errors on the console since the last call."""

    def leave(self) -> None:
        """Leave the page, so that it does not call a stopped server, and discard the errors that leaving logs."""


def key_actions(keys: tuple[str, ...]) -> list[dict[str, Any]]:
    """Build the input source of WebDriver that presses keys one after the other."""
    actions = []
    for key in keys:
        codes = [CODES.get(part, part) for part in (key.split("+") if len(key) > 1 else [key])]
        actions += [{"type": "keyDown", "value": code} for code in codes]
        actions += [{"type": "keyUp", "value": code} for code in reversed(codes)]
    return [{"type": "key", "id": "keyboard", "actions": actions}]


def pointer_actions(kind: str, x: float, y: float, *, presses: bool) -> list[dict[str, Any]]:
    """Build the input source of WebDriver that moves a pointer, `mouse` or `touch`, and perhaps presses it."""
    actions: list[dict[str, Any]] = [{"type": "pointerMove", "x": round(x), "y": round(y)}]
    if presses:
        actions += [{"type": name, "button": 0} for name in ("pointerDown", "pointerUp")]
    return [{"type": "pointer", "id": kind, "parameters": {"pointerType": kind}, "actions": actions}]
