"""Renders an email as HTML and as plain text, in one layout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from babel import Locale
from flask import current_app
from markupsafe import Markup

# Mail programs cut an email at about 100 KB.
MAX_MESSAGE = 8_000
# The same hues as in the page's tokens.css, in mid tones that can be seen on light and on dark.
CATEGORY_COLOURS = {
    "interview": "#9471bb",
    "resume": "#2b8ebf",
    "candidate": "#1c9a79",
    "job": "#9f801f",
    "evaluation": "#bb6e40",
    "system": "#82848a",
}


@dataclass(frozen=True)
class EmailContent:
    """The texts of an email, in the reader's language.

    `facts` are pairs of label and value; `button` and the `links` of the footer are pairs of label and URL. `body`
    is an admin's own HTML, sanitized by `html_sanitizer.sanitize_for_email`: the HTML part shows it instead of the
    message, the text part shows the message.
    """

    locale: str
    heading: str
    message: str
    label: str
    category: str
    facts: tuple[tuple[str, str], ...]
    button: tuple[str, str]
    reason: str
    links: tuple[tuple[str, str], ...]
    body: Markup | None = None

    template: ClassVar[str] = "message"

    @property
    def colour(self) -> str:
        return CATEGORY_COLOURS[self.category]

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`."""
        return Locale.parse(self.locale).text_direction

    @property
    def paragraphs(self) -> list[list[str]]:
        """The message, truncated to `MAX_MESSAGE` characters, as paragraphs of lines."""
        message = self.message
        if len(message) > MAX_MESSAGE:
            message = message[:MAX_MESSAGE] + " \N{HORIZONTAL ELLIPSIS}"
        return [part.splitlines() for part in message.replace("\r\n", "\n").split("\n\n") if part.strip()]


def render_html(content: EmailContent) -> str:
    """Render the HTML part: no script, form or remote image, inline styles, readable in dark mode."""
    return _render(f"email/{content.template}.html", content)


def render_text(content: EmailContent) -> str:
    """Render the plain text part: the same texts, with URLs written out."""
    return _render(f"email/{content.template}.txt", content).strip() + "\n"


def _render(name: str, content: EmailContent) -> str:
    # flask.render_template would run context processors that need a request.
    return current_app.jinja_env.get_template(name).render(email=content)
