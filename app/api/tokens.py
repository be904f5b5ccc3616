"""The caller's API tokens."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response

from app.api.http.auth import caller, requires
from app.api.http.request_body import json_body, list_call
from app.api.http.responses import json_response_once, short_json_response
from app.api.schemas.base import KeyPaged
from app.api.schemas.tokens import NewToken, TokenIn, TokenList, TokenOut
from app.services.accounts import tokens

bp = APIBlueprint("tokens", __name__, url_prefix="/tokens", tag="Tokens")


@bp.get("/")
@requires("read")
@list_call(bp, TokenList, KeyPaged)
def list_tokens(query: KeyPaged) -> Response:
    """List your tokens"""
    return short_json_response(
        TokenList, tokens.for_user(caller().user), query, key=lambda token: [-token.id]
    )


@bp.post("/")
@requires("write", needs_password=True)
@bp.output(NewToken, status_code=201)
@json_body(TokenIn)
def create_token(body: TokenIn) -> Response:
    """Create a token

    A token can only grant scopes that it has, and a token it creates stops working when it does: when it expires
    (`expires_at`) and when it is revoked. You can have at most 100 tokens; one more is a 409. A browser session needs a
    password that was typed within the last 15 minutes. The text is shown once and not stored: a repeated call with the
    same `Idempotency-Key` responds with `"token": null`.
    """
    user = caller().user
    row, text = tokens.create(
        user, body.name, body.scopes, days=body.days, parent_id=caller().token_id, actor=user
    )
    output = TokenOut.model_validate(row)
    return json_response_once(NewToken(**output.model_dump(), token=text), "token")


@bp.delete("/<row_id:token_id>/")
@requires("write")
@bp.output({}, status_code=204)
def revoke_token(token_id: int) -> Response:
    """Revoke one of your tokens

    It stops working immediately, and so do the tokens that were created with it.
    """
    tokens.revoke(caller().user, token_id)
    return Response(status=204)
