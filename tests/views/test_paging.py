"""Every list of pages shows each row once, whatever comes and goes between two of its pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import Base, db
from app.models import AuditEntry, HiringJob, Source, SourceCall, SourcePerson, Suppression, User
from app.views.web.pasted_text import PastedValues
from tests.api.test_paging import Make, _announcement, _delivery, _notification, save
from tests.support import factories, statements
from tests.support.crawl import PageContent
from tests.support.sources import connect

CURSORS = {"before", "after", "cursor"}


def _person(_user: User, number: int) -> Base:
    return factories.bare_user(f"row{number}@example.test", f"Row {number:03}")


def _audit_entry(user: User, number: int) -> Base:
    return AuditEntry(actor_id=user.id, action="user.invited", subject=f"Row {number}")


def _suppression(_user: User, number: int) -> Base:
    return Suppression(channel="email", address=f"Row {number}", reason="550")


def _job(_user: User, number: int) -> Base:
    return HiringJob(external_id=f"job-{number}", title=f"Row {number}", created_at=utc_now())


def _call(_user: User, number: int) -> Base:
    at = utc_now()
    return SourceCall(
        source=db.session.scalars(select(Source)).one(),
        external_id=f"row-{number}",
        action=f"Row {number}",
        body=b"{}",
        state="failed",
        reason="not_json",
        occurred_at=at,
        due_at=at,
    )


def _unmatched_person(_user: User, number: int) -> Base:
    source = db.session.scalars(select(Source)).one()
    return SourcePerson(source_id=source.id, external=f"row-{number}", name=f"Row {number}")


# What each list is of. A new list fails below until its row is here.
MAKERS: dict[str, Make] = {
    "/notifications": _notification,
    "/admin/deliveries": _delivery,
    "/admin/deliveries/suppressed": _suppression,
    "/admin/announcements": _announcement,
    "/admin/hiring-teams": _job,
    "/admin/users": _person,
    "/admin/audit": _audit_entry,
}
# They return parts of a list whose pages are tried above, or all of it.
PARTS = {
    "/admin/audit.csv",
    "/admin/users.csv",
    "/admin/deliveries/deliveries.csv",
    "/notifications/total",
    "/notifications/choices",
    "/notifications/pulse",
    "/notifications/stream",
}


@pytest.fixture
def client(bob: User, sign_in: Callable[[User], FlaskClient]) -> FlaskClient:
    return sign_in(bob)


def test_every_list_of_pages_is_tried(app: Flask, client: FlaskClient, bob: User) -> None:
    asked: set[str] = set()

    class Asked(PastedValues):
        def get(self, key, *args, **kwargs):  # type: ignore[no-untyped-def]
            asked.add(key)
            return super().get(key, *args, **kwargs)

    app.request_class = type("Request", (app.request_class,), {"parameter_storage_class": Asked})
    number, found = factories.notification(bob).id, set()
    for rule in app.url_map.iter_rules():
        is_page = "GET" in (rule.methods or ()) and not rule.rule.startswith(("/api/", "/static"))
        if is_page and not rule.arguments and rule.rule not in PARTS:
            asked.clear()
            client.get(rule.rule)
            if asked & CURSORS:
                found.add(rule.rule)
    assert number
    assert found == set(MAKERS)


def next_page(html: str) -> str | None:
    """Return the link to the page that follows: the last one with a cursor, unless it leads back."""
    links = [link for link in PageContent(html).links if CURSORS & parse_qs(urlsplit(link).query).keys()]
    forward = [link for link in links if not re.search(r"cursor=p", link)]
    if any("after=" in link for link in forward):
        forward = [link for link in forward if "after=" in link]
    elif any("/admin/users" in link for link in forward):
        forward = []
    return forward[-1] if forward else None


@pytest.mark.parametrize("path", MAKERS)
def test_each_row_is_shown_once_while_others_come_and_go(client: FlaskClient, bob: User, path: str) -> None:
    make, made = MAKERS[path], []
    for number in range(100, 340, 2):
        made.append(make(bob, number))
        db.session.add(made[-1])
    db.session.commit()
    rows = dict(zip(range(100, 340, 2), made, strict=True))
    stay, seen, url = set(rows), [], path
    for page in range(10):
        html = client.get(url).text
        shown = list(dict.fromkeys(map(int, re.findall(r"Row (\d{3})\b", html))))
        seen += shown
        following = next_page(html)
        if following is None:
            break
        url = following
        # Between two pages a row comes; the last one that was shown goes, and one that was not shown yet.
        save(make(bob, 101 + 2 * page))
        save(make(bob, 901 + 2 * page))
        for going in (shown[-1], *sorted(stay - set(seen))[:1]):
            stay.discard(going)
            db.session.delete(rows.pop(going))
            db.session.commit()
    else:
        raise AssertionError(f"{path} does not end")
    assert page > 0
    assert len(seen) == len(set(seen))
    assert stay <= set(seen)


# Pages of one thing that list others.
DETAILS: dict[str, Make] = {
    "/admin/users/{bob.id}": _delivery,
    "/admin/sources/{source.id}#calls": _call,
    "/admin/sources/{source.id}#people": _unmatched_person,
}


@pytest.mark.parametrize("path", MAKERS | DETAILS)
def test_more_rows_cost_no_more_queries(client: FlaskClient, bob: User, path: str) -> None:
    make, url = (MAKERS | DETAILS)[path], path.format(bob=bob, source=connect("greenhouse", bob))

    def count_after_adding(numbers: range) -> int:
        for number in numbers:
            save(make(bob, number))
        client.get(url)
        with statements.recorded() as seen:
            assert client.get(url).status_code == 200
        return len(seen)

    few = count_after_adding(range(100, 103))
    assert count_after_adding(range(103, 120)) <= few
