"""Renders an email as HTML and as plain text, in one layout."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar, NamedTuple

from flask import current_app
from markupsafe import Markup, escape

from app.rendering.interview_facts import Fact
from app.rendering.locales import language_tag, text_direction

# Mail programs cut an email at about 100 KB.
MAX_MESSAGE = 8_000
# A placeholder for a URL.
PLACE = re.compile("\N{NULL}([0-9]+)\N{NULL}")
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

    `button`, `second_button`, shown as a link, and the `links` of the footer are pairs of label and URL. `body`
    is an admin's own HTML, sanitized by `html_sanitizer.sanitize_for_email`: the HTML part shows it instead of the
    message, the text part shows the message. `preview` is what mail programs show beside the subject; without one, the
    beginning of the message. `sender` heads the email and signs it.
    """

    locale: str
    heading: str
    message: str
    label: str
    category: str
    facts: tuple[Fact, ...]
    button: tuple[str, str]
    reason: str
    links: tuple[tuple[str, str], ...]
    body: Markup | None = None
    preview: str = ""
    second_button: tuple[str, str] | None = None
    sender: str = "Bellhop"

    template: ClassVar[str] = "message"
    # Whether other emails differ from this one only in their URLs.
    is_shared: ClassVar[bool] = True

    @property
    def colour(self) -> str:
        return CATEGORY_COLOURS[self.category]

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`."""
        return text_direction(self.locale)

    @property
    def language(self) -> str:
        """The tag of its language: `pt-BR`."""
        return language_tag(self.locale)

    @property
    def paragraphs(self) -> list[list[str]]:
        """The message, truncated to `MAX_MESSAGE` characters, as paragraphs of lines."""
        message = self.message
        if len(message) > MAX_MESSAGE:
            message = message[:MAX_MESSAGE] + " \N{HORIZONTAL ELLIPSIS}"
        return [part.splitlines() for part in message.replace("\r\n", "\n").split("\n\n") if part.strip()]


class RenderedEmail(NamedTuple):
    """The parts of an email.

    The HTML has no script, form or remote image, inline styles, and is readable in dark mode. The plain text has the
    same texts, with URLs written out.
    """

    html: str
    text: str


def render(content: EmailContent, sender: str) -> RenderedEmail:
    """Render an email that `sender` signs.

    Emails that differ only in their URLs, as those of one event do, share the work.
    """
    if not content.is_shared:
        return _render(replace(content, sender=sender))
    linked = [content.button, *content.links, *([content.second_button] if content.second_button else ())]
    urls = [url for _label, url in linked]
    places = [f"\N{NULL}{number}\N{NULL}" for number in range(len(urls))]
    button, *links = ((label, place) for (label, _url), place in zip(linked, places, strict=True))
    second = links.pop() if content.second_button else None
    shared = replace(content, button=button, links=tuple(links), second_button=second, sender=sender)
    html, text = _pieces(shared)
    return RenderedEmail(_fill(html, [str(escape(url)) for url in urls]), _fill(text, urls))


def _fill(pieces: list[str], urls: list[str]) -> str:
    filled = pieces.copy()
    filled[1::2] = [urls[int(place)] for place in pieces[1::2]]
    return "".join(filled)


@lru_cache(maxsize=64)
def _pieces(content: EmailContent) -> tuple[list[str], list[str]]:
    """Render both parts and split them at their URLs. Every second piece is the index of a URL."""
    html, text = _render(content)
    return PLACE.split(html), PLACE.split(text)


def _render(content: EmailContent) -> RenderedEmail:
    # flask.render_template would run context processors that need a request.
    html, text = (
        current_app.jinja_env.get_template(f"email/{content.template}.{part}").render(email=content)
        for part in ("html", "txt")
    )
    return RenderedEmail(html, text.strip() + "\n")
