"""Reads the announcement form; services get these fields only."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from uuid import uuid4

from werkzeug.datastructures import MultiDict

from app.forms.integers import parse_integer
from app.services.announcements.validation import AnnouncementRequest

_ADDRESS_SEPARATORS = re.compile(r"[\s,;]+")
CONTEXT = "context."


@dataclass(frozen=True)
class AnnouncementForm:
    """An announcement as typed. `seen` is the size of the audience in the last preview that the admin saw."""

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
    key: str = field(default_factory=lambda: str(uuid4()))

    @classmethod
    def read(cls, form: MultiDict[str, str]) -> AnnouncementForm:
        """Read a submitted form."""
        clean = {name: text.replace("\0", "") for name, text in form.items()}
        return cls(
            audience=clean.get("audience", ""),
            roles=tuple(form.getlist("roles")),
            emails=clean.get("emails", ""),
            template_name=clean.get("template_name", ""),
            context={
                name.removeprefix(CONTEXT): text for name, text in clean.items() if name.startswith(CONTEXT)
            },
            notification_type=clean.get("notification_type", "system_alert"),
            title=clean.get("title", ""),
            message=clean.get("message", ""),
            priority=clean.get("priority", "medium"),
            channels=tuple(form.getlist("channels")),
            action_url=clean.get("action_url", ""),
            when=clean.get("when", "now"),
            deliver_at=clean.get("deliver_at", ""),
            seen=form.get("seen", type=parse_integer),
            key=clean.get("key", "")[:40] or str(uuid4()),
        )

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
            deliver_at=None if self.when == "now" else self._delivery_time(zone),
        )

    def with_new_key(self) -> AnnouncementForm:
        """Return a copy that creates another announcement, even if this form already created one."""
        return replace(self, key=str(uuid4()))

    def _delivery_time(self, zone: tzinfo) -> datetime:
        text = self.deliver_at if self.when == "at" else ""
        try:
            return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
        except (ValueError, OverflowError):
            # A time in the past, which is refused: an unreadable time must never mean "now".
            return datetime.min.replace(tzinfo=UTC)
