"""Which pages are open to strangers, and which to admins only: every route, so that new ones join by themselves.

`tests/api/test_scopes.py` does the same for the API.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from flask import Flask
from flask.testing import FlaskClient

from app.models import User
from tests.support import factories
from tests.support.sessions import open_session

# Their answer looks like a refusal.
LEAD_TO_SIGN_IN = {"accounts.end_session", "accounts.request_reset"}
# What needs no sign-in, and why.
OPEN = {
    *("accounts.sign_in", "accounts.begin_session", "accounts.forgot"),
    *LEAD_TO_SIGN_IN,
    # A signed link is the permission.
    *("accounts.reset", "accounts.choose_password", "setup.show", "setup.create"),
    *("digests.show", "digests.mark_read", "digests.undo"),
    *("mail_mutes.show", "mail_mutes.mute", "mail_mutes.unmute"),
    *("unsubscribe.show", "unsubscribe.stop", "unsubscribe.resume"),
    # The signature of a call is the permission.
    "sources.receive",
    # For monitoring.
    *("health.alive", "health.ready", "health.show_metrics"),
    # Browsers request it without a session.
    "web_manifest.show",
    # The script of every page, and a redirect to a page that asks for a sign-in.
    *("devices.service_worker", "devices.short_link"),
}


def calls(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Each endpoint with a method and a path."""
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<[^>]*(int|row_id)[^>]*>", "1", rule.rule)
        if rule.rule.startswith("/api/"):
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule.endpoint, method, re.sub(r"<[^>]*>", "x", path)


def test_strangers_get_nowhere_but_where_they_must(app: Flask, client: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    reached = set()
    for endpoint, method, path in calls(app):
        answer = client.open(path, method=method)
        is_refused = answer.status_code == 401 or (answer.location or "").startswith("/sign-in")
        if not is_refused or endpoint in LEAD_TO_SIGN_IN:
            reached.add(endpoint)
    assert sorted(reached) == sorted(OPEN)


def test_recruiters_get_no_page_or_button_of_admins(
    app: Flask, sign_in: Callable[[User], FlaskClient], alice: User
) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    client = sign_in(alice)
    admin = [(method, path) for _endpoint, method, path in calls(app) if path.startswith("/admin")]
    reached = [each for each in admin if client.open(each[1], method=each[0]).status_code != 403]
    assert len(admin) > 40
    assert not reached


def test_text_in_a_path_that_no_database_can_store_is_not_found(pg_app: Flask) -> None:
    pg_app.config["WTF_CSRF_ENABLED"] = False
    client = open_session(pg_app.test_client(), factories.user("bob@example.test", role="admin"))
    texts = [each for each in calls(pg_app) if "x" in each[2].split("/")]
    found = {
        (endpoint, method)
        for endpoint, method, path in texts
        if client.open(path.replace("/x", "/%00"), method=method).status_code != 404
    }
    assert len(texts) > 10
    assert not found
