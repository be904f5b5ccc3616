"""The work of the peers: `python -m bench.peer_work emails|fanout COUNT` prints how many they do per second."""

import logging
import sys
import time

from bench import peer_site  # noqa: F401  # Configures Django.

# isort: split
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import transaction
from notifications.signals import notify
from post_office import mail
from post_office.models import PRIORITY, STATUS, Email


def send_emails(count: int) -> float:
    """Send queued emails with django-post_office, in one process."""
    call_command("migrate", verbosity=0)
    text = "Interview Scheduled for Priya Raman.\n" * 300
    email = {"sender": "a@example.test", "subject": "News", "message": text, "priority": PRIORITY.medium}
    mail.send_many([email | {"recipients": [f"p{number}@example.test"]} for number in range(count)])
    started = time.perf_counter()
    logging.disable()
    while sum(mail.send_queued(processes=1)):
        pass  # It sends a hundred at a time.
    seconds = time.perf_counter() - started
    sent = Email.objects.filter(status=STATUS.sent).count()
    if sent != count:
        raise RuntimeError(f"{sent} of {count} emails were sent")
    Email.objects.all().delete()
    return count / seconds


def notify_people(count: int) -> float:
    """Notify this many people with django-notifications-hq, in one transaction as Bellhop does."""
    people = list(User.objects.order_by("id")[1 : count + 1])
    started = time.perf_counter()
    with transaction.atomic():
        notify.send(people[0], recipient=people, verb="Job created", description="Staff Data Engineer")
    return count / (time.perf_counter() - started)


if __name__ == "__main__":
    print({"emails": send_emails, "fanout": notify_people}[sys.argv[1]](int(sys.argv[2])))
