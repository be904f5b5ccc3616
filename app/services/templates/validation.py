"""Checks a template while it is edited and before it goes live."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from flask_babel import gettext as _
from flask_babel import ngettext

from app import catalog
from app.models import NotificationTemplate
from app.rendering import html_sanitizer, liquid, sms_segments
from app.rendering.liquid import TemplateTextError
from app.rendering.texts import Texts
from app.services.templates.drafts import TemplateContent

# How many characters of a subject a phone shows in its list, and of a title the inbox.
VISIBLE_SUBJECT, VISIBLE_TITLE = 60, 80
# How much of the preheader mail apps show.
VISIBLE_PREHEADER = 90
MAX_EMAIL_BYTES = 60 * 1024
# In the order of `Texts`.
TEXTS = (
    "title_template",
    "message_template",
    "email_subject",
    "email_html",
    "sms_text",
    "email_preheader",
    "email_button",
)


@dataclass(frozen=True)
class Check:
    """A finding. `tone` is `ok`, `warn` (it can go live) or `bad` (it cannot)."""

    tone: str
    text: str


def variables(template: NotificationTemplate) -> list[str]:
    """List the variables of a template's notification type."""
    return [field.name for field in catalog.TYPES[template.notification_type].variables]


def variables_used(content: TemplateContent) -> set[str]:
    """Collect the variables in all texts that can be compiled."""
    found: set[str] = set()
    for name in TEXTS:
        try:
            found |= liquid.compile_template(getattr(content, name), is_html=name == "email_html").variables
        except TemplateTextError:
            continue  # Reported by the check of this text.
    return found


def variables_in_order(template: NotificationTemplate, content: TemplateContent) -> list[str]:
    """List the variables in the texts: those of the type first, in the catalog's order."""
    known, found = variables(template), variables_used(content)
    return [name for name in known if name in found] + sorted(found - set(known))


def missing_values(
    template: NotificationTemplate, content: TemplateContent, values: Mapping[str, str]
) -> list[str]:
    """List the variables in the texts that need a value and have none."""
    required = {field.name for field in catalog.TYPES[template.notification_type].variables if field.required}
    return [
        name
        for name in variables_in_order(template, content)
        if not values.get(name, "").strip() and (name in required or name not in values)
    ]


def undeclared_variables(template: NotificationTemplate, content: TemplateContent) -> list[str]:
    """List the variables that callers of a custom template would newly have to supply.

    Callers may supply any variable, so a new name may be intended or a typo; the admin who publishes confirms which.
    An announcement without a value for one is refused, and a Python caller's notification gets the built-in text.
    """
    if template.is_builtin:
        return []
    return sorted(
        variables_used(content)
        - set(variables(template))
        - variables_used(TemplateContent.from_row(template))
    )


def find_errors(template: NotificationTemplate, content: TemplateContent) -> dict[str, str]:
    """Explain for each field, in a sentence, why the content cannot go live."""
    found: dict[str, str] = {}
    if not content.title_template.strip():
        found["title_template"] = _("A notification needs a title.")
    if not content.message_template.strip():
        found["message_template"] = _("A notification needs a message.")
    if not content.channels:
        found["channels"] = _("Choose at least one channel.")
    for name in TEXTS:
        if problem := _find_problem(template, name, getattr(content, name)):
            found[name] = problem
    return found


def _find_problem(template: NotificationTemplate, name: str, source: str) -> str:
    """Say all that is wrong with a text at once; empty if nothing is."""
    try:
        used = liquid.compile_template(source, is_html=name == "email_html").variables
        if name == "email_html":
            liquid.compile_template(html_sanitizer.sanitize_template(source), is_html=True)
        problem = ""
    except TemplateTextError as error:
        problem, used = str(error), frozenset(liquid.named_variables(source))
    # Callers of a custom template may supply any variable.
    unknown = sorted(used - set(variables(template))) if template.is_builtin else []
    return " ".join([problem, *(_unknown_variable(name, variables(template)) for name in unknown)]).strip()


