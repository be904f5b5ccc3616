"""The tables of channels, categories, notification types and event types that everything else reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
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
    CANDIDATE_STAGE_CHANGED = "candidate_stage_changed"
    CANDIDATE_HIRED = "candidate_hired"
    CANDIDATE_REJECTED = "candidate_rejected"
    OFFER_CREATED = "offer_created"
    OFFER_ACCEPTED = "offer_accepted"
    APPROVAL_REQUESTED = "approval_requested"
    JOB_CREATED = "job_created"
    EVALUATION_COMPLETED = "evaluation_completed"
    EVALUATION_DUE = "evaluation_due"
    SYSTEM_ALERT = "system_alert"
    DAILY_DIGEST = "daily_digest"
    WEEKLY_SUMMARY = "weekly_summary"


class NotificationPriority(StrEnum):
    """The priorities of a notification, in rising order."""

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
# What people do with notifications.
ACTIONS = ("read", "unread", "done", "undone", "saved", "unsaved", "snooze", "unsnooze")
# The places of the inbox: where a notification can be found.
PLACES = ("inbox", "unread", "later", "done", "saved", "all")
DAILY_DIGEST = NotificationType.DAILY_DIGEST.value
WEEKLY_SUMMARY = NotificationType.WEEKLY_SUMMARY.value
# Notification types that send one email for many notifications.
DIGESTS = (DAILY_DIGEST, WEEKLY_SUMMARY)
# Fields of any event's data that say how to notify. The others are facts for the template.
ENVELOPE = frozenset({"recipients", "hiring_team", "is_confidential", "action_url", "priority", "metadata"})
# The event type of an announcement. The API does not accept it.
ANNOUNCEMENT = "announcement"

PRIORITY_LABELS: dict[str, LazyString] = {
    "low": _l("Low"),
    "medium": _l("Normal"),
    "high": _l("High"),
    "urgent": _l("Urgent"),
}
ROLE_LABELS: dict[str, LazyString] = {"recruiter": _l("Recruiter"), "admin": _l("Admin")}
ROLE_AUDIENCES: dict[str, LazyString] = {"recruiter": _l("all recruiters"), "admin": _l("all admins")}

# How long before an interview people may be reminded.
LEAD_MINUTES = range(15, 2880 + 1)
MINUTE, HOUR = 60, 3600
# After four days a message is not worth sending any more.
GIVE_UP_AFTER = timedelta(hours=96)
# Growing to 8 hours, for as long as a message is worth sending.
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
        ChannelSpec("in_app", _l("In app"), "bell", _l("Inbox on this site"), is_outgoing=False),
        ChannelSpec("email", _l("Email"), "mail", _l("Account email"), retry_seconds=EMAIL_RETRIES),
        ChannelSpec(
            "sms",
            _l("SMS"),
            "phone",
            _l("Account phone number"),
            no_address=_l("Not sent: no verified phone number"),
            is_personal=True,
        ),
        ChannelSpec(
            "push",
            _l("Push"),
            "screen",
            _l("Browsers with push turned on"),
            no_address=_l("Not sent: no browser is registered"),
            is_personal=True,
            batch_size=1,
            threads=4,
        ),
        ChannelSpec(
            "slack",
            _l("Slack"),
            "chat",
            _l("Direct messages"),
            no_address=_l("Not sent: Slack is not connected"),
            is_personal=True,
            batch_size=1,
            threads=2,
        ),
        ChannelSpec(
            "teams",
            _l("Teams"),
            "users",
            _l("Microsoft Teams from Devices"),
            no_address=_l("Not sent: Teams is not connected"),
            is_personal=True,
            batch_size=1,
            threads=2,
        ),
        ChannelSpec(
            "webhook",
            _l("Webhook"),
            "globe",
            _l("Webhooks from Devices"),
            no_address=_l("Not sent: no webhook is turned on"),
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
    """A group of notification types that recruiters turn on and off. `name` also selects the colour and the icon."""

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
        Category(
            "candidate",
            _l("Candidate"),
            _l("Candidates"),
            _l("New candidates, their stages, offers and hires"),
        ),
        Category("job", _l("Job"), _l("Jobs"), _l("New jobs and requests for approval")),
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

    `verb` says what the link that its sender gave opens. `stacks_by` names the facts that identify its subject when
    the event does not name one (`notifications.stacks`).
    """

    name: str
    category: str
    label: LazyString
    reason: LazyString
    verb: LazyString
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


