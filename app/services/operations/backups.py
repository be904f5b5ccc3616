"""Backups of the whole installation: one file with the database and the key that signs sessions and links.

The file is a compressed tar archive of `manifest.json` (what it is, and a checksum of each other file), `secret_key`,
and `bellhop.db` (SQLite) or `database.dump` (the custom format of pg_dump). It is written while servers run: both
databases give a consistent copy of one moment, and writers don't wait for it.
"""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import os
import re
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from flask import current_app
from flask_babel import gettext as _
from flask_babel import ngettext
from psycopg.conninfo import make_conninfo
from sqlalchemy import inspect
from sqlalchemy.engine import URL

import data_folder
from app.clock import utc_now
from app.database.base import db
from app.services.operations.migrations import schema_version

FORMAT = 1
MANIFEST, KEY = "manifest.json", data_folder.KEY_FILE
# The name of the database in the archive.
CONTENT = {"sqlite": "bellhop.db", "postgresql": "database.dump"}
_CHUNK = 1 << 20
# What the programs of PostgreSQL say when they are older than the server or the archive, or newer than the server.
_OTHER_VERSION = re.compile(
    "server version mismatch|unsupported version|unrecognized configuration parameter"
)


class BackupError(RuntimeError):
    """A backup cannot be made, read or restored; the message says what to do."""


@dataclass(frozen=True)
class Manifest:
    """The description in a backup. Checksums are SHA-256, by the name of the file in the archive."""

    format: int
    created_at: str
    database: str
    migration: str
    checksums: dict[str, str]

    def __str__(self) -> str:
        name = "PostgreSQL" if self.database == "postgresql" else "SQLite"
        return _(
            "A backup of %(database)s from %(time)s, migration %(migration)s.",
            database=name,
            time=self.created_at,
            migration=self.migration,
        )


def create(path: Path) -> Path:
    """Back up the database and the key, while servers run.

    Args:
        path: the file to write; in a folder that exists, a new file named after the time.
    Returns:
        The file, readable for its owner only.
    Raises:
        BackupError: the file exists, or something cannot be read or written.
    """
    now = utc_now()
    if path.is_dir():
        path /= f"bellhop-{now:%Y-%m-%dT%H-%M-%SZ}.tar.gz"
    if path.exists():
        raise BackupError(_("%(path)s exists. Choose another name.", path=path))
    backend = db.engine.dialect.name
    with _explained(path), tempfile.TemporaryDirectory(prefix=".backup-", dir=path.parent) as temporary:
        folder = Path(temporary)
        content = folder / CONTENT[backend]
        if backend == "sqlite":
            _copy_sqlite(content)
        else:
            _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={content}")
        (folder / KEY).write_text(current_app.config["SECRET_KEY"], encoding="utf-8")
        checksums = {name: _checksum(folder / name) for name in (content.name, KEY)}
        manifest = Manifest(
            FORMAT, f"{now:%Y-%m-%dT%H:%M:%SZ}", backend, schema_version().database, checksums
        )
        (folder / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1), encoding="utf-8")
        draft = folder / "backup.tar.gz"
        # The dump of PostgreSQL is compressed already.
        with tarfile.open(draft, "w:gz", compresslevel=6 if backend == "sqlite" else 1) as archive:
            for name in (MANIFEST, KEY, content.name):
                archive.add(folder / name, name)
        verify(draft)
        _publish(draft, path)
    return path


def verify(path: Path) -> Manifest:
    """Read a whole backup, compare its checksums, and check its database.

    Raises:
        BackupError: it is damaged, incomplete, or not a backup.
    """
    with _unpacked(path) as (folder, manifest):
        if not manifest.migration:
            raise BackupError(_("The database in the backup is empty. Check DATABASE_URL."))
        content = folder / CONTENT[manifest.database]
        if manifest.database == "sqlite":
            _check_sqlite(content)
        else:
            _run("pg_restore", f"--file={os.devnull}", str(content), connects=False)
        return manifest


