"""Sends what is due: claim, send outside any transaction, record the results that are still ours."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from app import catalog
from app.channels import CONNECTORS
from app.channels.base import (
    Channel,
    DeliveryError,
    HostUnavailable,
    Message,
    PermanentFailure,
    Receipt,
    TemporaryFailure,
)
from app.channels.email import SmtpChannel
from app.channels.safe_http import NoResponse
from app.clock import utc_now
from app.database.base import db
from app.models import Delivery
from app.rendering import plain_text
from app.services.base import outages
from app.services.sending import channel_outages, failures, outbox, payloads, pool, preflight
from app.services.sending.backoff import HostBackoff
from app.services.sending.claim import Claim, heartbeat
from app.services.sending.email import SiteIdentity
from app.services.sending.loading import load_deliveries
from app.services.sending.lookahead import Lookahead, Prepared
from app.services.sending.preflight_rules import PreflightContext
from app.services.sending.rate_limits import NO_LIMITS, RateLimits
from app.services.sending.results import SendResult

# A killed worker loses its whole batch until the lease ends, so batches stay small unless the host is quick.
SMALL_BATCH, QUICK_SECONDS = 20, 0.5
# How long one queue of a channel is served before the next has its turn.
TURN_SECONDS = 5.0
# After this long, a worker of the broker leaves what is left of a message to the next one.
MESSAGE_SECONDS = 30.0
# Results are recorded in groups, but without delay: a message whose result is not recorded is sent twice.
GROUP, GROUP_SECONDS = 25, 0.025
log = logging.getLogger(__name__)


class StopFlag(Protocol):
    """Whether to stop; an event, or a flag that several processes share."""

    def set(self) -> None: ...

    def is_set(self) -> bool: ...


class DeliveryWorker:
    """Sends what is due. There is one per process, because it remembers which hosts to leave alone.

    `stop` ends a run after the current message.

    Args:
        site: the installation that messages come from.
        holder: the name recorded on claims.
        limits: how many emails may be sent per minute.
    """

    def __init__(self, site: SiteIdentity, holder: str = "", limits: RateLimits = NO_LIMITS) -> None:
        self.site = site
        self.limits = limits
        self.holder = holder
        self.stopping: StopFlag = threading.Event()
        self.backoff = HostBackoff()
        # Whether a channel is ours to serve.
        self._must_send: Callable[[str], bool] = lambda _channel: True
        # Claims that an outage of the database interrupted; given back when it is over.
        self.abandoned: set[str] = set()
        # Claims that are being worked on, by channel.
        self.claims: dict[str, set[Claim]] = defaultdict(set)
        # The threads that serve each channel.
        self.threads: dict[str, set[int]] = defaultdict(set)

    def stop(self) -> None:
        """End the run after the current message, and give back at once what waits behind it."""
        self.stopping.set()
        try:
            for claim in [claim for claims in list(self.claims.values()) for claim in list(claims)]:
                claim.give_back_waiting()
        except SQLAlchemyError as error:
            db.session.rollback()
            if not outages.is_outage(error):
                raise
            outages.report(error)

    def deliver_due(
        self,
        now: datetime | None = None,
        *,
        before_round: Callable[[], None] | None = None,
        must_send: Callable[[str], bool] = lambda _channel: True,
    ) -> int:
        """Send until nothing is due or the hosts have to be left alone.

        Args:
            now: act as if it were this time.
            before_round: called each time before looking for work.
            must_send: tells whether a channel is ours to serve; asked before each message.
        Returns:
            the number of messages sent, failed or decided against.
        """
        self._give_back_abandoned()
        self._must_send = must_send
        return pool.drain_channels(self._has_work, self._drain_channel, now, before_round, self._count_slow)

    def deliver_named(self, name: str, ids: Sequence[int]) -> int:
        """Send those of these deliveries of a channel that are due and unclaimed.

        Urgent deliveries, those of a worker that died and retries are sent first, because the message that names them
        may be behind many others.

        Returns:
            the number of messages sent, failed or decided against.
        """
        self._give_back_abandoned()
        done, ends_at = 0, time.monotonic() + MESSAGE_SECONDS
        channel = CONNECTORS[name]()
        try:
            while True:
                sent = sum(
                    self._serve_queue(name, channel, None, queue=queue, most=SMALL_BATCH)
                    for queue in ("urgent", "suspect", "retry")
                )
                sent += self._send_batch(name, channel, None, queue="new", named=ids, most=len(ids))
                done += sent
                if not sent or time.monotonic() > ends_at:
                    return done
        finally:
            channel.close()

    def _give_back_abandoned(self) -> None:
        for token in list(self.abandoned):
            outbox.give_back(token)
            self.abandoned.discard(token)

    def _count_slow(self, name: str) -> int:
        return sum(claim.is_slow for claim in list(self.claims[name]))

    def _has_work(self, name: str, now: datetime | None) -> bool:
        if self._must_stop(name):
            return False
        limited = self._limited_domains(name)
        return limited is not None and outbox.has_due(name, now or utc_now(), limited)

    def _limited_domains(self, name: str) -> list[str] | None:
        """Return the domains whose emails must wait for their limit; None if all of the channel must."""
        return self.limits.limited_domains(utc_now()) if name == "email" else []

    def _drain_channel(self, name: str, now: datetime | None) -> int:
        largest = catalog.CHANNELS[name].batch_size
        done, size = 0, min(SMALL_BATCH, largest)
        channel = CONNECTORS[name]()
        self.threads[name].add(threading.get_ident())
        try:
            while True:
                done_before = done
                for queue in outbox.QUEUES:
                    started, sent_before = time.monotonic(), done
                    done += self._serve_queue(name, channel, now, queue=queue, most=size)
                    if done > sent_before:
                        is_quick = time.monotonic() - started < QUICK_SECONDS
                        size = largest if is_quick else min(SMALL_BATCH, largest)
                if done == done_before or self._has_too_many_threads(name):
                    break
        finally:
            self.threads[name].discard(threading.get_ident())
            channel.close()
        return done

    def _has_too_many_threads(self, name: str) -> bool:
        """Whether there are more threads than needed, now that a slow one has finished."""
        return len(self.threads[name]) > catalog.CHANNELS[name].threads + self._count_slow(name)

    def _serve_queue(
        self, name: str, channel: Channel, now: datetime | None, *, queue: str, most: int
    ) -> int:
        if queue == "suspect":
            return self._send_suspects(name, channel, now, most=most)
        return self._send_batch(name, channel, now, queue=queue, most=most)

    def _send_suspects(self, name: str, channel: Channel, now: datetime | None, *, most: int) -> int:
        done, ends_at = 0, time.monotonic() + TURN_SECONDS
        for _number in range(most):
            sent = self._send_batch(name, channel, now, queue="suspect", most=1)
            done += sent
            if not sent or time.monotonic() >= ends_at:
                break
        return done

    def _send_batch(
        self,
        name: str,
        channel: Channel,
        now: datetime | None,
        *,
        queue: str,
        most: int,
        named: Sequence[int] = (),
    ) -> int:
        if self._must_stop(name):
            return 0
        limited = self._limited_domains(name)
        if limited is None:
            return 0
        lease_until = utc_now() + outbox.LEASE
        token, ids = outbox.claim(
            name,
            now or utc_now(),
            lease_until=lease_until,
            holder=self.holder,
            queue=queue,
            named=named,
            most=most,
            except_domains=limited,
        )
        if not ids:
            return 0
        claim = Claim(token, ids, lease_until)
        self.claims[name].add(claim)
        try:
            with heartbeat(claim):
                done, host_error = self._send_claimed(name, channel, claim, load_deliveries(ids), now)
        except SQLAlchemyError:
            self.abandoned.add(token)
            raise
        finally:
            self.claims[name].discard(claim)
        if done < len(ids):
            if host_error is None:
                outbox.give_back(token)
            else:
                detail = plain_text.to_single_line(str(host_error))[:300]
                outbox.give_back(
                    token,
                    reason="misconfigured" if host_error.is_our_fault else "unreachable",
                    reason_data={"channel": name, "detail": detail},
                )
        return done

    def _send_claimed(
        self, name: str, channel: Channel, claim: Claim, rows: Sequence[Delivery], now: datetime | None
    ) -> tuple[int, HostUnavailable | None]:
        """Send claimed deliveries; returns how many are done, and the error of a host that is unavailable."""
        context = preflight.load_context(name, rows, now or utc_now())
        db.session.commit()  # No transaction stays open while waiting for the network.
        host_error: HostUnavailable | None = None
        has_sent, rejection = False, ""
        done, recorded_at = 0, time.monotonic()
        ends_at = recorded_at + TURN_SECONDS
        lookahead = Lookahead(rows, lambda row: self._prepare(row, context, now))
        try:
            for row in rows:
                if self._must_stop(name) or time.monotonic() >= ends_at:
                    break
                if not claim.begin(row.id):
                    continue
                try:
                    result = self._send(channel, row, lookahead, now)
                except HostUnavailable as error:
                    host_error = error
                    self._back_off(
                        name, plain_text.to_single_line(str(error)), is_our_fault=error.is_our_fault
                    )
                    continue
                if result is None:
                    continue
                done += 1
                has_sent = has_sent or result.state == "sent"
                rejection = result.response if result.reason == "misconfigured" else rejection
                if claim.add_result(result) >= GROUP or time.monotonic() - recorded_at >= GROUP_SECONDS:
                    recorded_at = time.monotonic()
                    claim.record_results()
        finally:
            claim.record_results()  # What has left is recorded, even if the database fails in between.
        if has_sent and host_error is None:
            channel_outages.record_success(name, utc_now())
        elif rejection:
            channel_outages.record_failure(name, rejection, utc_now(), is_our_fault=True)
        return done, host_error

    def _prepare(self, row: Delivery, context: PreflightContext, now: datetime | None) -> Prepared:
        """Check a delivery before it is sent, and build its message."""
        started_at = now or utc_now()
        if result := preflight.check_before_sending(row, context, started_at):
            return Prepared(row, started_at, result=result)
        if row.channel == "email" and self.limits and not self.limits.take(row.address, utc_now()):
            return Prepared(row, started_at)
        digest = context.digests.find(row, started_at) if row.kind in catalog.DIGESTS else None
        message = payloads.build_payload(row, self.site, started_at, digest)
        if db.session().in_transaction():  # Building the payload may have read from the database.
            db.session.commit()
        return Prepared(row, started_at, message, at=digest.read_at if digest else time.monotonic())

    def _send(
        self, channel: Channel, row: Delivery, lookahead: Lookahead, now: datetime | None
    ) -> SendResult | None:
        """Send a delivery unless it must not be sent; None if it must wait for a limit of emails per minute."""
        started_at = now or utc_now()
        try:
            prepared = lookahead.take(row)
            started_at = prepared.started_at
            if prepared.message is None:
                return prepared.result
            receipt = self._transmit(channel, row, prepared.message, lookahead)
        except HostUnavailable:
            raise
        except DeliveryError as error:
            self._note_host(row, error)
            failure = error
        except Exception as error:
            if outages.is_outage(error):
                raise
            # A bug in Bellhop. The message is retried, so it is not lost if the bug is fixed in time.
            log.exception("Delivery %s could not be built", row.id)
            failure = TemporaryFailure(f"internal error: {type(error).__name__}")
        else:
            self.backoff.reset(row.channel)
            return SendResult(
                row.id,
                "sent",
                now or utc_now(),
                reason="sent" if receipt.captured is None else "kept",
                started_at=started_at,
                response=plain_text.to_single_line(receipt.response),
                captured=receipt.captured,
                remote_id=receipt.remote_id,
            )
        return failures.result_of_failure(failure, row, started_at, now or utc_now())

    def _transmit(self, channel: Channel, row: Delivery, message: Message, lookahead: Lookahead) -> Receipt:
        # Under a limit nothing is prepared early, because that would draw on it.
        if not isinstance(channel, SmtpChannel) or self.limits:
            return channel.send(message)
        following = lookahead.find_following(row)
        if following is None:
            return channel.send(message)
        return channel.send_ahead(message, following.message, lambda: lookahead.find_following(following.row))

    def _note_host(self, row: Delivery, error: DeliveryError) -> None:
        """Leave a host alone if it asks for that, and count one that does not respond."""
        text = plain_text.to_single_line(str(error))
        if isinstance(error, TemporaryFailure) and error.slow_down:
            self._back_off(row.channel, text)
        if isinstance(error, NoResponse):
            self._count_unreached(row, text)
        if isinstance(error, PermanentFailure) and error.is_our_fault:
            channel_outages.record_failure(row.channel, text, utc_now(), is_our_fault=True)

    def _count_unreached(self, row: Delivery, error: str) -> None:
        """Record an outage of a channel with many hosts, once those of two people do not respond.

        A single person's may be gone for good, which is not the admins' concern.
        """
        if self.backoff.count_unreached(row.channel, row.recipient_id or row.address) > 1:
            channel_outages.record_failure(row.channel, error, utc_now(), is_our_fault=False)

    def _must_stop(self, name: str) -> bool:
        return self.stopping.is_set() or self.backoff.is_active(name) or not self._must_send(name)

    def _back_off(self, name: str, error: str, *, is_our_fault: bool = False) -> None:
        log.warning("Backing off from %s for %.0f s: %s", name, self.backoff.start(name), error)
        channel_outages.record_failure(name, error, utc_now(), is_our_fault=is_our_fault)
