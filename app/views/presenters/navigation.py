"""The navigation: the places of the inbox, and the pages of settings and administration."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from flask import Flask, current_app
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from app.clock import utc_now
from app.forms.notifications import ListQuery
from app.services.deliveries import failures
from app.services.notifications import counts, snooze
from app.views.presenters import view_links
from app.views.web import parts
from app.views.web.auth import inbox_version, this_session
from app.views.web.datetime_filters import menu_time
from app.views.web.once import once_per_request


# Not compared by their values: each exists once, and comparing lazy texts would translate them.
@dataclass(frozen=True, eq=False)
class Place:
    """A list of notifications. `leaving` has the actions that remove a row from it.

    Places of the library are listed separately: below the others on a wide screen, in the sheet on a phone. G and then
    `key` goes there. The place of a search is not listed.
    """

    name: str
    label: LazyString
    icon: str
    empty_title: LazyString
    empty_text: LazyString
    leaving: tuple[str, ...]
    key: str
    is_library: bool = False
    is_search: bool = False


@dataclass(frozen=True, eq=False)
class Link:
    """A link in the navigation. A page sets `nav` to its `name`."""

    name: str
    endpoint: str
    icon: str
    label: LazyString
    key: str = ""


@dataclass(frozen=True, eq=False)
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
            "i",
        ),
        Place(
            "unread",
            _l("Unread"),
            "dot",
            _l("Nothing unread"),
            _l("Everything in your inbox has been read."),
            ("done", "snooze"),
            "u",
        ),
        Place(
            "later",
            _l("Snoozed"),
            "clock",
            _l("Nothing snoozed"),
            _l("Press L or the clock on a notification to bring it back later."),
            ("done", "unsnooze"),
            "l",
        ),
        Place(
            "done",
            _l("Done"),
            "done",
            _l("Nothing done yet"),
            _l("Notifications you mark done move here."),
            ("undone",),
            "d",
        ),
        Place(
            "saved",
            _l("Saved"),
            "saved",
            _l("Nothing saved"),
            _l("Save a notification to keep it here, even once it's done."),
            ("snooze", "unsaved"),
            "s",
            is_library=True,
        ),
        Place(
            "all",
            _l("All"),
            "all",
            _l("No notifications yet"),
            _l("Every notification you get is listed here, even once it's done."),
            ("snooze",),
            "a",
            is_library=True,
        ),
        Place(
            "anywhere",
            _l("Everything"),
            "all",
            _l("No notifications yet"),
            _l("Every notification you get is listed here, even once it's done."),
            (),
            "",
            is_search=True,
        ),
    )
}
FAILED_COUNT, FAILED_KEPT_FOR = "bellhop.failed_deliveries", timedelta(seconds=30)
SETTINGS = Section(
    "settings",
    _l("Settings"),
    (
        Link("preferences", "preferences.show", "sliders", _l("Preferences"), "p"),
        Link("devices", "devices.show", "phone", _l("Devices")),
        Link("account", "accounts.show", "user", _l("Account")),
    ),
)
ADMIN = Section(
    "admin",
    _l("Admin"),
    (
        Link("overview", "overview.show", "checks", _l("Overview")),
        Link("templates", "templates.index", "template", _l("Templates")),
        Link("announcements", "announcements.index", "system", _l("Announcements")),
        Link("deliveries", "deliveries.index", "activity", _l("Deliveries")),
        Link("sources", "admin_sources.index", "globe", _l("Sources")),
        Link("subscriptions", "subscriptions.index", "send", _l("Subscriptions")),
        Link("rooms", "admin_rooms.index", "chat", _l("Rooms")),
        Link("people", "people.index", "users", _l("People")),
        Link("hiring_teams", "hiring_teams.index", "job", _l("Hiring teams")),
        Link("defaults", "defaults.show", "lock", _l("Notification policy")),
        Link("jobs", "jobs.index", "clock", _l("Jobs")),
        Link("audit", "people.audit_log", "audit", _l("Audit log")),
    ),
)


class SnoozeLink(NamedTuple):
    """A snooze time as the menu shows it."""

    name: str
    label: str
    until: datetime
    time: str


def register(app: Flask) -> None:
    """Add the template globals of the navigation."""
    app.add_template_global(places)
    app.add_template_global(current_place)
    app.add_template_global(view_links.view_links)
    app.add_template_global(view_links.list_views, "saved_views")
    app.jinja_env.globals["view_colours"] = view_links.COLOURS
    app.jinja_env.globals["places_by_name"] = PLACES
    app.add_template_global(sections)
    app.jinja_env.globals["admin_pages"] = frozenset(link.name for link in ADMIN.links)
    app.add_template_global(failed_deliveries)
    app.add_template_filter(count_text)
    app.add_template_global(unread_count)
    app.add_template_global(snoozed_count)
    app.add_template_global(snooze_choices)


def places() -> tuple[Place, ...]:
    """Return the places that the navigation lists."""
    return tuple(place for place in PLACES.values() if not place.is_search)


def current_place(shown: ListQuery) -> str | None:
    """Return the place that the navigation marks for a list, or None if it marks a view."""
    if view_links.current_view(shown):
        return None
    return "all" if shown.place == "anywhere" else shown.place


def sections() -> tuple[Section, ...]:
    """Return the sections that the signed-in user may open."""
    return (SETTINGS, ADMIN) if this_session().is_admin else (SETTINGS,)


def failed_deliveries() -> int:
    """Count the failed deliveries of the last day for an admin. Counted once in half a minute, for all of them."""
    if not this_session().is_admin:
        return 0
    now = utc_now()
    until, number = current_app.extensions.get(FAILED_COUNT, (now, 0))
    if until <= now:
        number = failures.count_recent(now).failed
        current_app.extensions[FAILED_COUNT] = (now + FAILED_KEPT_FOR, number)
    return int(number)


def count_text(number: int) -> str:
    """Write a count of the navigation: nothing for none, "99+" for more than two digits."""
    return "99+" if number > 99 else str(number or "")


def unread_count() -> int:
    """Count unread notifications."""
    return once_per_request(_count).unread


def snooze_choices(event_starts_at: datetime | None = None) -> tuple[SnoozeLink, ...]:
    """Return the snooze times that the menu offers now, to the minute, as it shows them.

    Args:
        event_starts_at: when the interview starts that the notification is about.
    """
    return _snooze_links(parts.reader(), utc_now().replace(second=0, microsecond=0), event_starts_at)


@lru_cache(maxsize=500)
def _snooze_links(
    reader: parts.Reader, now: datetime, event_starts_at: datetime | None
) -> tuple[SnoozeLink, ...]:
    choices = snooze.snooze_choices(reader.time_zone, now, event_starts_at)
    return tuple(
        SnoozeLink(choice.name, str(choice.label), choice.until, menu_time(choice.until, now))
        for choice in choices
    )


def snoozed_count() -> int:
    """Count snoozed notifications."""
    return once_per_request(_count).snoozed


def _count() -> counts.InboxCounts:
    return counts.inbox_counts(this_session().id, version=inbox_version())
