"""Base classes and types of all schemas."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import CoreSchema, core_schema

from app.row_ids import MAX_ID
from app.services.base import validation


@dataclass(frozen=True)
class OneOf:
    """Accept one of these strings; an `enum` in the OpenAPI document."""

    names: tuple[str, ...]

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.literal_schema(list(self.names))


@dataclass(frozen=True)
class Pattern:
    """Accept strings that match a regular expression of the OpenAPI document; `advice` says what to write instead."""

    regex: str
    advice: LazyString

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(schema) | {"pattern": self.regex}

    def _check(self, text: str) -> str:
        if not re.fullmatch(self.regex, text, re.ASCII):
            raise ValueError(str(self.advice))
        return text


CURSOR_ADVICE = _l("Take the cursor from “next” or “previous” of this list.")


def checked(check: Callable[[Any], Any]) -> BeforeValidator:
    """Wrap a validator of `app.services.base.validation` for pydantic; its message becomes the field's error."""

    def run(value: Any) -> Any:
        try:
            return check(value)
        except validation.InvalidValue as error:
            raise ValueError(str(error)) from error

    return BeforeValidator(run)


def _parse_flag(text: str) -> object:
    return {"true": True, "false": False}.get(text, text)


def _parse_number(text: str) -> object:
    return int(text) if re.fullmatch(r"-?[0-9]{1,19}", text) else text


def _parse_instant(text: str) -> datetime:
    # An unescaped "+" arrives as a space.
    return validation.instant(f"{text[:-6]}+{text[-5:]}" if text[-6:-5] == " " else text)


def _trimmed(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip()
    return [_trimmed(each) for each in value] if isinstance(value, list) else value


RowId = Annotated[int, Field(ge=1, le=MAX_ID)]
# The time in examples, where a nullable field is null unless it has its own example.
MOMENT = "2026-03-10T09:30:00Z"
# Query parameters arrive as text.
QueryFlag = Annotated[bool, BeforeValidator(_parse_flag)]
QueryInstant = Annotated[datetime, checked(_parse_instant)]
QueryNumber = Annotated[int, BeforeValidator(_parse_number)]


class UnsortedJsonSchema(GenerateJsonSchema):
    """Generates a schema without sorting its keys, so that examples keep their readable order."""

    def sort(self, value: Any, parent_key: str | None = None) -> Any:
        """Return the value unsorted."""
        return value


class Input(BaseModel):
    """A request body or query. Unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def trim(cls, given: Any) -> Any:
        """Remove the spaces at the ends of each value; free JSON stays as it is."""
        if not isinstance(given, dict):
            return given
        return {name: _trimmed(value) for name, value in given.items()}

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the schema, with examples in their given order."""
        return super().model_json_schema(*args, **kwargs | {"schema_generator": UnsortedJsonSchema})


class Output(BaseModel):
    """A response, built from a row or from a service's result."""

    model_config = ConfigDict(from_attributes=True)

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the schema for serialization; APIFlask would ask for the one for validation."""
        return super().model_json_schema(
            *args, **kwargs | {"mode": "serialization", "schema_generator": UnsortedJsonSchema}
        )


def optional() -> Any:
    """Declare a field that may be left out but must not be null."""
    return Field(default=None, json_schema_extra=_remove_default)


def _remove_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


class Paged(Input):
    """Selects a page of a list."""

    limit: QueryNumber = Field(50, ge=1, le=200, examples=[10])
    # The letter is the direction: `n` for next, `p` for previous.
    cursor: Annotated[str, Pattern("^[np][1-9][0-9]{0,17}$", CURSOR_ADVICE)] | None = Field(
        None, description="From `next` or `previous`."
    )

    @property
    def next_from(self) -> int | None:
        """The id of the row that the page follows."""
        return int(self.cursor[1:]) if self.cursor and self.cursor[0] == "n" else None

    @property
    def previous_from(self) -> int | None:
        """The id of the row that the page precedes."""
        return int(self.cursor[1:]) if self.cursor and self.cursor[0] == "p" else None


class KeyPaged(Input):
    """Selects a page of a list whose cursors hold a row's sort key, so that the row itself may be gone."""

    limit: QueryNumber = Field(50, ge=1, le=200, examples=[10])
    # The letter is the direction, as in `Paged`; the rest is the key as JSON in base64url.
    cursor: Annotated[str, Pattern("^[np][A-Za-z0-9_-]{1,1200}$", CURSOR_ADVICE)] | None = Field(
        None, description="From `next` or `previous`."
    )

    @property
    def next_from(self) -> str | None:
        """The key of the row that the page follows."""
        return self.cursor[1:] if self.cursor and self.cursor[0] == "n" else None

    @property
    def previous_from(self) -> str | None:
        """The key of the row that the page precedes."""
        return self.cursor[1:] if self.cursor and self.cursor[0] == "p" else None


class SearchKeyPaged(KeyPaged):
    """Selects a page of search results, as `KeyPaged`."""

    search: str = Field("", max_length=200)
