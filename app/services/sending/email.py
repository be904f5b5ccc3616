"""What a delivery says, put together at the moment of sending: words, headers, calendar file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

from flask_babel import force_locale
from flask_babel import gettext as _

from app import catalog, safe_urls
from app.catalog import DIGESTS
from app.channels.base import Attachment, Message
from app.models import Delivery, Notification, User
from app.rendering import calendar, email, html_sanitizer
from app.rendering import digest_email as rendering_digest_email
from app.rendering.interview_facts import InterviewDetails, interview_facts
from app.services.accounts import account_letters
from app.services.accounts import emails as account_emails
from app.services.digests import email as digest_email
from app.services.interviews import records, reminder_texts
from app.services.preferences import unsubscribe

# These speak of an interview that is ahead.
JOINABLE = ("interview_scheduled", "interview_rescheduled", "interview_reminder")


@dataclass(frozen=True)
class SiteIdentity:
    """Who we are, from the settings: our address on the web, our mail address, our signing key."""

    base_url: str
    address: str
    secret: str

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> SiteIdentity:
        """As the application is configured."""
        return cls(config["BASE_URL"], config["MAIL_DEFAULT_SENDER"], config["SECRET_KEY"])

    @property
    def host(self) -> str:
        """The right side of our Message-IDs (RFC 5322, 3.6.4); an IPv6 address takes brackets there."""
        host = urlsplit(self.base_url).hostname or "localhost"
        return f"[IPv6:{host}]" if ":" in host else host


def compose_email(delivery: Delivery, sender: SiteIdentity, now: datetime) -> Message:
    """The finished message of a delivery, in its reader's language and on its reader's clock."""
    with force_locale(delivery.recipient.locale):
        if delivery.kind in DIGESTS:
            return _digest_mail(delivery, sender, now)
        if delivery.notification is None:
            return _account_mail(delivery, sender, now)
        return _notification_mail(delivery, delivery.notification, sender, now)


def message_id(delivery: Delivery, sender: SiteIdentity) -> str:
    """The same for every attempt, so that a mail program can tell a second copy."""
    return f"<d{delivery.id}.{int(delivery.created_at.timestamp() * 1_000_000)}@{sender.host}>"


def _notification_mail(delivery: Delivery, row: Notification, sender: SiteIdentity, now: datetime) -> Message:
    user, category = delivery.recipient, catalog.CATEGORIES[row.category]
    words = reminder_texts.texts_when_sent(delivery, row, now)
    interview = _interview_snapshot(row)
    inbox, stop = (
        f"{sender.base_url}/notifications",
        unsubscribe.unsubscribe_link(user, row.category, sender.secret, sender.base_url),
    )
    letter = email.EmailContent(
        locale=user.locale,
        heading=words.title,
        message=words.message,
        label=str(category.label),
        category=row.category,
        facts=_facts(interview, user) if interview else (),
        button=_button(row, interview, sender),
        reason=str(catalog.TYPES[row.notification_type].reason),
        links=(
            (_("Open your inbox"), inbox),
            (_("Choose what we send you"), f"{sender.base_url}/preferences"),
            (_("Unsubscribe from: %(category)s", category=str(category.plural)), stop),
        ),
        body=html_sanitizer.sanitize_for_email(words.email_html),
    )
    return Message(
        id=message_id(delivery, sender),
        address=delivery.address,
        name=user.name,
        subject=words.email_subject or words.title,
        text=email.render_text(letter),
        html=email.render_html(letter),
        headers=_list_headers(category.name, stop, sender),
        attachments=_calendar(delivery, row, interview, sender) if interview else (),
    )


def _digest_mail(delivery: Delivery, sender: SiteIdentity, now: datetime) -> Message:
    user, settled_at = delivery.recipient, delivery.created_at
    words, letter = digest_email.compose_digest(
        delivery.kind, user, settled_at, now, base_url=sender.base_url, secret=sender.secret
    )
    stop = unsubscribe.unsubscribe_link(user, delivery.kind, sender.secret, sender.base_url)
    return Message(
        id=message_id(delivery, sender),
        address=delivery.address,
        name=user.name,
        subject=words.email_subject or words.title,
        text=rendering_digest_email.render_text(letter),
        html=rendering_digest_email.render_html(letter),
        headers=_list_headers(delivery.kind.replace("_", "-"), stop, sender),
    )


def _list_headers(name: str, stop: str, sender: SiteIdentity) -> dict[str, str]:
    return {
        "List-Id": f"Bellhop {name} <{name}.bellhop.{sender.host}>",
        # RFC 8058: a mail program posts to it, without cookies and without asking again.
        "List-Unsubscribe": f"<{stop}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
    }


def _account_mail(delivery: Delivery, sender: SiteIdentity, now: datetime) -> Message:
    user = delivery.recipient
    link = account_emails.mail_link(delivery.kind, user, sender.secret, sender.base_url, now)
    letter = account_letters.account_email(delivery.kind, user, link, sender.base_url)
    return Message(
        id=message_id(delivery, sender),
        address=delivery.address,
        name=user.name,
        subject=letter.heading,
        text=email.render_text(letter),
        html=email.render_html(letter),
        headers={"Auto-Submitted": "auto-generated"},
    )


def _interview_snapshot(row: Notification) -> InterviewDetails | None:
    """Return the interview as it was when this notification was created, even if it has changed since."""
    interview = row.interview
    data = row.event.data if row.event else {}
    if "starts_at" not in data or (interview and interview.sequence == row.interview_sequence):
        return records.details_of(interview) if interview else None
    names = ("candidate_name", "job_title", "company_name", "meeting_url", "location", "interviewer")
    return InterviewDetails(
        external_id=data.get("id", ""),
        starts_at=datetime.fromisoformat(data["starts_at"]),
        ends_at=datetime.fromisoformat(data["ends_at"]),
        **{name: data.get(name, "") for name in names},
    )


def _facts(interview: InterviewDetails, user: User) -> tuple[tuple[str, str], ...]:
    facts = interview_facts(interview, user.time_zone, user.locale)
    return tuple((fact.label, fact.text) for fact in facts)


def _button(row: Notification, interview: InterviewDetails | None, sender: SiteIdentity) -> tuple[str, str]:
    url, is_meeting = row.action_url, bool(interview and interview.meeting_url == row.action_url)
    if url and is_meeting and row.notification_type in JOINABLE:
        return _("Join the interview"), url
    if is_meeting:  # Cancelled, or over: nobody is there.
        url = ""
    if safe_urls.is_web_address(url):
        return _("Open"), url
    if safe_urls.is_path(url):
        return _("Open"), sender.base_url + url
    return _("Read in Bellhop"), f"{sender.base_url}/notifications/{row.id}"


def _calendar(
    delivery: Delivery, row: Notification, interview: InterviewDetails, sender: SiteIdentity
) -> tuple[Attachment, ...]:
    method = calendar.METHODS.get(row.notification_type)
    if method is None or row.interview is None:  # A sample's is for no calendar.
        return ()
    body = calendar.build_calendar_file(
        interview,
        method=method,
        sequence=row.interview_sequence or 0,
        organizer=parseaddr(sender.address),
        attendee=(delivery.recipient.name, delivery.address),
        made_at=row.created_at,
    )
    name = "cancelled.ics" if method == "CANCEL" else "invite.ics"
    return (Attachment(name, f"text/calendar; charset=utf-8; method={method}", body),)
