"""Two languages that nobody speaks, made from the texts in `app/`: what stays English on a page was missed.

`el` stands for a long language with other letters: «Ɖöñé öñé». `he` is written from right to left. Both borrow the
name of a real language, because Babel knows their plurals and writes their dates; its dates have no Latin letter.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.frontend import CommandLineInterface
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from sqlalchemy import Table, update

from app.database.base import db

ROOT = Path(__file__).resolve().parent.parent.parent
LONG, RIGHT_TO_LEFT = "el", "he"

_PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ALPHABETS = {
    LONG: str.maketrans(_PLAIN, "ÅƁÇÐÉƑĜĤÎĴĶĻṀÑÖÞɊŘŠŢÛṼŴẊÝŽåƀçðéƒĝĥîĵķļɱñöþɋřšţûṽŵẋýž"),
    RIGHT_TO_LEFT: str.maketrans(_PLAIN, "אבגדהוזחטיכלמנסעפצקרשתאבגדאבגדהוזחטיכלמנסעפצקרשתאבגד"),
}
# What is put in, markup, and what becomes a date: each stays as it is.
_KEPT = re.compile(r"%\(\w+\)[sd]|%%|\{\{?\w+\}?\}|<[^>]+>|&\w+;")
_DATE = re.compile(r"[EdMyHm]+(?:[ :][EdMyHm]+)*")


def say(text: str, language: str) -> str:
    """A text in one of the two languages: other letters, two fifths longer, between brackets."""
    if _DATE.fullmatch(text) or not text.strip():
        return text
    letters = _ALPHABETS[language]
    parts, end = [], 0
    for kept in _KEPT.finditer(text):
        parts += [text[end : kept.start()].translate(letters), kept[0]]
        end = kept.end()
    said = "".join(parts) + text[end:].translate(letters)
    plain = _KEPT.sub("", text)
    more = plain[-max(2, len(plain) * 2 // 5) :].translate(letters).replace("%", "")
    return f"«{said}{more}»"


def compile_catalogs(folder: Path) -> Path:
    """Write both languages below the folder, as Flask-Babel looks for them; give it back."""
    pot = folder / "messages.pot"
    settings = ["-F", str(ROOT / "pyproject.toml"), "-k", "_l"]
    CommandLineInterface().run(["pybabel", "-q", "extract", *settings, "-o", str(pot), str(ROOT / "app")])
    with pot.open("rb") as file:
        texts = read_po(file)
    for language in (LONG, RIGHT_TO_LEFT):
        path = folder / language / "LC_MESSAGES" / "messages.mo"
        path.parent.mkdir(parents=True)
        with path.open("wb") as file:
            write_mo(file, _translated(texts, language))
    return folder


def _translated(texts: Catalog, language: str) -> Catalog:
    catalog = Catalog(locale=language)
    for message in texts:
        if not message.id:
            continue
        if isinstance(message.id, str):
            catalog.add(message.id, say(message.id, language), context=message.context)
        else:
            one, many = (say(text, language) for text in message.id)
            catalog.add(message.id, (one, *[many] * (catalog.num_plurals - 1)), context=message.context)
    return catalog


@pytest.fixture(scope="session")
def pseudo_catalogs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with both languages."""
    return compile_catalogs(tmp_path_factory.mktemp("translations"))


# ---- what people and other programs wrote

# Columns that hold words of people, not of ours, and JSON whose values do.
WORDS = {
    "users": ("name",),
    "interviews": ("candidate_name", "job_title", "company_name", "location", "interviewer"),
    "notifications": ("title", "message"),
    "notification_templates": ("title_template", "message_template", "email_subject", "sms_text"),
    "template_versions": ("title_template", "message_template", "email_subject", "sms_text"),
    "delivery_attempts": ("response",),
    "suppressions": ("reason",),
}
_CYRILLIC = str.maketrans(_PLAIN, "АБЦДЕФГХИЙКЛМНОПЯРСТУВЩЫЬЗабцдефгхийклмнопярстувщыьз")


def foreign(text: str) -> str:
    """The words of a person who writes Cyrillic; what stands between braces is a name of ours."""
    return "".join(
        part if part.startswith("{") else part.translate(_CYRILLIC)
        for part in re.split(r"(\{[{%].*?[%}]\})", text)
    )


def foreign_values(data: dict[str, Any]) -> dict[str, Any]:
    """Texts among the values as if their writer wrote Cyrillic; addresses stay."""
    return {
        name: foreign(value)
        if isinstance(value, str) and "://" not in value and not name.endswith("_at")
        else value
        for name, value in data.items()
    }


def make_data_foreign(language: str) -> None:
    """Everybody reads that language, and nothing that people wrote has a Latin letter: what has one is ours."""
    for name, columns in WORDS.items():
        table: Table = db.metadata.tables[name]
        for row in db.session.execute(db.select(table)).mappings().all():
            values = {column: foreign(row[column]) for column in columns if row[column]}
            if values:
                db.session.execute(update(table).where(table.c.id == row["id"]).values(values))
    db.session.execute(update(db.metadata.tables["users"]).values(locale=language, time_zone="UTC"))
    db.session.commit()
    db.session.expire_all()


# Names that are the same in every language: ours, addresses, times from Greenwich, names in code.
_SAME = re.compile(
    r"https?://\S+|\S+@[\w.-]+|\{[{%].*?[%}]\}|\{\w+\}|\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b[\w-]*[_/.:][\w/.:+-]+|\b(Bellhop|UTC|OpenAPI|Alt|Esc)\b"
)


def english(text: str) -> list[str]:
    """The words of a text that were not translated."""
    return re.findall(r"[A-Za-z]{2,}", _SAME.sub(" ", text))
