"""Reads the forms of the template editor; services get these fields only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from app.forms.integers import parse_integer
from app.services.templates.drafts import TemplateContent

CHANNELS = ("email", "sms", "inapp")
LINES = ("title_template", "email_subject", "email_preheader", "email_button")


@dataclass(frozen=True)
class PreviewOptions:
    """The channel, sample and theme of the preview."""

    channel: str = "email"
    sample: str = "sample"
    is_dark: bool = False

    @classmethod
    def read(cls, args: MultiDict[str, str]) -> PreviewOptions:
        """Read a query string or a form."""
        channel = args.get("ch", "")
        return cls(
            channel if channel in CHANNELS else "email",
            args.get("sample") or "sample",
            args.get("pv") == "dark",
        )

    def params(self) -> dict[str, Any]:
        """Return arguments for `url_for`, without those that have their default."""
        return {
            "ch": self.channel if self.channel != "email" else None,
            "sample": self.sample if self.sample != "sample" else None,
            "pv": "dark" if self.is_dark else None,
        }


@dataclass(frozen=True)
class TemplateForm:
    """The content that an admin typed, and the version it is based on."""

    content: TemplateContent
    base_version: int

    @classmethod
    def read(cls, form: MultiDict[str, str]) -> TemplateForm:
        """Read a submitted form; browsers send line breaks as CR LF."""
        texts = {name: _text(form, name) for name in ("message_template", "email_html", "sms_text")}
        lines = {name: " ".join(_text(form, name).splitlines()) for name in LINES}
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
    return form.get(name, "").replace("\r\n", "\n")
