"""Schemathesis finds no call that violates the OpenAPI document: as an admin, as a recruiter, anonymously."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text as sql

from app.database.base import db
from app.services.accounts import tokens
from tests.support import factories

KEEP_TOKEN_VALID = """
    CREATE TRIGGER keep_token_valid AFTER UPDATE OF revoked_at ON api_tokens WHEN NEW.id = %(id)s
    BEGIN UPDATE api_tokens SET revoked_at = NULL WHERE id = %(id)s; END
"""
ROOT = Path(__file__).resolve().parents[2]
# Examples per call; the other phases make about 2,500 calls.
# To run more: BELLHOP_FUZZ=100 bin/test tests/api/test_schemathesis.py
EXAMPLES = os.environ.get("BELLHOP_FUZZ", "2")


@pytest.mark.parametrize(
    "caller",
    [
        "admin",
        pytest.param("recruiter", marks=pytest.mark.long),
        pytest.param("anonymous", marks=pytest.mark.long),
    ],
)
def test_every_call_conforms_to_the_document(app, live_server, alice, bob, caller):
    app.extensions["api_limits"].calls = 10**9
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    for user in (alice, bob):
        factories.delivery(factories.notification(user))
    command = [Path(sys.executable).with_name("schemathesis"), "run", f"{live_server}/api/openapi.json"]
    command += ["--checks", "all", "--max-examples", EXAMPLES, "--no-color", "--request-timeout", "60"]
    # The benchmark measures response times; a batch of a thousand can be slow on a busy machine.
    command += ["--max-response-time", "60"]
    command += (
        ["--generation-database", "none"] if "BELLHOP_FUZZ" in os.environ else ["--generation-deterministic"]
    )
    if caller != "anonymous":
        row, text = tokens.create(bob if caller == "admin" else alice, "fuzz", list(tokens.SCOPES))
        # It would find its own token in the list and revoke it.
        db.session.execute(sql(KEEP_TOKEN_VALID % {"id": row.id}))
        db.session.commit()
        command += ["--header", f"Authorization: Bearer {text}"]
    db.session.remove()
    # schemathesis.toml, in this folder, lists the statuses that are acceptable.
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert found.returncode == 0, found.stdout[-8000:] + found.stderr[-2000:]
