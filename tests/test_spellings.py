"""An account, a suppression or a webhook is found under every spelling of its address, on each way in."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import column, func, insert, select, table, text

from app.channels import mime, safe_http
from app.clock import utc_now
from app.database.base import UTCDateTime, db
from app.models import Delivery, SignInAttempt, Suppression, User
from app.services.accounts import administration, emails, users, webhooks
from app.services.accounts.sign_in_throttle import LIMIT, TooManyAttempts
from app.services.announcements import audiences
from app.services.base import audit, recipients
from app.services.base.audit import AuditFilters
from app.services.base.errors import Invalid
from app.services.deliveries import delivery_log
from app.services.deliveries.delivery_log import DeliveryFilters
from app.services.operations import doctor
from app.services.routing import suppressions
from app.services.routing.candidate_and_job import CandidateAndJob
from tests.conftest import MIGRATIONS
from tests.support import factories
from tests.test_canonical_addresses import SPELLINGS

ANNA = "anna@xn--bcher-kva.example"


@pytest.fixture
def anna(any_app: Flask) -> User:
    return factories.user(ANNA, "Anna Lindqvist")


def test_no_spelling_of_an_account_has_attempts_of_its_own(anna: User) -> None:
    now = utc_now()
    for attempt in range(LIMIT):
        with pytest.raises(Invalid):
            users.authenticate(SPELLINGS[attempt % len(SPELLINGS)], "a wrong one", now=now)
    for spelling in SPELLINGS:
        with pytest.raises(TooManyAttempts):
            users.authenticate(spelling, factories.PASSWORD, now=now)
    assert db.session.scalar(select(func.count(SignInAttempt.id))) == LIMIT


def test_a_sign_in_under_another_spelling_clears_the_attempts(anna: User) -> None:
    for _attempt in range(LIMIT - 1):
        with pytest.raises(Invalid):
            users.authenticate("ANNA@bücher.example", "a wrong one")
    assert users.authenticate("anna@xn--bcher-kva.example.", factories.PASSWORD).id == anna.id
    assert db.session.scalar(select(func.count(SignInAttempt.id))) == 0


def test_attempts_at_a_text_that_is_no_address_are_counted_as_well(any_app: Flask) -> None:
    for text_ in ("anna", "ANNA", "\uff21nna\u200b", "an\u00adna"):
        with pytest.raises(Invalid):
            users.authenticate(text_, "a wrong one")
    assert db.session.scalars(select(SignInAttempt.email).distinct()).all() == ["anna"]


@pytest.mark.parametrize("spelling", SPELLINGS, ids=ascii)
def test_each_spelling_finds_the_account(app: Flask, spelling: str) -> None:
    anna, bob = factories.user(ANNA, "Anna"), factories.user("bob@example.test", role="admin")
    assert users.by_email(spelling) is anna
    assert users.authenticate(spelling, factories.PASSWORD) is anna
    assert [each.id for each in recipients.by_emails([spelling])] == [anna.id]
    assert audiences.resolve([spelling], None, everyone=False, about=CandidateAndJob()) == {
        "people": [anna.id]
    }
    assert administration.page_for(spelling).rows == [anna]
    with pytest.raises(Invalid, match="already"):
        users.create_user(spelling, "Another", password="thunderous lagoon")
    with pytest.raises(Invalid, match="already"):
        administration.invite(spelling, "Another", "recruiter", actor=bob)
    emails.request_password_reset(spelling)
    assert db.session.scalars(select(Delivery.recipient_id)).all() == [anna.id]
    assert [each.recipient_id for each in _deliveries_of(bob, spelling)] == [anna.id]
    assert {entry.subject for entry in audit.page_for(AuditFilters(person=spelling)).rows} == {ANNA}
    suppressions.add("email", spelling, "550 no such user")
    assert suppressions.reasons([("email", ANNA)]) == {("email", ANNA): "550 no such user"}
    assert suppressions.reasons([("email", spelling)]) == {("email", spelling): "550 no such user"}
    assert suppressions.suppressed_among("email", [spelling, "b@example.test"]) == {spelling}


def _deliveries_of(reader: User, person: str) -> list[Delivery]:
    return [line.delivery for line in delivery_log.page_for(reader, DeliveryFilters(person=person)).lines]


def test_resets_are_limited_for_all_spellings_together(anna: User) -> None:
    for spelling in SPELLINGS:
        emails.request_password_reset(spelling)
    assert db.session.scalar(select(func.count(Delivery.id))) == emails.RESETS_AN_HOUR


@pytest.mark.parametrize(
    "search",
    [
        "lindqvist",
        "ANNA LIND",
        "A. Lindqvist",
        "lind anna",
        "ánn",
        "\uff21nna",
        "@büch",
        "bücher.ex",
        "buch",
        "xn--bch",
        "an\u00adna@b",
    ],
)
def test_people_are_found_by_a_part_in_any_spelling(anna: User, search: str) -> None:
    factories.user("zoe@example.test", "Zoë Øst")
    assert administration.page_for(search).rows == [anna]
    assert [user.email for user in administration.page_for("zoe\u0308 ost").rows] == ["zoe@example.test"]


def test_people_are_found_by_a_part_of_an_international_domain(anna: User) -> None:
    assert administration.page_for("@BÜCHER.example").rows == [anna]
    assert administration.page_for("bücher.example").rows == [anna]
    assert administration.page_for("elsewhere.example").rows == []


@pytest.mark.parametrize(
    "host", ["hooks.bücher.example", "HOOKS.Bücher.example", "hooks。xn--bcher-kva。example"]
)
def test_a_webhook_is_stored_with_the_ascii_form_of_its_host(alice: User, host: str) -> None:
    made, _secret = webhooks.create(alice, f" https://{host}/in?x=1\u200b", secret="a key")
    assert made.url == "https://hooks.xn--bcher-kva.example/in?x=1"
    assert safe_http.parse_url(f"https://{host}/in").hostname == "hooks.xn--bcher-kva.example"


def test_the_sender_and_the_recipient_are_written_as_idna_2008_has_it() -> None:
    assert mime.mailbox("From", "Bellhop", "news@faß.de") == "Bellhop <news@xn--fa-hia.de>"
    assert mime.mailbox("To", "", "anna@BÜCHER.example") == ANNA


def test_a_migration_writes_stored_addresses_in_their_canonical_form(any_app: Flask) -> None:
    # Before the downgrade: later migrations give the table more columns than it has there.
    factories.user("Anna@BÜCHER.example")
    twins = factories.user("bob@EXAMPLE.test"), factories.user("bob@example.test")
    twin_ids = [twin.id for twin in twins]
    db.session.remove()
    downgrade(MIGRATIONS, "0015")
    for address in ("Eve@BÜCHER.example", "eve@xn--bcher-kva.example", "mallory@example.test"):
        db.session.add(Suppression(channel="email", address=address, reason=address))
    db.session.add(Suppression(channel="sms", address="+4420", reason="gone"))
    # As SQL, for the same reason.
    attempt = table("sign_in_attempts", column("email"), column("attempted_at", UTCDateTime()))
    db.session.execute(
        insert(attempt).values(email="anna@bücher.example", attempted_at=utc_now() - timedelta(minutes=1))
    )
    db.session.commit()
    db.session.remove()
    upgrade(MIGRATIONS)
    assert users.by_email(ANNA) is not None
    # No account is merged or renamed silently: the address leads to the account that had it exactly.
    assert [db.session.get_one(User, each).email for each in twin_ids] == [
        "bob@EXAMPLE.test",
        "bob@example.test",
    ]
    assert users.by_email("BOB@example.test").id == twin_ids[1]
    [finding] = [each for each in doctor.examine(any_app.config, {}) if each.subject == "Accounts"]
    assert finding.detail == "bob@EXAMPLE.test is another spelling of bob@example.test."
    assert sorted(db.session.execute(text("SELECT address, reason FROM suppressions")).all()) == [
        ("+4420", "gone"),
        ("eve@xn--bcher-kva.example", "Eve@BÜCHER.example"),
        ("mallory@example.test", "mallory@example.test"),
    ]
    assert db.session.scalars(select(SignInAttempt.email)).all() == [ANNA]
