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
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup


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

    # As Jinja's own, which call each other through the context: a third of the calls of a row.
    @pass_eval_context
    def gettext(context: EvalContext, text: str, /, **variables: Any) -> str:
        return _fill(context, catalog().ugettext(text), variables)

    @pass_eval_context
    def ngettext(context: EvalContext, one: str, many: str, n: int, /, **variables: Any) -> str:
        return _fill(context, catalog().ungettext(one, many, n), {"num": n, **variables})

    app.jinja_env.newstyle_gettext = True  # type: ignore[attr-defined]  # from jinja2.ext.i18n
    app.jinja_env.globals |= {"_": gettext, "gettext": gettext, "ngettext": ngettext}


def _fill(context: EvalContext, text: str, variables: dict[str, Any]) -> str:
    # Without variables it is a format, too, so that a percent sign is written in one way.
    return (Markup(text) if context.autoescape else text) % variables  # noqa: S704  # translations may have markup
