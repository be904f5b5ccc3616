"""Crawl all pages of the application: follow every link and submit every form."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from app.database.base import db
from app.models import Notification
from app.services.operations import demo

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
# Text to enter into a field, by its type.
TYPED = {
    "email": "somebody@example.com",
    "url": "https://example.com/hook",
    "tel": "+33612345678",
    "datetime-local": "2030-01-01T10:00",
    "date": "2030-01-01",
    "time": "10:00",
    "number": "7",
    "text": "Иван",
    "search": "Иван",
    "password": "a long enough password",
}
HUMAN = {"alt", "title", "aria-label", "aria-description", "placeholder", "label", "summary"}


def load_demo() -> None:
    """Load the demo data with only the newest notification of each person, type and status, so that a walk is short."""
    demo.load()
    newest = select(func.max(Notification.id)).group_by(
        Notification.recipient_id, Notification.notification_type, Notification.status
    )
    db.session.query(Notification).where(Notification.id.not_in(newest)).delete()
    db.session.commit()


@dataclass
class Form:
    """A form with its current values, and with text for the fields that accept text."""

    action: str = ""
    method: str = "get"
    fields: dict[str, list[str]] = field(default_factory=dict)
    typed: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)

    def add_control(self, tag: str, given: dict[str, str], select: str) -> None:
        """Add a control of the form."""
        kind, name, value = given.get("type", "text"), given.get("name", ""), given.get("value", "")
        if tag == "button":
            if kind in {"text", "submit"}:
                self.buttons.append((given.get("formaction", ""), name, value))
        elif tag == "option":
            if "selected" in given:
                self.fields.setdefault(select, []).append(value)
        elif kind not in {"checkbox", "radio"} or "checked" in given:
            self.fields.setdefault(name, []).append(value)
        if tag in {"input", "textarea"} and kind in TYPED and "list" not in given:
            self.typed[name] = TYPED[kind]

    def submissions(self) -> dict[str, dict[str, list[str]]]:
        """Return the data to submit: unchanged, with empty text fields, and with text in them."""
        return {
            "unchanged": self.fields,
            "empty": self.fields | {name: [""] for name in self.typed},
            "typed": self.fields | {name: [text] for name, text in self.typed.items()},
        }


class PageContent(HTMLParser):
    """The texts that a page shows or announces, and its links and forms.

    Texts in elements with `lang` or `translate="no"` are skipped: these are names and code.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []
        self.forms: dict[str, Form] = {}
        self.open: list[tuple[str, bool]] = []
        self.form = ""
        self.select = ""
        self.feed(html)
        self.close()

    @property
    def is_silent(self) -> bool:
        return any(silent for _tag, silent in self.open)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        silent = (
            tag in {"script", "style", "code", "pre", "kbd", "samp", "svg"}
            or (tag != "html" and "lang" in given)
            or given.get("translate") == "no"
        )
        if tag not in VOID:
            self.open.append((tag, silent))
        if not (silent or self.is_silent):
            self.texts += [
                value
                for name, value in given.items()
                if name in HUMAN or (name.startswith("data-") and name != "data-term" and " " in value)
            ]
            if tag == "meta" and given.get("name") == "description":
                self.texts.append(given["content"])
            if tag == "input" and given.get("type") in {"submit", "button", "reset"}:
                self.texts.append(given.get("value", ""))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "iframe" and "src" in given:
            self.links.append(given["src"])
        self._form(tag, given)

    def _form(self, tag: str, given: dict[str, str]) -> None:
        if tag == "form":
            self.form = given.get("id") or f"form {len(self.forms)}"
            form = self.forms.setdefault(self.form, Form())
            form.action, form.method = given.get("action", ""), given.get("method", "get").lower()
        elif tag in {"input", "select", "textarea", "button", "option"} and "disabled" not in given:
            form = self.forms.setdefault(given.get("form", self.form), Form())
            self.select = given.get("name", "") if tag == "select" else self.select
            form.add_control(tag, given, self.select)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.form = ""
        while self.open and tag in {name for name, _ in self.open}:
            if self.open.pop()[0] == tag:
                break

    def handle_data(self, data: str) -> None:
        if data.strip() and not self.is_silent:
            self.texts.append(data.strip())


@dataclass
class Page:
    """A response: the request that led to it, its status and its content."""

    way: str
    status: int
    reading: PageContent


def walk(
    app: Flask, client: FlaskClient, starts: list[str], skip: set[str], base_url: str = "http://localhost"
) -> Iterator[Page]:
    """Yield every page that can be reached through links, and then through forms.

    Forms with typed text are submitted as htmx does, so that fragments are covered as well. Each form is sent with the
    Referer that the policy of its page allows.

    Args:
        starts: the paths to start from.
        skip: the endpoints to skip.
        base_url: the address that the browser uses.
    """
    seen: set[object] = set()
    reads, sends = deque(starts), deque[tuple[str, str, dict[str, list[str]], dict[str, str]]]()
    while reads or sends:
        if reads:
            way = reads.popleft()
            answer = client.get(way, base_url=base_url, follow_redirects=True)
        else:
            url, how, data, headers = sends.popleft()
            headers = headers | ({"HX-Request": "true"} if how == "typed" else {})
            answer = client.post(url, base_url=base_url, data=data, headers=headers, follow_redirects=True)
            way = f"POST {url}, {how}"
        if answer.mimetype != "text/html":
            answer.close()  # A download is streamed.
            continue
        reading = PageContent(answer.text)
        yield Page(way, answer.status_code, reading)
        for link in reading.links:
            target = urljoin(answer.request.path, link)
            if (key := _key(app, target, "GET", skip)) and key not in seen:
                seen.add(key)
                reads.append(target)
        for target, how, data, button in _submissions(reading, answer.request.path):
            if (key := _key(app, target, "POST", skip)) and (key, how, button) not in seen:
                seen.add((key, how, button))
                sends.append((target, how, data, referer(answer)))


def referer(answer: TestResponse) -> dict[str, str]:
    """Return the Referer that a page lets its own forms send."""
    if answer.headers.get("Referrer-Policy") == "no-referrer":
        return {}
    return {"Referer": answer.request.url}


def _submissions(reading: PageContent, here: str) -> Iterator[tuple[str, str, dict[str, list[str]], object]]:
    for form in reading.forms.values():
        if form.method != "post":
            continue
        for action, name, value in form.buttons or [("", "", "")]:
            button_data = {name: [value]} if name else {}
            for how, data in form.submissions().items():
                yield urljoin(here, action or form.action), how, data | button_data, (name, value)


def _key(app: Flask, url: str, method: str, skip: set[str]) -> object:
    parts = urlsplit(url)
    if parts.scheme not in {"", "http", "https"} or parts.netloc not in {"", "bellhop.test", "localhost"}:
        return None
    try:
        endpoint, _values = app.url_map.bind("").match(parts.path, method)
    except HTTPException:
        return None
    if endpoint in skip:
        return None
    query = parse_qs(parts.query, keep_blank_values=True)
    named = tuple(sorted((name, query[name][0] if name in {"place", "tab"} else "") for name in query))
    return method, endpoint, named
