"""The rules. What Python callers of Bellhop rely on is gathered here."""

from app.services.events.python_api import (
    create_notification,
    create_notification_from_template,
    send_bulk_upload_completed_notification,
    send_candidate_added_notification,
    send_interview_scheduled_notification,
    send_job_created_notification,
    send_resume_processed_notification,
)
from app.services.notifications.inbox import get_unread_notifications_count, mark_notification_as_read

__all__ = [
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
