"""The tables of channels, categories, notification types and event types that everything else reads."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

FieldKind = Literal["text", "count", "instant", "url", "json"]


class NotificationType(StrEnum):
    """The notification types, as Python callers name them. `TYPES` describes each."""

    INTERVIEW_SCHEDULED = "interview_scheduled"
    INTERVIEW_RESCHEDULED = "interview_rescheduled"
    INTERVIEW_CANCELLED = "interview_cancelled"
    INTERVIEW_REMINDER = "interview_reminder"
    RESUME_PROCESSED = "resume_processed"
    BULK_UPLOAD_COMPLETED = "bulk_upload_completed"
    CANDIDATE_ADDED = "candidate_added"
    JOB_CREATED = "job_created"
    EVALUATION_COMPLETED = "evaluation_completed"
    EVALUATION_DUE = "evaluation_due"
    SYSTEM_ALERT = "system_alert"
    DAILY_DIGEST = "daily_digest"
    WEEKLY_SUMMARY = "weekly_summary"


class NotificationPriority(StrEnum):
    """How pressing a notification is, in rising order."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    URGENT = "urgent"


class NotificationStatus(StrEnum):
    """The state of a notification as a whole. The state of each channel is on its deliveries."""

    PENDING = "pending"
    SENT = "sent"
    READ = "read"
    FAILED = "failed"
    CANCELLED = "cancelled"


# Plain strings, as everything inside Bellhop and in its tables uses them.
PRIORITIES = tuple(priority.value for priority in NotificationPriority)
STATUSES = tuple(status.value for status in NotificationStatus)
ROLES = ("recruiter", "admin")
# The places of the inbox: where a notification can be found.
PLACES = ("inbox", "unread", "later", "done", "saved", "all")
DAILY_DIGEST = NotificationType.DAILY_DIGEST.value
WEEKLY_SUMMARY = NotificationType.WEEKLY_SUMMARY.value
# Notification types that send one email for many notifications.
DIGESTS = (DAILY_DIGEST, WEEKLY_SUMMARY)
# Fields of any event's data that say how to notify. The others are facts for the template.
ENVELOPE = frozenset({"recipients", "action_url", "priority", "metadata"})
# The event type of an announcement. The API does not accept it.
ANNOUNCEMENT = "announcement"

PRIORITY_LABELS: dict[str, LazyString] = {
    "low": _l("Low"),
    "medium": _l("Normal"),
    "high": _l("High"),
    "urgent": _l("Urgent"),
}
ROLE_LABELS: dict[str, LazyString] = {"recruiter": _l("Recruiter"), "admin": _l("Admin")}

MINUTE, HOUR = 60, 3600
# Growing to 8 hours, 96 hours in all.
EMAIL_RETRIES = (
    *(0, MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR),
    *(8 * HOUR for _attempt in range(11)),
)
WEBHOOK_RETRIES = (
    *(0, 5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR),
    *(5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR),
)
# For messages that lose their value quickly.
SHORT_RETRIES = (0, 5, 30, 2 * MINUTE, 10 * MINUTE, HOUR)


@dataclass(frozen=True)
class ChannelSpec:
    """Everything about one channel except how it sends, which is in `app/channels/<name>.py`.

    Args:
        icon: an icon of the sprite.
        hint: where its messages arrive, shown in the preferences.
        no_address: the reason shown to a person without an address; None for the general sentence.
        is_personal: people add it themselves, so it applies to notifications whose template does not name it.
        is_outgoing: False for the inbox, where the stored row is the message and nothing is sent.
        retry_seconds: how long to wait before each attempt; the first number is for the first attempt.
        batch_size: how many deliveries a thread claims at once. 1 where each address may be on another host,
            so that no message waits behind a slow host.
        threads: how many threads send over it.
    """

    name: str
    label: LazyString
    icon: str
    hint: LazyString
    no_address: LazyString | None = None
    is_personal: bool = False
    is_outgoing: bool = True
    retry_seconds: tuple[int, ...] = SHORT_RETRIES
    batch_size: int = 100
    threads: int = 1


