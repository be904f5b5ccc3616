"""Records outages of channels, and alerts the admins once when one lasts and once when it has ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import case, delete, select, update

from app import catalog
from app.clock import to_rfc3339, utc_now
from app.database.base import Base, db
from app.database.compiled import CompiledStatement
from app.database.writing import BULK, insert_ignore
from app.models import ChannelOutage, Delivery
from app.models.delivery import WAITING_STATES
from app.services.base import audit, cache, recipients
from app.services.routing import alerts, reasons

# A server that restarts is back sooner than this.
ALERT_AFTER = timedelta(minutes=1)
# If nothing has failed for this long, nothing was tried: those who could not be reached may be gone.
FORGOTTEN_AFTER = timedelta(days=1)
_OUTAGES = Base.metadata.tables["channel_outages"]


class Outage(NamedTuple):
    """An outage as pages show it; see `models.ChannelOutage`."""

    channel: str
    began_at: datetime
    failed_at: datetime
    detail: str
    is_our_fault: bool


# Runs whenever a notification with a waiting message is opened, and after every batch of messages.
_READ = CompiledStatement(select(*(_OUTAGES.c[name] for name in Outage._fields)))


def record_failure(channel: str, detail: str, now: datetime, *, is_our_fault: bool) -> None:
    """Record that nothing could be sent over a channel, alert the admins if that lasts, and commit."""
    detail = detail[:300]
    values: dict[str, Any] = {"failed_at": now, "detail": detail, "is_our_fault": is_our_fault}
    this = update(ChannelOutage).where(ChannelOutage.channel == channel)
    forgotten = delete(ChannelOutage).where(
        ChannelOutage.channel == channel, ChannelOutage.failed_at < now - FORGOTTEN_AFTER
    )
    db.session.execute(forgotten, execution_options=BULK)
    db.session.execute(insert_ignore(ChannelOutage).values(channel=channel, began_at=now, **values))
    # A clock that went back would put its beginning into the future.
    values["began_at"] = case((ChannelOutage.began_at > now, now), else_=ChannelOutage.began_at)
    began_at = db.session.scalar(
        this.values(values).returning(ChannelOutage.began_at), execution_options=BULK
    )
    if began_at is not None and now - began_at >= ALERT_AFTER:
        _alert_once(channel, detail, now, is_our_fault=is_our_fault)
    db.session.commit()


def record_success(channel: str, now: datetime) -> None:
    """Record that a channel works, tell the admins if they were alerted to an outage, and commit."""
    # Read first, because there is almost never an outage.
    if all(outage.channel != channel for outage in _READ.fetch()):
        return
    ended = db.session.execute(
        delete(ChannelOutage)
        .where(ChannelOutage.channel == channel)
        .returning(ChannelOutage.began_at, ChannelOutage.alerted_at),
        execution_options=BULK,
    ).one_or_none()
    if ended is not None and ended.alerted_at is not None:
        label = catalog.CHANNELS[channel].label
        audit.record("channel.back", channel, since=to_rfc3339(ended.began_at))
        alerts.raise_system_alert(
            recipients.active_admins(),
            _l("%(channel)s works again", channel=label),
            _l("The outage is over. The messages that waited are being sent now."),
            "/admin/deliveries",
            now,
            is_exact=True,
            channels=("in_app",),
        )
    db.session.commit()


def current_outages() -> dict[str, Outage]:
    """Return the outages that have not ended, by channel."""
    since = utc_now() - FORGOTTEN_AFTER
    rows = cache.until_commit("outages", lambda: [Outage._make(row) for row in _READ.fetch()])
    return {row.channel: row for row in rows if row.failed_at > since}


def outages_of(deliveries: Iterable[Delivery]) -> dict[str, Outage]:
    """Return the outages that these deliveries may wait for; asks only if one of them waits."""
    return current_outages() if any(each.state in WAITING_STATES for each in deliveries) else {}


def reason_now(
    delivery: Delivery, outages: Mapping[str, Outage], now: datetime | None = None
) -> tuple[str, dict[str, Any]]:
    """Return why a delivery is where it is: its own reason, or the outage that it waits for."""
    outage = outages.get(delivery.channel)
    is_waiting = delivery.state in WAITING_STATES and delivery.due_at <= (now or utc_now())
    if outage is None or not is_waiting:
        return delivery.reason, delivery.reason_data
    reason = "misconfigured" if outage.is_our_fault else "unreachable_since"
    data = {"channel": outage.channel, "detail": outage.detail, "since": to_rfc3339(outage.began_at)}
    return reason, data


def describe_delivery(delivery: Delivery, outages: Mapping[str, Outage], time_zone: str, locale: str) -> str:
    """Describe a delivery's state in a sentence, in a reader's time zone and language."""
    reason, data = reason_now(delivery, outages)
    if reason in {"gave_up", "expired"} and data.get("detail") and delivery.attempts:
        return ngettext(
            "Gave up after %(num)d attempt: %(detail)s",
            "Gave up after %(num)d attempts: %(detail)s",
            delivery.attempts,
            detail=data["detail"],
        )
    return reasons.describe(
        delivery.state, reason, data, time_zone=time_zone, locale=locale, due_at=delivery.due_at
    )


def _alert_once(channel: str, detail: str, now: datetime, *, is_our_fault: bool) -> None:
    """Alert the admins unless they were, by this process or another."""
    unalerted = update(ChannelOutage).where(
        ChannelOutage.channel == channel, ChannelOutage.alerted_at.is_(None)
    )
    alerted = unalerted.values(alerted_at=now).returning(ChannelOutage.channel)
    if db.session.scalar(alerted, execution_options=BULK) is None:
        return
    audit.record("channel.down", channel, detail=detail)
    label = catalog.CHANNELS[channel].label
    if is_our_fault:
        title = _l("%(channel)s is not working: Bellhop's settings were rejected", channel=label)
        message = _l(
            "The response is: %(detail)s\n\nFix the settings and restart Bellhop. "
            "“flask doctor” checks them without sending anything.",
            detail=detail,
        )
    else:
        title = _l("%(channel)s is not working: the server cannot be reached", channel=label)
        message = _l(
            "The last error is: %(detail)s\n\n"
            "The messages will be sent when the server responds again. You will be notified.",
            detail=detail,
        )
    # In the app only, because the failing channel may be the one that reaches the admins.
    alerts.raise_system_alert(
        recipients.active_admins(),
        title,
        message,
        "/admin/deliveries",
        now,
        is_exact=True,
        channels=("in_app",),
    )
