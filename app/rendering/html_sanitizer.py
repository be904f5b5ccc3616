"""HTML that an admin wrote, reduced to what every mail program shows and nothing can abuse.

No script, form, image, class or remote file; links only to the web, mail and telephone. No colours either: they
would be unreadable in one of the two themes, and the layout brings its own.
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
# What has no style of its own takes the layout's; written into each element, as mail programs want it.
LOOK = css_inline.CSSInliner(
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
# Parsers answer deep nesting by overflowing the stack of the whole process.
MAX_TAGS = 1_000
# With the layout around it a mail stays under 60 KB; mail programs cut at about 100.
MAX_BODY = 40_000
# A tag that is never closed ends where the next one begins, or each would be looked for to the end.
_LIQUID = re.compile(r"(\{\{(?:(?!\{\{).)*?\}\}|\{%(?:(?!\{%).)*?%\})", re.DOTALL)
_OPEN_TAG = re.compile(r"<[a-zA-Z/][^<>]*\Z")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


def sanitize_for_email(html: str) -> Markup:
    """The body of a mail, cleaned at the moment of sending, in the layout's look.

    Empty where nothing is left, or where it is more than a mail can carry: then the message stands in its place.
    """
    if html.count("<") > MAX_TAGS or len(html) > MAX_BODY:
        return Markup("")
    # Afterwards, because a character may be written as `&#8238;`.
    clean = strip_invisible(
        nh3.clean(
            html,
            tags=TAGS,
            attributes=ATTRIBUTES,
            attribute_filter=_whole_addresses,
            filter_style_properties=STYLES,
            url_schemes=SCHEMES,
            set_tag_attribute_values={"a": {"class": "a"}},
        )
    )
    # nh3 made it safe; the inliner only adds the styles above.
    return Markup(LOOK.inline_fragment(clean, "")) if clean.strip() else Markup("")  # noqa: S704


def sanitize_template(source: str) -> str:
    """A template's HTML, cleaned the same way before it is kept, its Liquid left as it is and where it is.

    Raises:
        WordsError: it has more tags than a mail can sensibly have.
    """
    _check(source)
    token = f"liquid{secrets.token_hex(6)}x"
    # Texts at even places, the Liquid between them at odd ones.
    pieces = _LIQUID.split(_COMMENT.sub("", source))
    hidden, is_in_tag = "", False
    for place, piece in enumerate(pieces):
        if place % 2:
            # A comment may stand anywhere between tags, between the rows of a table too, where text is thrown out.
            hidden += f"{token}{place}." if is_in_tag else f"<!--{token}{place}.-->"
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
    found = re.compile(rf"(?:<|&lt;)!--{token}(\d+)\.--(?:>|&gt;)|{token}(\d+)\.")
    return found.sub(lambda name: pieces[int(name[1] or name[2])], clean)


def removed_parts(source: str) -> list[str]:
    """What a mail would lose of this HTML, most frequent first: `<script>`, `onclick`, `style: color`.

    Raises:
        WordsError: it has more tags than a mail can sensibly have.
    """
    lost = _contents(source) - _contents(sanitize_template(source))
    return [name for name, _count in lost.most_common()]


def _check(html: str) -> None:
    if html.count("<") > MAX_TAGS:
        raise TemplateTextError(_("This has too many tags: at most %(most)s can be used.", most=MAX_TAGS))


def _whole_addresses(tag: str, name: str, value: str) -> str | None:
    """A mail belongs to no site: an address without one leads nowhere."""
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
