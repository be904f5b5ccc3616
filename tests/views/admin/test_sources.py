"""Admin pages for sources: connect, watch the calls, match people, pause, replace the secret."""

from __future__ import annotations

import html
import re
from datetime import timedelta

from flask import Flask
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.models import Source, SourceCall, SourcePerson, User
from app.services.sources import mapping, people
from tests.support import source_calls as shapes
from tests.support import statements
from tests.support.source_calls import ORDINARY, SECRET, signed
from tests.support.sources import call, connect, inbox
from tests.views.forms import send

LIST = "/admin/sources"


def map_all() -> None:
    mapping.map_due(utc_now() + timedelta(minutes=1))


def test_an_admin_connects_a_system_and_sees_its_first_call(
    app: Flask, sign_in, alice: User, bob: User
) -> None:
    client = sign_in(bob)
    generated = re.search(r'name="secret" type="text" value="(\w{48})"', client.get(LIST).text)
    assert generated
    form = {"kind": "calcom", "name": "Bookings", "secret": generated[1], "company_name": "Alder"}
    refused = send(client, LIST, LIST, **form | {"name": ""})
    assert refused.status_code == 422
    assert "Enter a name." in refused.text
    assert f'value="{generated[1]}"' in refused.text
    connected = html.unescape(send(client, LIST, LIST, **form).text)
    assert f'id="new-secret">{generated[1]}<' in connected
    path = f"{LIST}/{db.session.scalars(select(Source.id)).one()}"
    page = client.get(path).text
    assert "Waiting for the first call…" in page
    assert "In Cal.com, open Settings" in page
    assert generated[1] not in page
    address = re.search(r'id="source-url"[^>]*>http://bellhop.test(/sources/[^<]+)<', page)
    assert address
    headers, body = signed("calcom", ORDINARY["calcom"], secret=generated[1])
    stranger = app.test_client()
    assert stranger.post(address[1], data=body, headers=headers).status_code == 200
    assert "Waiting to be processed" in client.get(path).text
    map_all()
    page = client.get(path).text
    assert "Notified 1 person" in page
    assert "Waiting for the first call" not in page
    assert len(inbox(alice)) == 1
    (shown,) = re.findall(r'href="(/admin/sources/\d+/calls/\d+)"', page)
    assert "Priya Raman" in html.unescape(client.get(shown).text)
    assert (
        stranger.post(address[1], data=body, headers=headers | {"x-cal-signature-256": "0"}).status_code
        == 401
    )
    assert "A call was refused" in client.get(path).text


def test_an_admin_matches_people_with_one_click(app: Flask, sign_in, alice: User, bob: User) -> None:
    source, client = connect("greenhouse", bob), sign_in(bob)
    path = f"{LIST}/{source.id}"
    call(source, shapes.greenhouse_application("new_candidate_application", recruiter="a.m@other.example"))
    map_all()
    (person,) = people.unmatched(source)
    page = client.get(path).text
    assert "No account found for Alice Moreau" in page
    assert f'name="email" value="{alice.email}"' in page
    wrong = send(client, path, f"{path}/people/{person.id}/match", email="who@example.test")
    assert wrong.status_code == 422
    assert "No account has the address who@example.test." in wrong.text
    send(client, path, f"{path}/people/{person.id}/match", email=alice.email)
    assert "Matched. 1 call is processed again." in client.get(path).text
    map_all()
    assert len(inbox(alice)) == 1
    send(client, path, f"{path}/people/{person.id}/separation")
    send(client, path, f"{path}/people/{person.id}/dismissal")
    assert "a.m@other.example" not in client.get(path).text
    other = connect("ashby", bob)
    wrong_source = f"{LIST}/{other.id}/people/{person.id}/dismissal"
    assert send(client, path, wrong_source).status_code == 404


