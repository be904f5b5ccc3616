"""The candidate and the job that a notification is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

# The fields of events and announcements.
FIELDS = ("candidate_id", "job_id", "is_confidential", "hiring_team")


@dataclass(frozen=True, slots=True)
class CandidateAndJob:
    """The platform's ids of a candidate and a job, their names and that of the company, and who may know.

    Only named recipients, the hiring team and followers are notified if it `is_confidential`.
    """

    candidate_id: str | None = None
    job_id: str | None = None
    is_confidential: bool = False
    hiring_team: tuple[str, ...] = ()
    candidate_name: str = ""
    job_title: str = ""
    company_name: str = ""

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Read them from the data of an event or the context of an announcement; what is not given is empty."""
        # The context of an announcement is any JSON.
        names = {name: str(data.get(name) or "") for name in ("candidate_name", "job_title", "company_name")}
        return cls(
            data.get("candidate_id"),
            data.get("job_id"),
            data.get("is_confidential", False),
            tuple(data.get("hiring_team", ())),
            **names,
        )
