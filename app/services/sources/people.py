"""Matches the people that other systems name with users, and keeps the list of those who could not be matched."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import Select, func, literal, select, union_all, update

from app import canonical_addresses
from app.clock import utc_now
from app.database.base import db
from app.database.writing import BULK, insert_ignore, writing
from app.models import Source, SourceCall, SourcePerson, User
from app.rendering.texts import one_line
from app.services.accounts import users
from app.services.base import audit, recipients
from app.services.base.errors import Invalid, NotFound
from app.sources.calls import Person, digest

MAX_LISTED = 50
# Calls that are mapped again after a match: the newest of those that reached no one.
MAX_REPLAYED = 500


def match(source: Source, people: Collection[Person], now: datetime) -> tuple[list[str], list[str]]:
    """Find the users that people of another system are, and remember who could not be matched.

    Returns:
        The addresses of active users, and the names or keys of everyone else.
    """
    keys = {_key(person): person for person in people}
    aliases = select(SourcePerson.external, User.email, User.is_enabled).join(User)
    found = {
        row.external: row
        for row in db.session.execute(
            aliases.where(SourcePerson.source_id == source.id, SourcePerson.external.in_(keys))
        )
    }
    accounts = select(User.email, User.is_enabled).where(User.email.in_([key for key in keys if "@" in key]))
    by_email = {row.email: row for row in db.session.execute(accounts)}
    emails, others, unmatched = [], [], []
    for key, person in keys.items():
        row = found.get(key) or by_email.get(key)
        if row is not None and row.is_enabled:
            emails.append(row.email)
            continue
        others.append(person.name or person.key)
        if row is None:
            unmatched.append({"external": key, "name": one_line(person.name)[:200]})
    if unmatched:
        rows = [{"source_id": source.id, "seen_at": now, **each} for each in unmatched]
        db.session.execute(insert_ignore(SourcePerson).values(rows))
        db.session.commit()
    return list(dict.fromkeys(emails)), others


def from_keys(keys: Iterable[object]) -> Iterator[Person]:
    """The people whose keys were in an earlier call."""
    return (Person(key) for key in keys if isinstance(key, str))


def select_unmatched() -> Select[SourcePerson]:
    """Select the people without an account or a match, except those that an admin dismissed."""
    has_account = select(User.id).where(User.email == SourcePerson.external)
    return select(SourcePerson).where(
        SourcePerson.user_id.is_(None), SourcePerson.dismissed_at.is_(None), ~has_account.exists()
    )


def unmatched(source: Source) -> Sequence[SourcePerson]:
    """List the people of a source from `select_unmatched`, newest first."""
    query = select_unmatched().where(SourcePerson.source_id == source.id)
    return db.session.scalars(query.order_by(SourcePerson.id.desc()).limit(MAX_LISTED)).all()


def count_unmatched() -> dict[int, int]:
    """Return the number of people who match no account, by the id of their source."""
    rows = select_unmatched().with_only_columns(SourcePerson.source_id, func.count())
    return {row[0]: row[1] for row in db.session.execute(rows.group_by(SourcePerson.source_id))}


def matched(source: Source) -> Sequence[SourcePerson]:
    """List the people that admins matched."""
    query = select(SourcePerson).where(SourcePerson.source_id == source.id, SourcePerson.user_id.is_not(None))
    return db.session.scalars(query.order_by(SourcePerson.name, SourcePerson.external)).all()


def suggestions(people: Sequence[SourcePerson]) -> dict[int, list[User]]:
    """Suggest up to two users for each person: those whose name or address contains the person's name."""
    found: dict[int, list[User]] = {person.id: [] for person in people}
    if found:
        pairs = union_all(*(select(_named_like(person).subquery()) for person in people)).subquery()
        rows = select(pairs.c.person_id, User).join(User, User.id == pairs.c.id).order_by(User.name)
        for person_id, user in db.session.execute(rows):
            found[person_id].append(user)
    return found


def _named_like(person: SourcePerson) -> Select[int, int]:
    name = person.name or person.external.partition("@")[0].replace(".", " ")
    query = select(literal(person.id).label("person_id"), User.id)
    return query.where(recipients.matches_person(name), User.is_enabled).order_by(User.name).limit(2)


def set_user(source_id: int, person_id: int, email: str, *, actor: User, now: datetime | None = None) -> int:
    """Match a person with a user, and map the calls again that reached no one because of them.

    Args:
        email: the user's address; empty takes the match back.
    Returns:
        how many calls are mapped again.
    Raises:
        NotFound: the source has no such person.
        Invalid: keyed `email`: no active user has this address.
    """
    now = now or utc_now()
    user = users.by_email(email) if email else None
    if email and (user is None or not user.is_enabled):
        raise Invalid({"email": _("No account has the address %(email)s.", email=email)})
    with writing():
        person = _get(source_id, person_id)
        person.user, person.dismissed_at = user, None
        audit.record(
            "source.person_matched" if user else "source.match_removed",
            user.email if user else person.external,
            actor=actor,
            source=source_id,
            person=person.external,
        )
        return _replay_unmapped(source_id, now) if user else 0


def dismiss(source_id: int, person_id: int, *, actor: User, now: datetime | None = None) -> None:
    """Take a person off the list: they need no account. Raises NotFound."""
    with writing():
        person = _get(source_id, person_id)
        person.dismissed_at = now or utc_now()
        audit.record("source.person_dismissed", person.external, actor=actor, source=source_id)


def _get(source_id: int, person_id: int) -> SourcePerson:
    person = db.session.get(SourcePerson, person_id, populate_existing=True)
    if person is None or person.source_id != source_id:
        raise NotFound(_("Person not found."))
    return person


def _replay_unmapped(source_id: int, now: datetime) -> int:
    newest = (
        select(SourceCall.id)
        .where(SourceCall.source_id == source_id, SourceCall.state == "unmapped_people")
        .order_by(SourceCall.id.desc())
        .limit(MAX_REPLAYED)
    )
    again = update(SourceCall).where(SourceCall.id.in_(newest)).values(state="waiting", due_at=now)
    return len(db.session.execute(again.returning(SourceCall.id), execution_options=BULK).all())


def _key(person: Person) -> str:
    key = canonical_addresses.key(person.key) if "@" in person.key else person.key
    return key if len(key) <= 320 and key.isprintable() else digest(key)