def _unknown_variable(name: str, known: list[str]) -> str:
    meant = get_close_matches(name, known, n=1)
    if meant:
        return _("Unknown variable “%(name)s”. Did you mean “%(meant)s”?", name=name, meant=meant[0])
    return _("Unknown variable “%(name)s”.", name=name)


def check_email(
    template: NotificationTemplate, content: TemplateContent, subject: str, preheader: str, size: int
) -> list[Check]:
    """Check the email rendered with a sample: its variables, its subject, its preheader and its size in bytes."""
    checks = _check_variables(template, content)
    if len(subject) > VISIBLE_SUBJECT:
        checks.append(
            Check(
                "warn",
                _(
                    "The subject has %(n)s characters, but phones show %(most)s",
                    n=len(subject),
                    most=VISIBLE_SUBJECT,
                ),
            )
        )
    else:
        checks.append(Check("ok", _("The subject fits on a phone")))
    if len(preheader) > VISIBLE_PREHEADER:
        checks.append(
            Check(
                "warn",
                _(
                    "The preview line has %(n)s characters, but email apps show %(most)s",
                    n=len(preheader),
                    most=VISIBLE_PREHEADER,
                ),
            )
        )
    if removed := _removed_parts(content.email_html):
        checks.append(Check("warn", _("Email apps would remove: %(names)s", names=", ".join(removed[:8]))))
    if len(content.email_html) > html_sanitizer.MAX_BODY or size > MAX_EMAIL_BYTES:
        checks.append(Check("warn", _("The HTML is too long for an email, so the message is sent instead")))
    elif size:
        checks.append(Check("ok", _("%(size)s of 60 KB", size=max(1, round(size / 1024)))))
    return checks


def check_sms(size: sms_segments.SmsSize, full_text: str, sent_text: str) -> list[Check]:
    """Check the SMS rendered with a sample.

    Args:
        size: of the SMS with its link.
        full_text, sent_text: the text before and after it was shortened to fit.
    """
    count = ngettext("%(num)d segment", "%(num)d segments", size.segments)
    if _has_ellipsis(sent_text) and not _has_ellipsis(full_text):
        count = _("%(segments)s, because the text is shortened to fit", segments=count)
        return [Check("warn", count)]
    if size.is_gsm7:
        alphabet = Check("ok", _("GSM-7 characters only"))
    else:
        costly = " ".join(size.costly[:8])
        alphabet = Check("warn", _("%(letters)s limits a segment to 70 characters", letters=costly))
    return [Check("ok" if size.segments <= 1 else "warn", count), alphabet]


def check_inbox(title: str, message: str) -> list[Check]:
    """Check the inbox row rendered with a sample."""
    if len(title) <= VISIBLE_TITLE:
        title_check = Check("ok", _("The title fits on a phone"))
    else:
        title_check = Check(
            "warn",
            _("The title has %(n)s characters, but a row shows %(most)s", n=len(title), most=VISIBLE_TITLE),
        )
    if message:
        return [title_check, Check("ok", _("There is a message"))]
    return [title_check, Check("bad", _("The message is empty with this sample"))]


def _has_ellipsis(text: str) -> bool:
    return text.rstrip().endswith(("...", "\N{HORIZONTAL ELLIPSIS}"))


def _check_variables(template: NotificationTemplate, content: TemplateContent) -> list[Check]:
    undeclared = sorted(variables_used(content) - set(variables(template)))
    if undeclared:
        tone = "bad" if template.is_builtin else "warn"
        return [Check(tone, _("Not a variable of this type: %(names)s", names=", ".join(undeclared)[:200]))]
    return [Check("ok", _("All variables are known"))]


def _removed_parts(html: str) -> list[str]:
    try:
        return html_sanitizer.removed_parts(html)
    except TemplateTextError:
        return []


def sources_of(content: TemplateContent) -> Texts:
    """Return the template texts in the form the renderer takes."""
    return Texts(*(getattr(content, name) for name in TEXTS))
