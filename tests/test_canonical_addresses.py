"""Every spelling of an address or a host has one canonical form."""

# ruff: noqa: RUF001
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import canonical_addresses

# Spellings of anna@xn--bcher-kva.example, as people type and paste them.
SPELLINGS = [
    "anna@xn--bcher-kva.example",
    "anna@bücher.example",
    "Anna@BÜCHER.Example",
    "ANNA@XN--BCHER-KVA.EXAMPLE",
    "anna@bu\u0308cher.example",
    "anna@bücher.example.",
    "anna@bücher\u3002example",
    "anna@bücher\uff0eexample\uff61",
    "anna@\uff42\uff55\u0308\uff43\uff48\uff45\uff52.example",
    "\uff21\uff4e\uff4e\uff41\uff20bücher.example",
    "  anna@bücher.example\u00a0\r\n",
    "\ufeffanna@bücher.example",
    "anna@bücher.example\u200b",
    "\u202danna@bücher.example\u202c",
    "anna@b\u00adücher.exam\u2060ple",
    "anna\u200d@bücher.\u200cexample",
    "anna@bücher.example\ufe0f",
    "\u2066anna@bücher.example\u2069",
]


@pytest.mark.parametrize("text", SPELLINGS, ids=ascii)
def test_every_spelling_of_an_address_has_one_form(text: str) -> None:
    assert canonical_addresses.email(text) == canonical_addresses.key(text) == "anna@xn--bcher-kva.example"
    assert canonical_addresses.host(text.replace("\uff20", "@").partition("@")[2]) == "xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("faß.de", "xn--fa-hia.de"),  # Not fass.de, which belongs to someone else.
        ("نامه\u200cای.com", "xn--mgba3gch31f060k.com"),  # The joiner is a letter of this name.
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("under_score.example", "under_score.example"),
        ("Localhost", "localhost"),
        ("[IPv6:2001:DB8::1]", "[ipv6:2001:db8::1]"),
    ],
)
def test_hosts_follow_idna_2008(text: str, canonical: str) -> None:
    assert canonical_addresses.host(text) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "anna",
        "anna@",
        "@example.com",
        "a@b@example.com",
        "a b@example.com",
        "anna@exa mple.com",
        "anna@a..example",
        "anna@.example",
        "anna@xn--zzzzzz99999.com",
        "anna@\ud800.com",
        "\ud800@example.com",
        "anna\0@example.com",
        "<anna@example.com>",
        "anna@example.com\r\nBcc: eve@example.com",
        "anna@example.com/",
        "x" * 65 + "@example.com",
        "anna@" + "x" * 300,
        "a@b" * 100_000,
    ],
    ids=lambda text: ascii(text)[:30],
)
def test_other_texts_are_not_addresses_and_match_no_account(text: str) -> None:
    with pytest.raises(ValueError, match=" "):
        canonical_addresses.email(text)
    key = canonical_addresses.key(text)
    assert "@" not in key
    assert len(key) <= 254
    key.encode()


@given(st.text(max_size=30), st.text(max_size=30))
def test_the_canonical_form_is_its_own_canonical_form(local: str, host: str) -> None:
    try:
        found = canonical_addresses.email(f"{local}@{host}")
    except ValueError:
        return
    assert canonical_addresses.email(found) == canonical_addresses.key(found) == found


def test_joiners_inside_a_text_survive_trimming() -> None:
    assert canonical_addresses.trim("\u200c\u00a0 نامه\u200cای \u200d") == "نامه\u200cای"
