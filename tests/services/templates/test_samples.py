"""Samples have values for every template and include real events."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from app import catalog
from app.database.base import db
from app.models import Event, User
from app.services.base.errors import NotFound
from app.services.templates import samples as template_samples
from tests.support.templates import publish_event


@pytest.mark.parametrize("kind", catalog.TYPES)
def test_every_sample_fills_in_every_built_in_template(app: Flask, kind: str, bob: User) -> None:
    for key in ("sample", "long", "missing"):
        assert isinstance(template_samples.sample_data(kind, key), dict)
    keys = [
        sample.key for sample in template_samples.list_choices(kind, time_zone="Europe/Paris", locale="en")
    ]
    assert keys == ["sample", "long", "missing"]


def test_real_events_are_samples_of_their_own_type_only(alice: User, bob: User) -> None:
    publish_event("interview.scheduled", alice, bob, candidate_name="Omar Haddad")
    event = db.session.scalar(select(Event).where(Event.type == "interview.scheduled"))
    choices = template_samples.list_choices("interview_scheduled", time_zone="UTC", locale="en")
    assert [choice.key for choice in choices][3:] == [str(event.id)]
    assert (
        template_samples.sample_data("interview_scheduled", str(event.id))["candidate_name"] == "Omar Haddad"
    )
    for kind, key in (
        ("job_created", str(event.id)),
        ("interview_scheduled", "999999"),
        ("job_created", "9" * 40),
    ):
        with pytest.raises(NotFound):
            template_samples.sample_data(kind, key)
