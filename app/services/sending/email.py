"""Composes the email of a delivery when it is sent: texts, headers, calendar file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from flask_babel import force_locale
from flask_babel import gettext as _

from app import catalog, safe_urls
from app.catalog import DIGESTS
from app.channels import mime
from app.channels.base import Attachment, Message
from app.models import Delivery, Notification, User
from app.rendering import calendar, email, html_sanitizer
from app.rendering.interview_facts import InterviewDetails, interview_facts
from app.services.accounts import emails as account_emails
from app.services.accounts import notices
from app.services.digests import email as digest_email
from app.services.interviews import records, reminder_texts
from app.services.preferences import unsubscribe

# Types about an interview that people can still join.
JOINABLE = ("interview_scheduled", "interview_rescheduled", "interview_reminder")


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


def compose_email(delivery: Delivery, site: SiteIdentity, now: datetime) -> Message:
    """Compose the email of a delivery in the recipient's language and time zone."""
    with force_locale(delivery.recipient.locale):
        if delivery.kind in DIGESTS:
            return _digest_email(delivery, site, now)
        if delivery.notification is None:
            return _account_email(delivery, site, now)
        return _notification_email(delivery, delivery.notification, site, now)


def message_id(delivery: Delivery, site: SiteIdentity) -> str:
    """The Message-ID of a delivery. Every attempt has the same, so a mail program can recognise a second copy."""
    return f"<d{delivery.id}.{int(delivery.created_at.timestamp() * 1_000_000)}@{site.host}>"


def _notification_email(delivery: Delivery, row: Notification, site: SiteIdentity, now: datetime) -> Message:
    user, category = delivery.recipient, catalog.CATEGORIES[row.category]
    texts = reminder_texts.texts_when_sent(delivery, row, now)
    interview = _interview_snapshot(row)
    unsubscribe_url = unsubscribe.unsubscribe_link(user, row.category, site.secret, site.base_url)
    content = email.EmailContent(
        locale=user.locale,
        heading=texts.title,
        message=texts.message,
        label=str(category.label),
        category=row.category,
        facts=_facts(interview, user) if interview else (),
        button=_button(row, interview, site),
        reason=str(catalog.TYPES[row.notification_type].reason),
        links=(
            (_("Open your inbox"), f"{site.base_url}/notifications"),
            (_("Choose what we send you"), f"{site.base_url}/preferences"),
            (_("Unsubscribe from: %(category)s", category=str(category.plural)), unsubscribe_url),
        ),
        body=html_sanitizer.sanitize_for_email(texts.email_html),
    )
    subject = texts.email_subject or texts.title
    headers = _list_headers(category.name, unsubscribe_url, site)
    attachments = _calendar(delivery, row, interview, site) if interview else ()
    return _message(delivery, site, subject, content, headers=headers, attachments=attachments)


def _digest_email(delivery: Delivery, site: SiteIdentity, now: datetime) -> Message:
    user, settled_at = delivery.recipient, delivery.created_at
    texts, content = digest_email.compose_digest(
        delivery.kind, user, settled_at, now, base_url=site.base_url, secret=site.secret
    )
    unsubscribe_url = unsubscribe.unsubscribe_link(user, delivery.kind, site.secret, site.base_url)
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
    return Message(
        id=message_id(delivery, site),
        address=delivery.address,
        name=delivery.recipient.name,
        subject=subject,
        text=email.render_text(content),
        html=email.render_html(content),
        headers=headers,
        attachments=attachments,
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


def _button(row: Notification, interview: InterviewDetails | None, site: SiteIdentity) -> tuple[str, str]:
    url, is_meeting = row.action_url, bool(interview and interview.meeting_url == row.action_url)
    if url and is_meeting and row.notification_type in JOINABLE:
        return _("Join the interview"), url
    if is_meeting:  # Cancelled or over, so there is nothing to join.
        url = ""
    if safe_urls.is_web_address(url):
        return _("Open"), url
    if safe_urls.is_path(url):
        return _("Open"), site.base_url + url
    return _("Read in Bellhop"), f"{site.base_url}/notifications/{row.id}"


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
        organizer=_organizer(site),
        attendee=(delivery.recipient.name, delivery.address),
        made_at=row.created_at,
    )
    name = "cancelled.ics" if method == "CANCEL" else "invite.ics"
    return (Attachment(name, f"text/calendar; charset=utf-8; method={method}", body),)


def _organizer(site: SiteIdentity) -> tuple[str, str]:
    try:
        return mime.parse_sender(site.address)
    except ValueError:
        return "", site.address  # The channel refuses it, so the message waits until an admin has fixed it.
