"""Liquid, restricted to what cannot be abused: variables that are plain strings, a few filters, and conditions.

A template may access nothing but its variables, and no source may take much time or memory. Rejected at compilation are
ranges, paths into a value, long chains of filters, and thousands of parts. Not available are loops, includes,
assignments, and `case`, which renders a branch once for every value that matches, so that nesting multiplies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
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

# Filters whose output is about as long as their input, and tags that cannot loop, include or assign.
FILTERS = ("upcase", "downcase", "capitalize", "strip", "truncate", "truncatewords", "default", "escape")
TAGS = ("content", "output", "illegal", "comment", "if", "unless")
MAX_SOURCE = 50_000  # characters of one source
MAX_EXPRESSION = 1_000  # characters between two braces: parsing can take quadratic time
MAX_PARTS = 2_000  # nodes and expressions of one text
MAX_FILTERS = 5  # in a chain: each `escape` makes every ampersand longer
MAX_VALUE = 8_000  # characters of one variable; longer values are truncated
LONGEST_SHOWN = 60  # characters of what is wrong, in a sentence
MAX_OUTPUT = 200_000  # bytes of one rendered text


class TemplateTextError(ValueError):
    """A template is invalid or names an unknown variable; `str(error)` is a sentence for its author."""


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
class CompiledTemplate:
    """A template that was checked, and the variables that it names.

    `pieces` are its texts and variable names in order, each with whether it is a name; None if there is anything else.
    """

    template: BoundTemplate
    variables: frozenset[str]
    pieces: tuple[tuple[str, bool], ...] | None
    is_html: bool

    def render(self, values: Mapping[str, str]) -> str:
        """Render the template.

        Raises:
            TemplateTextError: a variable has no value.
        """
        # Checked here because Liquid itself knows some names, such as `now`.
        if missing := sorted(self.variables - values.keys()):
            raise TemplateTextError(_("Unknown variable “%(name)s”.", name=missing[0]))
        truncated = {name: truncate(values[name]) for name in self.variables}
        if self.pieces is not None:
            # Most templates need no more than this, which saves a third of the time an event takes.
            shown = (
                {name: str(escape(text)) for name, text in truncated.items()} if self.is_html else truncated
            )
            text = "".join(shown[piece] if is_name else piece for piece, is_name in self.pieces)
            if len(text) * 4 <= MAX_OUTPUT:
                return text
        with _liquid_errors():
            return self.template.render(truncated)


@contextmanager
def _liquid_errors() -> Iterator[None]:
    """Convert whatever Liquid raises to a `TemplateTextError`."""
    try:
        yield
    except LiquidError as error:
        # On one line, because it is shown in lists and logged.
        problem = " ".join(str(error.message or type(error).__name__).split())[:200]
        raise TemplateTextError(problem) from error
    except (RecursionError, TypeError, ValueError, ArithmeticError) as error:
        raise TemplateTextError(str(error)[:200] or type(error).__name__) from error


def _parse(source: str, *, is_html: bool) -> BoundTemplate:
    """Parse a source. Raises TemplateTextError, which says what to change and in which line."""
    environment = _ENVIRONMENTS[is_html]
    try:
        with _liquid_errors():
            return environment.from_string(source)
    except TemplateTextError as problem:
        error = problem.__cause__
        if not isinstance(error, LiquidError):
            raise
        raise TemplateTextError(_advice(error, source, environment)) from error


def _advice(error: LiquidError, source: str, environment: Environment) -> str:
    """Say what to change, from the parser's error."""
    if unclosed := re.match(r"expected tag (end\w+)", str(error.message)):
        return _("Add “%(tag)s”: a condition is not closed.", tag=f"{{% {unclosed[1]} %}}")
    token = error.token
    if token is None or token.start_index < 0:
        start, end = _find_invalid(source, environment)
    else:
        start = max(source.rfind(brace, 0, token.start_index + 2) for brace in ("{{", "{%"))
        start = max(start, 0)
        end = token.start_index + 1 if token.kind == "illegal" else _end_of_tag(source, start)
    line = source.count("\n", 0, start) + 1
    shown = " ".join(source[start:end].split())[:LONGEST_SHOWN]
    if str(error.message).startswith("unexpected tag"):
        return _(
            "Fix line %(line)s: “%(text)s” is not valid here. Use if, elsif, else, unless and comment.",
            line=line,
            text=shown,
        )
    return _("Fix line %(line)s: “%(text)s” is not valid here.", line=line, text=shown)


def _find_invalid(source: str, environment: Environment) -> tuple[int, int]:
    """Return where the first pair of braces is that is invalid on its own; the parser does not tell."""
    for tag in re.finditer(r"\{\{.*?\}\}", source, re.DOTALL):
        try:
            environment.from_string(tag[0])
        except LiquidError:
            return tag.span()
    start = max(source.find("{"), 0)
    return start, _end_of_tag(source, start)


def _end_of_tag(source: str, start: int) -> int:
    closed = re.compile(r"\}\}|%\}|$", re.MULTILINE).search(source, start)
    return closed.end() if closed else len(source)


def named_variables(source: str) -> set[str]:
    """Collect the names that begin the braces of a source, even if it is invalid."""
    return set(re.findall(r"\{\{-?\s*([A-Za-z_]\w*)", source[:MAX_SOURCE]))


@lru_cache(maxsize=256)
def compile_template(source: str, *, is_html: bool = False) -> CompiledTemplate:
    """Compile and check a template; cached.

    Args:
        is_html: escape the values of the variables.
    Raises:
        TemplateTextError: the source is invalid, or uses something that is not allowed.
    """
    if len(source) > MAX_SOURCE:
        raise TemplateTextError(_("This is longer than %(most)s characters.", most=MAX_SOURCE))
    tags = re.split(r"\{\{|\{%", source)[1:]
    if len(tags) > MAX_PARTS // 2:
        raise _too_many()
    for tag in tags:
        if len(tag) > MAX_EXPRESSION and not re.search(r"\}\}|%\}", tag[:MAX_EXPRESSION]):
            raise TemplateTextError(_("A {{ or {% is never closed, or what it contains is too long."))
    template = _parse(source, is_html=is_html)
    with _liquid_errors():
        return CompiledTemplate(template, frozenset(_variables(template)), _pieces(template), is_html)


def truncate(value: str) -> str:
    """Cut a value to `MAX_VALUE` characters."""
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
                    _("“%(name)s” is not a variable. Use plain names only.", name=str(part)[:100])
                )


def _check(filters: Iterable[str]) -> None:
    names = list(filters)
    if len(names) > MAX_FILTERS:
        raise TemplateTextError(_("Use at most %(most)s filters in a chain.", most=MAX_FILTERS))
    for name in names:
        if name not in FILTERS:
            raise TemplateTextError(
                _(
                    "Unknown filter “%(name)s”. Use one of: %(names)s.",
                    name=name[:100],
                    names=", ".join(FILTERS),
                )
            )


def _parts(template: BoundTemplate) -> Iterator[Node | Expression]:
    """Walk every node and expression, without recursion: they may be nested deeper than Python's stack."""
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
    return TemplateTextError(_("Use fewer variables and conditions."))
