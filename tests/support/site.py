"""Every page and every form of the site, found by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from app.clock import utc_now
from app.database.base import db
from app.models import Source, User
from app.services.accounts import emails as account_emails
from app.services.accounts import first_admin
from app.services.digests import links as digest_links
from app.services.follows import links as mute_links
from app.services.preferences import unsubscribe
from app.services.routing import hiring_teams, suppressions
from app.services.routing.candidate_and_job import CandidateAndJob
from tests.api.test_foreign_ids import PERSONAL, REPORTED, SHARED
from tests.support.crawl import Form, PageContent
from tests.support.sessions import open_session

# They end the session or never end.
LEFT_ALONE = {"accounts.end_session", "security.end_session", "stream.stream"}
# Parts of paths that are no numbers.
TEXTS = {"category": "interview", "channel": "email", "name": "sweep", "version": "1"}


class Site:
    """The addresses of an application's pages, with a row for each id in them."""

    def __init__(self, app: Flask, admin: User) -> None:
        app.config["WTF_CSRF_ENABLED"] = False
        self.app, self.admin = app, admin
        secret, now = app.config["SECRET_KEY"], utc_now()
        suppressions.add("email", "gone@example.test", "550 no such user")
        numbers = {name: make(admin) for name, make in (PERSONAL | SHARED | REPORTED).items()}
        hiring_teams.record(CandidateAndJob(job_id="job-12"), is_confidential=None)
        db.session.commit()
        ones = dict.fromkeys(("suppression_id", "browser_id", "session_id", "job_id", "draft_id"), 1)
        # Other systems call its address; without a signature they are refused.
        public_id = db.session.get_one(Source, numbers["source_id"]).public_id
        self.known = numbers | ones | TEXTS | {"user_id": numbers["person_id"], "public_id": public_id}
        links = (
            account_emails.make_password_link("password_reset", admin, secret, "", now),
            unsubscribe.unsubscribe_link(admin, "interview", secret, ""),
            digest_links.mark_read_link(admin, now, secret, ""),
            mute_links.mute_link(admin, "candidate:cand-77", secret, ""),
            first_admin.make_setup_link(secret, ""),
        )
        self.tokens = dict(
            zip(
                ("accounts", "unsubscribe", "digests", "mail_mutes", "setup"),
                (link.rpartition("/")[2] for link in links),
                strict=True,
            )
        )

    def client(self) -> FlaskClient:
        """Return a browser in which the admin is signed in."""
        return open_session(self.app.test_client(), self.admin)

    def addresses(self, method: str) -> Iterator[tuple[str, str]]:
        """Yield the endpoint and the path of each page that takes a method."""
        for rule in self.app.url_map.iter_rules():
            is_page = rule.endpoint not in LEFT_ALONE and not rule.rule.startswith(("/api/", "/static/"))
            if is_page and method in (rule.methods or ()):
                yield rule.endpoint, self._path(rule)

    def forms(self) -> Iterator[tuple[str, Form]]:
        """Yield each form of each page, with the endpoint that it or one of its buttons is sent to."""
        urls = self.app.url_map.bind("localhost")
        for client in (self.client(), self.app.test_client()):
            for _endpoint, path in self.addresses("GET"):
                answer = client.get(path)
                if answer.mimetype != "text/html":
                    continue
                for form in PageContent(answer.text).forms.values():
                    for action in {form.action, *(button[0] for button in form.buttons)}:
                        try:
                            endpoint = urls.match(action.partition("?")[0], form.method.upper())[0]
                        except HTTPException:
                            continue
                        yield endpoint, form

    def _path(self, rule: Rule) -> str:
        token = {"token": self.tokens.get(rule.endpoint.partition(".")[0])}
        return re.sub(r"<(?:[^<>]*:)?(\w+)>", lambda found: str((self.known | token)[found[1]]), rule.rule)
