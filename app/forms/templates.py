"""What the forms of templates send: these fields and no others reach a service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from app.forms.integers import parse_integer
from app.services.templates.drafts import TemplateContent

VIEWS = ("email", "sms", "inapp")


@dataclass(frozen=True)
class Look:
    """How the editor shows the preview: which channel, with which sample, in which theme."""

    channel: str = "email"
    sample: str = "sample"
    is_dark: bool = False

    @classmethod
    def read(cls, args: MultiDict[str, str]) -> Look:
        """Read an address or a form."""
        channel = args.get("ch", "")
        return cls(
            channel if channel in VIEWS else "email",
            args.get("sample") or "sample",
            args.get("pv") == "dark",
        )

    def params(self) -> dict[str, Any]:
        """The query for `url_for`; what is usual is left out."""
        return {
            "ch": self.channel if self.channel != "email" else None,
            "sample": self.sample if self.sample != "sample" else None,
            "pv": "dark" if self.is_dark else None,
        }


@dataclass(frozen=True)
class TemplateForm:
    """A template as it was typed, and the version that it was begun on."""

    edited: TemplateContent
    base_version: int

    @classmethod
    def read(cls, form: MultiDict[str, str]) -> TemplateForm:
        """Read the form as it was sent; browsers write line breaks as CR LF."""
        texts = {name: _text(form, name) for name in ("message_template", "email_html", "sms_text")}
        lines = {
            name: " ".join(_text(form, name).splitlines()) for name in ("title_template", "email_subject")
        }
        return cls(
            TemplateContent(
                **texts,
                **lines,
                channels=tuple(dict.fromkeys(form.getlist("channels"))),
                priority=form.get("priority", ""),
            ),
            form.get("base_version", 0, type=parse_integer) % 2**31,
        )


def _text(form: MultiDict[str, str], name: str) -> str:
    return form.get(name, "").replace("\0", "").replace("\r\n", "\n")
