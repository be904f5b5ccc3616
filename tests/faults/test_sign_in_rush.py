"""Three hundred people sign in at once: some are asked to wait, no one gets an error, and others are not delayed."""

from __future__ import annotations

import http.client
import http.cookiejar
import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles

import pytest
from flask import Flask

from app.models import User
from app.services.accounts import users
from tests.support import sign_ins
from tests.support.gunicorn import ROOT, serving, session_cookie


@pytest.mark.long
def test_a_rush_of_sign_ins_is_served_or_asked_to_wait_and_delays_no_other_request(
    app: Flask,
    database_file: Path,
    tmp_path: Path,
    alice: User,
    record_property: Callable[[str, object], None],
) -> None:
    for number in range(sign_ins.PEOPLE):
        users.create_user(f"p{number}@example.test", "Somebody", password=sign_ins.PASSWORD)
    cookie = session_cookie(app, alice)
    with serving(database_file, tmp_path / "log") as server:
        jar = http.cookiejar.CookieJar()
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        page = opener.open(f"{server.url}/sign-in").read().decode()
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
        anonymous = "; ".join(f"{each.name}={each.value}" for each in jar)
        command = [sys.executable, "-m", "tests.support.sign_ins", "127.0.0.1", str(server.port)]
        crowd = subprocess.Popen([*command, anonymous, token, "300"], cwd=ROOT, stdout=subprocess.PIPE)
        taken: list[float] = []
        while crowd.poll() is None:
            started = time.monotonic()
            visitor = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            visitor.request("GET", "/notifications", headers={"Cookie": cookie})
            response = visitor.getresponse()
            response.read()
            visitor.close()
            taken.append(time.monotonic() - started)
            assert response.status == 200
            time.sleep(0.01)
        statuses = json.loads(crowd.communicate()[0])
        counts = {status: statuses.count(status) for status in sorted(set(statuses))}
        p50, p99 = (quantiles(taken, n=100)[at - 1] for at in (50, 99))
        record_property("inbox", f"{counts}, {len(taken)} pages, p50 {p50:.3f} s, p99 {p99:.3f} s")
        assert set(statuses) <= {302, 429, 503}, set(statuses)
        assert statuses.count(302) >= 20
        assert p99 < 1
        assert "database is locked" not in server.errors()
        assert "Traceback" not in server.errors()
