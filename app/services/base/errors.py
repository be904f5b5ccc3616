"""What a service answers when it cannot do what was asked. Pages and API translate these, once each."""

from __future__ import annotations

from collections.abc import Mapping


class ServiceError(Exception):
    """The base of them all; `str(error)` is a sentence for a person."""


class NotFound(ServiceError):
    """There is no such row, or it is somebody else's."""


class Forbidden(ServiceError):
    """The person is known but may not do this."""


class Conflict(ServiceError):
    """The row changed meanwhile, or its state does not allow this."""


class Invalid(ServiceError):
    """Some of the values cannot be used.

    Args:
        errors: a sentence for each bad value, keyed by its name (`recipients`, `data.starts_at`).
    """

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in errors.items()))
        self.errors = dict(errors)
