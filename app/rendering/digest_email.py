"""The content of a digest email, rendered by `email`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from app.rendering.email import CATEGORY_COLOURS, EmailContent


class DigestLine(NamedTuple):
    """One notification or one interview, with its time and a link to it."""

    title: str
    when: str
    url: str
    detail: str = ""


@dataclass(frozen=True)
class DigestGroup:
    """Lines under one heading; `count` is how many there are, including those that are not listed."""

    label: str
    category: str
    lines: tuple[DigestLine, ...]
    count: int = 0

    @property
    def colour(self) -> str:
        return CATEGORY_COLOURS[self.category]


@dataclass(frozen=True)
class DigestBar:
    """This week's count and last week's, for one category; widths are percentages of the longest bar."""

    label: str
    category: str
    count: int
    before: int
    width: int
    width_before: int

    @property
    def colour(self) -> str:
        return CATEGORY_COLOURS[self.category]


@dataclass(frozen=True)
class DigestContent(EmailContent):
    """The texts of a digest.

    `more` says how many notifications are not listed. `mark_read` is the label and URL of the link that marks all
    of them as read, after a confirmation.
    """

    groups: tuple[DigestGroup, ...] = ()
    more: str = ""
    mark_read: tuple[str, str] = ("", "")
    bars: tuple[DigestBar, ...] = ()
    bars_label: str = ""

    template: ClassVar[str] = "digest"
    is_shared: ClassVar[bool] = False
