"""User accounts, for admins."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response

from app.api.http.auth import caller, requires
from app.api.http.request_body import json_body, list_call
from app.api.http.responses import json_keyset_response, json_response
from app.api.schemas.base import SearchKeyPaged
from app.api.schemas.people import Invite, PersonChange, PersonList, PersonOut
from app.services.accounts import administration

bp = APIBlueprint("people", __name__, url_prefix="/people", tag="People")


@bp.get("/")
@requires("admin")
@list_call(bp, PersonList, SearchKeyPaged)
def list_people(query: SearchKeyPaged) -> Response:
    """List people

    Sorted by name.
    """
    page = administration.page_for(
        query.search, after=query.next_from, before=query.previous_from, limit=query.limit
    )
    return json_keyset_response(PersonList, page.rows, page.next, page.previous)


@bp.post("/")
@requires("admin")
@bp.output(PersonOut, status_code=201)
@json_body(Invite)
def invite_person(body: Invite) -> Response:
    """Invite a person

    They receive an email with a link to choose a password.
    """
    person = administration.invite(body.email, body.name, body.role, actor=caller().user)
    return json_response(PersonOut.model_validate(person), 201)


@bp.get("/<row_id:person_id>/")
@requires("admin")
@bp.output(PersonOut)
def show_person(person_id: int) -> Response:
    """Get a person"""
    return json_response(PersonOut.model_validate(administration.get(person_id)))


@bp.patch("/<row_id:person_id>/")
@requires("admin")
@bp.output(PersonOut)
@json_body(PersonChange)
def change_person(body: PersonChange, person_id: int) -> Response:
    """Change a person's role, or deactivate or reactivate them

    A deactivated person is signed out everywhere, and their tokens stop working.
    """
    person = administration.change(person_id, role=body.role, is_enabled=body.is_enabled, actor=caller().user)
    return json_response(PersonOut.model_validate(person))
