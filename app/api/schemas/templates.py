"""Schemas of templates."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from app.api.schemas.base import Input, Output, RowId, checked, optional
from app.api.schemas.notifications import Channel, Instant, Priority, Type
from app.services.base import validation


def _line(value: object) -> str:
    return validation.text(value, most=255)


def _text(value: object) -> str:
    return validation.text(value, most=20_000, many_lines=True)


Line = Annotated[str, checked(_line)]
Text = Annotated[str, checked(_text)]
Note = Annotated[
    str, Field(max_length=200, description="The reason for the change, shown in the list of versions.")
]
Brings = Annotated[
    list[str],
    Field(
        max_length=100,
        description="Variables that callers of a custom template supply. A variable that is neither in the type nor in "
        "the live version is refused unless it is listed here.",
    ),
]
EXAMPLE: JsonDict = {
    "title_template": "New job: {{job_title}}",
    "message_template": "{{company_name}} opened {{job_title}}.",
}


class TemplateContentIn(Input):
    """The content of a template, or part of it. Where a text is empty, the default is used."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    title_template: Annotated[Line, Field(max_length=255)] = optional()
    message_template: Text = optional()
    email_subject: Annotated[Line, Field(max_length=255)] = optional()
    email_preheader: Annotated[
        Line, Field(max_length=255, description="What email apps show beside the subject.")
    ] = optional()
    email_html: Text = optional()
    email_button: Annotated[Line, Field(max_length=255, description="The label of the button.")] = optional()
    sms_text: Text = optional()
    channels: list[Channel] = optional()
    priority: Priority = optional()

    def given(self) -> dict[str, Any]:
        """Return the fields that were given, as the services take them."""
        fields = self.model_dump(include=set(TemplateContentIn.model_fields), exclude_none=True)
        if "channels" in fields:
            fields["channels"] = tuple(dict.fromkeys(fields["channels"]))
        return fields


class TemplateChange(TemplateContentIn):
    """The fields to change. New content becomes the next version and is live immediately."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE | {"note": "Shorter"}]})

    is_active: bool = optional()
    note: Note = ""
    brings: Brings = []


class TemplateReplacement(TemplateChange):
    """A complete template. Content fields that are left out become empty or get their default."""

    title_template: Annotated[Line, Field(max_length=255)]
    message_template: Text
    # Read-only fields, accepted so that the result of GET can be sent back; they must match the template.
    id: RowId = optional()
    name: str = optional()
    notification_type: Type = optional()
    is_builtin: bool = optional()
    version: int = optional()
    created_at: Instant = optional()
    updated_at: Instant = optional()


class TemplateIn(TemplateContentIn):
    """A custom template for announcements. Fields that are left out are copied from the template of its type."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [EXAMPLE | {"name": "job_created_short", "notification_type": "job_created"}]
        }
    )

    name: str = Field(min_length=1, max_length=100)
    notification_type: Type


class TemplatePreviewIn(TemplateContentIn):
    """The content to preview, in place of the live content, and values for its variables (default: sample data)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [EXAMPLE | {"context": {"job_title": "Analyst", "company_name": "Alder"}}]
        }
    )

    context: dict[str, Any] | None = None


class Restore(Input):
    """The version to restore."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": 2, "replaces_draft": True}]})

    version: int = Field(ge=1, le=2**31 - 1)
    replaces_draft: bool = Field(False, description="Whether to replace a draft with different content.")


class Publication(Input):
    """Details of the version that the draft becomes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "Back to the shorter title"}]})

    note: Note = ""
    brings: Brings = []


class TemplateContentOut(Output):
    """The content of a template or of one of its versions."""

    title_template: str = Field(examples=[EXAMPLE["title_template"]])
    message_template: str = Field(examples=[EXAMPLE["message_template"]])
    email_subject: str
    email_preheader: str
    email_html: str
    email_button: str
    sms_text: str
    channels: list[Channel] = Field(examples=[["email", "in_app"]])
    priority: Priority = Field(examples=["medium"])


class TemplateOut(TemplateContentOut):
    """A template with its live content."""

    id: int
    name: str = Field(examples=["job_created_short"])
    notification_type: Type = Field(examples=["job_created"])
    is_active: bool
    is_builtin: bool = Field(examples=[False])
    version: int = Field(examples=[3])
    created_at: datetime
    updated_at: datetime


class DraftOut(TemplateContentOut):
    """Your draft, based on version `base_version`. It is not live."""

    base_version: int = Field(examples=[3])
    updated_at: datetime


class VersionOut(TemplateContentOut):
    """A version of a template, live since `created_at` until the next version."""

    number: int = Field(examples=[3])
    author: str | None = Field(examples=["bob@example.com"])
    note: str | None = Field(examples=["Shorter"])
    created_at: datetime


class TemplateList(Output):
    """The templates."""

    results: list[TemplateOut]
    next: str | None
    previous: str | None


class VersionList(Output):
    """The versions, newest first."""

    results: list[VersionOut]
    next: str | None
    previous: str | None


class PreviewCheck(Output):
    """A finding. `tone` is `ok`, `warn`, or `bad` if the template cannot be published."""

    tone: str
    text: str


class PreviewOut(Output):
    """A message as it would look. `problem` says why it cannot be rendered, and is empty otherwise."""

    title: str = Field(examples=["New job: Analyst"])
    message: str = Field(examples=["Alder opened Analyst."])
    subject: str = Field(examples=["New job: Analyst"])
    preheader: str = Field(description="Empty: the default, the facts of the notification.")
    button: str = Field(description="Empty: the default, what the button opens.")
    sms_text: str = Field(examples=["New job: Analyst https://bellhop.example.com/n/123456"])
    sms_segments: int = Field(examples=[1])
    problem: str
    checks: dict[str, list[PreviewCheck]] = Field(
        examples=[
            {
                "email": [{"tone": "ok", "text": "The subject fits on a phone"}],
                "sms": [{"tone": "ok", "text": "1 segment"}],
                "in_app": [{"tone": "ok", "text": "The title fits on a phone"}],
            }
        ]
    )
