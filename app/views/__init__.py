"""The HTML pages: one noun and its blueprint per module, all registered here."""

from __future__ import annotations

from flask import Flask
from flask_babel import get_locale, get_timezone

from app import catalog
from app.extensions import babel
from app.views import (
    accounts,
    api_docs,
    devices,
    digests,
    explanations,
    follows,
    health,
    mail_mutes,
    notifications,
    palette,
    preferences,
    saved_views,
    second_factor,
    security,
    setup,
    sources,
    stream,
    unsubscribe,
    web_manifest,
)
from app.views.admin import (
    announcements,
    defaults,
    deliveries,
    hiring_teams,
    jobs,
    overview,
    people,
    subscriptions,
    template_versions,
    templates,
)
from app.views.admin import rooms as admin_rooms
from app.views.admin import sources as admin_sources
from app.views.presenters import navigation
from app.views.web import (
    anonymous_limits,
    auth,
    browser_names,
    compression,
    datetime_filters,
    errors,
    parts,
    pasted_text,
    refusals,
    search_highlight,
    security_headers,
    static_files,
    template_environment,
)


def register(app: Flask) -> None:
    """Register every page, with everything that pages share."""
    babel.init_app(app, locale_selector=_locale, timezone_selector=_time_zone)
    template_environment.register(app)
    compression.register(app)
    static_files.register(app)
    security_headers.register(app)
    datetime_filters.register(app)
    browser_names.register(app)
    search_highlight.register(app)
    navigation.register(app)
    pasted_text.register(app)
    errors.register(app)
    refusals.register(app)
    auth.register(app)
    anonymous_limits.register(app)
    parts.register(app)
    stream.register(app)
    app.register_blueprint(accounts.bp)
    app.register_blueprint(setup.bp)
    app.register_blueprint(security.bp)
    app.register_blueprint(second_factor.bp)
    app.register_blueprint(overview.bp)
    app.register_blueprint(people.bp)
    app.register_blueprint(health.bp)
    app.register_blueprint(api_docs.bp)
    app.register_blueprint(notifications.bp)
    app.register_blueprint(saved_views.bp)
    app.register_blueprint(palette.bp)
    app.register_blueprint(web_manifest.bp)
    app.register_blueprint(preferences.bp)
    app.register_blueprint(defaults.bp)
    app.register_blueprint(deliveries.bp)
    app.register_blueprint(admin_sources.bp)
    app.register_blueprint(admin_rooms.bp)
    app.register_blueprint(sources.bp)
    app.register_blueprint(subscriptions.bp)
    app.register_blueprint(devices.bp)
    app.register_blueprint(explanations.bp)
    app.register_blueprint(follows.bp)
    app.register_blueprint(mail_mutes.bp)
    app.register_blueprint(announcements.bp)
    app.register_blueprint(digests.bp)
    app.register_blueprint(jobs.bp)
    app.register_blueprint(hiring_teams.bp)
    app.register_blueprint(unsubscribe.bp)
    app.register_blueprint(templates.bp)
    app.register_blueprint(template_versions.bp)
    app.jinja_env.globals |= {
        "catalog": catalog,
        "get_locale": get_locale,
        "get_timezone": get_timezone,
        "search_tips": saved_views.SEARCH_TIPS,
    }
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def _locale() -> str | None:
    # None means BABEL_DEFAULT_LOCALE, for people who are not signed in.
    return getattr(auth.visitor(), "locale", None)


def _time_zone() -> str:
    return getattr(auth.visitor(), "time_zone", None) or "UTC"
