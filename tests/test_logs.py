"""The format of a line of the log."""

from __future__ import annotations

import json
import logging
import re

from flask import Flask, g
from flask.logging import default_handler

from app import request_ids
from app.logs import JsonFormatter, LineFormatter
from tests.conftest import make_app


def test_a_line_has_its_time_in_utc_and_text_from_outside_cannot_begin_another(app: Flask) -> None:
    text = "a\n2026-03-12T08:00:01Z ERROR forged\x1b[2J\u2028é"
    record = logging.LogRecord("app.x", logging.WARNING, __file__, 1, "Refused: %s", (text,), None)
    record.created = 1773302400.25
    assert isinstance(default_handler.formatter, LineFormatter)
    assert default_handler.format(record) == (
        "2026-03-12T08:00:00Z WARNING app.x: Refused: "
        r"a\n2026-03-12T08:00:01Z ERROR forged\x1b[2J\u2028é"
    )


def test_a_line_names_its_request_or_the_requests_that_led_to_the_task(app: Flask) -> None:
    record = logging.LogRecord("app.x", logging.INFO, "x.py", 1, "Done", None, None)

    def line() -> str:
        return default_handler.format(record).partition("app.x: ")[2]

    assert line() == "Done"
    with request_ids.of_task("one,two"):
        assert line() == "Done [request one,two]"
    with app.test_request_context(headers={"X-Request-ID": "from-the-proxy.1"}):
        assert line() == "Done [request from-the-proxy.1]"
    vars(g).clear()  # On a server, each request has its own.
    with app.test_request_context(headers={"X-Request-ID": "forged] line"}):
        assert re.fullmatch(r"Done \[request [0-9a-f]{16}\]", line())
        assert line() == line(), "one id for each request"


def test_an_object_a_line_has_the_same_facts_and_the_exception(app: Flask) -> None:
    error = LookupError("no\nkey")
    record = logging.LogRecord(
        "app.x", logging.ERROR, "x.py", 1, "Bad: %s", ("a\n\u2028é",), (LookupError, error, None)
    )
    record.created = 1773302400.25
    with request_ids.of_task("one"):
        line = JsonFormatter().format(record)
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2026-03-12T08:00:00.250Z",
        "level": "ERROR",
        "logger": "app.x",
        "message": "Bad: a\n\u2028é",
        "request_id": "one",
        "exception": "LookupError: no\nkey",
    }


def test_the_setting_chooses_the_format(tmp_path) -> None:
    make_app(f"sqlite:///{tmp_path / 'x.db'}", LOG_FORMAT="json")
    assert isinstance(default_handler.formatter, JsonFormatter)
    make_app(f"sqlite:///{tmp_path / 'x.db'}")
    assert isinstance(default_handler.formatter, LineFormatter)