# The platform's own ids, which every event may carry and every template may use.
ID_FIELDS = (
    Field("candidate_id", "text", "cand-77", required=False),
    Field("job_id", "text", "job-12", required=False),
)
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
# When a moved interview was to begin before.
PREVIOUS_VARIABLES = (
    Field("previous_day", "text", "Tuesday 10 March 2026", required=False),
    Field("previous_time", "text", "11:00", required=False),
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
HIRING_FIELDS = (*CANDIDATE_FIELDS, Field("company_name", "text", "Alder Robotics", required=False))
STAGE_FIELDS = (
    *HIRING_FIELDS,
    Field("stage", "text", "Final interview"),
    Field("previous_stage", "text", "Phone screen", required=False),
)
REJECTION_FIELDS = (*HIRING_FIELDS, Field("reason", "text", "Chose another offer", required=False))
START_FIELDS = (*HIRING_FIELDS, Field("start_date", "text", "1 June 2026", required=False))
APPROVAL_FIELDS = (
    Field("requested_by", "text", "Daniel Osei"),
    Field("request", "text", "the offer to Priya Raman"),
    Field("job_title", "text", "Staff Data Engineer"),
    Field("candidate_name", "text", "Priya Raman", required=False),
    Field("company_name", "text", "Alder Robotics", required=False),
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
    Field("headline", "text", "2 interviews today, 12 unread"),
)

ON_HIRING_TEAM = _l("You get this because you're on the hiring team, or follow the candidate or the job.")

TYPES: dict[str, NotificationTypeSpec] = {
    spec.name: spec if spec.name in DIGESTS else replace(spec, variables=(*spec.variables, *ID_FIELDS))
    for spec in (
        NotificationTypeSpec(
            NotificationType.INTERVIEW_SCHEDULED.value,
            "interview",
            _l("Interview scheduled"),
            _l("You get this because you're a recruiter on this interview."),
            _l("Open interview"),
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
            _l("Open interview"),
            (*INTERVIEW_VARIABLES, *PREVIOUS_VARIABLES),
            DefaultTemplate(
                "{{candidate_name}}: interview moved",
                "The interview with {{candidate_name}} for the position of {{job_title}} at {{company_name}} has moved"
                '{% if previous_day != "" %} from {{previous_day}} at {{previous_time}}{% endif %} to '
                "{{interview_date}}.",
                "high",
                email_subject="Moved: {{candidate_name}}, now {{interview_day}} at {{interview_time}}",
                sms_text='Moved: {{candidate_name}}, {% if previous_day != "" %}from {{previous_day}} {{previous_time}}'
                " to{% else %}now{% endif %} {{interview_day}} {{interview_time}}.",
            ),
        ),
        NotificationTypeSpec(
            NotificationType.INTERVIEW_CANCELLED.value,
            "interview",
            _l("Interview cancelled"),
            _l("You get this because you're a recruiter on this interview."),
            _l("Open interview"),
            INTERVIEW_VARIABLES,
            DefaultTemplate(
                "{{candidate_name}}: interview cancelled",
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
            _l("Open interview"),
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
            _l("Open resume"),
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
            _l("Open upload"),
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
            _l("Open candidate"),
            CANDIDATE_FIELDS,
            DefaultTemplate(
                "{{candidate_name}}: new candidate",
                "{{candidate_name}} has been added as a candidate for {{job_title}}.",
                sms_text="New candidate: {{candidate_name}} for {{job_title}}.",
            ),
            stacks_by=("job_title",),
        ),
        NotificationTypeSpec(
            NotificationType.CANDIDATE_STAGE_CHANGED.value,
            "candidate",
            _l("Stage changed"),
            ON_HIRING_TEAM,
            _l("Open candidate"),
            STAGE_FIELDS,
            DefaultTemplate(
                "{{candidate_name}} moved to {{stage}}",
                '{{candidate_name}} has moved{% if previous_stage != "" %} from {{previous_stage}}{% endif %} to '
                "{{stage}} for the position of {{job_title}}.",
                email_subject="{{candidate_name}} is now in {{stage}}, {{job_title}}",
                sms_text="{{candidate_name}}: now {{stage}}, {{job_title}}.",
            ),
            stacks_by=("job_title",),
        ),
        NotificationTypeSpec(
            NotificationType.CANDIDATE_HIRED.value,
            "candidate",
            _l("Candidate hired"),
            ON_HIRING_TEAM,
            _l("Open candidate"),
            START_FIELDS,
            DefaultTemplate(
                "{{candidate_name}} was hired",
                "{{candidate_name}} has been hired for the position of {{job_title}}"
                '{% if company_name != "" %} at {{company_name}}{% endif %}.'
                '{% if start_date != "" %} First day: {{start_date}}.{% endif %}',
                "high",
                email_subject="{{candidate_name}} is hired as {{job_title}}",
                sms_text="Hired: {{candidate_name}}, {{job_title}}.",
            ),
        ),
        NotificationTypeSpec(
            NotificationType.CANDIDATE_REJECTED.value,
            "candidate",
            _l("Candidate rejected"),
            ON_HIRING_TEAM,
            _l("Open candidate"),
            REJECTION_FIELDS,
            DefaultTemplate(
                "{{candidate_name}} was rejected",
                "{{candidate_name}} is no longer a candidate for the position of {{job_title}}."
                '{% if reason != "" %} Reason: {{reason}}.{% endif %}',
                email_subject="{{candidate_name}} is no longer a candidate for {{job_title}}",
                sms_text="Rejected: {{candidate_name}}, {{job_title}}.",
            ),
            stacks_by=("job_title",),
        ),
        NotificationTypeSpec(
            NotificationType.OFFER_CREATED.value,
            "candidate",
            _l("Offer created"),
            ON_HIRING_TEAM,
            _l("Open offer"),
            HIRING_FIELDS,
            DefaultTemplate(
                "{{candidate_name}}: offer created",
                "An offer to {{candidate_name}} has been created for the position of {{job_title}}"
                '{% if company_name != "" %} at {{company_name}}{% endif %}.',
                email_subject="{{candidate_name}}: an offer for {{job_title}} was created",
                sms_text="Offer created: {{candidate_name}}, {{job_title}}.",
            ),
        ),
        NotificationTypeSpec(
            NotificationType.OFFER_ACCEPTED.value,
            "candidate",
            _l("Offer accepted"),
            ON_HIRING_TEAM,
            _l("Open offer"),
            START_FIELDS,
            DefaultTemplate(
                "{{candidate_name}} accepted the offer",
                "{{candidate_name}} has accepted the offer for the position of {{job_title}}"
                '{% if company_name != "" %} at {{company_name}}{% endif %}.'
                '{% if start_date != "" %} First day: {{start_date}}.{% endif %}',
                "high",
                email_subject="{{candidate_name}} accepted the offer for {{job_title}}",
                sms_text="Offer accepted: {{candidate_name}}, {{job_title}}.",
            ),
        ),
        NotificationTypeSpec(
            NotificationType.APPROVAL_REQUESTED.value,
            "job",
            _l("Approval requested"),
            _l("You get this because you're asked to approve it, or follow the job or the candidate."),
            _l("Review request"),
            APPROVAL_FIELDS,
            DefaultTemplate(
                "{{requested_by}} asks for your approval",
                "{{requested_by}} asks you to approve {{request}} for the position of {{job_title}}"
                '{% if company_name != "" %} at {{company_name}}{% endif %}.',
                "high",
                email_subject="{{requested_by}} asks for your approval: {{request}}",
                sms_text="{{requested_by}} asks you to approve {{request}}, {{job_title}}.",
            ),
        ),
        NotificationTypeSpec(
            NotificationType.JOB_CREATED.value,
            "job",
            _l("Job opened"),
            _l("You get this because notifications about new jobs are turned on."),
            _l("Open job"),
            JOB_FIELDS,
            DefaultTemplate(
                "New job: {{job_title}}",
                "{{company_name}} has opened a new job: {{job_title}}.",
                sms_text="New job: {{job_title}} at {{company_name}}.",
            ),
        ),
        NotificationTypeSpec(
            NotificationType.EVALUATION_COMPLETED.value,
            "evaluation",
            _l("Evaluation completed"),
            _l("You get this because you follow this candidate's evaluation."),
            _l("Read evaluation"),
            EVALUATION_FIELDS,
            DefaultTemplate(
                "{{candidate_name}}: evaluation completed",
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
            _l("Write evaluation"),
            INTERVIEW_VARIABLES,
            DefaultTemplate(
                "{{candidate_name}}: evaluation due",
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
            _l("Open"),
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
            _l("Open"),
            DIGEST_VARIABLES,
            DefaultTemplate(
                "{{headline}}",
                "{{digest_date}}",
                channels=("email",),
            ),
        ),
        NotificationTypeSpec(
            NotificationType.WEEKLY_SUMMARY.value,
            "system",
            _l("Weekly summary"),
            _l("You get this because you asked for a weekly summary."),
            _l("Open"),
            DIGEST_VARIABLES,
            DefaultTemplate(
                "{{headline}}",
                "{{digest_date}}: the past week in numbers, and what's still unread.",
                channels=("email",),
            ),
        ),
    )
}

EVENTS: dict[str, EventType] = {
    event.name: event
    for event in (
        EventType("interview.scheduled", _l("Interview scheduled"), "interview_scheduled", INTERVIEW_FIELDS),
        EventType("interview.rescheduled", _l("Interview moved"), "interview_rescheduled", INTERVIEW_FIELDS),
        EventType("interview.cancelled", _l("Interview cancelled"), "interview_cancelled", INTERVIEW_FIELDS),
        EventType("interview.completed", _l("Interview completed"), None, (Field("id", "text", "iv-2041"),)),
        EventType("resume.processed", _l("Resume processed"), "resume_processed", RESUME_FIELDS),
        EventType(
            "resume.bulk_upload.completed",
            _l("Upload finished"),
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
        EventType("candidate.stage_changed", _l("Stage changed"), "candidate_stage_changed", STAGE_FIELDS),
        EventType("candidate.hired", _l("Candidate hired"), "candidate_hired", START_FIELDS),
        EventType("candidate.rejected", _l("Candidate rejected"), "candidate_rejected", REJECTION_FIELDS),
        EventType("offer.created", _l("Offer created"), "offer_created", HIRING_FIELDS),
        EventType("offer.accepted", _l("Offer accepted"), "offer_accepted", START_FIELDS),
        EventType("approval.requested", _l("Approval requested"), "approval_requested", APPROVAL_FIELDS),
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
    """Return the category of a notification type.

    Raises:
        KeyError: the type does not exist.
    """
    return TYPES[notification_type].category


def sample_context(notification_type: str) -> dict[str, Any]:
    """Sample values for every variable of a type, for previews and tests."""
    return {variable.name: variable.sample for variable in TYPES[notification_type].variables}
