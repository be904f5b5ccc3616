"""Test calls: signed with the source's own secret, checked and mapped like any other, for one person only."""

from __future__ import annotations

import json
import secrets as random_secrets
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.models import User
from app.services.base.errors import Conflict
from app.services.sources import calls, connections, mapping, receiving
from app.services.sources.calls import CallRow
from app.sources import SOURCES


def send_test(source_id: int, user: User, *, secret: str, now: datetime | None = None) -> CallRow:
    """Sign and receive a test call that notifies one person, and map it at once.

    Args:
        user: the person to notify.
        secret: the application's key.
    Raises:
        NotFound: the source does not exist.
        Conflict: it is paused, or its secret cannot be read.
    """
    now = now or utc_now()
    source = connections.get(source_id)
    if source.is_paused:
        raise Conflict(_("This source is paused. Resume it before you test it."))
    accepted = connections.accepted_secrets(source, secret, now)
    if not accepted:
        raise Conflict(_("Bellhop's SECRET_KEY was changed, so the secret can't be read. Enter it again."))
    module, unique = SOURCES[source.kind], random_secrets.token_hex(8)
    body = json.dumps(module.sample(user.email, now, unique)).encode()
    headers, body = module.sign(body, accepted[0], now, unique)
    call = receiving.receive(source.public_id, headers, body, secret=secret, now=now, settle=timedelta(0))
    if call is None:
        raise Conflict(_("The test call was refused. Enter the secret again."))
    mapping.map_call(call.id, now)
    return calls.get(source.id, call.id)


def first_admin() -> User | None:
    """The first admin who may sign in, for tests from the command line."""
    query = select(User).where(User.role == "admin", User.is_enabled).order_by(User.id)
    return db.session.scalar(query.limit(1))