def restore(path: Path) -> Manifest:
    """Put a backup in place of an empty database, with its key.

    Deliveries that were on their way are sent when their lease has ended; what was marked sent is not sent again.

    Raises:
        BackupError: the backup cannot be used, the database has content, or another key is set.
    """
    manifest = verify(path)
    backend = db.engine.dialect.name
    if manifest.database != backend:
        raise BackupError(_("%(backup)s DATABASE_URL names a database of another system.", backup=manifest))
    if inspect(db.engine).get_table_names():
        raise BackupError(
            _(
                "The database is not empty, and restoring would overwrite it. Stop all servers and move its files "
                "away, or create an empty database and name it in DATABASE_URL."
            )
        )
    if manifest.migration > (code := schema_version().code):
        raise BackupError(
            _(
                "The backup has migration %(backup)s, this version of Bellhop ends at %(code)s. Restore it with the "
                "version that made it, or a newer one.",
                backup=manifest.migration,
                code=code,
            )
        )
    with _unpacked(path) as (folder, _manifest):
        _restore_key((folder / KEY).read_text(encoding="utf-8"))
        content = folder / CONTENT[backend]
        if backend == "sqlite":
            _replace_sqlite(content)
        else:
            options = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")
            _run("pg_restore", *options, str(content))
    return manifest


def describe_content() -> str:
    """Count what people would miss first, after a restore."""
    with db.engine.connect() as connection:
        people, rows = (
            connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()  # noqa: S608  # Names of ours.
            for table in ("users", "notifications")
        )
    return ", ".join(
        (
            ngettext("%(num)d person", "%(num)d people", people),
            ngettext("%(num)d notification", "%(num)d notifications", rows),
        )
    )


def _copy_sqlite(target: Path) -> None:
    """Copy the database in one read transaction, which blocks no writer, not even a long one."""
    source = sqlite3.connect(f"file:{db.engine.url.database}?mode=ro", uri=True, timeout=30)
    with closing(source), closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        # As a file of its own: without a log beside it.
        copy.execute("PRAGMA journal_mode = DELETE")


def _check_sqlite(path: Path) -> None:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        try:
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            orphan = connection.execute("PRAGMA foreign_key_check").fetchone()
        except sqlite3.DatabaseError as error:
            raise BackupError(_("The database in the backup is damaged: %(cause)s.", cause=error)) from error
    if found != "ok" or orphan:
        cause = found if found != "ok" else f"{orphan[0]} {orphan[1]}"
        raise BackupError(_("The database in the backup is damaged: %(cause)s.", cause=cause))


def _replace_sqlite(content: Path) -> None:
    """Put the file in place under its name, at once and for good."""
    target = Path(str(db.engine.url.database))
    db.engine.dispose()
    with _explained(target):
        draft = target.with_name(f"{target.name}.restoring")
        with content.open("rb") as source, _private(draft) as copy:
            shutil.copyfileobj(source, copy, _CHUNK)
        # A log of the empty database beside the restored one would damage it.
        for suffix in ("-wal", "-shm"):
            target.with_name(f"{target.name}{suffix}").unlink(missing_ok=True)
        draft.replace(target)
        _sync(target.parent)


def _restore_key(key: str) -> None:
    """Write the key of the backup beside the database. A key that is set must be the same."""
    path = data_folder.folder_of(_url()) / KEY
    if data_folder.read_key(_url()) != current_app.config["SECRET_KEY"]:
        if not hmac.compare_digest(key.encode(), current_app.config["SECRET_KEY"].encode()):
            raise BackupError(
                _(
                    "SECRET_KEY is not the key of the backup: sessions, links and the secrets of webhooks would "
                    "change. Set the old one, or leave SECRET_KEY out to use the key in the backup."
                )
            )
        return
    if len(key) < data_folder.SHORTEST_KEY:
        raise BackupError(
            _(
                "The key of the backup is too short for a file. Set SECRET_KEY to it, which "
                "`tar -xOzf BACKUP secret_key` prints."
            )
        )
    # The database is empty, so the key was generated for nothing.
    draft = path.with_name(f"{path.name}.restoring")
    with _explained(path):
        with _private(draft) as file:
            file.write(key.encode())
        draft.replace(path)
        _sync(path.parent)


