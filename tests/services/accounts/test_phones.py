"""Text messages go to a phone only after its owner has entered the code sent to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from multiprocessing.pool import ThreadPool

import pytest
from flask import Flask
from sqlalchemy import inspect, select

from app.clock import utc_now
from app.database.base import db
from app.models import CapturedMail, Delivery, PhoneCode, User
from app.services.accounts import phones
from app.services.base.errors import Invalid
from app.services.sending.email import SiteIdentity
from app.services.sending.worker import DeliveryWorker
from tests.support import factories

SECRET = "a key for tests only"
NUMBER = "+44 20 7946 0958"


@pytest.fixture
def alice(any_app: Flask) -> User:
    return factories.user("alice@example.test")


def sent_code() -> str:
    """Return the code from the outbox; it is captured there because Twilio is not configured."""
    DeliveryWorker(SiteIdentity("http://bellhop.test", "a@example.test", SECRET)).deliver_due()
    newest = select(CapturedMail).order_by(CapturedMail.delivery_id.desc()).limit(1)
    text = db.session.scalars(newest).one().raw.decode().rpartition("\n")[2]
    code = text.split()[0]
    assert len(code) == 6
    return code


def test_the_code_in_the_sms_verifies_the_number(alice: User) -> None:
    phones.send_code(alice, NUMBER)
    assert not phones.is_verified(alice)
    assert phones.has_open_code(alice)
    code = sent_code()
    phones.verify(alice, f" {code[:3]} {code[3:]} ", secret=SECRET)
    assert phones.is_verified(alice)
    assert alice.phone == "+442079460958"
    with pytest.raises(Invalid):  # Used once.
        phones.verify(alice, code, secret=SECRET)


def test_the_code_is_not_stored(alice: User) -> None:
    phones.send_code(alice, NUMBER)
    rows = [*db.session.scalars(select(PhoneCode)), *db.session.scalars(select(Delivery))]
    kept = " ".join(
        str(getattr(row, column.key)) for row in rows for column in inspect(type(row)).column_attrs
    )
    assert sent_code() not in kept


def test_a_code_works_for_ten_minutes(alice: User) -> None:
    now = utc_now()
    phones.send_code(alice, NUMBER, now=now)
    code = sent_code()
    with pytest.raises(Invalid) as caught:
        phones.verify(alice, code, secret=SECRET, now=now + timedelta(minutes=10))
    assert "code" in caught.value.errors
    phones.verify(alice, code, secret=SECRET, now=now + timedelta(minutes=9, seconds=59))
    assert phones.is_verified(alice)


def test_after_five_wrong_codes_the_right_one_is_refused(alice: User) -> None:
    phones.send_code(alice, NUMBER)
    code = sent_code()
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    for guess in (wrong, "", "abcdef", "٣٣٣٣٣٣", wrong):
        with pytest.raises(Invalid):
            phones.verify(alice, guess, secret=SECRET)
    with pytest.raises(Invalid):
        phones.verify(alice, code, secret=SECRET)
    assert not phones.is_verified(alice)


def guess_wrong(user: User, times: int, now: datetime) -> None:
    for _time in range(times):
        with pytest.raises(Invalid):
            phones.verify(user, "no code", secret=SECRET, now=now)


def test_wrong_codes_limit_new_codes_for_an_hour_and_a_day(alice: User) -> None:
    begin = utc_now()
    other = factories.user("charlie@example.test")
    for hours in (0, 1):
        now = begin + timedelta(hours=hours, seconds=hours)
        phones.send_code(alice, NUMBER, now=now)
        guess_wrong(alice, 7, now)  # Two more than are allowed.
        for person, number in ((alice, NUMBER), (alice, "+442079460000"), (other, NUMBER)):
            with pytest.raises(Invalid) as caught:
                phones.send_code(person, number, now=now + timedelta(minutes=59))
            assert "Too many wrong codes" in caught.value.errors["phone"]
    with pytest.raises(Invalid) as caught:
        phones.send_code(alice, "+442079460000", now=begin + timedelta(hours=23))
    assert "tomorrow" in caught.value.errors["phone"]
    phones.send_code(alice, NUMBER, now=begin + timedelta(hours=25, seconds=2))


def test_a_typo_before_the_right_code_does_not_count_as_guessing(alice: User) -> None:
    now = utc_now()
    for number in (NUMBER, "+442079460000", "+442079460001"):
        phones.send_code(alice, number, now=now)
        guess_wrong(alice, 4, now)
        phones.verify(alice, sent_code(), secret=SECRET, now=now)
    assert phones.is_verified(alice)


def test_three_codes_an_hour_are_sent_per_user_and_per_number(alice: User) -> None:
    now = utc_now()
    other = factories.user("charlie@example.test")
    for _time in range(3):
        phones.send_code(alice, NUMBER, now=now)
    for person, number in ((alice, "+442079460000"), (other, NUMBER)):
        with pytest.raises(Invalid):
            phones.send_code(person, number, now=now)
    phones.send_code(alice, NUMBER, now=now + timedelta(hours=1, seconds=1))


def test_a_newer_code_replaces_the_older_one(alice: User) -> None:
    phones.send_code(alice, NUMBER)
    first = sent_code()
    phones.send_code(alice, NUMBER)
    second = sent_code()
    assert first != second
    with pytest.raises(Invalid):
        phones.verify(alice, first, secret=SECRET)
    phones.verify(alice, second, secret=SECRET)


def test_another_number_must_be_verified_again(alice: User) -> None:
    phones.send_code(alice, NUMBER)
    phones.verify(alice, sent_code(), secret=SECRET)
    phones.send_code(alice, "+442079460000")
    assert not phones.is_verified(alice)


def test_of_many_parallel_guesses_five_are_checked(any_app: Flask, alice: User) -> None:
    phones.send_code(alice, NUMBER)
    number, code = alice.id, sent_code()
    wrong = [f"{(int(code) + n) % 1_000_000:06d}" for n in range(1, 21)]
    db.session.commit()

    def guess(text: str) -> str:
        with any_app.app_context():
            try:
                phones.verify(db.session.get_one(User, number), text, secret=SECRET)
            except Invalid as error:
                return error.errors["code"]
            return "verified"

    with ThreadPool(8) as pool:
        answers = pool.map(guess, wrong)
    assert sum("That code is wrong" in answer for answer in answers) == phones.MAX_ATTEMPTS


@pytest.mark.parametrize("number", ["", "12", "020 7946 0958", "+44 20 abc", "+1" + "0" * 20])
def test_invalid_numbers_are_refused(alice: User, number: str) -> None:
    with pytest.raises(Invalid) as caught:
        phones.send_code(alice, number)
    assert "phone" in caught.value.errors


def test_a_removed_number_is_no_longer_verified(alice: User) -> None:
    phones.send_code(alice, NUMBER)
    phones.verify(alice, sent_code(), secret=SECRET)
    phones.remove(alice)
    assert (alice.phone, phones.is_verified(alice)) == ("", False)
    alice.phone = "+442079460958"
    db.session.commit()
    assert not phones.is_verified(alice)
