"""A confidential job reaches its team and its followers only: an outsider looks for it everywhere."""

from __future__ import annotations

from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, Notification
from app.services.follows import management
from app.services.interviews import reminders
from tests.support import factories
from tests.support.crawl import walk

JOB = {"job_id": "J-secret", "job_title": "Vesper Successor"}
CANDIDATE = JOB | {"candidate_id": "C-secret", "candidate_name": "Zelda Unseen"}
SECRETS = ("Vesper", "Successor", "Zelda", "Unseen", "J-secret", "C-secret")
QUERIES = (
    *("", "?place=all", "?search=zelda", "?search=candidate:zelda", "?search=job:J-secret"),
    *("?job_id=J-secret", "?candidate_id=C-secret"),
)


def test_an_outsider_finds_nothing_about_a_confidential_job(app, client, alice, bob, charlie, sign_in, token):
    headers, dana = token(bob, "events", "admin"), factories.user("dana@example.test")
    management.set_mode(dana, "job:J-secret", "follow")
    management.set_mode(charlie, "type:candidate_added", "follow")
    opened = factories.event_body("job.created", hiring_team=[alice.email], is_confidential=True, **JOB)
    later = [
        factories.event_body(kind, **CANDIDATE)
        for kind in ("candidate.added", "candidate.stage_changed", "interview.scheduled", "offer.created")
    ]
    for body in (opened, *later):
        response = client.post("/api/events/", json=body, headers=headers)
        assert {row["recipient"] for row in response.json["notifications"]} == {alice.email, dana.email}
    for audience in ({"everyone": True}, {"roles": ["recruiter"]}):
        wanted = audience | {"title": "Vesper Successor", "message": "Zelda", "job_id": "J-secret"}
        assert client.post("/api/notifications/create/", json=wanted, headers=headers).status_code == 422
    reminders.remind_due(utc_now())
    insiders = {alice.id, dana.id}
    assert set(db.session.scalars(select(Notification.recipient_id))) == insiders
    assert set(db.session.scalars(select(Delivery.recipient_id))) == insiders
    seen = [(page.way, " ".join(page.reading.texts)) for page in _read_everything(app, sign_in(charlie))]
    assert len(seen) > 10
    own = token(charlie)
    for path in (
        *(f"/api/notifications/{query}" for query in QUERIES),
        "/api/notifications/summary/",
        "/api/follows/",
    ):
        text = client.get(path, headers=own).get_data(as_text=True)
        seen.append((path, text.split('"next"')[0]))
    for place, text in seen:
        assert not [word for word in SECRETS if word in text], place
    secret = db.session.scalars(select(Notification.id)).first()
    for path in (
        f"/notifications/{secret}",
        f"/notifications/{secret}/follow",
        f"/notifications/{secret}/explanation",
    ):
        assert sign_in(charlie).get(path).status_code == 404


def _read_everything(app, client):
    """Yield every page that links lead to; forms are not sent."""
    for page in walk(app, client, ["/notifications", "/notifications?place=all&q=zelda"], skip=set()):
        if page.way.startswith("POST"):
            return
        yield page
