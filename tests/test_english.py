"""Texts that people read are plain English, without the tics that once made them hard to read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir

ROOT = Path(__file__).resolve().parent.parent
KEYWORDS = DEFAULT_KEYWORDS | {"_l": None}
# What a text must not contain, and what to write instead.
TICS = {
    r"^What (is|was|are|were|leaves|happens|happened|reaches|must|comes|came|follows|waits)\b": "Name the thing.",
    r"^Who(ever)? (?!.*\?$)": "Name the role.",
    r"\b([Ss]ome|[Aa]ny|[Ee]very)body\b": "Name the role, or write someone, anyone, everyone.",
    r"\b[Nn]obody\b": "Name the role, or write no one.",
    r"\b[Tt]here (is|was|are) no such\b": "Write not found, or does not exist.",
    r"\b[Ss]witch(es|ed)? (\w+ )?(on|off)\b": "Write turn on or off.",
    r"\b(thereof|meanwhile)\b": "Leave it out.",
    r"\bso many\b": "Give the number.",
    r"\bstands? (for|in|at|by|once|only)\b": "Write is, means or replaces.",
    r"(?<!here )\b(is|are) no\b(?! longer\b)": "Write is not a.",
    r";": "Write two sentences.",
    r"\b[Pp]ut off\b": "Write snoozed.",
    r"(?<!\()\b[Kk]inds?\b": "Write category or type.",
    r"\b[Tt]ries\b": "Write attempts.",
    r"(^|\. )Mail\b(?! (server|host|program|client)s?\b)": "Write email.",
    r"\b(this|a|the|every|each|no) mail\b(?! (server|host|program|client)s?\b)": "Write email.",
    r"\b([Ll]ink|[Cc]ode|[Pp]ause|[Ii]nvitation) is over\b": "Write has expired or has ended.",
    r"\bonce more\b": "Write again.",
    r"\b(is|are|was|were) told\b": "Write notified.",
    r"\bfrom now on\b": "Leave it out.",
    r"\bwords of\b|\b(old|new|own|other|built-in) words\b": "Write text or content.",
}


def user_facing_texts() -> Iterator[tuple[str, int, str]]:
    """Yield file, line and text of every message for translators, singular and plural."""
    mappings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["babel"]["mappings"]
    methods = [(mapping["pattern"], mapping["method"]) for mapping in mappings]
    options = {
        mapping["pattern"]: {
            name: value for name, value in mapping.items() if name not in {"method", "pattern"}
        }
        for mapping in mappings
    }
    for file, line, message, _comments, _context in extract_from_dir(
        ROOT / "app", methods, options, keywords=KEYWORDS
    ):
        for text in (message,) if isinstance(message, str) else message:
            yield f"app/{file}", line, text


def test_texts_for_people_are_plain_english() -> None:
    texts = list(user_facing_texts())
    assert len(texts) > 500, "the texts are not extracted"
    findings = sorted(
        f"{file}:{line}: {text!r}: {advice}"
        for file, line, text in texts
        for tic, advice in TICS.items()
        if re.search(tic, text)
    )
    assert not findings, "\n" + "\n".join(findings)


def test_tics_are_found_and_plain_english_is_not_refused() -> None:
    for text in (
        "What is urgent gets through.",
        "Nobody is told.",
        "3 tries",
        "Mail is on",
        "Off; it stays off.",
    ):
        assert any(re.search(tic, text) for tic in TICS), text
    for text in (
        "No mail server is configured.",
        "It is no longer required.",
        "What we decided, and what happened.",
    ):
        assert not any(re.search(tic, text) for tic in TICS), text
