"""Everything works behind nginx or Caddy with TLS, also below a path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.clock import utc_now
from app.database.base import db
from app.models import AuditEntry, User
from app.services.accounts import emails as account_emails
from tests.support import factories, gunicorn
from tests.support.proxies import DEPLOY, caddy, free_port, nginx

PASSWORD = "a sentence nobody else has chosen"


def without(text: str, *headers: str) -> str:
    """Remove the lines that set these headers."""
    lines = text.splitlines(keepends=True)
    kept = [line for line in lines if not any(f"header {name} " in line for name in headers)]
    assert len(kept) == len(lines) - len(headers)
    return "".join(kept)


OWN_HOST, PATH = (DEPLOY / "nginx.conf").read_text(), (DEPLOY / "nginx-path.conf").read_text()
FORWARDED = [f"X-Forwarded-{name}" for name in ("For", "Proto", "Host", "Port", "Prefix")]
WAYS = {
    "nginx": (nginx, OWN_HOST, "", "1"),
    "nginx below a path that it removes": (nginx, PATH, "/bellhop", "1"),
    "nginx below a path that it keeps": (nginx, PATH.replace(":5000/;", ":5000;"), "/bellhop", "1"),
    "nginx that removes a path and says nothing": (nginx, without(PATH, "Host", *FORWARDED), "/bellhop", "0"),
    "nginx that sends the scheme and not the host": (
        nginx,
        without(OWN_HOST, "Host", "X-Forwarded-Host", "X-Forwarded-Port"),
        "",
        "1",
    ),
    "Caddy": (caddy, (DEPLOY / "Caddyfile").read_text(), "", "1"),
    "Caddy below a path": (caddy, (DEPLOY / "Caddyfile-path").read_text(), "/bellhop", "1"),
}


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
def test_a_person_chooses_a_password_signs_in_and_works(
    way: str,
    page_factory: Callable[..., Page],
    database_file: Path,
    certificate: Path,
    tmp_path: Path,
    alice: User,
) -> None:
    proxy, configuration, prefix, hops = WAYS[way]
    factories.notification(alice, "Read me", action_url="/account")
    port = free_port()
    site = f"https://localhost:{port}"
    settings = {"BASE_URL": site + prefix, "TRUSTED_PROXIES": hops}
    link = account_emails.make_password_link(
        "invitation", alice, "a key for tests only", site + prefix, utc_now()
    )
    with (
        gunicorn.serving(database_file, tmp_path / "log", **settings) as server,
        proxy(tmp_path, configuration, certificate, port, server.port),
    ):
        page = page_factory(
            site, ignore_https_errors=True, extra_http_headers={"X-Forwarded-For": "192.0.2.66"}
        )
        page.goto(link)
        page.get_by_label("password").first.fill(PASSWORD)
        page.get_by_role("button", name="password").click()
        expect(page).to_have_url(f"{site}{prefix}/sign-in")
        # Requested while signed out, so it is opened after signing in.
        page.goto(f"{prefix}/preferences")
        page.get_by_label("Email").fill(alice.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page).to_have_url(f"{site}{prefix}/preferences")
        cookie = next(each for each in page.context.cookies() if each["name"].endswith("bellhop"))
        assert (cookie["secure"], cookie["path"]) == (True, prefix or "/")
        assert cookie["name"] == ("__Secure-bellhop" if prefix else "__Host-bellhop")
        # The inbox: styles, scripts, an action by htmx, the stream.
        with page.expect_request(f"{site}{prefix}/notifications/stream"):
            page.goto(f"{prefix}/notifications")
        assert page.evaluate("getComputedStyle(document.body).fontFamily") != "Times New Roman"
        page.get_by_role("link", name="Read me").first.click()
        expect(page.locator("#pane").get_by_role("link", name="Open interview")).to_have_attribute(
            "href", f"{prefix}/account"
        )
        # Its folder is its scope. Chromium registers no service worker with a self-signed certificate.
        assert page.request.get(f"{prefix}/service-worker.js").ok
        spec = page.request.get(f"{prefix}/api/openapi.json").json()
        assert spec["servers"] == [{"url": site + prefix}]
        page.goto(f"{prefix}/sign-out")
        page.get_by_role("button", name="Sign out").click()
        expect(page).to_have_url(f"{site}{prefix}/sign-in")
    db.session.expire_all()
    entry = db.session.query(AuditEntry).filter_by(action="sign_in.ok").one()
    # The browser is on this machine; the address in its forged header does not count.
    assert entry.detail["origin"] in {"127.0.0.1", "::1"}
