"""A row shows its title and the facts; the message is for the pane."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from app.models import User
from app.rendering.key_facts import select_facts
from tests.support import factories
from tests.views.inbox import SignIn

FACTS = select_facts(
    {"starts_at": "2020-11-30T14:00:00Z", "job_title": "Data <Engineer>", "company_name": "Northwind"}
)


def preview(page: str) -> str:
    (html,) = re.findall(r'<p class="row__preview"[^>]*>(.*?)</p>', page, re.DOTALL)
    return " ".join(html.split())


def test_a_row_shows_its_facts_on_the_readers_clock(sign_in: SignIn) -> None:
    alice = factories.user("alice@example.test", time_zone="Europe/Paris")
    factories.notification(alice, message="Boilerplate.", facts=FACTS)
    page = sign_in(alice).get("/notifications").text
    when = '<span class="row__when">Mon 30 Nov 2020 15:00</span>'
    assert preview(page) == f"{when} · Data &lt;Engineer&gt; · Northwind"
    assert "Boilerplate" not in page


def test_a_cancelled_time_is_struck_through(sign_in: SignIn, alice: User) -> None:
    factories.notification(alice, notification_type="interview_cancelled", facts=FACTS)
    shown = preview(sign_in(alice).get("/notifications").text)
    assert shown.startswith('<s class="row__when">Mon 30 Nov 2020 14:00</s> · ')


@pytest.mark.parametrize("fields", [{}, {"notification_type": "system_alert", "facts": FACTS}])
def test_a_row_without_facts_shows_its_message(
    sign_in: SignIn, alice: User, fields: dict[str, object]
) -> None:
    factories.notification(alice, message="We are on it.", **fields)
    assert preview(sign_in(alice).get("/notifications").text) == "We are on it."


@pytest.mark.parametrize(
    ("search", "shown"),
    [
        ("northwind", "Data &lt;Engineer&gt; · <mark>Northwind</mark>"),
        ("kubernetes northwind", "Knows <mark>Kubernetes</mark>, <mark>Northwind</mark>"),
        ("from:2020-01-01", "Data &lt;Engineer&gt; · Northwind"),
    ],
)
def test_a_search_shows_the_line_that_it_matches(
    app: Flask, sign_in: SignIn, alice: User, search: str, shown: str
) -> None:
    factories.notification(alice, message="Knows Kubernetes, Northwind", facts=FACTS)
    page = sign_in(alice).get("/notifications", query_string={"q": search}).text
    assert preview(page).endswith(shown)
