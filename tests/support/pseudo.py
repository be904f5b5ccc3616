"""Two pseudo-languages, generated from the texts in `app/`: text that is still English on a page was not translated.

`el` is a long language with other letters: «Ɖöñé öñé». `he` is written from right to left. Both use the code of a real
language for Babel's plurals and dates, which contain no Latin letters.
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
from app.models import Delivery

ROOT = Path(__file__).resolve().parent.parent.parent
LONG, RIGHT_TO_LEFT = "el", "he"

_PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ALPHABETS = {
    LONG: str.maketrans(_PLAIN, "ÅƁÇÐÉƑĜĤÎĴĶĻṀÑÖÞɊŘŠŢÛṼŴẊÝŽåƀçðéƒĝĥîĵķļɱñöþɋřšţûṽŵẋýž"),
    RIGHT_TO_LEFT: str.maketrans(_PLAIN, "אבגדהוזחטיכלמנסעפצקרשתאבגדאבגדהוזחטיכלמנסעפצקרשתאבגד"),
}
# Placeholders, markup and date formats, which are not translated.
_UNTRANSLATED = re.compile(r"%\(\w+\)[sd]|%%|\{\{?\w+\}?\}|<[^>]+>|&\w+;")
_DATE = re.compile(r"[EdMyHm]+(?:[ :][EdMyHm]+)*|(?:HH|h):mm(?::ss)?(?: a)?")


def translate(text: str, language: str) -> str:
    """Translate a text: other letters, two fifths longer, in «»."""
    if _DATE.fullmatch(text) or not text.strip():
        return text
    letters = _ALPHABETS[language]
    parts, end = [], 0
    for match in _UNTRANSLATED.finditer(text):
        parts += [text[end : match.start()].translate(letters), match[0]]
        end = match.end()
    translated = "".join(parts) + text[end:].translate(letters)
    plain = _UNTRANSLATED.sub("", text)
    padding = plain[-max(2, len(plain) * 2 // 5) :].translate(letters).replace("%", "")
    return f"«{translated}{padding}»"


def compile_catalogs(folder: Path) -> Path:
    """Write the catalogs of both languages into the folder, where Flask-Babel finds them; return the folder."""
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
            catalog.add(message.id, translate(message.id, language), context=message.context)
        else:
            one, many = (translate(text, language) for text in message.id)
            catalog.add(message.id, (one, *[many] * (catalog.num_plurals - 1)), context=message.context)
    return catalog


@pytest.fixture(scope="session")
def pseudo_catalogs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the catalogs of both languages."""
    return compile_catalogs(tmp_path_factory.mktemp("translations"))


# ---- Texts from people and other programs

# Columns with texts from people.
USER_TEXTS = {
    "users": ("name",),
    "events": ("data",),
    "interviews": ("candidate_name", "job_title", "company_name", "location", "interviewer"),
    "notifications": ("title", "message", "facts"),
    "notification_templates": ("title_template", "message_template", "email_subject", "sms_text"),
    "template_versions": ("title_template", "message_template", "email_subject", "sms_text"),
    "delivery_attempts": ("response",),
    "suppressions": ("reason",),
}
_CYRILLIC = str.maketrans(_PLAIN, "АБЦДЕФГХИЙКЛМНОПЯРСТУВЩЫЬЗабцдефгхийклмнопярстувщыьз")


def foreign(value: Any) -> Any:
    """Convert the texts of a person's value to Cyrillic; variable names in braces, URLs and times are kept."""
    match value:
        case str():
            return _foreign_text(value)
        case list():
            return [foreign(item) for item in value]
        case dict():
            return foreign_values(value)
        case _:
            return value


def _foreign_text(text: str) -> str:
    return "".join(
        part if part.startswith("{") else part.translate(_CYRILLIC)
        for part in re.split(r"(\{[{%].*?[%}]\})", text)
    )


def foreign_values(data: dict[str, Any]) -> dict[str, Any]:
    """Convert the texts among the values to Cyrillic; URLs and times are kept."""
    return {
        name: value if name.endswith("_at") or (isinstance(value, str) and "://" in value) else foreign(value)
        for name, value in data.items()
    }


def make_data_foreign(language: str) -> None:
    """Set everyone's language, and remove Latin letters from people's texts, so that Latin text must be ours."""
    for name, columns in USER_TEXTS.items():
        table: Table = db.metadata.tables[name]
        for row in db.session.execute(db.select(table)).mappings().all():
            values = {column: foreign(row[column]) for column in columns if row[column]}
            if values:
                db.session.execute(update(table).where(table.c.id == row["id"]).values(values))
    for row in db.session.scalars(db.select(Delivery)):
        if detail := row.reason_data.get("detail"):
            row.reason_data = row.reason_data | {"detail": foreign(detail)}
    db.session.flush()
    db.session.execute(update(db.metadata.tables["users"]).values(locale=language, time_zone="UTC"))
    db.session.commit()
    db.session.expire_all()


# Names that are the same in every language: product names, addresses, UTC, and names in code.
_LANGUAGE_NEUTRAL = re.compile(
    r"https?://\S+|\S+@[\w.-]+|\{[{%].*?[%}]\}|\{\w+\}|\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b[\w-]*[_/.:][\w/.:+-]+|\b(Bellhop|UTC|OpenAPI|Alt|Esc)\b"
)


def english(text: str) -> list[str]:
    """Return the words of a text that were not translated."""
    return re.findall(r"[A-Za-z]{2,}", _LANGUAGE_NEUTRAL.sub(" ", text))
