"""A template as its readers would see it, put together by the same code that sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from flask_babel import force_locale
from flask_babel import gettext as _

from app.channels.base import Message
from app.clock import utc_now
from app.models import Event, NotificationTemplate, User
from app.rendering import plain_text, sms_segments
from app.rendering import texts as rendering_texts
from app.rendering.context import values_for
from app.rendering.liquid import TemplateTextError
from app.rendering.texts import Texts
from app.services.sending import email as sending_email
from app.services.sending import email_preview
from app.services.templates import samples, validation
from app.services.templates.drafts import TemplateContent
from app.services.templates.validation import Check

TEST_SOURCE = "bellhop:template-tests"
DARK = "@media (prefers-color-scheme: dark)"


@dataclass(frozen=True)
class TemplatePreview:
    """How a message would read. `problem` says what is wrong; where nothing can be shown, the texts are empty."""

    title: str = ""
    message: str = ""
    subject: str = ""
    sms_text: str = ""
    sms_size: sms_segments.SmsSize = sms_segments.sms_size("")  # noqa: RUF009  # A frozen value, the same for all.
    problem: str = ""
    checks: Mapping[str, list[Check]] | None = None

    @property
    def lengths(self) -> dict[str, tuple[int, int]]:
        """How long a field reads with the sample, and how much fits; none where it cannot be read."""
        if not self.checks or not self.sms_size.limit or not self.title:
            return {}
        return {
            "title_template": (len(self.title), validation.VISIBLE_TITLE),
            "email_subject": (len(self.subject), validation.VISIBLE_SUBJECT),
            "sms_text": (self.sms_size.units, self.sms_size.limit),
        }


def render_texts(
    template: NotificationTemplate, edited: TemplateContent, data: Mapping[str, Any], reader: User
) -> Texts:
    """These words with these values, in the reader's language and on the reader's clock. Raises TemplateTextError."""
    sources = validation.sources_of(edited)
    with force_locale(reader.locale):
        values = values_for(template.notification_type, data, reader.time_zone, reader.locale)
        if not template.is_builtin:
            # Callers bring variables of their own; here they show their names.
            values = {name: f"[{name}]" for name in validation.variables_used(edited)} | values
        texts = rendering_texts.render_all(sources, values)
    return rendering_texts.prefer_alert_texts(template.notification_type, sources, texts, data)


def preview(
    template: NotificationTemplate,
    edited: TemplateContent,
    data: Mapping[str, Any],
    reader: User,
    sender: sending_email.SiteIdentity,
    *,
    are_all: bool = False,
) -> TemplatePreview:
    """How these words read with these values, for this reader, on every channel, and what is to be said of them.

    Args:
        are_all: whether the values are all that there will be, so that one which is needed and not there is a problem.
    """
    try:
        texts = render_texts(template, edited, data, reader)
    except TemplateTextError as error:
        problem = str(error)
        bad = [Check("bad", problem)]
        return TemplatePreview(problem=problem, checks={"email": bad, "sms": bad, "in_app": bad})
    mail = _compose_email(template, texts, data, reader, sender)
    # As `parcels` puts it together; a number like those of real notifications.
    link = f"{sender.base_url}/n/123456"
    sms_text = plain_text.fit_sms(texts.sms or texts.title, link)
    size = sms_segments.sms_size(sms_text)
    problem = _missing_values_problem(template, edited, data, reader) if are_all else ""
    bad = [Check("bad", problem)] if problem else []
    return TemplatePreview(
        title=texts.title,
        message=texts.message,
        subject=mail.subject,
        sms_text=sms_text,
        sms_size=size,
        problem=problem,
        checks={
            "email": bad + validation.check_email(template, edited, mail.subject, len(mail.html.encode())),
            "sms": bad + validation.check_sms(size, texts.sms or texts.title, sms_text.removesuffix(link)),
            "in_app": bad + validation.check_inbox(texts.title, texts.message),
        },
    )


def email_html(
    template: NotificationTemplate,
    edited: TemplateContent,
    data: Mapping[str, Any],
    reader: User,
    sender: sending_email.SiteIdentity,
    *,
    is_dark: bool,
) -> str:
    """The HTML part of the mail in one theme, whatever the browser prefers; the problem as text where there is one."""
    try:
        texts = render_texts(template, edited, data, reader)
    except TemplateTextError as error:
        texts = Texts(_("This cannot be shown yet"), str(error))
    html = _compose_email(template, texts, data, reader, sender).html
    scheme = "dark" if is_dark else "light"
    return html.replace(DARK, "@media all" if is_dark else "@media not all").replace("light dark", scheme)


def _missing_values_problem(
    template: NotificationTemplate, edited: TemplateContent, data: Mapping[str, Any], reader: User
) -> str:
    values = values_for(template.notification_type, data, reader.time_zone, reader.locale)
    missing = validation.missing_values(template, edited, values)
    return _("There is no value for: %(names)s", names=", ".join(missing)[:200]) if missing else ""


def _compose_email(
    template: NotificationTemplate,
    texts: Texts,
    data: Mapping[str, Any],
    reader: User,
    sender: sending_email.SiteIdentity,
) -> Message:
    return email_preview.compose_preview(
        template.notification_type,
        texts,
        reader,
        sender,
        action_url=str(data.get("meeting_url") or ""),
        event=build_event(data, utc_now()),
    )


def build_event(data: Mapping[str, Any], now: datetime) -> Event:
    """An event that carries these values, so that a mail shows the interview they speak of; not in the session."""
    is_interview = all(isinstance(data.get(name), datetime) for name in samples.INSTANTS)
    values = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in data.items()
        # A mail shows an interview's facts only where it knows when it starts and ends.
        if is_interview or name not in samples.INSTANTS
    }
    return Event(
        source=TEST_SOURCE,
        external_id=str(uuid4()),
        type="template.tested",
        occurred_at=now,
        received_at=now,
        data=values,
    )
