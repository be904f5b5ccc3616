"""Asks the API of another system for what its calls lack: names, the stage, the team."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import Any

from sqlalchemy import update

from app.channels import safe_http
from app.channels.base import DeliveryError
from app.channels.public_addresses import is_public
from app.database.base import db
from app.database.writing import BULK
from app.models import Source
from app.services.base import encryption
from app.services.sources import connections, interviews
from app.services.sources import facts as known_facts
from app.sources import SOURCES
from app.sources.calls import Lookup, MappedCall, SourceEvent

SECONDS = 5.0
# An application with its history; a longer answer is of no use.
MAX_BYTES = 1024 * 1024


class NoAnswer(Exception):
    """The API did not answer, or not with what was asked for; `str(error)` says how."""


class Lookups:
    """The look-ups of one run. After a failure a source is left alone until the next run.

    Args:
        secret: the application's key.
        base_url: a stand-in that gets every request, which may be on a private address; "" for the systems themselves.
    """

    def __init__(self, secret: str, base_url: str = "") -> None:
        self._secret, self._base_url = secret, base_url
        self._failed: set[int] = set()

    def complete(self, source: Source, event: SourceEvent, now: datetime) -> SourceEvent:
        """Return an event with what the API knows of it, and remember that for later calls; commits.

        Without an API key, or without an answer, the event stays as it is.
        """
        if not source.api_key or source.id in self._failed:
            return event
        module = SOURCES[source.kind]
        lookup = module.build_lookup(event, known_facts.read(source, event.about))
        key = encryption.decrypt(source.api_key, purpose=connections.API_KEY_PURPOSE, secret=self._secret)
        if lookup is None or key is None:
            return event
        db.session.commit()  # No transaction stays open while waiting for the network.
        try:
            answer: MappedCall = module.read_answer(event, self._ask(module.API_URL, lookup, key))
        except NoAnswer as error:
            self._failed.add(source.id)
            _note(source, str(error))
            return event
        known_facts.learn(source, answer.facts, now)
        interviews.fill_names(source, answer.facts)
        _note(source, "")
        (completed,) = answer.events
        return completed

    def _ask(self, api_url: str, lookup: Lookup, key: str) -> dict[str, Any]:
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode(),
        }
        try:
            response = safe_http.request(
                lookup.method,
                (self._base_url or api_url) + lookup.path,
                json.dumps(lookup.body).encode() if lookup.body else b"",
                headers,
                may_reach=(lambda _address: True) if self._base_url else is_public,
                within=SECONDS,
                most=MAX_BYTES,
            )
        except DeliveryError as error:
            raise NoAnswer(str(error)) from error
        if not response.is_ok:
            raise NoAnswer(response.summary())
        try:
            document = json.loads(response.text)
        except (ValueError, RecursionError) as error:
            raise NoAnswer("The answer is not JSON") from error
        # Ashby says so in the body.
        if not isinstance(document, dict) or document.get("success") is False:
            raise NoAnswer(response.summary())
        return document


def _note(source: Source, error: str) -> None:
    """Record the last answer where admins look for it, and commit."""
    if source.api_error != error[:300]:
        changed = update(Source).where(Source.id == source.id).values(api_error=error[:300])
        db.session.execute(changed, execution_options=BULK)
    db.session.commit()
