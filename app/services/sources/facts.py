"""Remembers facts from calls: names that later calls lack, which booking replaced which, and what is still unnamed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.database.base import db
from app.database.writing import upsert
from app.models import Source, SourceFact
from app.sources.calls import digest

MAX_KEY = 300


def read(source: Source, keys: Collection[str]) -> dict[str, Any]:
    """Combine what is known under these keys; of the same name, the value under the first key counts."""
    stored = _stored(source, keys)
    combined: dict[str, Any] = {}
    for key in keys:
        combined = stored.get(_fitting(key), {}) | combined
        if stored.get(_fitting(key), {}).get("is_confidential"):
            combined["is_confidential"] = True
    return combined


def learn(source: Source, facts: Mapping[str, Mapping[str, Any]], now: datetime) -> None:
    """Add facts to those known under the same keys, in the caller's transaction."""
    # Keys such as "job:" have no id.
    usable = {_fitting(key): value for key, value in facts.items() if value and not key.endswith(":")}
    stored = _stored(source, usable)
    for key, value in usable.items():
        merged = stored.get(key, {}) | dict(value)
        if merged == stored.get(key):
            continue
        row = {"source_id": source.id, "key": key, "value": merged, "seen_at": now}
        statement = upsert(SourceFact).values(row)
        changed = {"value": statement.excluded.value, "seen_at": statement.excluded.seen_at}
        db.session.execute(statement.on_conflict_do_update(index_elements=["source_id", "key"], set_=changed))


def _stored(source: Source, keys: Collection[str]) -> dict[str, dict[str, Any]]:
    wanted = [_fitting(key) for key in keys]
    query = select(SourceFact.key, SourceFact.value).where(
        SourceFact.source_id == source.id, SourceFact.key.in_(wanted)
    )
    return {row.key: row.value for row in db.session.execute(query)}


def _fitting(key: str) -> str:
    return key if len(key) <= MAX_KEY and key.isprintable() else digest(key)
