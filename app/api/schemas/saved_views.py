"""Schemas of saved views."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from app.api.schemas.base import Input, Output, RowId, optional
from app.api.schemas.notifications import Category, Place, Priority, Search
from app.services.notifications.saved_views import Colour


class ViewIn(Input):
    """A named filter with the same fields as the list's. Fields that are left out do not filter."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "Interviews today", "category": ["interview"], "search": "from:today"}]
        }
    )

    name: str = Field(max_length=200)
    colour: Colour = ""
    place: Place = "inbox"
    category: list[Category] = []
    priority: list[Priority] = []
    search: Search = ""


class ViewChange(Input):
    """The fields to change. Fields that are left out keep their values."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "My interviews today"}]})

    name: Annotated[str, Field(max_length=200)] = optional()
    colour: Colour = optional()
    place: Place = optional()
    category: list[Category] = optional()
    priority: list[Priority] = optional()
    search: Search = optional()


class ViewOrder(Input):
    """The ids of all your views, in their new order."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"view_ids": [123]}]})

    view_ids: list[RowId] = Field(max_length=100)


class ViewOut(Output):
    """One of your views. `count` is the number of notifications it shows now, up to 100."""

    id: int
    name: str = Field(examples=["Interviews today"])
    colour: Colour = Field(
        description="Of its dot in the navigation. Empty: the colour of its first category."
    )
    place: Place
    category: list[Category]
    priority: list[Priority] = Field(examples=[[]])
    search: str = Field(examples=["from:today"])
    count: int = Field(examples=[3])


class ViewList(Output):
    """Your views, in your order."""

    results: list[ViewOut]
    next: str | None
    previous: str | None
