"""Event data are checked against the catalog, and invalid fields are named."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app import catalog
from app.services.base.errors import Invalid
from app.services.events import data as event_data


@pytest.fixture(autouse=True)
def _words(app):
    """Error messages are translated, which needs an application."""


def refused(kind: str, **data: object) -> set[str]:
    sample = {field.name: field.sample for field in catalog.EVENTS[kind].data}
    with pytest.raises(Invalid) as caught:
        event_data.validate(kind, sample | data)
    return set(caught.value.errors)


@pytest.mark.parametrize("kind", catalog.EVENTS)
def test_the_samples_of_the_catalog_are_valid(kind):
    sample = {field.name: field.sample for field in catalog.EVENTS[kind].data}
    assert set(event_data.validate(kind, sample)) == set(sample)


def test_values_are_returned_parsed():
    sample = {field.name: field.sample for field in catalog.INTERVIEW_FIELDS}
    more = {"candidate_name": "  Zoë  ", "location": " ", "interviewer": None, "recipients": [" A@B.test"]}
    data = event_data.validate("interview.scheduled", sample | more)
    assert data["starts_at"] == datetime(2026, 3, 12, 13, tzinfo=UTC)
    assert (data["candidate_name"], data["recipients"]) == ("Zoë", ["a@b.test"])
    assert not {"location", "interviewer"} & set(data)


def test_all_invalid_fields_are_named_together():
    found = refused("interview.scheduled", starts_at="soon", job_title=None, party=True, priority="now")
    assert found == {"data.starts_at", "data.job_title", "data.party", "data.priority"}


def test_an_interview_must_end_after_it_starts():
    assert refused("interview.scheduled", ends_at="2026-03-12T13:00:00Z") == {"data.ends_at"}


def test_an_upload_has_at_least_as_many_files_as_results():
    assert refused("resume.bulk_upload.completed", total_files=399) == {"data.total_files"}


@pytest.mark.parametrize("number", [-1, 2**31, 1.0, "1", True, [1]])
def test_counts_are_integers_in_range(number):
    assert refused("resume.bulk_upload.completed", failed=number) == {"data.failed"}


def test_an_unknown_type_is_named():
    with pytest.raises(Invalid) as caught:
        event_data.validate("interview.exploded", {})
    assert set(caught.value.errors) == {"type"}


@pytest.mark.parametrize(
    "value", [[], {}, "a@b.test", [1], ["a"], ["a@"], ["@b"], ["a@b@c"], ["a b@c"], ["a@b"] * 1001]
)
def test_recipients_are_a_list_of_email_addresses(value):
    assert all(name.startswith("data.recipients") for name in refused("job.created", recipients=value))
