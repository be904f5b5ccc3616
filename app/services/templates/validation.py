"""What is wrong with a template, or could be better: said while it is typed, and before it goes live."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import ngettext

from app import catalog
from app.models import NotificationTemplate
from app.rendering import html_sanitizer, liquid, sms_segments
from app.rendering.liquid import TemplateTextError
from app.rendering.texts import Texts
from app.services.templates.drafts import TemplateContent

# A subject beyond this is cut in the list of a phone, a title beyond this in the inbox's.
VISIBLE_SUBJECT, VISIBLE_TITLE = 60, 80
MAX_EMAIL_BYTES = 60 * 1024


@dataclass(frozen=True)
class Check:
    """One finding. `tone` is `ok`, `warn` (can go live) or `bad` (cannot)."""

    tone: str
    text: str


def variables(template: NotificationTemplate) -> list[str]:
    """The variables that a template of this type can always name."""
    return [field.name for field in catalog.TYPES[template.notification_type].variables]


def variables_used(edited: TemplateContent) -> set[str]:
    """The variables that any of the texts names, as far as they can be read."""
    found: set[str] = set()
    for name in TEXTS:
        try:
            found |= liquid.compile_template(getattr(edited, name), is_html=name == "email_html").variables
        except TemplateTextError:
            continue  # Its own check says so.
    return found


def variables_in_order(template: NotificationTemplate, edited: TemplateContent) -> list[str]:
    """The variables that the texts name: those of the type first and in the catalog's order."""
    known, found = variables(template), variables_used(edited)
    return [name for name in known if name in found] + sorted(found - set(known))


def missing_values(
    template: NotificationTemplate, edited: TemplateContent, values: Mapping[str, str]
) -> list[str]:
    """The variables that the texts name and that have no value although they need one."""
    required = {field.name for field in catalog.TYPES[template.notification_type].variables if field.required}
    return [
        name
        for name in variables_in_order(template, edited)
        if not values.get(name, "").strip() and (name in required or name not in values)
    ]


def undeclared_variables(template: NotificationTemplate, edited: TemplateContent) -> list[str]:
    """The variables that callers of a custom template would have to bring from now on, and need not bring yet.

    Its callers send along what they like, so no list can tell what is a variable of theirs and what is a slip of the
    pen. Who publishes says it: a caller who does not bring one is refused (an announcement), or is heard in the
    built-in words (from Python).
    """
    if template.is_builtin:
        return []
    return sorted(
        variables_used(edited) - set(variables(template)) - variables_used(TemplateContent.of(template))
    )


TEXTS = ("title_template", "message_template", "email_subject", "email_html", "sms_text")


def find_errors(template: NotificationTemplate, edited: TemplateContent) -> dict[str, str]:
    """What keeps these words from going live: a sentence for each field that is at fault."""
    found: dict[str, str] = {}
    if not edited.title_template.strip():
        found["title_template"] = _("A notification needs a title.")
    if not edited.message_template.strip():
        found["message_template"] = _("A notification needs a message.")
    if not edited.channels:
        found["channels"] = _("Choose at least one way to send it.")
    for name in TEXTS:
        if problem := _find_problem(template, name, getattr(edited, name)):
            found[name] = problem
    return found


def _find_problem(template: NotificationTemplate, name: str, source: str) -> str | None:
    try:
        named = liquid.compile_template(source, is_html=name == "email_html").variables
        if name == "email_html":
            liquid.compile_template(html_sanitizer.sanitize_template(source), is_html=True)
    except TemplateTextError as error:
        return str(error)
    # Callers of a custom template bring variables of their own.
    unknown = sorted(named - set(variables(template))) if template.is_builtin else []
    if unknown:
        return _("There is no variable “%(name)s”.", name=unknown[0])
    return None


def check_email(
    template: NotificationTemplate, edited: TemplateContent, subject: str, size: int
) -> list[Check]:
    """Findings about the mail, as it would read with the sample: its subject, and its size in bytes."""
    found = _check_variables(template, edited)
    if len(subject) > VISIBLE_SUBJECT:
        found.append(
            Check(
                "warn",
                _(
                    "The subject has %(n)s characters; phones show %(most)s",
                    n=len(subject),
                    most=VISIBLE_SUBJECT,
                ),
            )
        )
    else:
        found.append(Check("ok", _("The subject fits on a phone")))
    if lost := _removed_parts(edited.email_html):
        found.append(Check("warn", _("Mail programs would drop: %(names)s", names=", ".join(lost[:8]))))
    if len(edited.email_html) > html_sanitizer.MAX_BODY or size > MAX_EMAIL_BYTES:
        found.append(Check("warn", _("The HTML is too long for a mail; the message is sent in its place")))
    elif size:
        found.append(Check("ok", _("%(size)s of 60 KB", size=max(1, round(size / 1024)))))
    return found


def check_sms(size: sms_segments.SmsSize, whole: str, sent: str) -> list[Check]:
    """Findings about the SMS, as it would read with the sample.

    Args:
        size: of what is sent, its link included.
        whole, sent: the words as they were written, and as they were made to fit.
    """
    count = ngettext("%(num)d segment", "%(num)d segments", size.segments)
    if _ends_open(sent) and not _ends_open(whole):
        count = _("%(segments)s, because the text is shortened to fit", segments=count)
        return [Check("warn", count)]
    if size.is_gsm7:
        letters = Check("ok", _("Plain GSM-7 letters"))
    else:
        costly = " ".join(size.costly[:8])
        letters = Check("warn", _("%(letters)s leaves room for 70 characters only", letters=costly))
    return [Check("ok" if size.segments <= 1 else "warn", count), letters]


def check_inbox(title: str, message: str) -> list[Check]:
    """Findings about the row in the inbox, as it would read with the sample."""
    fits = len(title) <= VISIBLE_TITLE
    return [
        Check("ok", _("The title fits on a phone"))
        if fits
        else Check(
            "warn",
            _("The title has %(n)s characters; a row shows %(most)s", n=len(title), most=VISIBLE_TITLE),
        ),
        Check("ok", _("There is a message"))
        if message
        else Check("bad", _("The message is empty with this sample")),
    ]


def _ends_open(text: str) -> bool:
    return text.rstrip().endswith(("...", "\N{HORIZONTAL ELLIPSIS}"))


def _check_variables(template: NotificationTemplate, edited: TemplateContent) -> list[Check]:
    own = sorted(variables_used(edited) - set(variables(template)))
    if own:
        tone = "bad" if template.is_builtin else "warn"
        return [Check(tone, _("Not a variable of this type: %(names)s", names=", ".join(own)[:200]))]
    return [Check("ok", _("All variables are known"))]


def _removed_parts(html: str) -> list[str]:
    try:
        return html_sanitizer.removed_parts(html)
    except TemplateTextError:
        return []


def sources_of(edited: TemplateContent) -> Texts:
    """The sources, as the renderer takes them."""
    return Texts(*(getattr(edited, name) for name in TEXTS))
