"""Whatever is pasted into a field of a page is kept in one canonical form or refused with a sentence, and never a 500.

The fields find themselves: each control of a form, and each name that a page asks its form or its query for.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.models import User
from app.views import accounts
from app.views.web.pasted_text import PastedValues
from tests.support.pasting import others, same, unclean_texts
from tests.support.site import Site
from tests.test_pasting import faults


class Asked(PastedValues):
    """Submitted values that remember which names were asked for."""

    names: set[str] = set()

    def get(self, key: str, *args: Any, **kwargs: Any) -> Any:
        self.names.add(key)
        return super().get(key, *args, **kwargs)

    def getlist(self, key: str, *args: Any, **kwargs: Any) -> Any:
        self.names.add(key)
        return super().getlist(key, *args, **kwargs)


# What a form needs besides text.
KNOWN = {
    "accounts.create_token": {"token_scopes": ["read"]},
    "announcements.create": {"action_url": ["/notifications"]},
}


@pytest.fixture
def site(app: Flask, bob: User, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(accounts, "RESET_SECONDS", 0)
    app.request_class = type("Request", (app.request_class,), {"parameter_storage_class": Asked})
    return Site(app, bob)


def outcome(answer: TestResponse) -> tuple[int, str]:
    """Return the status of a page and where it leads to."""
    return answer.status_code, re.sub(r"\d+", "0", answer.location or "")


def page_fault(answer: TestResponse, field: str, expected: tuple[int, str]) -> str:
    """Explain what is wrong with the answer to something odd in a field of a form."""
    if answer.status_code >= 500:
        return str(answer.status_code)
    if answer.status_code not in {400, 422}:
        return ""
    # Where a form is on a page several times, its ids differ: `url-7-error`.
    marks = [rf'id="{field}(-\w+)?-error"', 'class="page oops"']
    if expected[0] not in {200, 302, 303}:  # Other fields of the form may be refused as well.
        marks += ['role="alert"', 'class="error']
    return "" if any(re.search(mark, answer.text) for mark in marks) else f"no sentence: {answer.text[-900:]}"


@pytest.mark.long
def test_each_field_of_each_form(site: Site) -> None:
    filled: dict[str, dict[str, list[str]]] = {}
    typed: set[tuple[str, str]] = set()
    for endpoint, form in site.forms():
        texts = {name: [text] for name, text in form.typed.items() if not any(form.fields.get(name, ()))}
        filled[endpoint] = form.fields | texts | KNOWN.get(endpoint, {}) | filled.get(endpoint, {})
        typed |= {(endpoint, name) for name in form.typed}
    wrong, known, count = [], set(), 0
    for endpoint, path in site.addresses("POST"):
        base, client = filled.get(endpoint, {}), site.client()
        Asked.names.clear()
        client.post(path, data=base)
        for name in sorted(Asked.names | base.keys()):
            count += 1
            value = next(filter(None, base.get(name, ())), "Renée")
            wide, marks, lines, long = others(value)
            is_text = (endpoint, name) in typed and "password" not in name
            found = faults(
                lambda text, name=name, path=path, base=base, client=client: client.post(
                    path, data=base | {name: [text]}
                ),
                *(name, value, same(value) if is_text else ""),
                *([wide, f"{marks}\0", lines + long] if is_text else [f"{marks}\0"], outcome, page_fault),
            )
            wrong += [(endpoint, name, value, *each) for each in found]
        unclean = set(unclean_texts()) - known
        known |= unclean
        wrong += [(endpoint, *each) for each in unclean]
    assert not wrong, "\n".join(map(str, wrong))
    assert len(typed) > 40
    assert count > 100


def test_each_query_parameter_of_each_page(site: Site) -> None:
    wrong, count, client = [], 0, site.client()
    for endpoint, path in site.addresses("GET"):
        Asked.names.clear()
        client.get(path)
        for name in sorted(Asked.names):
            count += 1
            for text in (f"{same('Renée')}\0", " ".join(others("Renée"))):
                status = client.get(path, query_string={name: text}).status_code
                wrong += [(endpoint, name, ascii(text)[:60], status)] * (status >= 500)
    assert not wrong, "\n".join(map(str, wrong))
    assert count > 40
