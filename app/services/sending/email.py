"""Composes the email of a delivery when it is sent: texts, headers, calendar file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from flask_babel import force_locale
from flask_babel import gettext as _

from app import catalog, safe_urls
from app.catalog import DIGESTS
from app.channels import mime
from app.channels.base import Attachment, Message
from app.models import Delivery, Notification, RoomMessage, User
from app.rendering import calendar, email, html_sanitizer, locales
from app.rendering.interview_facts import Fact, FactsReader, InterviewDetails, interview_facts
from app.rendering.key_facts import previous_start, second_line
from app.rendering.main_links import main_links
from app.rendering.texts import Texts
from app.services.accounts import emails as account_emails
from app.services.accounts import notices
from app.services.digests import email as digest_email
from app.services.digests.reading import DigestContents
from app.services.follows import links as follow_links
from app.services.follows.lookup import list_subjects
from app.services.interviews import records, reminder_texts
from app.services.preferences import unsubscribe
from app.services.routing import routes


@dataclass(frozen=True)
class SiteIdentity:
    """The installation that messages come from.

    Args:
        base_url: where its pages are, without a final slash.
        address: the From address, with or without a name.
        secret: the key that signs links.
    """

    base_url: str
    address: str
    secret: str

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> SiteIdentity:
        """Read it from the application's configuration."""
        return cls(config["BASE_URL"], config["MAIL_DEFAULT_SENDER"], config["SECRET_KEY"])

    @property
    def host(self) -> str:
        """The right side of Message-IDs (RFC 5322, 3.6.4), where an IPv6 address is written in brackets."""
        host = urlsplit(self.base_url).hostname or "localhost"
        return f"[IPv6:{host}]" if ":" in host else host

    @property
    def organizer(self) -> tuple[str, str]:
        """The name and the address in calendar files."""
        try:
            return mime.split_sender(self.address)
        except ValueError:
            return (
                "",
                self.address,
            )  # The channel refuses it, so the message waits until an admin has fixed it.


@cache
def sender_name(site: SiteIdentity) -> str:
    """Return the name that emails are signed with: that of the From address."""
    return site.organizer[0] or "Bellhop"


class FixedTexts(NamedTuple):
    """The texts of an email that depend only on its language, type and category, and why it reaches the person."""

    label: str
    reason: str
    read: str
    open_inbox: str
    preferences: str
    unsubscribe: str
    mute: dict[str, str]


@cache
def fixed_texts(_locale: str, notification_type: str, category: str, routed_by: str = "") -> FixedTexts:
    """Translate the fixed texts of messages into the language in force, whose name is `_locale`.

    Remembered, because looking up seven texts costs a sixth of composing an email.
    """
    spec = catalog.CATEGORIES[category]
    return FixedTexts(
        label=str(spec.label),
        reason=str(routes.reader_reason(notification_type, routed_by)),
        read=_("Read in Bellhop"),
        open_inbox=_("Open your inbox"),
        preferences=_("Choose what we send you"),
        unsubscribe=_("Unsubscribe from: %(category)s", category=str(spec.plural)),
        mute={
            "candidate": _("Mute this candidate"),
            "job": _("Mute this job"),
            "type": _("Mute: %(type)s", type=str(catalog.TYPES[notification_type].label)),
        },
    )


def compose_email(
    delivery: Delivery, site: SiteIdentity, now: datetime, digest: DigestContents | None = None
) -> Message:
    """Compose the email of a delivery in the recipient's language and time zone.

    Args:
        digest: what was read for a digest; None reads it now.
    """
    with force_locale(locales.parse(delivery.recipient.locale)):
        if delivery.kind in DIGESTS:
            return _digest_email(delivery, site, now, digest)
        if delivery.notification is None:
            return _account_email(delivery, site, now)
        return _notification_email(delivery, delivery.notification, site, now)


def message_id(delivery: Delivery, site: SiteIdentity) -> str:
    """Return the Message-ID of a delivery. It is the same in every attempt, so a second copy can be recognised."""
    return f"<d{delivery.id}.{int(delivery.created_at.timestamp() * 1_000_000)}@{site.host}>"


def _notification_email(delivery: Delivery, row: Notification, site: SiteIdentity, now: datetime) -> Message:
    user, fixed = (
        delivery.recipient,
        fixed_texts(delivery.recipient.locale, row.notification_type, row.category, row.routed_by),
    )
    texts = reminder_texts.texts_when_sent(delivery, row, now)
    interview = interview_snapshot(row)
    reader = FactsReader(user.time_zone, user.locale, now)
    read = (fixed.read, f"{site.base_url}/notifications/{row.id}")
    (label, url), *others = buttons_of(row, interview, site, now) or [read]
    unsubscribe_url = unsubscribe.unsubscribe_link(user, row.category, site.secret, site.base_url)
    content = email.EmailContent(
        locale=user.locale,
        heading=texts.title,
        message=texts.message,
        preview=texts.email_preheader or second_line(row, user.time_zone, user.locale, now),
        label=fixed.label,
        category=row.category,
        facts=_without_repetition(facts_of(row, interview, reader), texts),
        button=(texts.email_button or label, url),
        second_button=others[0] if others else None,
        reason=fixed.reason,
        links=(
            (fixed.open_inbox, f"{site.base_url}/notifications"),
            (fixed.preferences, f"{site.base_url}/preferences"),
            _mute_link(row, user, site, fixed),
            (fixed.unsubscribe, unsubscribe_url),
        ),
        body=html_sanitizer.sanitize_for_email(texts.email_html),
    )
    subject = texts.email_subject or texts.title
    headers = _list_headers(row.category, unsubscribe_url, site)
    attachments = _calendar(delivery, row, interview, site) if interview else ()
    return _message(delivery, site, subject, content, headers=headers, attachments=attachments)