CHANNELS: dict[str, ChannelSpec] = {
    channel.name: channel
    for channel in (
        ChannelSpec("in_app", _l("In app"), "bell", _l("The inbox on this site."), is_outgoing=False),
        ChannelSpec(
            "email", _l("Email"), "mail", _l("The address of the account."), retry_seconds=EMAIL_RETRIES
        ),
        ChannelSpec(
            "sms",
            _l("SMS"),
            "phone",
            _l("The number of the account."),
            no_address=_l("Not sent: there is no verified phone number"),
            is_personal=True,
        ),
        ChannelSpec(
            "push",
            _l("Push"),
            "screen",
            _l("The browsers that allowed it."),
            no_address=_l("Not sent: no browser asked for notifications"),
            is_personal=True,
            batch_size=1,
            threads=4,
        ),
        ChannelSpec(
            "webhook",
            _l("Webhook"),
            "globe",
            _l("The webhooks that were added under Devices."),
            no_address=_l("Not sent: no webhook is switched on"),
            is_personal=True,
            retry_seconds=WEBHOOK_RETRIES,
            batch_size=1,
            threads=4,
        ),
    )
}
PERSONAL_CHANNELS = tuple(channel.name for channel in CHANNELS.values() if channel.is_personal)


@dataclass(frozen=True)
class Category:
    """A group of notification types that recruiters switch on and off. `name` also selects the colour and the icon."""

    name: str
    label: LazyString
    plural: LazyString
    about: LazyString


CATEGORIES: dict[str, Category] = {
    category.name: category
    for category in (
        Category(
            "interview",
            _l("Interview"),
            _l("Interviews"),
            _l("Bookings, changes and reminders"),
        ),
        Category("resume", _l("Resume"), _l("Resumes"), _l("Parsed resumes and finished uploads")),
        Category("candidate", _l("Candidate"), _l("Candidates"), _l("New candidates")),
        Category("job", _l("Job"), _l("Jobs"), _l("New jobs")),
        Category("evaluation", _l("Evaluation"), _l("Evaluations"), _l("Completed and overdue evaluations")),
        Category("system", _l("System"), _l("System"), _l("Alerts, announcements and digests")),
    )
}


@dataclass(frozen=True)
class Field:
    """A field of an event's data, or a variable of a template."""

    name: str
    kind: FieldKind
    sample: Any
    required: bool = True


@dataclass(frozen=True)
class DefaultTemplate:
    """The built-in texts of a type: installed once, then edited by admins; the fallback when an edited text fails."""

    title: str
    message: str
    priority: str = "medium"
    channels: tuple[str, ...] = ("email", "in_app")
    email_subject: str = ""
    sms_text: str = ""


@dataclass(frozen=True)
class NotificationTypeSpec:
    """A notification type: its category, why people get it, its variables and built-in texts.

    `stacks_by` names the facts that identify its subject when the event does not name one (`notifications.stacks`).
    """

    name: str
    category: str
    label: LazyString
    reason: LazyString
    variables: tuple[Field, ...]
    template: DefaultTemplate
    stacks_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class EventType:
    """An event type: the data it carries and the notification it becomes, or None if it only changes state."""

    name: str
    label: LazyString
    notification_type: str | None
    data: tuple[Field, ...]
    goes_to_everyone: bool = False


