"""Jinja's environment, with globals and catalogs that are looked up once.

Jinja and Flask-Babel look them up dozens of times a page, a fifth of the Python calls of a click.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from babel.support import NullTranslations, Translations
from flask import Flask
from flask.templating import Environment
from flask_babel import get_locale, get_translations


class TemplateEnvironment(Environment):
    """Passes the globals to templates as they are. Jinja would chain them with a template's own, and ours have none."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return super().make_globals(d) if d else self.globals


def register(app: Flask) -> None:
    """Translate the texts of templates with catalogs that are kept by language."""
    catalogs: dict[tuple[str | None, ...], Translations | NullTranslations] = {}

    def catalog() -> Any:
        locale = get_locale()
        # Its parts, because a Locale does not keep its hash.
        key = (locale.language, locale.script, locale.territory) if locale else ()
        if key not in catalogs:
            catalogs[key] = get_translations()
        return catalogs[key]

    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]  # from jinja2.ext.i18n
        gettext=lambda text: catalog().ugettext(text),
        ngettext=lambda one, many, n: catalog().ungettext(one, many, n),
        newstyle=True,
    )