def _mute_link(row: Notification, user: User, site: SiteIdentity, fixed: FixedTexts) -> tuple[str, str]:
    subject = list_subjects(row.candidate_id, row.job_id, row.notification_type)[0]
    label = fixed.mute[subject.partition(":")[0]]
    return label, follow_links.mute_link(user, subject, site.secret, site.base_url)


def _digest_email(
    delivery: Delivery, site: SiteIdentity, now: datetime, found: DigestContents | None
) -> Message:
    user, settled_at = delivery.recipient, delivery.created_at
    texts, content = digest_email.compose_digest(
        delivery.kind, user, settled_at, now, base_url=site.base_url, secret=site.secret, found=found
    )
    _label, unsubscribe_url = content.links[-1]
    headers = _list_headers(delivery.kind.replace("_", "-"), unsubscribe_url, site)
    return _message(delivery, site, texts.email_subject or texts.title, content, headers=headers)


def _list_headers(name: str, unsubscribe_url: str, site: SiteIdentity) -> dict[str, str]:
    return {
        "List-Id": f"Bellhop {name} <{name}.bellhop.{site.host}>",
        # RFC 8058: a mail program posts to it without cookies or a second question.
        "List-Unsubscribe": f"<{unsubscribe_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
    }


def _account_email(delivery: Delivery, site: SiteIdentity, now: datetime) -> Message:
    user = delivery.recipient
    if delivery.kind == notices.KIND:
        content = account_emails.compose_notice(delivery, site.base_url)
    elif delivery.kind == "test":
        content = account_emails.compose_test(user, site.base_url)
    else:
        link = account_emails.make_password_link(delivery.kind, user, site.secret, site.base_url, now)
        content = account_emails.compose_account_email(delivery.kind, user, link, site.base_url)
    return _message(delivery, site, content.heading, content, headers={"Auto-Submitted": "auto-generated"})


def _message(
    delivery: Delivery,
    site: SiteIdentity,
    subject: str,
    content: email.EmailContent,
    *,
    headers: dict[str, str],
    attachments: tuple[Attachment, ...] = (),
) -> Message:
    rendered = email.render(content, sender_name(site))
    return Message(
        id=message_id(delivery, site),
        address=delivery.address,
        name=delivery.recipient.name,
        subject=subject,
        text=rendered.text,
        html=rendered.html,
        headers=headers,
        attachments=attachments,
    )


def interview_snapshot(row: Notification | RoomMessage) -> InterviewDetails | None:
    """Return the interview as it was when this notification was created, even if it has changed since."""
    interview = row.interview
    data = row.event.data if row.event else {}
    if "starts_at" not in data or (interview and interview.sequence == row.interview_sequence):
        return records.interview_details(interview) if interview else None
    names = ("candidate_name", "job_title", "company_name", "meeting_url", "location", "interviewer")
    return InterviewDetails(
        external_id=interview.external_id if interview else data.get("id", ""),
        starts_at=datetime.fromisoformat(data["starts_at"]),
        ends_at=datetime.fromisoformat(data["ends_at"]),
        **{name: data.get(name, "") for name in names},
    )


def facts_of(
    row: Notification | RoomMessage, interview: InterviewDetails | None, reader: FactsReader
) -> list[Fact]:
    """List the facts of a notification's interview, with when it was to begin before a move."""
    if interview is None:
        return []
    is_cancelled = row.notification_type == "interview_cancelled"
    before = previous_start(row.facts or {})
    return interview_facts(interview, reader, previous_starts_at=before, is_cancelled=is_cancelled)


def _without_repetition(facts: list[Fact], texts: Texts) -> tuple[Fact, ...]:
    """Leave out the names that the message says already. An admin's own HTML may not say them."""
    said = "" if texts.email_html else f"{texts.title}\n{texts.message}"
    return tuple(fact for fact in facts if not fact.is_name or fact.text not in said)


def buttons_of(
    row: Notification | RoomMessage, interview: InterviewDetails | None, site: SiteIdentity, now: datetime
) -> list[tuple[str, str]]:
    """List the labels and URLs of what a message offers to do, the most important first."""
    meeting_url = interview.meeting_url if interview else ""
    can_join = interview is not None and interview.ends_at > now
    links = main_links(row.notification_type, row.action_url, meeting_url, can_join=can_join)
    return [(label, site.base_url + url if safe_urls.is_path(url) else url) for label, url in links]


def _calendar(
    delivery: Delivery, row: Notification, interview: InterviewDetails, site: SiteIdentity
) -> tuple[Attachment, ...]:
    method = calendar.METHODS.get(row.notification_type)
    if method is None or row.interview is None:  # A sample does not belong in a calendar.
        return ()
    body = calendar.build_calendar_file(
        interview,
        method=method,
        sequence=row.interview_sequence or 0,
        organizer=site.organizer,
        attendee=(delivery.recipient.name, delivery.address),
        made_at=row.created_at,
    )
    name = "cancelled.ics" if method == "CANCEL" else "invite.ics"
    return (Attachment(name, f"text/calendar; charset=utf-8; method={method}", body),)
