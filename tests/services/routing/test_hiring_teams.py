"""A job's hiring team gets its events, and a confidential job reaches no one else."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app.database.base import db
from app.models import HiringJob, Notification
from app.services.base.errors import Invalid
from app.services.events import data as event_data
from app.services.events.publish import IncomingEvent, publish
from app.services.follows import management
from app.services.routing import hiring_teams
from tests.support import factories

SECRET = {"job_id": "J-1", "job_title": "Quiet Successor", "is_confidential": True}


def report(kind: str, **data: Any) -> set[str]:
    """Publish an event without recipients, and return the first names of the people it reaches."""
    body = factories.event_body(kind, **data)
    checked = event_data.validate(kind, body["data"])
    result = publish(IncomingEvent("/tests", body["id"], kind, None, checked))
    return {verdict.recipient_email.partition("@")[0] for verdict in result.describe_verdicts()}


def team_of(job_id: str) -> list[str]:
    job = db.session.scalars(select(HiringJob).filter_by(external_id=job_id)).one()
    return [user.email.partition("@")[0] for user in job.team]


def test_a_job_keeps_the_team_of_its_events_until_an_admin_sets_it(alice, bob, charlie):
    report("job.created", job_id="J-1", hiring_team=[alice.email])
    assert team_of("J-1") == ["alice"]
    assert report("candidate.added", job_id="J-1") == {"alice"}
    assert report("candidate.hired", job_id="J-1") == {"alice"}
    job = db.session.scalars(select(HiringJob)).one()
    hiring_teams.set_team(bob, job.id, [charlie.email], is_confidential=False)
    assert report("candidate.hired", job_id="J-1", hiring_team=[alice.email]) == {"alice"}
    assert team_of("J-1") == ["charlie"]
    assert report("candidate.hired", job_id="J-1") == {"charlie"}
    with pytest.raises(Invalid) as refused:
        hiring_teams.set_team(bob, job.id, ["nobody@example.test"], is_confidential=False)
    assert refused.value.errors.keys() == {"team[0]"}


def test_what_is_about_a_confidential_job_is_confidential(alice, bob, charlie):
    report("job.created", **SECRET, hiring_team=[alice.email])
    management.set_mode(charlie, "type:candidate_added", "follow")
    # Even if the event about a candidate says otherwise.
    assert report("candidate.added", job_id="J-1", is_confidential=False) == {"alice"}
    assert db.session.scalars(select(Notification.is_confidential)).all() == [True, True]
    job = db.session.scalars(select(HiringJob)).one()
    hiring_teams.set_team(bob, job.id, [], is_confidential=True)
    with pytest.raises(Invalid, match="confidential"):
        report("candidate.added", job_id="J-1")
    assert report("job.created", job_id="J-1", is_confidential=False) == {"alice", "charlie"}
