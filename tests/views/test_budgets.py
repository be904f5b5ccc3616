"""Each page keeps to a budget of queries and bytes, so that none becomes slow unnoticed."""

from __future__ import annotations

import math
from typing import Any

import time_machine
from flask import Flask, url_for
from flask.testing import FlaskClient
from sqlalchemy import select

from app.catalog import DAILY_DIGEST
from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, NotificationTemplate, User
from app.services.accounts import emails
from app.services.digests import links as digest_links
from app.services.follows import links as follow_links
from app.services.notifications import inbox_version
from app.services.operations import demo
from app.services.preferences import unsubscribe
from app.services.templates import drafts
from tests.api.test_paging import _announcement, save
from tests.support import factories, statements
from tests.support.rooms import add_room
from tests.support.sessions import open_session
from tests.support.sources import KEY, connect
from tests.support.templates import edited, published
from tests.views.test_paging import _call, _job

# Queries and kilobytes, for an admin with the demo data whose inbox has just changed.
BUDGETS: dict[str, tuple[int, int]] = {
    "accounts.forgot": (0, 13),
    "accounts.reset": (1, 13),
    "accounts.show": (5, 31),
    "accounts.sign_in": (1, 13),
    "admin_rooms.index": (6, 62),
    "admin_rooms.show": (7, 61),
    "admin_sources.index": (7, 29),
    "admin_sources.show": (9, 31),
    "admin_sources.show_call": (5, 27),
    "announcements.index": (6, 28),
    "announcements.new": (10, 36),
    "announcements.show": (7, 28),
    "defaults.show": (6, 58),
    "deliveries.html": (5, 12),
    "deliveries.index": (9, 110),
    "deliveries.show": (10, 32),
    "deliveries.suppressed": (5, 27),
    "devices.show": (8, 31),
    "digests.preview": (5, 25),
    "digests.preview_mail": (4, 24),
    "digests.show": (3, 12),
    "explanations.show": (6, 27),
    "explanations.show_for_delivery": (12, 30),
    "follows.edit": (6, 27),
    "hiring_teams.edit": (6, 27),
    "hiring_teams.index": (6, 27),
    "jobs.index": (8, 35),
    "jobs.show": (5, 27),
    "live.pulse": (6, 2),
    "mail_mutes.show": (4, 12),
    "notifications.choices": (1, 2),
    "notifications.index": (7, 112),
    "notifications.moment": (1, 1),
    "notifications.show": (5, 32),
    "notifications.total": (2, 1),
    "overview.show": (15, 31),
    "palette.search": (1, 1),
    "palette.show": (3, 12),
    "palette.suggest": (1, 1),
    "people.audit_log": (5, 30),
    "people.index": (5, 29),
    "people.show": (11, 46),
    "preferences.show": (9, 80),
    "saved_views.index": (4, 25),
    "second_factor.show": (1, 17),
    "security.show": (9, 28),
    "subscriptions.index": (5, 28),
    "template_versions.compare": (7, 27),
    "template_versions.review": (10, 41),
    "templates.index": (6, 37),
    "templates.mail": (3, 12),
    "templates.show": (10, 43),
    "unsubscribe.show": (4, 12),
}
# Files, redirects and answers to programs, and two forms that are shown only while setting up and signing in.
OTHERS = {
    "accounts.enter_code",
    "accounts.sign_out",
    "announcements.edit",
    "deliveries.export",
    "devices.service_worker",
    "devices.short_link",
    "health.alive",
    "health.ready",
    "health.show_metrics",
    "live.stream",
    "notifications.calendar_file",
    "notifications.home",
    "people.download_audit_log",
    "people.download_people",
    "setup.show",
    "web_manifest.show",
}
SIGNED_OUT = {"accounts.forgot", "accounts.reset", "accounts.sign_in"}


def test_every_page_has_a_budget(app: Flask) -> None:
    pages = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.rule.startswith(("/api/", "/static"))
    }
    assert pages == set(BUDGETS) | OTHERS


@time_machine.travel(utc_now(), tick=False)
def test_each_page_keeps_to_its_budget(any_app: Flask) -> None:
    # The clock is still: what is counted anew every half a minute would exceed a budget now and then.
    demo.load()
    admin = db.session.scalars(select(User).where(User.role == "admin")).one()
    signed_in, signed_out = open_session(any_app.test_client(), admin), any_app.test_client()
    excess = {}
    for endpoint, path in _paths(any_app, admin).items():
        browser = signed_out if endpoint in SIGNED_OUT else signed_in
        browser.get(path)
        spent = _measure(browser, path, admin)
        if any(number > limit for number, limit in zip(spent, BUDGETS[endpoint], strict=True)):
            excess[endpoint] = spent
    assert not excess


def _measure(browser: FlaskClient, path: str, admin: User) -> tuple[int, int]:
    """Count the queries and kilobytes of a page after a change of the inbox."""
    factories.notification(admin)
    inbox_version.bump([admin.id])
    db.session.commit()
    # Requests share the session of a test, whose objects are known until the garbage collector comes by.
    db.session.remove()
    with statements.recorded() as seen:
        answer = browser.get(path)
    assert (answer.status_code, answer.mimetype) == (200, "text/html"), path
    return len(seen), math.ceil(len(answer.data) / 1000)


def _paths(app: Flask, admin: User) -> dict[str, str]:
    """The path of each page, of a row that exists."""
    ids, links = _ids(admin), _links(admin)
    with app.test_request_context():
        return {
            rule.endpoint: links.get(rule.endpoint)
            or url_for(rule.endpoint, **{name: ids[name] for name in rule.arguments})
            for rule in app.url_map.iter_rules()
            if rule.endpoint in BUDGETS
        }


def _ids(admin: User) -> dict[str, object]:
    """Values for the arguments of all paths."""
    source, template = connect("greenhouse", admin), db.session.get_one(NotificationTemplate, 1)
    sent = select(Delivery).where(
        Delivery.state == "sent", Delivery.channel == "email", Delivery.recipient_id != admin.id
    )
    published(template, admin, message_template="Changed.")
    drafts.save(
        template.id, edited(template, message_template="Changed again."), template.version, author=admin
    )
    made: dict[str, Any] = {
        "announcement_id": save(_announcement(admin, 1)),
        "call_id": save(_call(admin, 1)),
        "delivery_id": db.session.scalars(sent.order_by(Delivery.id.desc())).first(),
        "job_id": save(_job(admin, 1)),
        "notification_id": factories.notification(admin),
        "room_id": add_room(admin),
        "source_id": source,
        "template_id": template,
        "user_id": admin,
    }
    return {"name": "sweep"} | {name: row.id for name, row in made.items()}


def _links(admin: User) -> dict[str, str]:
    """The paths that take more than ids."""
    now = utc_now()
    return {
        "accounts.reset": emails.make_password_link("password_reset", admin, KEY, "", now),
        "digests.show": digest_links.mark_read_link(admin, now, KEY, ""),
        "mail_mutes.show": follow_links.mute_link(admin, "candidate:x", KEY, ""),
        "template_versions.compare": "/admin/templates/1/comparison?old=1",
        "unsubscribe.show": unsubscribe.unsubscribe_link(admin, DAILY_DIGEST, KEY, ""),
    }
