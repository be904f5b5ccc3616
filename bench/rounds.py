"""What a measurement is, and the scratch database that most of them need."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from flask import Flask
from flask_migrate import upgrade

from app import create_app

MIGRATIONS = str(Path(__file__).resolve().parent.parent / "migrations")


@dataclass
class Case:
    """Two rates, both in units a second, and the ratio that is wanted of them."""

    about: str
    wanted: float
    ours: Callable[[], float]
    floor: Callable[[], float]
    resources: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.resources.close()


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bellhop-bench-") as folder:
        yield Path(folder)


def migrated_app(folder: Path, **settings: object) -> Flask:
    """An application on a fresh SQLite file in the folder."""
    app = create_app(
        {"SQLALCHEMY_DATABASE_URI": f"sqlite:///{folder / 'bellhop.db'}", "SECRET_KEY": "bench", **settings}
    )
    with app.app_context():
        upgrade(MIGRATIONS)
    return app
