"""Jinja's environment, with globals and catalogs that are looked up once.

Jinja and Flask-Babel look them up dozens of times a page, a fifth of the Python calls of a click.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

from flask import Flask, current_app
from flask.templating import Environment
from flask_babel import get_locale, get_translations
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

# The functions of a language by the names that templates use.
Texts = dict[str, Callable[..., str]]


class TemplateEnvironment(Environment):
    """Passes the globals to templates as they are. Jinja would chain them with a template's own, and ours have none."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return super().make_globals(d) if d else self.globals


def register(app: Flask) -> None:
    """Translate the texts of templates with catalogs that are kept by language."""
    kept: dict[tuple[str | None, ...], Texts] = {}

    def find_texts() -> Texts:
        locale = get_locale()
        # Its parts, because a Locale does not keep its hash.
        key = (locale.language, locale.script, locale.territory) if locale else ()
        if key not in kept:
            kept[key] = _texts_in(get_translations())
        return kept[key]

    @pass_eval_context
    def gettext(context: EvalContext, text: str, /, **variables: Any) -> str:
        return find_texts()["gettext"](context, text, **variables)

    @pass_eval_context
    def ngettext(context: EvalContext, one: str, many: str, n: int, /, **variables: Any) -> str:
        return find_texts()["ngettext"](context, one, many, n, **variables)

    app.extensions["texts"] = find_texts
    app.jinja_env.newstyle_gettext = True  # type: ignore[attr-defined]  # from jinja2.ext.i18n
    app.jinja_env.globals |= {"_": gettext, "gettext": gettext, "ngettext": ngettext}


def texts() -> Texts:
    """Return the functions that translate into the current language, for templates that are in one language.

    The globals of the same names ask for the language with each text.
    """
    found: Texts = current_app.extensions["texts"]()
    return found


def _texts_in(catalog: Any) -> Texts:
    """Return the functions of a language: Jinja's own call each other through the context, a third of a row's calls."""
    # Most texts have no variables, and are the same each time.
    fixed: dict[str, str] = {}

    @pass_eval_context
    def gettext(context: EvalContext, text: str, /, **variables: Any) -> str:
        if variables or not context.autoescape:
            return _fill(context, catalog.ugettext(text), variables)
        if text not in fixed:
            fixed[text] = _fill(context, catalog.ugettext(text), {})
        return fixed[text]

    @pass_eval_context
    def ngettext(context: EvalContext, one: str, many: str, n: int, /, **variables: Any) -> str:
        return _fill(context, catalog.ungettext(one, many, n), {"num": n, **variables})

    return {"_": gettext, "gettext": gettext, "ngettext": ngettext}


def _fill(context: EvalContext, text: str, variables: dict[str, Any]) -> str:
    # Without variables it is a format, too, so that a percent sign is written in one way.
    return (Markup(text) if context.autoescape else text) % variables  # noqa: S704  # translations may have markup
