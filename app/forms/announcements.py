"""Reads the announcement form; services get these fields only."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from werkzeug.datastructures import MultiDict

from app.forms.integers import parse_integer
from app.services.announcements.progress import STATES
from app.services.announcements.validation import AnnouncementRequest
from app.services.base import local_time

if TYPE_CHECKING:
    from collections.abc import Mapping

_ADDRESS_SEPARATORS = re.compile(r"[\s,;]+")
CONTEXT = "context."


@dataclass(frozen=True)
class AnnouncementsQuery:
    """The search and the filter of the list. Unknown states are left out."""

    search: str = ""
    states: tuple[str, ...] = ()
    before: int | None = None

    @classmethod
    def read(cls, args: MultiDict[str, str]) -> AnnouncementsQuery:
        """Read a query string."""
        chosen = args.getlist("state")
        return cls(
            args.get("q", "").strip()[:100],
            tuple(name for name in STATES if name in chosen),
            args.get("before", type=parse_integer),
        )

    @property
    def is_filtered(self) -> bool:
        return bool(self.search or self.states)

    def params(self) -> dict[str, Any]:
        """Return the search and the filter as arguments for `url_for`."""
        return {"q": self.search or None, "state": list(self.states) or None}


@dataclass(frozen=True)
class AnnouncementForm:
    """An announcement as typed. `seen` is the size of the audience in the last preview that the admin saw.

    `draft_id` is the draft that this form was saved as, `revision` the one of the announcement that it edits.
    """

    audience: str = "everyone"
    roles: tuple[str, ...] = ()
    emails: str = ""
    template_name: str = ""
    context: dict[str, str] = field(default_factory=dict)
    notification_type: str = "system_alert"
    title: str = ""
    message: str = ""
    priority: str = "medium"
    channels: tuple[str, ...] = ()
    action_url: str = ""
    when: str = "now"
    deliver_at: str = ""
    seen: int | None = None
    draft_id: int | None = None
    revision: int | None = None
    key: str = field(default_factory=lambda: str(uuid4()))

    @classmethod
    def read(cls, form: MultiDict[str, str]) -> AnnouncementForm:
        """Read a submitted form."""
        return cls(
            audience=form.get("audience", ""),
            roles=tuple(form.getlist("roles")),
            emails=form.get("emails", ""),
            template_name=form.get("template_name", ""),
            context={
                name.removeprefix(CONTEXT): text for name, text in form.items() if name.startswith(CONTEXT)
            },
            notification_type=form.get("notification_type", "system_alert"),
            title=form.get("title", ""),
            message=form.get("message", ""),
            priority=form.get("priority", "medium"),
            channels=tuple(form.getlist("channels")),
            action_url=form.get("action_url", ""),
            when=form.get("when", "now"),
            deliver_at=form.get("deliver_at", ""),
            seen=form.get("seen", type=parse_integer),
            draft_id=form.get("draft_id", type=parse_integer),
            revision=form.get("revision", type=parse_integer),
            key=form.get("key", "")[:40] or str(uuid4()),
        )

    @property
    def has_text(self) -> bool:
        """Whether anything was typed."""
        typed = (self.title, self.message, self.emails, self.action_url, *self.context.values())
        return any(text.strip() for text in typed)

    def to_request(self, zone: tzinfo) -> AnnouncementRequest:
        """Convert to the service's request; the time is in the admin's time zone `zone`."""
        addresses = [text for text in _ADDRESS_SEPARATORS.split(self.emails) if text]
        return AnnouncementRequest(
            recipients=addresses if self.audience == "people" else None,
            roles=self.roles if self.audience == "roles" else None,
            everyone=self.audience == "everyone",
            title=self.title,
            message=self.message,
            template_name=self.template_name,
            context=self.context,
            notification_type=self.notification_type,
            priority=self.priority,
            channels=self.channels,
            action_url=self.action_url,
            deliver_at=self._delivery_time(zone),
        )

    @classmethod
    def from_draft(cls, draft_id: int, values: Mapping[str, Any]) -> AnnouncementForm:
        """Restore a saved form."""
        known = {name: values[name] for name in cls().to_draft() if name in values}
        lists = {name: tuple(values.get(name, ())) for name in ("roles", "channels")}
        return cls(**{**known, **lists, "draft_id": draft_id})

    def to_draft(self) -> dict[str, Any]:
        """Return the plain values to save."""
        values = asdict(self)
        for name in ("seen", "draft_id", "revision", "key"):
            del values[name]
        return values

    def with_new_key(self) -> AnnouncementForm:
        """Return a copy that creates another announcement, even if this form already created one."""
        return replace(self, key=str(uuid4()))

    def _delivery_time(self, zone: tzinfo) -> datetime | None:
        if self.when == "now":
            return None
        if self.when == "at":
            with suppress(ValueError, OverflowError):
                return local_time.parse(self.deliver_at, zone)
        # A time in the past, which is refused: what cannot be read must never mean "now".
        return datetime.min.replace(tzinfo=UTC)
