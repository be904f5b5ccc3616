"""The Python API of Bellhop: see docs/python.md. Every function needs an application context."""

from app.catalog import NotificationPriority, NotificationStatus, NotificationType
from app.services.events.python_api import (
    create_notification,
    create_notification_from_template,
    send_bulk_upload_completed_notification,
    send_candidate_added_notification,
    send_interview_scheduled_notification,
    send_job_created_notification,
    send_resume_processed_notification,
)
from app.services.notifications.actions import mark_notification_as_read
from app.services.notifications.counts import get_unread_notifications_count

__all__ = [
    "NotificationPriority",
    "NotificationService",
    "NotificationStatus",
    "NotificationType",
    "create_notification",
    "create_notification_from_template",
    "get_unread_notifications_count",
    "mark_notification_as_read",
    "send_bulk_upload_completed_notification",
    "send_candidate_added_notification",
    "send_interview_scheduled_notification",
    "send_job_created_notification",
    "send_resume_processed_notification",
]


class NotificationService:
    """The functions of this package as static methods, for callers who import one name."""

    create_notification = staticmethod(create_notification)
    create_notification_from_template = staticmethod(create_notification_from_template)
    send_interview_scheduled_notification = staticmethod(send_interview_scheduled_notification)
    send_resume_processed_notification = staticmethod(send_resume_processed_notification)
    send_bulk_upload_completed_notification = staticmethod(send_bulk_upload_completed_notification)
    send_candidate_added_notification = staticmethod(send_candidate_added_notification)
    send_job_created_notification = staticmethod(send_job_created_notification)
    mark_notification_as_read = staticmethod(mark_notification_as_read)
    get_unread_notifications_count = staticmethod(get_unread_notifications_count)
