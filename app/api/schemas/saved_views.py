"""Saved views on the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from app.api.schemas.base import Input, Output, RowId, left_out
from app.api.schemas.notifications import Category, Place, Priority, Search


class ViewIn(Input):
    """A filter and its name; the filter's fields are those of the list, and those that are left out ask for nothing."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "Interviews today", "category": ["interview"], "search": "from:today"}]
        }
    )

    name: str = Field(max_length=200)
    place: Place = "inbox"
    category: list[Category] = []
    priority: list[Priority] = []
    search: Search = ""


class ViewChange(Input):
    """What to change about a view; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "My interviews today"}]})

    name: Annotated[str, Field(max_length=200)] = left_out()
    place: Place = left_out()
    category: list[Category] = left_out()
    priority: list[Priority] = left_out()
    search: Search = left_out()


class ViewOrder(Input):
    """All of the caller's views by their ids, in the order that they are to stand in."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"view_ids": [123]}]})

    view_ids: list[RowId] = Field(max_length=100)


class ViewOut(Output):
    """One of the caller's views. `count` is how many notifications it shows now, up to 100."""

    id: int
    name: str = Field(examples=["Interviews today"])
    place: Place
    category: list[Category]
    priority: list[Priority] = Field(examples=[[]])
    search: str = Field(examples=["from:today"])
    count: int = Field(examples=[3])


class ViewList(Output):
    """The caller's views in their order."""

    results: list[ViewOut]
    next: str | None
    previous: str | None
