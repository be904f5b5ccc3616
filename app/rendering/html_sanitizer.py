"""Reduces an admin's HTML to what every mail program can show and what cannot be abused.

No scripts, forms, images, classes or remote files; links only to the web, email addresses and phone numbers. No colours
either: they would be unreadable in light or in dark mode, and the layout has its own.
"""

from __future__ import annotations

import re
import secrets
from collections import Counter
from html.parser import HTMLParser
from urllib.parse import urlsplit

import css_inline
import nh3
from flask_babel import gettext as _
from markupsafe import Markup

from app.rendering.invisible_characters import strip_invisible
from app.rendering.liquid import TemplateTextError

TAGS = {
    "a",
    "abbr",
    "b",
    "blockquote",
    "br",
    "code",
    "dd",
    "del",
    "div",
    "dl",
    "dt",
    "em",
    "h2",
    "h3",
    "h4",
    "hr",
    "i",
    "ins",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
}
ATTRIBUTES = {
    "*": {"style", "dir", "lang", "title"},
    "a": {"href"},
    "ol": {"start"},
    "table": {"role", "width", "cellpadding", "cellspacing"},
    "td": {"colspan", "rowspan", "align", "valign", "width"},
    "th": {"colspan", "rowspan", "align", "valign", "width", "scope"},
}
STYLES = {
    "font-family",
    "font-size",
    "font-style",
    "font-weight",
    "letter-spacing",
    "line-height",
    "list-style-type",
    "margin",
    "margin-bottom",
    "margin-left",
    "margin-right",
    "margin-top",
    "max-width",
    "padding",
    "padding-bottom",
    "padding-left",
    "padding-right",
    "padding-top",
    "text-align",
    "text-decoration",
    "text-transform",
    "vertical-align",
    "white-space",
    "width",
}
SCHEMES = {"http", "https", "mailto", "tel"}
# The layout's styles, written into each element because mail programs ignore style sheets.
DEFAULT_STYLES = css_inline.CSSInliner(
    load_remote_stylesheets=False,
    extra_css="""
        p, ul, ol, dl, pre, blockquote, table { margin: 0 0 14px }
        h2, h3, h4 { margin: 20px 0 8px; font-size: 18px; line-height: 24px }
        ul, ol { padding-left: 22px }
        blockquote { padding-left: 14px; border-left: 3px solid #8d8881 }
        td, th { padding: 4px 12px 4px 0; text-align: left; vertical-align: top }
        hr { border: 0; border-top: 1px solid #8d8881; margin: 20px 0 }
        a { color: #2b46ca }
    """,
)
# Deep nesting overflows the parser's stack and crashes the process.
MAX_TAGS = 1_000
# With the layout an email stays under 60 KB; mail programs cut at about 100.
MAX_BODY = 40_000
# An unclosed tag ends where the next one begins, so that the search does not take quadratic time.
_LIQUID = re.compile(r"(\{\{(?:(?!\{\{).)*?\}\}|\{%(?:(?!\{%).)*?%\})", re.DOTALL)
_OPEN_TAG = re.compile(r"<[a-zA-Z/][^<>]*\Z")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


def sanitize_for_email(html: str) -> Markup:
    """Sanitize the body of an email when it is sent, and apply the layout's styles.

    Returns:
        the HTML; empty if nothing is left or it is too large. The email then shows the message.
    """
    if not html or html.count("<") > MAX_TAGS or len(html) > MAX_BODY:
        return Markup("")
    # After nh3 has decoded character references such as `&#8238;`.
    clean = strip_invisible(
        nh3.clean(
            html,
            tags=TAGS,
            attributes=ATTRIBUTES,
            attribute_filter=_only_absolute_links,
            filter_style_properties=STYLES,
            url_schemes=SCHEMES,
            set_tag_attribute_values={"a": {"class": "a"}},
        )
    )
    # nh3 has made it safe; the inliner only adds the styles above.
    return Markup(DEFAULT_STYLES.inline_fragment(clean, "")) if clean.strip() else Markup("")  # noqa: S704


def sanitize_template(source: str) -> str:
    """Sanitize a template's HTML before it is stored; its Liquid is not changed.

    Raises:
        TemplateTextError: it has too many tags.
    """
    _check(source)
    token = f"liquid{secrets.token_hex(6)}x"
    # HTML at even indexes, Liquid at odd ones.
    pieces = _LIQUID.split(_COMMENT.sub("", source))
    hidden, is_in_tag = "", False
    for index, piece in enumerate(pieces):
        if index % 2:
            # Between tags a comment survives everywhere, even between table rows, where text would be moved.
            hidden += f"{token}{index}." if is_in_tag else f"<!--{token}{index}.-->"
        else:
            hidden += piece
            is_in_tag = bool(_OPEN_TAG.search(piece)) or (is_in_tag and ">" not in piece)
    clean = nh3.clean(
        hidden,
        tags=TAGS,
        attributes=ATTRIBUTES,
        filter_style_properties=STYLES,
        url_schemes=SCHEMES,
        link_rel=None,
        strip_comments=False,
    )
    clean = strip_invisible(clean.replace(' style=""', ""))
    placeholder = re.compile(rf"(?:<|&lt;)!--{token}(\d+)\.--(?:>|&gt;)|{token}(\d+)\.")
    return placeholder.sub(lambda match: pieces[int(match[1] or match[2])], clean)


def removed_parts(source: str) -> list[str]:
    """List what sanitizing removes from this HTML, most frequent first: `<script>`, `onclick`, `style: color`.

    Raises:
        TemplateTextError: it has too many tags.
    """
    lost = _contents(source) - _contents(sanitize_template(source))
    return [name for name, _count in lost.most_common()]


def _check(html: str) -> None:
    if html.count("<") > MAX_TAGS:
        raise TemplateTextError(_("Use at most %(most)s tags.", most=MAX_TAGS))


def _only_absolute_links(tag: str, name: str, value: str) -> str | None:
    """Drop relative links, because an email has no site that they could be relative to."""
    return None if (tag, name) == ("a", "href") and not urlsplit(value.strip()).scheme else value


class _Contents(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[f"<{tag}>"] += 1
        for name, value in attrs:
            if name == "style":
                names = (part.partition(":")[0].strip().lower() for part in (value or "").split(";"))
                self.found.update(f"style: {style}" for style in names if style)
            elif tag in TAGS:
                self.found[name] += 1

    def handle_comment(self, data: str) -> None:
        self.found["<!-- -->"] += 1


def _contents(html: str) -> Counter[str]:
    parser = _Contents()
    parser.feed(html)
    parser.close()
    return parser.found
