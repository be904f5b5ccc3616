"""Liquid, cut down to what cannot be abused: variables that are plain strings, a few filters, and conditions.

What admins write is read by people they do not know and rendered by a server that others use, so a template may reach
nothing but its variables, and no source, however written, may take long or much memory. Refused when it is read:
ranges, paths into a value, long chains of filters, thousands of parts. Left out altogether: loops, includes,
assignments, and `case`, which renders a branch once for every value that matches, so that nesting it multiplies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from flask_babel import gettext as _
from liquid import BoundTemplate, Environment, Mode, RenderContext, StrictUndefined, escape
from liquid.ast import Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.builtin.output import OutputNode
from liquid.exceptions import LiquidError
from liquid.expression import Expression

# Filters whose output hardly outgrows their input, and tags that cannot loop, include or assign.
FILTERS = ("upcase", "downcase", "capitalize", "strip", "truncate", "truncatewords", "default", "escape")
TAGS = ("content", "output", "illegal", "comment", "if", "unless")
MAX_SOURCE = 50_000  # characters of one text as it is written
MAX_EXPRESSION = 1_000  # characters between two braces: some are read in quadratic time
MAX_PARTS = 2_000  # nodes and expressions of one text
MAX_FILTERS = 5  # one after the other: each `escape` makes every ampersand longer
MAX_VALUE = 8_000  # characters of one variable; what is longer is clipped
MAX_OUTPUT = 200_000  # bytes of one text as it is read


class TemplateTextError(ValueError):
    """A text cannot be read, or asks for a variable that is not there; `str(error)` says which."""


class _Limited(Environment):
    output_stream_limit = MAX_OUTPUT
    context_depth_limit = 10
    block_nesting_limit = 20

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        self.filters = {name: function for name, function in self.filters.items() if name in FILTERS}
        self.tags = {name: tag for name, tag in self.tags.items() if name in TAGS}


_ENVIRONMENTS = {
    is_html: _Limited(autoescape=is_html, undefined=StrictUndefined, tolerance=Mode.STRICT)
    for is_html in (True, False)
}


@dataclass(frozen=True)
class Compiled:
    """A text that was read and found harmless, and the variables that it names.

    `pieces`: its words and names in their order, each with whether it is a name, where there is nothing else in it.
    """

    template: BoundTemplate
    variables: frozenset[str]
    pieces: tuple[tuple[str, bool], ...] | None
    is_html: bool

    def render(self, values: Mapping[str, str]) -> str:
        """The text with its variables filled in. Raises WordsError where one has no value."""
        # Asked before: Liquid has names of its own (`now`), which are nobody's variables here.
        if missing := sorted(self.variables - values.keys()):
            raise TemplateTextError(_("There is no variable “%(name)s”.", name=missing[0]))
        clipped = {name: truncate(values[name]) for name in self.variables}
        if self.pieces is not None:
            # Most texts, and a third of what an event costs: names with their values put in.
            shown = {name: str(escape(text)) for name, text in clipped.items()} if self.is_html else clipped
            text = "".join(shown[piece] if is_name else piece for piece, is_name in self.pieces)
            if len(text) * 4 <= MAX_OUTPUT:
                return text
        with _translated():
            return self.template.render(clipped)


class _translated:  # noqa: N801  # Reads as the statement that it is.
    """Turn whatever Liquid raises into a sentence that says where."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, LiquidError):
            place = error.context() if error.token and error.token.start_index >= 0 else None
            # On one line: it is shown in lists and written to the log.
            problem = " ".join(str(error.message or type(error).__name__).split())[:200]
            raise TemplateTextError(
                _("Line %(line)s: %(problem)s", line=place[0], problem=problem) if place else problem
            ) from error
        if isinstance(error, RecursionError | TypeError | ValueError | ArithmeticError):
            raise TemplateTextError(str(error)[:200] or type(error).__name__) from error


@lru_cache(maxsize=256)
def compile_template(source: str, *, is_html: bool = False) -> Compiled:
    """Read a text once and keep it.

    Args:
        is_html: escape what the variables bring.
    Raises:
        WordsError: the text is not valid, or could do more than fill in its variables.
    """
    if len(source) > MAX_SOURCE:
        raise TemplateTextError(_("This is longer than %(most)s characters.", most=MAX_SOURCE))
    marked = re.split(r"\{\{|\{%", source)[1:]
    if len(marked) > MAX_PARTS // 2:
        raise _too_many()
    for part in marked:
        if len(part) > MAX_EXPRESSION and not re.search(r"\}\}|%\}", part[:MAX_EXPRESSION]):
            raise TemplateTextError(_("Something opened with {{ or {% is never closed, or is far too long."))
    with _translated():
        template = _ENVIRONMENTS[is_html].from_string(source)
        return Compiled(template, frozenset(_variables(template)), _pieces(template), is_html)


def truncate(value: str) -> str:
    """The value, cut where it is so long that nobody would read on."""
    return value if len(value) <= MAX_VALUE else value[: MAX_VALUE - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _pieces(template: BoundTemplate) -> tuple[tuple[str, bool], ...] | None:
    pieces = []
    for node in template.nodes:
        match node:
            case ContentNode(text=text):
                pieces.append((text, False))
            case OutputNode(
                expression=FilteredExpression(left=Path(path=[str() as name]), filters=[] | None)
            ):
                pieces.append((name, True))
            case _:
                return None
    return tuple(pieces)


def _variables(template: BoundTemplate) -> Iterator[str]:
    for part in _parts(template):
        match part:
            case RangeLiteral():
                raise TemplateTextError(_("Ranges such as (1..9) cannot be used."))
            case FilteredExpression(filters=list() as filters):
                _check(filter_.name for filter_ in filters)
            case Path(path=[str() as name]):
                yield name
            case Path():
                raise TemplateTextError(
                    _("“%(name)s” is no variable: only plain names can be used.", name=str(part)[:100])
                )


def _check(filters: Iterable[str]) -> None:
    names = list(filters)
    if len(names) > MAX_FILTERS:
        raise TemplateTextError(_("At most %(most)s filters can follow one another.", most=MAX_FILTERS))
    for name in names:
        if name not in FILTERS:
            raise TemplateTextError(
                _("There is no filter “%(name)s”. Use %(names)s.", name=name[:100], names=", ".join(FILTERS))
            )


def _parts(template: BoundTemplate) -> Iterator[Node | Expression]:
    """Every node and expression, found without recursion: they may be nested deeper than Python's stack."""
    context, todo, count = RenderContext(template), list[Node | Expression](template.nodes), 0
    while todo:
        part, count = todo.pop(), count + 1
        if count > MAX_PARTS:
            raise _too_many()
        yield part
        if isinstance(part, Node):
            todo += [*part.children(context), *part.expressions()]
        else:
            todo += part.children()


def _too_many() -> TemplateTextError:
    return TemplateTextError(_("This has too many variables and conditions for one text."))