INTERVIEW_FIELDS = (
    Field("id", "text", "iv-2041"),
    Field("starts_at", "instant", "2026-03-12T14:00:00+01:00"),
    Field("ends_at", "instant", "2026-03-12T15:00:00+01:00"),
    Field("candidate_name", "text", "Priya Raman"),
    Field("job_title", "text", "Staff Data Engineer"),
    Field("company_name", "text", "Alder Robotics"),
    Field("meeting_url", "url", "https://meet.example.com/iv-2041", required=False),
    Field("location", "text", "Room Birch, 3rd floor", required=False),
    Field("interviewer", "text", "Daniel Osei", required=False),
)
INTERVIEW_VARIABLES = (
    Field("candidate_name", "text", "Priya Raman"),
    Field("job_title", "text", "Staff Data Engineer"),
    Field("company_name", "text", "Alder Robotics"),
    Field("interview_date", "text", "Thursday 12 March 2026 at 14:00 (Europe/Paris)"),
    Field("interview_day", "text", "Thursday 12 March 2026"),
    Field("interview_time", "text", "14:00"),
    Field("place", "text", "Room Birch, 3rd floor", required=False),
    Field("meeting_url", "url", "https://meet.example.com/iv-2041", required=False),
    Field("location", "text", "Room Birch, 3rd floor", required=False),
    Field("interviewer", "text", "Daniel Osei", required=False),
)
RESUME_FIELDS = (
    Field("filename", "text", "priya-raman.pdf"),
    Field("extracted_data", "json", {"name": "Priya Raman", "skills": ["Python", "SQL"], "years": 9}),
    Field("candidate_name", "text", "Priya Raman", required=False),
)
UPLOAD_FIELDS = (
    Field("total_files", "count", 400),
    Field("successful", "count", 388),
    Field("failed", "count", 12),
)
CANDIDATE_FIELDS = (
    Field("candidate_name", "text", "Priya Raman"),
    Field("job_title", "text", "Staff Data Engineer"),
)
JOB_FIELDS = (
    Field("job_title", "text", "Staff Data Engineer"),
    Field("company_name", "text", "Alder Robotics"),
)
EVALUATION_FIELDS = (
    Field("candidate_name", "text", "Omar Haddad"),
    Field("job_title", "text", "Product Designer"),
    Field("interview_id", "text", "iv-2041", required=False),
    Field("company_name", "text", "Alder Robotics", required=False),
)
ALERT_FIELDS = (
    Field("title", "text", "Calendar sync is delayed", required=False),
    Field("message", "text", "New interviews may take 20 minutes to appear.", required=False),
    Field("alert_type", "text", "calendar", required=False),
)
DIGEST_VARIABLES = (
    Field("unread_count", "count", 12),
    Field("digest_date", "text", "Thursday 12 March 2026"),
)

