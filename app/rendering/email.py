"""The words of a mail as its text and its HTML part, in one layout of our own."""

from __future__ import annotations

from dataclasses import dataclass

from babel import Locale
from flask import current_app
from markupsafe import Markup

# Beyond this a mail is clipped: mail programs cut at about 100 KB, and what matters stands at the beginning.
MAX_MESSAGE = 8_000
# The dot beside the category: mid tones, because it stands on a light and on a dark ground.
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
    """What a mail says, every text already in the reader's language.

    `facts` are labels and values; `links` of the last line are labels and addresses. `body` is what an admin
    designed instead of the message, cleaned by `markup.for_mail`; the text part keeps the message.
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

    @property
    def dot(self) -> str:
        return CATEGORY_COLOURS[self.category]

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`."""
        return Locale.parse(self.locale).text_direction

    @property
    def paragraphs(self) -> list[list[str]]:
        """The message as lines of paragraphs, clipped where it is very long."""
        message = (
            self.message
            if len(self.message) <= MAX_MESSAGE
            else self.message[:MAX_MESSAGE] + " \N{HORIZONTAL ELLIPSIS}"
        )
        return [part.splitlines() for part in message.replace("\r\n", "\n").split("\n\n") if part.strip()]


def html(letter: EmailContent) -> str:
    """The HTML part: no script, form or remote image, styles inlined, readable on a dark ground."""
    return _render("email/message.html", letter)


def text(letter: EmailContent) -> str:
    """The text part: the same words, the addresses written out."""
    return _render("email/message.txt", letter).strip() + "\n"


def _render(name: str, letter: EmailContent) -> str:
    # Not flask.render_template: that asks for what only a request knows.
    return current_app.jinja_env.get_template(name).render(letter=letter)
