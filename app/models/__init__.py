"""One noun a file. Importing this package registers every table."""

from app.models.audit import AuditEntry
from app.models.delivery import CapturedMail, Delivery, DeliveryAttempt, Suppression
from app.models.event import Event
from app.models.interview import Interview, InterviewRecruiter
from app.models.job import Lease
from app.models.notification import Notification, NotificationChange
from app.models.preference import UserNotificationPreference
from app.models.template import NotificationTemplate, TemplateVersion
from app.models.user import ApiToken, SignInAttempt, User

__all__ = [
    "ApiToken",
    "AuditEntry",
    "CapturedMail",
    "Delivery",
    "DeliveryAttempt",
    "Event",
    "Interview",
    "InterviewRecruiter",
    "Lease",
    "Notification",
    "NotificationChange",
    "NotificationTemplate",
    "SignInAttempt",
    "Suppression",
    "TemplateVersion",
    "User",
    "UserNotificationPreference",
]
