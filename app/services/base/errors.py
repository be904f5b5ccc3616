"""Errors that services raise. Pages and API each turn them into responses in one place."""

from __future__ import annotations

from collections.abc import Mapping


class ServiceError(Exception):
    """Base class; `str(error)` is a sentence for people."""


class NotFound(ServiceError):
    """The row does not exist, or belongs to another person."""


class Forbidden(ServiceError):
    """The person is not allowed to do this."""


class Conflict(ServiceError):
    """The row has changed, or its state does not allow this."""


class LimitReached(ServiceError):
    """The person did this too often.

    Args:
        retry_after: seconds until it is possible again.
    """

    def __init__(self, text: str, retry_after: int) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Busy(ServiceError):
    """Too many others ask for the same at this moment. Trying again in a few seconds helps."""


class Invalid(ServiceError):
    """Some of the values are invalid.

    Args:
        errors: a sentence for each invalid value, keyed by its name (`recipients`, `data.starts_at`).
    """

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in errors.items()))
        self.errors = dict(errors)
