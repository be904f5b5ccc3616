"""The navigation: the places of the inbox, and the pages of settings and administration."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, request
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from app.clock import utc_now
from app.services.notifications import counts, snooze
from app.views.web.auth import current_user


@dataclass(frozen=True)
class Place:
    """A list of notifications. `leaving` has the actions that remove a row from it.

    Places of the library are listed separately: below the others on a wide screen, in the sheet on a phone.
    """

    name: str
    label: LazyString
    icon: str
    empty_title: LazyString
    empty_text: LazyString
    leaving: tuple[str, ...]
    is_library: bool = False


@dataclass(frozen=True)
class Link:
    """A link in the navigation. A page sets `nav` to its `name`."""

    name: str
    endpoint: str
    icon: str
    label: LazyString


@dataclass(frozen=True)
class Section:
    """Links under a heading."""

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
            _l("New notifications appear here."),
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
            _l("Snoozed"),
            "clock",
            _l("Nothing snoozed"),
            _l("Press L to bring a notification back tomorrow morning."),
            ("done", "unsnooze"),
        ),
        Place(
            "done",
            _l("Done"),
            "done",
            _l("Nothing done yet"),
            _l("Notifications you mark done move here."),
            ("undone",),
        ),
        Place(
            "saved",
            _l("Saved"),
            "saved",
            _l("Nothing saved"),
            _l("Save a notification to keep it here, even once it's done."),
            ("snooze", "unsaved"),
            is_library=True,
        ),
        Place(
            "all",
            _l("All"),
            "all",
            _l("No notifications yet"),
            _l("Every notification you get is listed here, even once it's done."),
            ("snooze",),
            is_library=True,
        ),
    )
}
UNREAD_COUNT = "bellhop.unread_count"
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
        Link("defaults", "defaults.show", "lock", _l("Notification policy")),
        Link("jobs", "jobs.index", "clock", _l("Jobs")),
        Link("audit", "people.audit_log", "audit", _l("Audit log")),
    ),
)


def register(app: Flask) -> None:
    """Add the template globals of the navigation."""
    app.add_template_global(PLACES.values, "places")
    app.jinja_env.globals["places_by_name"] = PLACES
    app.add_template_global(sections)
    app.add_template_global(unread_count)
    app.add_template_global(waiting_count)
    app.add_template_global(snooze_choices)


def sections() -> list[Section]:
    """Return the sections that the signed-in user may open."""
    return [SETTINGS, ADMIN] if current_user.is_admin else [SETTINGS]


def unread_count() -> int:
    """Count unread notifications, once per request, because several parts of a page show the number."""
    if UNREAD_COUNT not in request.environ:
        request.environ[UNREAD_COUNT] = counts.unread_count(current_user.id)
    return int(request.environ[UNREAD_COUNT])


def snooze_choices() -> list[snooze.SnoozeChoice]:
    """Return the snooze times that the menu offers now."""
    return snooze.snooze_choices(current_user, utc_now())


def waiting_count() -> int:
    """Count snoozed notifications."""
    return counts.snoozed_count(current_user, utc_now())
