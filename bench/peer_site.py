"""The project that django-notifications-hq and django-post_office are measured in.

It runs in an environment of its own (`bench.peer`). `python -m bench.peer_site ROWS` fills its database and prints
what a caller has to know, as JSON.
"""

import json
import os
import sys

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import include, path

OWN, OTHERS = 12_000, 1_000

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={"default": json.loads(os.environ["PEER_DATABASE"]) | {"CONN_MAX_AGE": None}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DJANGO_NOTIFICATIONS_CONFIG={"PAGINATE_BY": 50},
    EMAIL_BACKEND="post_office.EmailBackend",
    EMAIL_PORT=int(os.environ.get("PEER_EMAIL_PORT", "25")),
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "notifications",
        "post_office",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    ROOT_URLCONF=__name__,
    SECRET_KEY="bench",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    USE_TZ=True,
)
django.setup()
application = get_wsgi_application()
urlpatterns = [path("inbox/notifications/", include("notifications.urls", namespace="notifications"))]


def fill(rows: int) -> dict[str, object]:
    """Migrate and fill the database as Bellhop's; returns the reader's cookie and unread notifications."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import User
    from django.contrib.contenttypes.models import ContentType
    from django.contrib.sessions.backends.db import SessionStore
    from django.core.management import call_command
    from django.db import connection
    from notifications.models import Notification
    from notifications.utils import id2slug

    call_command("migrate", verbosity=0)
    User.objects.bulk_create(User(username=f"person{number}") for number in range(OTHERS + 1))
    reader = User.objects.earliest("id")
    step, kind = max(rows // OWN, 1), ContentType.objects.get_for_model(User).id
    is_postgresql = connection.vendor == "postgresql"
    at = "now() - i * interval '1 second'" if is_postgresql else "datetime('now', '-' || i || ' seconds')"
    with connection.cursor() as cursor:
        cursor.execute(f"""
            INSERT INTO notifications_notification (level, recipient_id, unread, actor_content_type_id, actor_object_id,
                verb, description, timestamp, public, deleted, emailed)
            WITH RECURSIVE n(i) AS (SELECT 60 UNION ALL SELECT i + 1 FROM n WHERE i < {rows + 60})
            SELECT 'info', CASE WHEN i % {step} <> 0 THEN {reader.id} + 1 + i % {OTHERS} ELSE {reader.id} END,
                (i / {step}) % 6 <> 0, {kind}, '{reader.id + 1}', 'Interview Scheduled for Priya Raman',
                'Booked for Thursday at 14:00.', {at}, TRUE, FALSE, FALSE FROM n""")
        cursor.execute("VACUUM ANALYZE" if is_postgresql else "ANALYZE")
    session = SessionStore()
    session[SESSION_KEY] = str(reader.id)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = reader.get_session_auth_hash()
    session.save()
    unread = Notification.objects.filter(recipient=reader, unread=True)[:50]
    slugs = [id2slug(key) for key in unread.values_list("id", flat=True)]
    return {"cookie": f"sessionid={session.session_key}", "unread": slugs}


if __name__ == "__main__":
    print(json.dumps(fill(int(sys.argv[1]))))
