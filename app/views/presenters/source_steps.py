"""Where to paste a source's address in each system."""

from __future__ import annotations

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

STEPS: dict[str, tuple[LazyString, ...]] = {
    "ashby": (
        _l("In Ashby, open Admin → Integrations → Webhooks and add a webhook."),
        _l(
            "Paste the address and the secret. Choose the actions: candidate stage change, candidate hire, application "
            "submit, application update, interview schedule create and update, job create, offer create and update."
        ),
        _l("Save. Ashby sends a ping, which appears below."),
    ),
    "greenhouse": (
        _l("In Greenhouse, open Configure → Dev Center → Web Hooks and create a web hook."),
        _l(
            "Paste the address and the secret. Create one web hook for each event: new candidate application, stage "
            "change, candidate hired, candidate rejected, offer created, offer updated, job created."
        ),
        _l("Save. Greenhouse sends a ping, which appears below."),
    ),
    "lever": (
        _l("In Lever, open Settings → Integrations and API → Webhooks."),
        _l(
            "Turn on application created, candidate hired and candidate stage change, and paste the address into each."
        ),
        _l("Each webhook has its own signature token. Connect one source for each token."),
        _l("Choose Verify connection. The call appears below."),
    ),
    "calcom": (
        _l("In Cal.com, open Settings → Developer → Webhooks and choose New."),
        _l(
            "Paste the address and the secret. Choose booking created, rescheduled and cancelled, and meeting ended. "
            "Leave the payload template as it is."
        ),
        _l("Choose Ping test, then create the webhook. The call appears below."),
    ),
    "calendly": (
        _l("Calendly has no page for webhooks. Create a subscription through its API, with a paid plan."),
        _l(
            "Use the address as url, the secret as signing_key, and the events invitee.created and invitee.canceled."
        ),
        _l("Book a test meeting. The call appears below."),
    ),
    "standard": (
        _l("Send a POST to the address, signed as Standard Webhooks 1.0 defines it."),
        _l(
            "The body has type, timestamp and data. Types and data are those of the events in the API documentation."
        ),
    ),
}
