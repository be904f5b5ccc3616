"""Limits of emails per minute, for the installation and for each recipient domain, shared by all processes.

Emails are spread evenly, so that no minute, wherever it begins, has more than its limit: a row per limit holds the time
at which the next email may be sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select

from app.database.base import db
from app.database.writing import BULK, insert_ignore, writing
from app.models import SendRate

MINUTE = timedelta(minutes=1)
INSTALLATION = "email"
# A row that nothing was sent under for this long limits nothing.
UNUSED_AFTER = timedelta(hours=1)


@dataclass(frozen=True)
class RateLimits:
    """Emails per minute; 0 is no limit."""

    installation: int = 0
    domain: int = 0

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> RateLimits:
        """Read them from the application's configuration."""
        return cls(config.get("EMAIL_RATE_LIMIT") or 0, config.get("EMAIL_DOMAIN_RATE_LIMIT") or 0)

    def __bool__(self) -> bool:
        return bool(self.installation or self.domain)

    def limited_domains(self, now: datetime) -> list[str] | None:
        """Return the domains that must wait now; None if every email must wait."""
        if not self:
            return []
        found = select(SendRate.name, SendRate.next_at).where(SendRate.next_at > now)
        names = [
            name for name, next_at in db.session.execute(found) if not self._pace(name).is_free(next_at, now)
        ]
        db.session.commit()
        if self.installation and INSTALLATION in names:
            return None
        return [name for name in names if name != INSTALLATION] if self.domain else []

    def take(self, address: str, now: datetime) -> bool:
        """Take the right to send one email now if both limits allow it, and commit."""
        names = [domain_of(address)] if self.domain else []
        if self.installation:
            names.append(INSTALLATION)
        with writing():
            rows = [_locked_row(name, now) for name in sorted(names)]
            if not all(self._pace(row.name).is_free(row.next_at, now) for row in rows):
                return False
            for row in rows:
                row.next_at = self._pace(row.name).next_after(row.next_at, now)
        return True

    def _pace(self, name: str) -> Pace:
        return Pace(self.installation if name == INSTALLATION else self.domain)


NO_LIMITS = RateLimits()


@dataclass(frozen=True)
class Pace:
    """Spreads emails evenly. A few may go at once, as long as no minute has more than `per_minute`."""

    per_minute: int

    @property
    def at_once(self) -> int:
        return 1 + self.per_minute // 30

    @property
    def step(self) -> timedelta:
        return MINUTE / max(self.per_minute - self.at_once + 1, 1)

    def is_free(self, next_at: datetime, now: datetime) -> bool:
        """Whether an email may be sent now. A time too far ahead was written by a clock that has gone back."""
        return next_at <= now + (self.at_once - 1) * self.step or next_at > now + self.at_once * self.step

    def next_after(self, next_at: datetime, now: datetime) -> datetime:
        """Return the new time once another email has been sent."""
        is_ahead = now < next_at <= now + self.at_once * self.step
        return (next_at if is_ahead else now) + self.step


def _locked_row(name: str, now: datetime) -> SendRate:
    db.session.execute(insert_ignore(SendRate).values(name=name, next_at=now))
    return db.session.get_one(SendRate, name, with_for_update=True, populate_existing=True)


def domain_of(address: str) -> str:
    """Return the domain of an address as rows name it: with its @, so that none is called like the installation."""
    return "@" + address.rpartition("@")[2].lower()[:250]


def purge_unused(now: datetime) -> int:
    """Delete the rows of domains that nothing was sent to lately, and commit. Returns how many."""
    is_unused = SendRate.next_at < now - UNUSED_AFTER
    count = db.session.execute(delete(SendRate).where(is_unused), execution_options=BULK).rowcount  # type: ignore[attr-defined]
    db.session.commit()
    return int(count)
