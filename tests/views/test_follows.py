"""Following and muting from a row, the pane, the preferences and an email."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.models import Event, Follow
from app.services.follows import management
from app.services.sending import payloads
from app.services.sending.email import SiteIdentity
from tests.support import factories


@pytest.fixture
def row(alice):
    event = Event(
        source="/t", external_id="1", type="candidate.added", occurred_at=utc_now(),
        data={"candidate_name": "Priya Raman", "job_title": "Data Engineer"},
    )  # fmt: skip
    return factories.notification(
        alice,
        notification_type="candidate_added",
        event=event,
        candidate_id="C-1",
        job_id="J-1",
        stack_key="s",
    )


@pytest.fixture
def browser(app, sign_in, alice):
    app.config["WTF_CSRF_ENABLED"] = False
    return sign_in(alice)


HX = {"HX-Request": "true"}


def undo_of(answer):
    return html.unescape(re.search(r'action="(/follows/undo[^"]*)"', answer.text)[1])


def wishes():
    return {(follow.subject, follow.mode, follow.until) for follow in db.session.scalars(select(Follow))}


def test_a_notification_leads_to_following_and_muting_what_it_is_about(browser, row, alice):
    alice.time_zone = "Europe/Paris"
    db.session.commit()
    page = browser.get(f"/notifications/{row.id}/follow?mode=mute").text
    for choice in ("Candidate: Priya Raman", "Job: Data Engineer", "Type: Candidate added"):
        assert choice in page
    assert re.search(r'name="mode" value="mute">\s*Mute<', page)
    form = {"subject": "job:J-1", "mode": "mute", "until": "2190-01-01", "date": "2190-03-12"}
    assert browser.post(f"/notifications/{row.id}/follow", data=form).status_code == 303
    # The date that was typed, until its end where the reader is.
    assert wishes() == {("job:J-1", "mute", datetime(2190, 3, 12, 23, tzinfo=UTC))}
    for wrong in ({"subject": "team:1"}, {"date": "soon"}, {"date": "2020-01-01"}):
        assert browser.post(f"/notifications/{row.id}/follow", data=form | wrong).status_code == 422
    # No button of the form sends it.
    assert browser.post(f"/notifications/{row.id}/follow", data=form | {"mode": "like"}).status_code == 400
    assert "Muted until" in browser.get(f"/notifications/{row.id}/follow").text
    page = browser.get("/preferences").text
    assert "Data Engineer" in page
    follow_id = db.session.scalar(select(Follow.id))
    assert browser.post(f"/follows/{follow_id}/removal").status_code == 303
    assert wishes() == set()


def test_the_row_menu_leads_to_the_first_selected_notification(browser, row):
    target = f"/notifications/{row.id}/follow?mode=follow"
    for form in ({"ids": row.id}, {"stacks": "s"}):
        assert browser.post("/notifications/follow?mode=follow", data=form).location == target
    sheet = browser.post("/notifications/follow?mode=follow", data={"ids": row.id}, headers=HX)
    assert "Candidate: Priya Raman" in sheet.text
    assert "<html" not in sheet.text
    assert browser.post("/notifications/follow?mode=follow").status_code == 404


def test_following_can_be_undone_to_what_was_chosen_before(browser, row, alice):
    url = f"/notifications/{row.id}/follow"
    form = {"subject": "job:J-1", "mode": "follow"}
    undo_first = undo_of(browser.post(url, data=form, headers=HX))
    browser.post(url, data=form | {"date": "2190-03-12"}, headers=HX)
    before = wishes()
    undo_second = undo_of(browser.post(url, data=form | {"mode": "mute"}, headers=HX))
    assert {mode for _subject, mode, _until in wishes()} == {"mute"}
    for _time in range(2):
        assert "Undone" in browser.post(undo_second, headers=HX).text
        assert wishes() == before
    assert browser.post(undo_first).status_code == 303
    assert wishes() == set()
    for broken in (
        "until=soon&mode=mute&subject=job:J-1",
        "until=9999-12-31T23:59:59-14:00&mode=mute&subject=job:J-1",
        "mode=mute&subject=team:1",
    ):
        assert browser.post(f"/follows/undo?{broken}").status_code == 404


def test_outsiders_can_neither_see_nor_change_them(app, sign_in, row, alice, charlie):
    app.config["WTF_CSRF_ENABLED"] = False
    outsider = sign_in(charlie)
    follow, _is_new = management.set_mode(alice, "job:J-1", "follow")
    form = {"subject": "job:J-1", "mode": "mute"}
    assert outsider.get(f"/notifications/{row.id}/follow").status_code == 404
    assert outsider.post(f"/notifications/{row.id}/follow", data=form).status_code == 404
    assert outsider.post(f"/follows/{follow.id}/removal").status_code == 404
    assert "Data Engineer" not in outsider.get("/preferences").text
    assert management.name_of(charlie, "job:J-1") == "J-1"


def test_an_email_mutes_its_candidate_without_a_sign_in(app, client, row, alice):
    mail = factories.delivery(row)
    text = payloads.build_payload(mail, SiteIdentity.from_config(app.config), utc_now()).text
    path = re.search(r"Mute this candidate: http://bellhop\.test(/mute/\S+)", text)[1]
    page = client.get(path).text
    assert "Mute “Priya Raman”?" in page
    assert page.count("<button") == 1
    assert wishes() == set()
    assert "“Priya Raman” is muted" in client.post(path).text
    assert wishes() == {("candidate:C-1", "mute", None)}
    assert "Mute “Priya Raman”?" in client.post(f"{path}/undo").text
    assert wishes() == set()
    assert client.post(f"{path}x").status_code == 404