@contextmanager
def _unpacked(path: Path) -> Iterator[tuple[Path, Manifest]]:
    """Unpack a backup into a temporary folder, its checksums compared."""
    with tempfile.TemporaryDirectory(prefix="bellhop-backup-") as temporary:
        folder = Path(temporary)
        try:
            with gzip.open(path) as file, tarfile.open(fileobj=file) as archive:
                _extract(archive, folder)
                # To the end, where the checksum of gzip is.
                while file.read(_CHUNK):
                    pass
            manifest = _read_manifest(folder / MANIFEST)
        except FileNotFoundError as error:
            if not path.exists():
                raise BackupError(_("%(path)s does not exist.", path=path)) from error
            raise BackupError(_("%(path)s is not a backup of Bellhop.", path=path)) from error
        except (
            tarfile.TarError,
            zlib.error,
            EOFError,
            OSError,
            TypeError,
            ValueError,
            RecursionError,
        ) as error:
            raise BackupError(
                _("%(path)s is damaged, or not a backup of Bellhop: %(cause)s", path=path, cause=error)
            ) from error
        if manifest.format != FORMAT or manifest.database not in CONTENT:
            raise BackupError(_("%(path)s was made by a newer version of Bellhop.", path=path))
        for name in (CONTENT[manifest.database], KEY):
            if not (folder / name).is_file() or _checksum(folder / name) != manifest.checksums.get(name):
                raise BackupError(_("%(path)s is damaged: %(name)s has changed.", path=path, name=name))
        yield folder, manifest


def _read_manifest(path: Path) -> Manifest:
    """Read a manifest. Raises ValueError, TypeError or RecursionError if it has another shape."""
    manifest = Manifest(**json.loads(path.read_bytes()))
    texts = (manifest.created_at, manifest.database, manifest.migration)
    if not all(isinstance(text, str) for text in texts) or not isinstance(manifest.checksums, dict):
        raise TypeError(f"{MANIFEST} has another shape")
    return manifest


def _extract(archive: tarfile.TarFile, folder: Path) -> None:
    """Write the files that a backup has, and no others: no links, folders or devices."""
    for member in archive:
        is_ours = member.isreg() and member.name in {MANIFEST, KEY, *CONTENT.values()}
        if source := archive.extractfile(member) if is_ours else None:
            with source, _private(folder / member.name) as file:
                shutil.copyfileobj(source, file, _CHUNK)


def _run(program: str, *arguments: str, connects: bool = True) -> None:
    """Run a program of PostgreSQL. The password is in the environment, where other users cannot read it."""
    # Its messages in English, in which `_OTHER_VERSION` is.
    environment = {**os.environ, "LC_ALL": "C"}
    if connects:
        target, password = _connection(_url())
        arguments = (f"--dbname={target}", *arguments)
        environment |= {"PGPASSWORD": password} if password else {}
    try:
        done = subprocess.run(  # noqa: S603  # A program of PostgreSQL, without a shell.
            [program, *arguments], env=environment, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise BackupError(
            _(
                "%(program)s is missing: install PostgreSQL's client programs of the server's version (Debian: "
                "apt-get install postgresql-client).",
                program=program,
            )
        ) from error
    if done.returncode:
        cause = " ".join(done.stderr.split()) or done.returncode
        if _OTHER_VERSION.search(done.stderr):
            raise BackupError(
                _(
                    "%(program)s is of another version than the server, or than the program that made the backup: "
                    "%(cause)s. Install PostgreSQL's client programs of the server's version (the package "
                    "postgresql-client-VERSION of apt.postgresql.org), and put them first in PATH.",
                    program=program,
                    cause=cause,
                )
            )
        raise BackupError(_("%(program)s failed: %(cause)s", program=program, cause=cause))


def _connection(url: URL) -> tuple[str, str]:
    """Return how libpq connects to this database, and the password apart."""
    options = url.get_dialect()().create_connect_args(url)[1]
    password = options.pop("password", "")
    return make_conninfo(**options), password


def _url() -> URL:
    return db.engine.url


def _publish(draft: Path, path: Path) -> None:
    """Give a finished file its name; it survives a power cut."""
    draft.chmod(0o600)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.rename(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _private(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that only its owner may read, and write it to the disk."""
    with os.fdopen(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        with data_folder.explained(path):
            yield
    except data_folder.DataFolderError as error:
        raise BackupError(str(error)) from error
    except sqlite3.Error as error:
        raise BackupError(_("The database cannot be copied: %(cause)s.", cause=error)) from error
