"""Previews a template on every channel, with the code that sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
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
from app.services.accounts import direct_messages
from app.services.events.data import as_json
from app.services.sending import email as sending_email
from app.services.sending import email_preview
from app.services.templates import samples, validation
from app.services.templates.drafts import TemplateContent
from app.services.templates.validation import Check

DARK = "@media (prefers-color-scheme: dark)"


@dataclass(frozen=True)
class TemplatePreview:
    """A rendered message. `problem` says what is wrong with it; the texts are empty if it cannot be rendered.

    `preheader` and `button` are empty where the template uses the default.
    """

    title: str = ""
    message: str = ""
    subject: str = ""
    preheader: str = ""
    button: str = ""
    sms_text: str = ""
    sms_size: sms_segments.SmsSize = sms_segments.sms_size("")  # noqa: RUF009  # A frozen value, the same for all.
    problem: str = ""
    checks: Mapping[str, list[Check]] | None = None

    @property
    def lengths(self) -> dict[str, tuple[int, int]]:
        """The length of each rendered field and the length that fits; empty if the template cannot be rendered."""
        if not self.checks or not self.sms_size.limit or not self.title:
            return {}
        return {
            "title_template": (len(self.title), validation.VISIBLE_TITLE),
            "email_subject": (len(self.subject), validation.VISIBLE_SUBJECT),
            "email_preheader": (len(self.preheader), validation.VISIBLE_PREHEADER),
            "sms_text": (self.sms_size.units, self.sms_size.limit),
        }


def render_texts(
    template: NotificationTemplate, content: TemplateContent, data: Mapping[str, Any], reader: User
) -> Texts:
    """Render content in the reader's language and time zone. Raises TemplateTextError."""
    sources = validation.sources_of(content)
    with force_locale(reader.locale):
        values = values_for(template.notification_type, data, reader.time_zone, reader.locale)
        if not template.is_builtin:
            # Variables that callers will supply show their names here.
            values = {name: f"[{name}]" for name in validation.variables_used(content)} | values
        texts = rendering_texts.render_all(sources, values)
    return rendering_texts.prefer_alert_texts(template.notification_type, sources, texts, data)


def preview(
    template: NotificationTemplate,
    content: TemplateContent,
    data: Mapping[str, Any],
    reader: User,
    site: sending_email.SiteIdentity,
    *,
    is_complete: bool = False,
) -> TemplatePreview:
    """Render content for a reader on every channel and check the result.

    Args:
        data: the values of the variables.
        is_complete: no further values will be supplied, so that a missing one is a problem.
    """
    try:
        texts = render_texts(template, content, data, reader)
    except TemplateTextError as error:
        problem = str(error)
        bad = [Check("bad", problem)]
        return TemplatePreview(problem=problem, checks={"email": bad, "sms": bad, "in_app": bad})
    message = _compose_email(template, texts, data, reader, site)
    # The link of the SMS, with an id as long as a real one.
    link = f"{site.base_url}/n/123456"
    sms_text = plain_text.fit_sms(texts.sms or texts.title, link)
    size = sms_segments.sms_size(sms_text)
    problem = _missing_values_problem(template, content, data, reader) if is_complete else ""
    bad = [Check("bad", problem)] if problem else []
    return TemplatePreview(
        title=texts.title,
        message=texts.message,
        subject=message.subject,
        preheader=texts.email_preheader,
        button=texts.email_button,
        sms_text=sms_text,
        sms_size=size,
        problem=problem,
        checks={
            "email": bad
            + validation.check_email(
                template, content, message.subject, texts.email_preheader, len(message.html.encode())
            ),
            "sms": bad + validation.check_sms(size, texts.sms or texts.title, sms_text.removesuffix(link)),
            "in_app": bad + validation.check_inbox(texts.title, texts.message),
        },
    )


def email_html(
    template: NotificationTemplate,
    content: TemplateContent,
    data: Mapping[str, Any],
    reader: User,
    site: sending_email.SiteIdentity,
    *,
    is_dark: bool,
) -> str:
    """Render the HTML part of the email in one theme, whatever the browser prefers. A problem is shown as its text."""
    try:
        texts = render_texts(template, content, data, reader)
    except TemplateTextError as error:
        texts = Texts(_("This can't be shown yet"), str(error))
    html = _compose_email(template, texts, data, reader, site).html
    scheme = "dark" if is_dark else "light"
    return html.replace(DARK, "@media all" if is_dark else "@media not all").replace("light dark", scheme)


def _missing_values_problem(
    template: NotificationTemplate, content: TemplateContent, data: Mapping[str, Any], reader: User
) -> str:
    values = values_for(template.notification_type, data, reader.time_zone, reader.locale)
    missing = validation.missing_values(template, content, values)
    return _("No value for: %(names)s", names=", ".join(missing)[:200]) if missing else ""


def _compose_email(
    template: NotificationTemplate,
    texts: Texts,
    data: Mapping[str, Any],
    reader: User,
    site: sending_email.SiteIdentity,
) -> Message:
    now, starts_at = utc_now(), data.get("starts_at")
    if isinstance(starts_at, datetime):
        # The interview of a sample may be over, and then its email would lack the button to join.
        now = min(now, starts_at - timedelta(days=1))
    return email_preview.compose_preview(
        template.notification_type,
        texts,
        reader,
        site,
        action_url=str(data.get("meeting_url") or ""),
        event=build_event(data, now),
        now=now,
    )


def build_event(data: Mapping[str, Any], now: datetime) -> Event:
    """Build an unsaved event with these values, so that the email shows the interview's facts."""
    is_interview = all(isinstance(data.get(name), datetime) for name in samples.INSTANTS)
    # An email shows an interview's facts only if its start and end are known.
    known = {name: value for name, value in data.items() if is_interview or name not in samples.INSTANTS}
    return Event(
        source=direct_messages.TEST_SOURCE,
        external_id=str(uuid4()),
        type="template.tested",
        occurred_at=now,
        received_at=now,
        data=as_json(known),
    )
