"""A digest as the text and the HTML part of a mail."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from app.rendering.email import CATEGORY_COLOURS, EmailContent


@dataclass(frozen=True)
class DigestLine:
    """One notification, or one interview: what, when, and where it is read."""

    title: str
    when: str
    url: str
    detail: str = ""


@dataclass(frozen=True)
class DigestGroup:
    """Lines under one heading; `count` is how many there are, shown or not."""

    label: str
    category: str
    lines: tuple[DigestLine, ...]
    count: int = 0

    @property
    def dot(self) -> str:
        return CATEGORY_COLOURS[self.category]


@dataclass(frozen=True)
class DigestBar:
    """A number of this week beside that of the week before; the widths are percents of the longest bar."""

    label: str
    category: str
    count: int
    before: int
    width: int
    width_before: int

    @property
    def dot(self) -> str:
        return CATEGORY_COLOURS[self.category]


@dataclass(frozen=True)
class DigestContent(EmailContent):
    """A mail that lists.

    `more` says how many stand beyond the lines; `mark` is a label and the address that asks before it marks them read.
    """

    groups: tuple[DigestGroup, ...] = ()
    more: str = ""
    mark: tuple[str, str] = ("", "")
    bars: tuple[DigestBar, ...] = ()
    bars_label: str = ""


def html(digest: DigestContent) -> str:
    """The HTML part: tables, inline styles and no image, so that mail programs leave it as it is."""
    return _render("email/digest.html", digest)


def text(digest: DigestContent) -> str:
    """The text part: the same lines, the addresses written out."""
    return _render("email/digest.txt", digest).strip() + "\n"


def _render(name: str, digest: DigestContent) -> str:
    # Not flask.render_template: that asks for what only a request knows.
    return current_app.jinja_env.get_template(name).render(letter=digest)