def test_an_admin_tests_pauses_renames_rotates_and_removes_a_source(sign_in, bob: User) -> None:
    source, client = connect("calendly", bob), sign_in(bob)
    path = f"{LIST}/{source.id}"
    send(client, path, f"{path}/test")
    assert "Test call: Notified 1 person" in client.get(path).text
    assert len(inbox(bob)) == 1
    send(client, path, f"{path}/pause")
    page = client.get(path).text
    assert "Resume" in page
    assert "Send a test call" not in page
    send(client, path, f"{path}/test")
    assert "This source is paused." in client.get(path).text
    send(client, path, f"{path}/resumption")
    send(client, path, f"{path}/name", name="Meetings", company_name="Birch")
    assert send(client, path, f"{path}/secret", secret="short").status_code == 422
    send(client, path, f"{path}/secret", secret="another secret")
    assert "The old one still works until" in client.get(path).text
    send(client, path, f"{path}/secret", secret="a third secret")
    assert "within the last 24 hours" in client.get(path).text
    assert send(client, path, f"{path}/removal").location == LIST
    assert client.get(path).status_code == 404
    assert db.session.scalars(select(Source)).all() == []


def test_the_page_says_that_the_key_was_changed(app: Flask, sign_in, bob: User) -> None:
    source, client = connect("ashby", bob), sign_in(bob)
    source.secret = "unreadable"
    db.session.commit()
    page = html.unescape(client.get(f"{LIST}/{source.id}").text)
    assert "Bellhop's SECRET_KEY was changed" in page
    assert SECRET not in page


def test_an_api_key_is_saved_and_removed_where_the_system_has_an_api(sign_in, bob: User) -> None:
    client, source = sign_in(bob), connect("lever", bob)
    path = f"{LIST}/{source.id}"
    assert "API key" not in client.get(f"{LIST}/{connect('calcom', bob).id}").text
    send(client, path, f"{path}/api-key", api_key="key-of-the-api")
    source.api_error = "401 unauthorized"
    db.session.commit()
    page = client.get(path).text
    assert "A key is saved." in page
    assert "The last look-up failed: 401 unauthorized" in page
    assert "key-of-the-api" not in page
    send(client, path, f"{path}/api-key", api_key="")
    assert not db.session.get_one(Source, source.id, populate_existing=True).has_api_key


def test_the_list_leads_to_calls_that_failed_and_people_without_an_account(
    sign_in, alice: User, bob: User
) -> None:
    source, client = connect("greenhouse", bob), sign_in(bob)
    path = f"{LIST}/{source.id}"
    assert "No sources yet." not in client.get(LIST).text
    for recruiter in ("a.m@other.example", alice.email):
        body = shapes.greenhouse_application("new_candidate_application", recruiter=recruiter)
        call(source, body, now=utc_now())
    map_all()
    broken, fine = db.session.scalars(select(SourceCall).order_by(SourceCall.id))
    broken.state, broken.reason = "failed", "broken"
    db.session.commit()
    listed = client.get(LIST).text
    assert f'href="{path}?state=failed#calls">1 call failed<' in listed
    assert f'href="{path}#people">1 person without an account<' in listed
    shown = client.get(f"{path}?state=failed").text
    assert f"{path}/calls/{broken.id}" in shown
    assert f"{path}/calls/{fine.id}" not in shown
    assert "No call has this outcome." in client.get(f"{path}?state=ignored").text


def test_suggestions_cost_one_query_for_any_number_of_people(alice: User, bob: User) -> None:
    source, names = connect("greenhouse", bob), ["Alice Moreau", "Bob Okafor", "Nobody Known"]
    for name in names:
        db.session.add(SourcePerson(source_id=source.id, external=name, name=name))
    db.session.commit()
    unmatched = people.unmatched(source)
    with statements.recorded() as seen:
        found = people.suggestions(unmatched)
    assert len(seen) == 1
    assert [[user.email for user in found[person.id]] for person in unmatched] == [
        [],
        [bob.email],
        [alice.email],
    ]
