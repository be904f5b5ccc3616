"""A fuzzer reads our own document and finds no call that does otherwise: as admin, as recruiter, as nobody."""

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

LASTING = """
    CREATE TRIGGER lasting AFTER UPDATE OF revoked_at ON api_tokens WHEN NEW.id = %(id)s
    BEGIN UPDATE api_tokens SET revoked_at = NULL WHERE id = %(id)s; END
"""
ROOT = Path(__file__).resolve().parents[2]
# Each run makes about 2,500 calls besides these. More by hand: BELLHOP_FUZZ=100 bin/test tests/api/test_schemathesis.py
CASES = os.environ.get("BELLHOP_FUZZ", "2")


@pytest.mark.parametrize("who", ["admin", "recruiter", "nobody"])
def test_every_call_does_what_the_document_says(app, live_server, alice, bob, who):
    app.extensions["api_limits"].calls = 10**9
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    for user in (alice, bob):
        factories.delivery(factories.notification(user))
    command = [Path(sys.executable).with_name("schemathesis"), "run", f"{live_server}/api/openapi.json"]
    command += ["--checks", "all", "--max-examples", CASES, "--no-color", "--request-timeout", "60"]
    # A batch of a thousand takes as long as the machine is busy: how quick a call is, the benchmark says.
    command += ["--max-response-time", "60"]
    command += (
        ["--generation-database", "none"] if "BELLHOP_FUZZ" in os.environ else ["--generation-deterministic"]
    )
    if who != "nobody":
        row, text = tokens.create(bob if who == "admin" else alice, "fuzz", list(tokens.SCOPES))
        # It finds its own token among those that it may revoke, and would be nobody from then on.
        db.session.execute(sql(LASTING % {"id": row.id}))
        db.session.commit()
        command += ["--header", f"Authorization: Bearer {text}"]
    db.session.remove()
    # Started where schemathesis.toml says which refusals are honest.
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert found.returncode == 0, found.stdout[-8000:] + found.stderr[-2000:]
