"""Sending what is due: claim, send outside any transaction, finish where the claim is still ours."""

from __future__ import annotations

import itertools
import logging
import os
import socket
import threading
import time
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import joinedload

from app import catalog
from app.channels import CONNECTORS
from app.channels.base import Channel, DeliveryError, HostUnavailable, TemporaryFailure
from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, Notification, User
from app.rendering import plain_text
from app.services.sending import (
    email,
    failures,
    outbox,
    payloads,
    pool,
    preflight,
)
from app.services.sending import (
    results as sending_results,
)
from app.services.sending.lease import Claim, heartbeat
from app.services.sending.results import SendResult

# A batch is what lapses together when a sender is killed, so it stays small where the other side is slow.
SMALL_BATCH, LARGE_BATCH, QUICK_SECONDS = 20, 100, 0.5
# Results are written in groups, but none waits long: what is not written when a sender is killed goes out twice.
GROUP, GROUP_SECONDS = 25, 0.025
# Seconds of rest for a host that cannot be reached, growing.
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 60.0
WRITE_AGAIN_AFTER = (0.2, 1.0, 3.0, 10.0)
log = logging.getLogger(__name__)


class DeliveryWorker:
    """Carries what is due. One a process: it remembers which hosts need rest.

    `stopping` ends a run after the message at hand; what was claimed beside it is given back.
    """

    def __init__(self, sender: email.SiteIdentity) -> None:
        self.sender = sender
        self.holder = f"{socket.gethostname()}:{os.getpid()}"[:80]
        self.stopping = threading.Event()
        self.pauses: dict[str, tuple[float, float]] = {}

    def deliver_due(self, now: datetime | None = None) -> int:
        """Send until nothing is due, or the hosts need rest.

        Args:
            now: the instant to act at instead of the clock's.
        Returns:
            how many attempts and decisions there were.
        """
        return pool.drain_channels(self._has_work, lambda name: self._empty(name, now), now)

    def _has_work(self, name: str, now: datetime | None) -> bool:
        return not self._ends(name) and outbox.has_due(name, now or utc_now())

    def _empty(self, name: str, now: datetime | None) -> int:
        done, channel, batch = 0, CONNECTORS[name](), SMALL_BATCH
        largest = catalog.CHANNELS[name].batch_size
        try:
            for turn in itertools.count(1):
                began_at, before = time.monotonic(), done
                done += self._carry_some(name, channel, now, most=min(batch, largest))
                batch = LARGE_BATCH if time.monotonic() - began_at < QUICK_SECONDS else SMALL_BATCH
                # After the others, but not only when there are no others, or a busy day would keep them waiting.
                if done == before or turn % 10 == 0:
                    done += self._carry_some(name, channel, now, most=1, is_suspect=True)
                if done == before:
                    break
        finally:
            channel.close()
        return done

    def _carry_some(
        self, name: str, channel: Channel, now: datetime | None, *, most: int, is_suspect: bool = False
    ) -> int:
        if self._ends(name):
            return 0
        lease_until = utc_now() + outbox.LEASE
        token, ids = outbox.claim(
            name,
            now or utc_now(),
            lease_until=lease_until,
            holder=self.holder,
            most=most,
            is_suspect=is_suspect,
        )
        if not ids:
            return 0
        claim = Claim(token, ids, lease_until)
        with heartbeat(claim):
            done, unreachable = self._send(name, channel, claim, _load(ids), now)
        if done < len(ids):
            outbox.give_back(
                token,
                reason="unreachable" if unreachable else None,
                reason_data={"detail": unreachable[:300]} if unreachable else None,
            )
        return done

    def _send(
        self, name: str, channel: Channel, claim: Claim, rows: Sequence[Delivery], now: datetime | None
    ) -> tuple[int, str]:
        """Answers how many rows were dealt with, and what a host said that cannot be reached."""
        grounds = preflight.load_context(name, rows)
        db.session.commit()  # No transaction stays open while the network is waited for.
        results, unreachable, done, written_at = [], "", 0, time.monotonic()
        for row in rows:
            if self._ends(name):
                break
            if not claim.still_holds(row.id):
                continue
            try:
                results.append(self._attempt(channel, row, grounds, now))
                done += 1
            except HostUnavailable as error:
                unreachable = plain_text.to_single_line(str(error))
                self._rest(name, unreachable)
            if len(results) >= GROUP or time.monotonic() - written_at >= GROUP_SECONDS:
                self._write(claim, results)
                results, written_at = [], time.monotonic()
        self._write(claim, results)
        return done, unreachable

    def _attempt(
        self, channel: Channel, row: Delivery, grounds: preflight.PreflightContext, now: datetime | None
    ) -> SendResult:
        started_at = now or utc_now()
        if objection := preflight.check_before_sending(row, grounds, started_at):
            return objection
        try:
            message = payloads.build_payload(row, self.sender, started_at)
            db.session.commit()  # What was looked up for it holds no transaction open while the network is waited for.
            receipt = channel.send(message)
        except HostUnavailable:
            raise
        except DeliveryError as error:
            if isinstance(error, TemporaryFailure) and error.slow_down:
                self._rest(row.channel, plain_text.to_single_line(str(error)))
            failure = error
        except Exception as error:
            # A defect of ours: the message waits for its repair instead of being lost.
            log.exception("Delivery %s could not be put together", row.id)
            failure = TemporaryFailure(f"internal error: {type(error).__name__}")
        else:
            self.pauses.pop(row.channel, None)
            return SendResult(
                row.id,
                "sent",
                now or utc_now(),
                reason="sent" if receipt.kept is None else "kept",
                started_at=started_at,
                response=plain_text.to_single_line(receipt.response),
                kept=receipt.kept,
            )
        return failures.result_of_failure(failure, row, started_at, now or utc_now())

    def _write(self, claim: Claim, results: Sequence[SendResult]) -> None:
        """Write results down, also when the database is busy for a while: these messages are out."""
        for pause in (*WRITE_AGAIN_AFTER, None) if results else ():
            try:
                sending_results.record_results(claim.token, results)
            except OperationalError:
                db.session.rollback()
                if pause is None:
                    raise
                log.warning("Results could not be written; trying again", exc_info=True)
                time.sleep(pause)
            else:
                return

    def _ends(self, name: str) -> bool:
        return self.stopping.is_set() or self._rests(name)

    def _rests(self, name: str) -> bool:
        return name in self.pauses and time.monotonic() < self.pauses[name][0]

    def _rest(self, name: str, why: str) -> None:
        length = min(self.pauses[name][1] * 2, LONGEST_PAUSE) if name in self.pauses else FIRST_PAUSE
        self.pauses[name] = (time.monotonic() + length, length)
        log.warning("%s rests for %.0f s: %s", name, length, why)


def _load(ids: Collection[int]) -> Sequence[Delivery]:
    query = (
        select(Delivery)
        .where(Delivery.id.in_(ids))
        .options(
            joinedload(Delivery.recipient).joinedload(User.preference),
            joinedload(Delivery.notification).joinedload(Notification.interview),
            joinedload(Delivery.notification).selectinload(Notification.event),
        )
        .order_by(Delivery.due_at, Delivery.id)
        .execution_options(populate_existing=True)
    )
    return db.session.scalars(query).all()
