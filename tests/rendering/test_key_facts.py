from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask_babel import force_locale

from app import catalog
from app.rendering.key_facts import LINES, facts_line, second_line, select_facts
from app.services.events.data import as_json
from tests.support import factories

NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)
JOB = {"candidate_name": "Priya Raman", "job_title": "Staff Data Engineer", "company_name": "Northwind"}
# 15:00 and 11:00 in Paris.
MONDAY, TUESDAY = "2026-11-30T14:00:00+00:00", "2026-12-01T10:00:00+00:00"

WRITTEN = [
    (
        "interview_scheduled",
        JOB | {"starts_at": MONDAY},
        "Mon 30 Nov 15:00 · Staff Data Engineer · Northwind",
    ),
    (
        "interview_rescheduled",
        JOB | {"starts_at": MONDAY, "previous_starts_at": TUESDAY},
        "Tue 1 Dec 11:00 → Mon 30 Nov 15:00 · Staff Data Engineer · Northwind",
    ),
    (
        "interview_rescheduled",
        {"starts_at": MONDAY, "previous_starts_at": "2026-11-30T09:30:00+00:00"},
        "Mon 30 Nov 10:30 → 15:00",
    ),
    # An installation from before moves were kept.
    ("interview_rescheduled", {"starts_at": MONDAY}, "Mon 30 Nov 15:00"),
    ("interview_reminder", {"starts_at": "2027-01-04T08:00:00Z"}, "Mon 4 Jan 2027 09:00"),
    # A Python caller's own context.
    (
        "interview_scheduled",
        {"interview_date": "next Monday", "job_title": "Designer"},
        "next Monday · Designer",
    ),
    ("interview_scheduled", {"starts_at": "soon", "job_title": "Designer"}, "Designer"),
    ("evaluation_due", JOB | {"starts_at": MONDAY}, "Mon 30 Nov 15:00 · Staff Data Engineer · Northwind"),
    (
        "resume_processed",
        {"extracted_data": {"name": "Priya Raman", "skills": ["German", "Salesforce"], "years": 9}},
        "Priya Raman · German, Salesforce · 9 years",
    ),
    ("resume_processed", {"extracted_data": {"years": 1, "skills": "none", "pages": True}}, "1 year"),
    ("resume_processed", {"extracted_data": {"pages": 2}, "candidate_name": "Omar"}, "Omar · pages: 2"),
    ("resume_processed", {"extracted_data": "no text\nfound"}, "no text found"),
    ("bulk_upload_completed", {"successful": 38, "failed": 2}, "38 parsed, 2 failed"),
    ("bulk_upload_completed", {"successful": 1400, "failed": 0}, "1,400 parsed"),
    (
        "candidate_stage_changed",
        {"previous_stage": "Phone screen", "stage": "Final interview", "job_title": "Designer"},
        "Phone screen → Final interview · Designer",
    ),
    (
        "candidate_hired",
        JOB | {"start_date": "1 June"},
        "First day: 1 June · Staff Data Engineer · Northwind",
    ),
    ("candidate_rejected", {"job_title": "Designer", "reason": "Withdrew"}, "Designer · Withdrew"),
    (
        "approval_requested",
        {"request": "the offer to Priya", "job_title": "Designer"},
        "the offer to Priya · Designer",
    ),
    ("job_created", JOB, "Northwind"),
    ("system_alert", {"title": "Down", "message": "We are on it."}, ""),
    ("interview_scheduled", {}, ""),
]


@pytest.mark.parametrize(("kind", "data", "line"), WRITTEN)
def test_a_line_says_what_decides(app: Flask, kind: str, data: dict[str, Any], line: str) -> None:
    with app.test_request_context():
        assert str(facts_line(kind, select_facts(data), "Europe/Paris", "en", NOW)) == line


def test_days_and_numbers_are_written_in_the_readers_language(app: Flask) -> None:
    with app.test_request_context(), force_locale("de"):
        facts = select_facts({"starts_at": MONDAY})
        assert (
            str(facts_line("interview_reminder", facts, "America/New_York", "de", NOW)) == "Mo. 30 Nov. 09:00"
        )


def test_every_type_of_an_event_has_a_line_but_alerts(app: Flask) -> None:
    with app.test_request_context():
        for event in catalog.EVENTS.values():
            if event.notification_type in {None, "system_alert"}:
                continue
            facts = select_facts(as_json({field.name: field.sample for field in event.data}))
            assert facts_line(event.notification_type, facts, "UTC", "en", NOW), event.name
    assert LINES.keys() < catalog.TYPES.keys()


def test_long_and_multiline_facts_are_cut_to_one_line() -> None:
    facts = select_facts(
        {"job_title": "Data\nengineer " + "x" * 500, "extracted_data": {"skills": ["a"] * 40}}
    )
    assert facts["job_title"].startswith("Data engineer x")
    assert (len(facts["job_title"]), len(facts["skills"])) == (120, 5)


def test_without_facts_the_second_line_is_the_message(alice: Any) -> None:
    row = factories.notification(alice, message="First.\n\nSecond.")
    assert second_line(row, "UTC", "en", NOW) == "First. Second."