TYPES: dict[str, NotificationTypeSpec] = {
    spec.name: spec
    for spec in (
        NotificationTypeSpec(
            NotificationType.INTERVIEW_SCHEDULED.value,
            "interview",
            _l("Interview scheduled"),
            _l("You get this because you're a recruiter on this interview."),
            INTERVIEW_VARIABLES,
            DefaultTemplate(
                "Interview Scheduled for {{candidate_name}}",
                "An interview has been scheduled for {{candidate_name}} for the position of {{job_title}} at "
                "{{company_name}} on {{interview_date}}.",
                "high",
                email_subject="Interview with {{candidate_name}}, {{interview_day}} at {{interview_time}}",
                sms_text="Interview: {{candidate_name}}, {{job_title}}, {{interview_day}} {{interview_time}}.",
            ),
        ),
        NotificationTypeSpec(
            NotificationType.INTERVIEW_RESCHEDULED.value,
            "interview",
            _l("Interview moved"),
            _l("You get this because you're a recruiter on this interview."),
            INTERVIEW_VARIABLES,
            DefaultTemplate(
                "Interview Moved for {{candidate_name}}",
                "The interview with {{candidate_name}} for the position of {{job_title}} at {{company_name}} has moved "
                "to {{interview_date}}.",
                "high",
                email_subject="Moved: {{candidate_name}}, now {{interview_day}} at {{interview_time}}",
                sms_text="Moved: {{candidate_name}}, now {{interview_day}} {{interview_time}}.",
            ),
        ),
        NotificationTypeSpec(
            NotificationType.INTERVIEW_CANCELLED.value,
            "interview",
            _l("Interview cancelled"),
            _l("You get this because you're a recruiter on this interview."),
            INTERVIEW_VARIABLES,
            DefaultTemplate(
                "Interview Cancelled for {{candidate_name}}",
                "The interview with {{candidate_name}} for the position of {{job_title}} at {{company_name}} on "
                "{{interview_date}} has been cancelled.",
                "high",
                email_subject="Cancelled: {{candidate_name}}, {{interview_day}} at {{interview_time}}",
                sms_text="Cancelled: {{candidate_name}}, {{interview_day}} {{interview_time}}.",
            ),
        ),
        NotificationTypeSpec(
            NotificationType.INTERVIEW_REMINDER.value,
            "interview",
            _l("Interview reminder"),
            _l("You get this because you're a recruiter on this interview and asked for reminders."),
            (*INTERVIEW_VARIABLES, Field("time_until", "text", "1 hour", required=False)),
            DefaultTemplate(
                "Interview Reminder: {{candidate_name}}",
                "Reminder: You have an upcoming interview with {{candidate_name}} for {{job_title}} on "
                "{{interview_date}}.",
                "high",
                email_subject='{% if time_until != "" %}Interview begins in {{time_until}}{% else %}Interview reminder'
                "{% endif %}: {{candidate_name}}, {{interview_day}} at {{interview_time}}",
                sms_text="Reminder: {{candidate_name}}, {{job_title}}, {{interview_day}} {{interview_time}}.",
            ),
        ),
        NotificationTypeSpec(
            NotificationType.RESUME_PROCESSED.value,
            "resume",
            _l("Resume processed"),
            _l("You get this because you uploaded this resume."),
            RESUME_FIELDS,
            DefaultTemplate(
                "Resume Processed: {{filename}}",
                'Your resume file "{{filename}}" has been successfully processed. Extracted data: {{extracted_data}}',
                sms_text="Resume parsed: {{filename}}.",
            ),
            stacks_by=("source",),
        ),
        NotificationTypeSpec(
            NotificationType.BULK_UPLOAD_COMPLETED.value,
            "resume",
            _l("Upload finished"),
            _l("You get this because you started this upload."),
            UPLOAD_FIELDS,
            DefaultTemplate(
                "Bulk Upload Completed",
                "Bulk resume upload completed. Total files: {{total_files}}, Successful: {{successful}}, "
                "Failed: {{failed}}.",
                email_subject="Upload finished: {{successful}} of {{total_files}} resumes",
                sms_text="Upload finished: {{successful}} of {{total_files}} resumes, {{failed}} failed.",
            ),
        ),
        NotificationTypeSpec(
            NotificationType.CANDIDATE_ADDED.value,
            "candidate",
            _l("Candidate added"),
            _l("You get this because notifications about new candidates are turned on."),
            CANDIDATE_FIELDS,
            DefaultTemplate(
                "New Candidate: {{candidate_name}}",
                "{{candidate_name}} has been added as a candidate for {{job_title}}.",
                sms_text="New candidate: {{candidate_name}} for {{job_title}}.",
            ),
            stacks_by=("job_title",),
        ),
        NotificationTypeSpec(
            NotificationType.JOB_CREATED.value,
            "job",
            _l("Job opened"),
            _l("You get this because notifications about new jobs are turned on."),
            JOB_FIELDS,
            DefaultTemplate(
                "New Job: {{job_title}}",
                "{{company_name}} has opened a new job: {{job_title}}.",
                sms_text="New job: {{job_title}} at {{company_name}}.",
            ),
        ),
        NotificationTypeSpec(
            NotificationType.EVALUATION_COMPLETED.value,
            "evaluation",
            _l("Evaluation finished"),
            _l("You get this because you follow this candidate's evaluation."),
            EVALUATION_FIELDS,
            DefaultTemplate(
                "Evaluation Completed for {{candidate_name}}",
                "The evaluation of {{candidate_name}} for {{job_title}} is complete and ready to read.",
                sms_text="Evaluation ready: {{candidate_name}}, {{job_title}}.",
            ),
            stacks_by=("candidate_name", "job_title"),
        ),
        NotificationTypeSpec(
            NotificationType.EVALUATION_DUE.value,
            "evaluation",
            _l("Evaluation due"),
            _l("You get this because an interview of yours has no evaluation yet."),
            INTERVIEW_VARIABLES,
            DefaultTemplate(
                "Evaluation Due for {{candidate_name}}",
                "Your interview with {{candidate_name}} for {{job_title}} on {{interview_date}} has no evaluation yet.",
                "high",
                sms_text="Evaluation due: {{candidate_name}}, {{job_title}}.",
            ),
        ),
        NotificationTypeSpec(
            NotificationType.SYSTEM_ALERT.value,
            "system",
            _l("System alert"),
            _l("You get this because it was sent to you or your team."),
            ALERT_FIELDS,
            DefaultTemplate(
                "System Alert",
                "A system alert has been generated. Please check the details.",
                "high",
                sms_text="A system alert has been generated. Please check Bellhop.",
            ),
            stacks_by=("alert_type",),
        ),
        NotificationTypeSpec(
            NotificationType.DAILY_DIGEST.value,
            "system",
            _l("Daily digest"),
            _l("You get this because you asked for a daily digest."),
            DIGEST_VARIABLES,
            DefaultTemplate(
                "Your Day: {{unread_count}} Unread",
                "This is what you have not read yet on {{digest_date}}.",
                channels=("email",),
            ),
        ),
        NotificationTypeSpec(
            NotificationType.WEEKLY_SUMMARY.value,
            "system",
            _l("Weekly summary"),
            _l("You get this because you asked for a weekly summary."),
            DIGEST_VARIABLES,
            DefaultTemplate(
                "Your Week: {{unread_count}} Unread",
                "The past week in numbers, and what you have not read yet on {{digest_date}}.",
                channels=("email",),
            ),
        ),
    )
}

