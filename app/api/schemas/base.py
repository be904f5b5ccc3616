"""What every schema shares."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import CoreSchema, core_schema

from app.services.base import validation


@dataclass(frozen=True)
class OneOf:
    """One of these words, and an `enum` in the document."""

    names: tuple[str, ...]

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.literal_schema(list(self.names))


def usable(check: Callable[[Any], Any]) -> BeforeValidator:
    """Let pydantic use one of `app.services.base.validation`: its sentence becomes the field's error."""

    def run(value: Any) -> Any:
        try:
            return check(value)
        except validation.InvalidValue as error:
            raise ValueError(str(error)) from error

    return BeforeValidator(run)


def _flag(text: str) -> object:
    return {"true": True, "false": False}.get(text, text)


def _number(text: str) -> object:
    return int(text) if re.fullmatch(r"-?[0-9]{1,19}", text) else text


def _instant(text: str) -> datetime:
    # A "+" that was not escaped arrives as a space; nothing else about the text is guessed.
    return validation.instant(f"{text[:-6]}+{text[-5:]}" if text[-6:-5] == " " else text)


RowId = Annotated[int, Field(ge=1, le=2**63 - 1)]
# The time in examples. A field that may be null is null in them, unless it has an example of its own.
MOMENT = "2026-03-10T09:30:00Z"
# In a query everything is text.
QueryFlag = Annotated[bool, BeforeValidator(_flag)]
QueryInstant = Annotated[datetime, usable(_instant)]
QueryNumber = Annotated[int, BeforeValidator(_number)]


class AsWritten(GenerateJsonSchema):
    """Leaves the fields of examples in the order that they read best in."""

    def sort(self, value: Any, parent_key: str | None = None) -> Any:
        """As it is."""
        return value


class Input(BaseModel):
    """A body or a query. What it does not know it refuses by name."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The schema with its examples as they are written."""
        return super().model_json_schema(*args, **kwargs | {"schema_generator": AsWritten})


class Output(BaseModel):
    """An answer, made from a row or from a service's own answer."""

    model_config = ConfigDict(from_attributes=True)

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The schema of what is written; APIFlask would ask for that of what is read."""
        return super().model_json_schema(
            *args, **kwargs | {"mode": "serialization", "schema_generator": AsWritten}
        )


def left_out() -> Any:
    """A field that may be left out, but not null."""
    return Field(default=None, json_schema_extra=_without_default)


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


class Paged(Input):
    """Which page of a list."""

    limit: QueryNumber = Field(50, ge=1, le=200, examples=[10])
    # The letter says in which direction the page lies.
    cursor: str | None = Field(
        None, pattern="^[np][1-9][0-9]{0,17}$", description="From `next` or `previous`."
    )

    @property
    def next_from(self) -> int | None:
        """The number of the row that the page follows."""
        return int(self.cursor[1:]) if self.cursor and self.cursor[0] == "n" else None

    @property
    def previous_from(self) -> int | None:
        """The number of the row that the page goes before."""
        return int(self.cursor[1:]) if self.cursor and self.cursor[0] == "p" else None


class SearchPaged(Paged):
    """Which page of what is found."""

    search: str = Field("", max_length=200)
