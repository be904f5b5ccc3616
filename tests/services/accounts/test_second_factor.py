"""Two-step sign-in: a code or a recovery code completes a sign-in once, and wrong ones are limited."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing.pool import ThreadPool

import pytest
from flask import Flask
from sqlalchemy import inspect, select

from app.database.base import db
from app.models import BrowserSession, Delivery, SecondFactor, User
from app.services.accounts import (
    administration,
    emails,
    known_browsers,
    second_factor,
    second_step,
    sessions,
    users,
)
from app.services.accounts.sign_in_throttle import LIMIT, TooManyAttempts
from app.services.base.errors import Conflict, Forbidden, Invalid, NotFound
from tests.support import factories
from tests.support.audit import audit_entries
from tests.support.factories import PASSWORD
from tests.support.second_factor import code_at, turn_on

SECRET = "a key for tests only"
NOW = datetime(2030, 3, 4, 9, 0, 10, tzinfo=UTC)
# The set-up used the code of this moment.
SET_UP = NOW - timedelta(minutes=5)


@pytest.fixture
def dana(app: Flask) -> User:
    return factories.user("dana@example.test")


def begin(user: User, *, now: datetime = NOW) -> str:
    with pytest.raises(users.CodeRequired) as caught:
        users.authenticate(user.email, PASSWORD, now=now)
    return second_step.begin(caught.value.user, secret=SECRET, now=now)


def finish(text: str, code: str, *, now: datetime = NOW, **values: object) -> bool:
    """Finish a sign-in; returns whether it was with a recovery code."""
    return second_step.finish(text, code, secret=SECRET, now=now, **values)[1]


def is_refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except Invalid as error:
        return list(error.errors) == ["code"]
    return False


def notices(user: User) -> list[str | None]:
    query = select(Delivery.subject).where(
        Delivery.kind == "security_notice", Delivery.recipient_id == user.id
    )
    return list(db.session.scalars(query.order_by(Delivery.id)))


def test_the_password_alone_signs_no_one_in(dana: User) -> None:
    key, _codes = turn_on(dana, now=SET_UP)
    text = begin(dana)
    assert dana.last_signed_in_at is None
    assert audit_entries("sign_in.ok") == []
    assert not finish(text, code_at(key, NOW), origin="192.0.2.7")
    assert dana.last_signed_in_at == NOW
    assert [entry.detail["origin"] for entry in audit_entries("sign_in.ok")] == ["192.0.2.7"]


@pytest.mark.parametrize(("later", "is_right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_may_be_one_step_early_or_late(dana: User, later: int, is_right: bool) -> None:
    key, _codes = turn_on(dana, now=SET_UP)
    text = begin(dana)
    assert is_refused(lambda: finish(text, code_at(key, NOW, later=later))) != is_right


def test_a_code_works_once_and_earlier_ones_no_longer(dana: User) -> None:
    key, _codes = turn_on(dana, now=SET_UP)
    text = begin(dana)
    finish(text, code_at(key, NOW))
    assert is_refused(lambda: finish(text, code_at(key, NOW)))
    assert is_refused(lambda: finish(text, code_at(key, NOW, later=-1)))
    finish(text, code_at(key, NOW, later=1))


def test_the_code_of_the_set_up_does_not_sign_in(dana: User) -> None:
    key, _codes = turn_on(dana, now=NOW)
    assert is_refused(lambda: finish(begin(dana), code_at(key, NOW)))


def test_of_simultaneous_sign_ins_with_one_code_one_succeeds(any_app: Flask) -> None:
    dana = factories.user("dana@example.test")
    key, codes = turn_on(dana, now=SET_UP)
    text = begin(dana)

    def attempt(code: str) -> bool:
        with any_app.app_context():
            try:
                return not is_refused(lambda: finish(text, code))
            finally:
                db.session.remove()

    with ThreadPool(4) as pool:
        for code in (code_at(key, NOW), codes[0]):
            assert sorted(pool.map(attempt, [code] * 4)) == [False, False, False, True]


@pytest.mark.parametrize("spelling", ["lower case", "spaces", "invisible"])
def test_a_recovery_code_works_once_in_any_spelling(dana: User, spelling: str) -> None:
    _key, codes = turn_on(dana, now=SET_UP)
    spellings = {
        "lower case": codes[3].lower(),
        "spaces": codes[3].replace("-", " "),
        "invisible": f"\u200b{codes[3][:7]}\u200d{codes[3][7:]} \n",
    }
    text = begin(dana)
    assert finish(text, spellings[spelling])
    assert is_refused(lambda: finish(text, codes[3]))
    assert second_factor.count_recovery_codes(dana) == 9
    assert len(set(codes)) == 10
    assert notices(dana) == ["Two-step sign-in is on", "A recovery code was used"]


@pytest.mark.parametrize("spelling", ["spaces", "invisible", "full width", "Arabic"])
def test_a_code_is_taken_in_any_spelling(dana: User, spelling: str) -> None:
    key, _codes = turn_on(dana, now=SET_UP)
    code = code_at(key, NOW)
    spellings = {
        "spaces": f" {code[:3]} {code[3:]}\n",
        "invisible": f"\ufeff{code[:3]}\u200d-{code[3:]}\u00a0",
        "full width": code.translate({ord("0") + number: 0xFF10 + number for number in range(10)}),
        "Arabic": code.translate({ord("0") + number: 0x0660 + number for number in range(10)}),
    }
    finish(begin(dana), spellings[spelling])


@pytest.mark.parametrize("code", ["", "0", "\ud83d", "x" * 100_000, "\0"])
def test_odd_codes_are_refused(dana: User, code: str) -> None:
    turn_on(dana, now=SET_UP)
    assert is_refused(lambda: finish(begin(dana), code))


def test_the_second_step_ends_after_ten_minutes_and_with_a_new_password(dana: User) -> None:
    key, _codes = turn_on(dana, now=SET_UP)
    text, later = begin(dana), NOW + timedelta(minutes=10)
    for expired in ("", "forged", text):
        with pytest.raises(NotFound):
            finish(expired, code_at(key, later), now=later)
    users.change_password(dana, PASSWORD, "another good password", now=NOW)
    with pytest.raises(NotFound):
        finish(text, code_at(key, NOW))


def test_ten_wrong_codes_are_the_limit_from_everywhere_and_mailed(dana: User) -> None:
    key, _codes = turn_on(dana, now=SET_UP)
    text = begin(dana)
    for number in range(LIMIT):
        assert is_refused(lambda number=number: finish(text, "0", origin=f"192.0.2.{number}"))
    with pytest.raises(TooManyAttempts):
        finish(text, code_at(key, NOW), origin="198.51.100.1")
    assert notices(dana)[-1] == "Too many wrong sign-in codes"
    assert {entry.detail["why"] for entry in audit_entries("sign_in.failed")} == {"code"}
    # Entering or replacing the password gives no more of them.
    link = emails.make_password_link("password_reset", dana, SECRET, "", NOW).rpartition("/")[2]
    emails.set_password_by_link(link, PASSWORD + " 2", secret=SECRET, now=NOW)
    with pytest.raises(users.CodeRequired):
        users.authenticate(dana.email, PASSWORD + " 2", now=NOW)
    text = second_step.begin(dana, secret=SECRET, now=NOW)
    with pytest.raises(TooManyAttempts):
        finish(text, code_at(key, NOW))
    later = NOW + timedelta(minutes=15)
    finish(second_step.begin(dana, secret=SECRET, now=later), code_at(key, later), now=later)


def test_the_owners_known_browser_has_attempts_of_its_own(dana: User) -> None:
    key, _codes = turn_on(dana, now=SET_UP)
    text = begin(dana)
    for _number in range(LIMIT):
        assert is_refused(lambda: finish(text, "0"))
    known = known_browsers.read(
        known_browsers.remember(None, dana, secret=SECRET, now=NOW), secret=SECRET, now=NOW
    )
    finish(text, code_at(key, NOW), known_browser=known)


def test_one_address_can_try_a_hundred_codes_for_all_accounts(
    any_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.services.accounts.sign_in_throttle.ADDRESS_LIMIT", 3)
    people = [factories.user(f"p{number}@example.test") for number in range(4)]
    for person in people:
        turn_on(person, now=SET_UP)
    texts = [begin(person) for person in people]
    for text in texts[:3]:
        assert is_refused(lambda text=text: finish(text, "0", origin="192.0.2.7"))
    with pytest.raises(TooManyAttempts):
        finish(texts[3], "0", origin="192.0.2.7")
    assert is_refused(lambda: finish(texts[3], "0", origin="192.0.2.8"))


def test_turning_it_on_ends_other_sessions_and_needs_the_right_code(dana: User) -> None:
    sessions.start(dana, now=NOW)
    mine = sessions.find(
        sessions.start(dana, now=NOW), sessions.SessionLimits(timedelta(1), timedelta(1)), now=NOW
    )
    assert mine is not None
    key = second_factor.make_key(dana, secret=SECRET, now=NOW)
    values = {"secret": SECRET, "session_id": mine.session_id, "now": NOW}
    assert is_refused(lambda: second_factor.turn_on(dana, key, "123", **values))
    second_factor.turn_on(dana, key, code_at(key.text, NOW), **values)
    assert db.session.scalars(select(BrowserSession.id)).all() == [mine.session_id]
    with pytest.raises(Conflict):
        second_factor.turn_on(dana, key, code_at(key.text, NOW), **values)


def test_a_key_is_for_one_person_and_one_hour(dana: User) -> None:
    eve = factories.user("eve@example.test")
    key = second_factor.make_key(dana, secret=SECRET, now=NOW)
    assert second_factor.read_key(dana, key.signed, secret=SECRET, now=NOW) == key
    assert key.uri.startswith(f"otpauth://totp/Bellhop:dana%40example.test?secret={key.text}&issuer=Bellhop")
    for owner, now in ((eve, NOW), (dana, NOW + timedelta(hours=1))):
        with pytest.raises(NotFound):
            second_factor.read_key(owner, key.signed, secret=SECRET, now=now)


def test_neither_the_key_nor_a_recovery_code_is_stored_readably(dana: User) -> None:
    key, codes = turn_on(dana)
    row = db.session.get_one(SecondFactor, dana.id, populate_existing=True)
    kept = " ".join(str(getattr(row, column.key)) for column in inspect(SecondFactor).column_attrs)
    assert not any(text in kept for text in (key, *codes, *(code.replace("-", "") for code in codes)))


def test_new_recovery_codes_replace_the_old_ones(dana: User) -> None:
    _key, old = turn_on(dana, now=SET_UP)
    new = second_factor.replace_recovery_codes(dana)
    text = begin(dana)
    assert is_refused(lambda: finish(text, old[0]))
    assert finish(text, new[0])
    second_factor.turn_off(dana)
    with pytest.raises(Conflict):
        second_factor.replace_recovery_codes(dana)


def test_turned_off_the_password_is_enough_again(dana: User) -> None:
    turn_on(dana, now=SET_UP)
    text = begin(dana)
    second_factor.turn_off(dana)
    second_factor.turn_off(dana)
    with pytest.raises(NotFound):
        second_step.find_person(text, secret=SECRET, now=NOW)
    assert users.authenticate(dana.email, PASSWORD).id == dana.id
    assert db.session.scalars(select(SecondFactor)).all() == []
    assert notices(dana) == ["Two-step sign-in is on", "Two-step sign-in is off"]
    assert [len(audit_entries(f"second_factor.turned_{state}")) for state in ("on", "off")] == [1, 1]


def test_an_admin_resets_it_for_others_only(dana: User) -> None:
    bob = factories.user("bob@example.test", role="admin")
    turn_on(dana)
    sessions.start(dana)
    administration.reset_second_factor(dana.id, actor=bob)
    assert dana.second_factor_at is None
    assert db.session.scalars(select(BrowserSession)).all() == []
    assert [(entry.actor_id, entry.subject) for entry in audit_entries("second_factor.reset")] == [
        (bob.id, dana.email)
    ]
    assert notices(dana)[-1] == "Two-step sign-in is off"
    turn_on(bob)
    for target, actor in ((bob, bob), (bob, dana)):
        with pytest.raises(Forbidden):
            administration.reset_second_factor(target.id, actor=actor)
    assert bob.second_factor_at is not None


def test_after_a_new_secret_key_recovery_codes_still_work(dana: User) -> None:
    key, codes = turn_on(dana, now=SET_UP)
    text = second_step.begin(dana, secret="another", now=NOW)
    assert is_refused(lambda: second_step.finish(text, code_at(key, NOW), secret="another", now=NOW))
    assert second_step.finish(text, codes[0], secret="another", now=NOW)[1]
