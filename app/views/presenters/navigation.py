"""Where one can go: the places of the inbox and the other pages of the side navigation."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, request
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from app.clock import utc_now
from app.services.notifications import inbox, snooze
from app.views.web.auth import current_user


@dataclass(frozen=True)
class Place:
    """One part of the inbox; what it says when nothing is in it, and which actions send a row away from it.

    What `is_kept` stands apart from the daily round: below it on a wide screen, in the sheet on a phone.
    """

    name: str
    label: LazyString
    icon: str
    empty_title: LazyString
    empty_text: LazyString
    leaving: tuple[str, ...]
    is_kept: bool = False


@dataclass(frozen=True)
class Link:
    """An entry of the navigation; `name` is what a page sets as `nav`."""

    name: str
    endpoint: str
    icon: str
    label: LazyString


@dataclass(frozen=True)
class Section:
    """Entries under one heading."""

    name: str
    label: LazyString
    links: tuple[Link, ...]


PLACES = {
    place.name: place
    for place in (
        Place(
            "inbox",
            _l("Inbox"),
            "inbox",
            _l("You're all caught up"),
            _l("When something new comes, a button here says so within seconds."),
            ("done", "snooze"),
        ),
        Place(
            "unread",
            _l("Unread"),
            "dot",
            _l("Nothing unread"),
            _l("Everything in your inbox has been read."),
            ("done", "snooze"),
        ),
        Place(
            "later",
            _l("Later"),
            "clock",
            _l("Nothing waits for later"),
            _l("Press L on a notification, or its clock: it leaves the inbox and is back tomorrow morning."),
            ("done", "unsnooze"),
        ),
        Place(
            "done",
            _l("Done"),
            "done",
            _l("Nothing done yet"),
            _l("What you mark done leaves the inbox and is kept here."),
            ("undone",),
        ),
        Place(
            "saved",
            _l("Saved"),
            "saved",
            _l("Nothing saved"),
            _l("Save what you want to find again: it stays here, done or not."),
            ("snooze", "unsaved"),
            is_kept=True,
        ),
        Place(
            "all",
            _l("All"),
            "all",
            _l("Nothing yet"),
            _l("Every notification you get is listed here, done or not."),
            ("snooze",),
            is_kept=True,
        ),
    )
}
LIBRARY = "bellhop.unread_count"
SETTINGS = Section(
    "settings",
    _l("Settings"),
    (
        Link("preferences", "preferences.show", "sliders", _l("Preferences")),
        Link("devices", "devices.show", "phone", _l("Devices")),
        Link("account", "accounts.show", "user", _l("Account")),
    ),
)
ADMIN = Section(
    "admin",
    _l("Admin"),
    (
        Link("templates", "templates.index", "template", _l("Templates")),
        Link("announcements", "announcements.index", "system", _l("Announcements")),
        Link("deliveries", "deliveries.index", "activity", _l("Deliveries")),
        Link("people", "people.index", "users", _l("People")),
        Link("defaults", "preferences.defaults", "lock", _l("Defaults and locks")),
        Link("jobs", "jobs.index", "clock", _l("Jobs")),
        Link("audit", "people.audit_log", "audit", _l("Audit log")),
    ),
)


def register(app: Flask) -> None:
    """Offer the navigation to the layout."""
    app.add_template_global(PLACES.values, "places")
    app.jinja_env.globals["places_by_name"] = PLACES
    app.add_template_global(sections)
    app.add_template_global(unread_count)
    app.add_template_global(waiting_count)
    app.add_template_global(snooze_choices)


def sections() -> list[Section]:
    """What the person who is signed in may open."""
    return [SETTINGS, ADMIN] if current_user.is_admin else [SETTINGS]


def unread_count() -> int:
    """The number beside "Inbox", read once a request: several parts of a page show it."""
    if LIBRARY not in request.environ:
        request.environ[LIBRARY] = inbox.unread_count(current_user.id)
    return int(request.environ[LIBRARY])


def snooze_choices() -> list[snooze.SnoozeChoice]:
    """What the menu "Later" offers this reader now."""
    return snooze.snooze_choices(current_user, utc_now())


def waiting_count() -> int:
    """The number beside "Later"."""
    return snooze.waiting_count(current_user, utc_now())
