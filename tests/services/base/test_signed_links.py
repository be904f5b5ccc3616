"""Signed links: valid for one purpose only, and readable for as long as the emails that carry them exist."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from app.services.base import signed_links
from app.services.base.errors import NotFound

NOW = datetime(2026, 3, 12, 8, tzinfo=UTC)
SECRET = "an old key for tests"
# Signed by the first release, before all three kinds of link were signed in one place.
UNSUBSCRIBE = "WzcsImludGVydmlldyJd.ZQpu6eXdQntSMEt23nm5sMNJDQY"
UNSUBSCRIBE_DIGEST = "WzcsImRhaWx5X2RpZ2VzdCJd.oDomgTF9KWSgbBSIjt4k88fzVik"
DIGEST = "WzcsMTc3MzMwMjQwMDAwMDAwNV0.2Lq8ccW50fZNLBvseODlCpuWmt4"
DIGEST_UNDO = (
    "WyJXemNzTVRjM016TXdNalF3TURBd01EQXdOVjAuMkxxOGNjVzUwZlpOTEJ2c2VPRGxDcHVXbXQ0IiwzXQ"
    ".X-lgq8TjmKLp5BNCe_B25gbmTTU"
)
ACCOUNT = "eyJ1c2VyIjo3LCJraW5kIjoiaW52aXRhdGlvbiIsInVudGlsIjo3MjI2NTgyNDAwfQ.Lmbp2rMHtPA7hDic7H5R2y0R-1I"


@pytest.mark.parametrize(
    ("purpose", "text", "values"),
    [
        ("unsubscribe", UNSUBSCRIBE, [7, "interview"]),
        ("unsubscribe", UNSUBSCRIBE_DIGEST, [7, "daily_digest"]),
        ("digest", DIGEST, [7, 1773302400000005]),
        ("digest", DIGEST_UNDO, [DIGEST, 3]),
    ],
)
def test_permanent_links_of_old_emails_still_work(
    app: Flask, purpose: str, text: str, values: list[object]
) -> None:
    assert signed_links.read_permanent(text, purpose=purpose, secret=SECRET) == values
    # HMAC-SHA-256 today: 43 characters instead of the 27 of HMAC-SHA-1.
    signed = signed_links.sign_permanent(values, purpose=purpose, secret=SECRET)
    assert len(signed.rpartition(".")[2]) == 43
    assert signed_links.read_permanent(signed, purpose=purpose, secret=SECRET) == values


def test_expiring_links_of_old_emails_still_work(app: Flask) -> None:
    values = signed_links.read(ACCOUNT, purpose="account", secret=SECRET, now=NOW)
    assert (values["user"], values["kind"]) == (7, "invitation")


def test_an_expiring_link_ends_at_its_instant(app: Flask) -> None:
    text = signed_links.sign({"user": 7}, purpose="account", secret=SECRET, expires_at=NOW)
    just_before = NOW - timedelta(seconds=1)
    assert signed_links.read(text, purpose="account", secret=SECRET, now=just_before)["user"] == 7
    with pytest.raises(NotFound):
        signed_links.read(text, purpose="account", secret=SECRET, now=NOW)


@pytest.mark.parametrize("secret", [SECRET, "another key"])
def test_a_link_is_valid_for_one_purpose_and_one_key(app: Flask, secret: str) -> None:
    purpose = "digest" if secret == SECRET else "unsubscribe"
    for text in (UNSUBSCRIBE, UNSUBSCRIBE[:-1], f"{UNSUBSCRIBE}x", "", "x.y"):
        with pytest.raises(NotFound):
            signed_links.read_permanent(text, purpose=purpose, secret=secret)
    with pytest.raises(NotFound):
        signed_links.read(ACCOUNT, purpose=purpose, secret=secret, now=NOW)


def test_a_permanent_link_is_not_an_expiring_one(app: Flask) -> None:
    permanent = signed_links.sign_permanent([7], purpose="account", secret=SECRET)
    with pytest.raises(NotFound):
        signed_links.read(permanent, purpose="account", secret=SECRET, now=NOW)
    with pytest.raises(NotFound):
        signed_links.read_permanent(ACCOUNT, purpose="account", secret=SECRET)
