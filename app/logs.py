"""The log on standard error: one line per event, with its time in UTC."""

from __future__ import annotations

import json
import logging
import re
import time
from datetime import UTC, datetime

from flask import Flask
from flask.logging import default_handler

from app import request_ids

# The paths of links (`<token>` in app/views), and those that other systems call. The pages have numbers.
TOKEN = re.compile(
    r"(/(?:password/reset|setup|unsubscribe|digests|mute)/|(?<!/admin)(?<!/api)/sources/)[^/\s?#\"']+"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def hide_tokens(text: str) -> str:
    """Replace the token of each link in a text: anyone who has it can act for its owner."""
    return TOKEN.sub(r"\1[hidden]", text)


class LineFormatter(logging.Formatter):
    """Writes `2026-03-12T08:00:00Z WARNING app.jobs.scheduler: text [request 5f3a]`, line breaks in a text as `\\n`."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # The name in `logging`.
        # A text may quote what came from outside, which must not look like a line of its own.
        record.message = _CONTROL.sub(_escape, record.message)
        line = super().formatMessage(record)
        request_id = request_ids.current()
        return f"{line} [request {request_id}]" if request_id else line


class JsonFormatter(logging.Formatter):
    """Writes one JSON object a line: time, level, logger, message, and request_id and exception where there are any."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object, without a line break."""
        time_of = datetime.fromtimestamp(record.created, UTC)
        fields = {
            "time": time_of.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := request_ids.current():
            fields["request_id"] = request_id
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


# By the value of LOG_FORMAT.
FORMATTERS = {"text": LineFormatter, "json": JsonFormatter}


def register(app: Flask) -> None:
    """Use the format of LOG_FORMAT for everything below the logger `app`."""
    default_handler.setFormatter(FORMATTERS[app.config["LOG_FORMAT"]]())
    # Reading it attaches the handler.
    app.logger.debug("Logging to standard error")


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()