EVENTS: dict[str, EventType] = {
    event.name: event
    for event in (
        EventType("interview.scheduled", _l("Interview booked"), "interview_scheduled", INTERVIEW_FIELDS),
        EventType("interview.rescheduled", _l("Interview moved"), "interview_rescheduled", INTERVIEW_FIELDS),
        EventType("interview.cancelled", _l("Interview cancelled"), "interview_cancelled", INTERVIEW_FIELDS),
        EventType("interview.completed", _l("Interview completed"), None, (Field("id", "text", "iv-2041"),)),
        EventType("resume.processed", _l("Resume parsed"), "resume_processed", RESUME_FIELDS),
        EventType(
            "resume.bulk_upload.completed",
            _l("Resume upload finished"),
            "bulk_upload_completed",
            UPLOAD_FIELDS,
        ),
        EventType(
            "candidate.added",
            _l("Candidate added"),
            "candidate_added",
            CANDIDATE_FIELDS,
            goes_to_everyone=True,
        ),
        EventType("job.created", _l("Job opened"), "job_created", JOB_FIELDS, goes_to_everyone=True),
        EventType(
            "evaluation.completed",
            _l("Evaluation completed"),
            "evaluation_completed",
            EVALUATION_FIELDS,
        ),
        EventType("system.alert", _l("System alert"), "system_alert", ALERT_FIELDS, goes_to_everyone=True),
    )
}

# Types whose event may carry its own title and message, which then replace the default template's.
OWN_TEXT_TYPES = frozenset({"system_alert"})


def category_of(notification_type: str) -> str:
    """The name of the category of a notification type.

    Raises:
        KeyError: the type does not exist.
    """
    return TYPES[notification_type].category


def sample_context(notification_type: str) -> dict[str, Any]:
    """Sample values for every variable of a type, for previews and tests."""
    return {variable.name: variable.sample for variable in TYPES[notification_type].variables}
