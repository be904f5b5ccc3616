"""Templates on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from app.api.schemas.base import Input, Output, RowId, left_out, usable
from app.api.schemas.notifications import Channel, Instant, Priority, Type
from app.services.base import validation


def _line(most: int) -> Any:
    return usable(lambda value: validation.text(value, most=most))


def _text(value: object) -> str:
    return validation.text(value, most=20_000, many_lines=True)


Line = Annotated[str, _line(255)]
Text = Annotated[str, usable(_text)]
Note = Annotated[str, Field(max_length=200, description="Why, for the list of versions.")]
Brings = Annotated[
    list[str],
    Field(
        max_length=100,
        description="Variables that callers of a custom template bring themselves. One that neither the type nor the "
        "live version has is refused unless it stands here.",
    ),
]
EXAMPLE: JsonDict = {
    "title_template": "New job: {{job_title}}",
    "message_template": "{{company_name}} opened {{job_title}}.",
}


class Words(Input):
    """The editable part of a template, or some of it. An empty text means: as in the app."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    title_template: Annotated[Line, Field(max_length=255)] = left_out()
    message_template: Text = left_out()
    email_subject: Annotated[Line, Field(max_length=255)] = left_out()
    email_html: Text = left_out()
    sms_text: Text = left_out()
    channels: list[Channel] = left_out()
    priority: Priority = left_out()

    def given(self) -> dict[str, Any]:
        """The fields that were given, as the services take them."""
        found = self.model_dump(include=set(Words.model_fields), exclude_none=True)
        return found | ({"channels": tuple(dict.fromkeys(found["channels"]))} if "channels" in found else {})


class TemplateChange(Words):
    """Some fields of a template. New words become its next version at once."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE | {"note": "Shorter"}]})

    is_active: bool = left_out()
    note: Note = ""
    brings: Brings = []


class TemplateReplacement(TemplateChange):
    """All of a template: what is left out goes back to empty, or to the default."""

    title_template: Annotated[Line, Field(max_length=255)]
    message_template: Text
    # What was read may be put back whole: these say which template and which version was meant.
    id: RowId = left_out()
    name: str = left_out()
    notification_type: Type = left_out()
    is_builtin: bool = left_out()
    version: int = left_out()
    created_at: Instant = left_out()
    updated_at: Instant = left_out()


class TemplateIn(Words):
    """A template of one's own, for `POST /api/notifications/create/`. What is left out is as in its type's."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [EXAMPLE | {"name": "job_created_short", "notification_type": "job_created"}]
        }
    )

    name: str = Field(min_length=1, max_length=100)
    notification_type: Type


class TemplatePreviewIn(Words):
    """Words to try, on top of the live ones, and the values of their variables; left out: sample data."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [EXAMPLE | {"context": {"job_title": "Analyst", "company_name": "Alder"}}]
        }
    )

    context: dict[str, Any] | None = None


class Restore(Input):
    """Which version to go back to."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": 2, "replaces_draft": True}]})

    version: int = Field(ge=1, le=2**31 - 1)
    replaces_draft: bool = Field(
        False, description="Whether a draft that says something else may be given up."
    )


class Publication(Input):
    """What to say about the version that the draft becomes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "Back to the shorter title"}]})

    note: Note = ""
    brings: Brings = []


class WordsOut(Output):
    """The words of a template or of one of its versions."""

    title_template: str = Field(examples=[EXAMPLE["title_template"]])
    message_template: str = Field(examples=[EXAMPLE["message_template"]])
    email_subject: str
    email_html: str
    sms_text: str
    channels: list[Channel] = Field(examples=[["email", "in_app"]])
    priority: Priority = Field(examples=["medium"])


class TemplateOut(WordsOut):
    """A template as it is live."""

    id: int
    name: str = Field(examples=["job_created_short"])
    notification_type: Type = Field(examples=["job_created"])
    is_active: bool
    is_builtin: bool = Field(examples=[False])
    version: int = Field(examples=[3])
    created_at: datetime
    updated_at: datetime


class DraftOut(WordsOut):
    """What the caller has drafted; it was begun on version `base_version`, and nobody is told in these words yet."""

    base_version: int = Field(examples=[3])
    updated_at: datetime


class VersionOut(WordsOut):
    """What was live from `created_at` on."""

    number: int = Field(examples=[3])
    author: str | None = Field(examples=["bob@example.com"])
    note: str | None = Field(examples=["Shorter"])
    created_at: datetime


class TemplateList(Output):
    """All templates; there are never more than fit on one page."""

    results: list[TemplateOut]
    next: str | None
    previous: str | None


class VersionList(Output):
    """Every version, newest first."""

    results: list[VersionOut]
    next: str | None
    previous: str | None


class CheckOut(Output):
    """A finding: `ok`, `warn` or, where it cannot go live, `bad`."""

    tone: str
    text: str


class PreviewOut(Output):
    """How a message would read; `problem` says what is wrong, and is empty where nothing is."""

    title: str = Field(examples=["New job: Analyst"])
    message: str = Field(examples=["Alder opened Analyst."])
    subject: str = Field(examples=["New job: Analyst"])
    sms_text: str = Field(examples=["New job: Analyst https://bellhop.example.com/n/123456"])
    sms_segments: int = Field(examples=[1])
    problem: str
    checks: dict[str, list[CheckOut]] = Field(
        examples=[
            {
                "email": [{"tone": "ok", "text": "The subject fits on a phone"}],
                "sms": [{"tone": "ok", "text": "1 segment"}],
                "in_app": [{"tone": "ok", "text": "The title fits on a phone"}],
            }
        ]
    )
