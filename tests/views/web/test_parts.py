"""Parts of pages whose HTML is kept."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
import time_machine
from flask import Flask
from jinja2 import meta, nodes

from app.models import User
from app.views.web import parts
from tests.support import factories
from tests.views.inbox import HX, SignIn, send

# The globals that a part may use: they are the same for all readers, or belong to the key under which it is kept.
SHARED = {"_", "gettext", "ngettext", "url_for", "static_url", "catalog", "places", "places_by_name"}
SHARED |= {"search_tips", "parts", "filled_part"}
OF_READER = {"get_timezone", "csrf_token"}
# Filters that look at the clock.
CLOCK = {
    "short_time",
    "long_time",
    "day_name",
    "day_note",
    "mark_day_done",
    "full_day",
    "back_at",
    "menu_time",
}


def test_a_part_uses_nothing_but_its_arguments(app: Flask) -> None:
    names = _names_of_parts(app)
    assert len(names) > 15
    for name in names:
        trees = _with_includes(app, name)
        used = set.union(*(meta.find_undeclared_variables(tree) for tree in trees))
        filters = {node.name for tree in trees for node in tree.find_all(nodes.Filter)}
        assert used & {*app.jinja_env.globals, "current_user"} <= SHARED | OF_READER, name
        assert filters & CLOCK == set(), name


def _names_of_parts(app: Flask) -> set[str]:
    calls = [
        call
        for template in app.jinja_env.list_templates()
        for call in _parse(app, template).find_all(nodes.Call)
        if isinstance(call.node, nodes.Name) and call.node.name in {"part", "parts", "filled_part"}
    ]
    return {call.args[0].as_const() for call in calls}


def _with_includes(app: Flask, name: str) -> list[nodes.Template]:
    tree = _parse(app, name)
    included = [node.template.as_const() for node in tree.find_all(nodes.Include)]
    return [tree, *(each for inner in included for each in _with_includes(app, inner))]


def _parse(app: Flask, name: str) -> nodes.Template:
    assert app.jinja_env.loader is not None
    return app.jinja_env.parse(app.jinja_env.loader.get_source(app.jinja_env, name)[0])


def test_a_page_renders_only_what_has_changed(app: Flask, sign_in: SignIn, alice: User) -> None:
    rendered = app.extensions["parts"].cache_info
    with time_machine.travel(datetime(2026, 3, 11, 14, 0, 30, tzinfo=UTC), tick=False):
        rows = [factories.notification(alice, f"Number {n}") for n in range(50)]
        client = sign_in(alice)
        counts, pages = [], []
        for change in ("", "", "reading"):
            if change:
                send(client, f"/notifications/{rows[0].id}/{change}", headers=HX)
            before = rendered().misses
            pages.append(client.get("/notifications").text)
            counts.append(rendered().misses - before)
    assert _without_token(pages[0]) == _without_token(pages[1])
    # Then the row, and what all rows that have been read share; the counts of the page are only printed.
    assert counts[0] > 50
    assert counts[1:] == [0, 2]
    assert len(pages[0]) < 50 * 3_000


def _without_token(page: str) -> str:
    return re.sub(r'(name="csrf_token" value=)"[^"]+"', r"\1", page)


def test_a_part_is_kept_apart_by_reader(app: Flask, sign_in: SignIn, alice: User, bob: User) -> None:
    bob.time_zone, bob.locale = "Asia/Kathmandu", "ar"
    first, second = sign_in(alice).get("/notifications").text, sign_in(bob).get("/notifications").text
    assert 'data-zone="UTC"' in first
    assert 'data-zone="Asia/Kathmandu"' in second
    assert 'href="/notifications?place=later"' in second
    shown = sign_in(alice).get("/notifications", environ_overrides={"SCRIPT_NAME": "/bellhop"}).text
    assert 'href="/bellhop/notifications?place=later"' in shown


@pytest.mark.parametrize("path", ["/notifications", "/preferences", "/notifications/views"])
def test_forms_of_parts_have_the_token_of_the_request(
    app: Flask, sign_in: SignIn, alice: User, bob: User, path: str
) -> None:
    tokens = [
        set(re.findall(r'name="csrf_token" value="([^"]+)"', sign_in(user).get(path).text))
        for user in (alice, bob)
    ]
    assert [len(each) for each in tokens] == [1, 1]
    assert tokens[0] != tokens[1]


def test_forms_of_a_response_have_the_token_that_the_request_came_with(sign_in: SignIn, alice: User) -> None:
    client, row = sign_in(alice), factories.notification(alice)
    page = client.get("/notifications").text
    sent = re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]
    shown = client.post(f"/notifications/{row.id}/reading", data={"csrf_token": sent}, headers=HX).text
    assert set(re.findall(r'name="csrf_token" value="([^"]+)"', shown)) == {sent}


def test_rows_that_differ_only_in_texts_share_their_html(app: Flask, sign_in: SignIn, alice: User) -> None:
    titles = ("Ana & Bo", "50 % <b>", "%(title)s {{ id }}")
    rows = [factories.notification(alice, title, message=f"About {title}") for title in titles]
    client = sign_in(alice)
    page = client.get("/notifications").text
    for row, title in zip(rows, titles, strict=True):
        shown = title.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        assert f'formaction="/notifications/{row.id}/archival"' in page
        assert f'aria-label="Mark done: {shown}"' in page
        assert f"About {shown}" in page
    factories.notification(alice, "Another one")
    before = app.extensions["parts"].cache_info().misses
    assert "Mark done: Another one" in client.get("/notifications").text
    assert app.extensions["parts"].cache_info().misses == before + 1


def test_a_part_knows_which_printed_value_is_empty(app: Flask) -> None:
    with app.test_request_context():
        shown = [
            parts.part("notifications/responses/_counts.html", {"unread": unread, "waiting": ""}, state=None)
            for unread in ("7", "99+", "", None)
        ]
    assert [re.sub(r"<[^>]+>|\s", "", html) for html in shown] == ["7unread", "99+unread", "", ""]


def test_a_part_that_only_prints_an_id_is_rendered_once_for_all_rows(app: Flask) -> None:
    render = app.extensions["parts"]
    with app.test_request_context():
        shown = [
            parts.part("notifications/responses/_toast.html", {"id": number}, text="Marked read")
            for number in (7, 8)
        ]
    assert render.cache_info().misses == 1
    for number, html in zip((7, 8), shown, strict=True):
        assert re.findall(r"/changes/([^/]+)/undo", html) == [str(number)] * 2


def test_the_token_of_a_session_is_signed_once_a_minute(sign_in: SignIn, alice: User) -> None:
    tokens = []
    with time_machine.travel(datetime(2026, 3, 11, 14, 0, 10, tzinfo=UTC), tick=False) as clock:
        client = sign_in(alice)
        client.get("/notifications")  # The session gets its secret.
        for seconds in (0, 40, 30):
            clock.shift(seconds)
            page = client.get("/notifications").text
            tokens.append(re.findall(r'name="csrf_token" value="([^"]+)"', page)[0])
    assert tokens[0] == tokens[1] != tokens[2]


def test_tokens_of_two_sessions_differ_within_the_same_minute(
    sign_in: SignIn, alice: User, bob: User
) -> None:
    with time_machine.travel(datetime(2026, 3, 11, 14, 0, 10, tzinfo=UTC), tick=False):
        tokens = []
        for client in (sign_in(alice), sign_in(bob)):
            client.get("/notifications")  # The session gets its secret.
            page = client.get("/notifications").text
            tokens.append(re.findall(r'name="csrf_token" value="([^"]+)"', page)[0])
    assert tokens[0] != tokens[1]
