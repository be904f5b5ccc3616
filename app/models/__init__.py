"""The tables, one noun per file. Importing this package registers all of them."""

from app.models.announcement import Announcement, AnnouncementDraft
from app.models.audit import AuditEntry
from app.models.delivery import CapturedMail, Delivery, DeliveryAttempt, Suppression
from app.models.digest import Digest
from app.models.endpoint import PhoneCode, PushSubscription, TeamsAddress, Webhook
from app.models.event import Event
from app.models.follow import Follow
from app.models.hiring_job import HiringJob, HiringTeamMember
from app.models.idempotency import StoredResponse
from app.models.installation import Installation
from app.models.interview import Interview, InterviewAlias, InterviewRecruiter
from app.models.job import JobRun, Lease
from app.models.notification import Notification, NotificationChange
from app.models.outage import ChannelOutage
from app.models.preference import PreferenceDefaults, PreferenceLock, UserNotificationPreference
from app.models.reminder import EvaluationReminder, Reminder
from app.models.room import Room, RoomMessage
from app.models.saved_view import RecentSearch, SavedView
from app.models.second_factor import SecondFactor
from app.models.send_rate import SendRate
from app.models.session import BrowserSession
from app.models.source import Source, SourceCall, SourceFact, SourcePerson
from app.models.template import NotificationTemplate, TemplateDraft, TemplateVersion
from app.models.user import ApiToken, SignInAttempt, User

__all__ = [
    "Announcement",
    "AnnouncementDraft",
    "ApiToken",
    "AuditEntry",
    "BrowserSession",
    "CapturedMail",
    "ChannelOutage",
    "Delivery",
    "DeliveryAttempt",
    "Digest",
    "EvaluationReminder",
    "Event",
    "Follow",
    "HiringJob",
    "HiringTeamMember",
    "Installation",
    "Interview",
    "InterviewAlias",
    "InterviewRecruiter",
    "JobRun",
    "Lease",
    "Notification",
    "NotificationChange",
    "NotificationTemplate",
    "PhoneCode",
    "PreferenceDefaults",
    "PreferenceLock",
    "PushSubscription",
    "RecentSearch",
    "Reminder",
    "Room",
    "RoomMessage",
    "SavedView",
    "SecondFactor",
    "SendRate",
    "SignInAttempt",
    "Source",
    "SourceCall",
    "SourceFact",
    "SourcePerson",
    "StoredResponse",
    "Suppression",
    "TeamsAddress",
    "TemplateDraft",
    "TemplateVersion",
    "User",
    "UserNotificationPreference",
    "Webhook",
]
