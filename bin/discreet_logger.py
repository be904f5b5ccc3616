"""gunicorn's log without the tokens of links and the addresses of sources: anyone who has one can act for its owner."""

import logging

from gunicorn.glogging import Logger

import config
from app.logs import JsonFormatter, hide_tokens


class DiscreetLogger(Logger):
    """Hides tokens in the access log and in the error log."""

    def setup(self, cfg) -> None:
        super().setup(cfg)
        self.error_log.addFilter(_hide_in_record)
        if config.read()[0]["LOG_FORMAT"] == "json":
            for handler in self.error_log.handlers:
                handler.setFormatter(JsonFormatter())

    def atoms(self, resp, req, environ, request_time):
        """Return what an access log's format may name."""
        found = super().atoms(resp, req, environ, request_time)
        return {
            name: hide_tokens(value) if isinstance(value, str) else value for name, value in found.items()
        }


def _hide_in_record(record: logging.LogRecord) -> bool:
    record.msg, record.args = hide_tokens(record.getMessage()), ()
    return True
