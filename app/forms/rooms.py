"""Reads the form of a room."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from app.services.rooms.posting import EVERYTHING


@dataclass(frozen=True)
class RoomForm:
    """A room as typed. `address` is empty where it is to stay as it is; `jobs` has one id per line."""

    name: str = ""
    channel: str = "slack"
    address: str = ""
    everything: bool = False
    categories: Collection[str] = ()
    types: Collection[str] = ()
    jobs: str = ""
    time_zone: str = ""
    is_confidential_allowed: bool = False

    @classmethod
    def read(cls, form: MultiDict[str, str]) -> RoomForm:
        """Read a submitted form."""
        return cls(
            name=form.get("name", ""),
            channel=form.get("channel", ""),
            address=form.get("address", ""),
            everything="everything" in form,
            categories=form.getlist("categories"),
            types=form.getlist("types"),
            jobs=form.get("jobs", ""),
            time_zone=form.get("time_zone", ""),
            is_confidential_allowed="is_confidential_allowed" in form,
        )

    @classmethod
    def of(
        cls, name: str, subjects: Collection[str], time_zone: str, *, is_confidential_allowed: bool
    ) -> RoomForm:
        """Fill the form with a room."""
        keys: dict[str, list[str]] = {"category": [], "type": [], "job": []}
        for subject in subjects:
            kind, _colon, key = subject.partition(":")
            keys.setdefault(kind, []).append(key)
        return cls(
            name=name,
            everything=EVERYTHING in subjects,
            categories=keys["category"],
            types=keys["type"],
            jobs="\n".join(keys["job"]),
            time_zone=time_zone,
            is_confidential_allowed=is_confidential_allowed,
        )

    @property
    def subjects(self) -> list[str]:
        # An id may contain commas and semicolons, but no line break.
        jobs = (line.strip() for line in self.jobs.splitlines())
        return [
            *([EVERYTHING] if self.everything else []),
            *(f"category:{name}" for name in self.categories),
            *(f"type:{name}" for name in self.types),
            *(f"job:{job_id}" for job_id in jobs if job_id),
        ]
