"""The folder beside the database: who may read it, and the generated secret key."""

from __future__ import annotations

import contextlib
import errno
import getpass
import logging
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

DEFAULT = Path(__file__).resolve().parent / "instance"
KEY_FILE = "secret_key"
# Written beside a key that was generated although there were accounts; `flask doctor` reports it.
REPLACED_KEY_FILE = "secret_key.replaced"
SHORTEST_KEY = 32
log = logging.getLogger(__name__)


class DataFolderError(RuntimeError):
    """The data folder or a file in it cannot be used; the message says what to do."""


def folder_of(url: URL) -> Path:
    """The folder of a SQLite database, or the default folder beside another database."""
    return Path(str(url.database)).parent if url.get_backend_name() == "sqlite" else DEFAULT


def prepare(url: URL) -> None:
    """Create the data folder and the database file, and let nobody but their owner read them.

    Raises:
        DataFolderError: they cannot be created or written.
    """
    folder = folder_of(url)
    with explained(folder):
        is_new = not folder.exists()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Another folder that was there before may belong to other programs, such as /tmp.
        if is_new or folder == DEFAULT:
            restrict(folder, 0o700)
    if url.get_backend_name() == "sqlite":
        _prepare_database_file(Path(str(url.database)))


def problem(url: URL) -> str | None:
    """Return a sentence about a data folder that cannot be used, or None. Changes nothing."""
    folder = folder_of(url)
    nearest = next((parent for parent in (folder, *folder.parents) if parent.exists()), folder)
    if not nearest.is_dir():
        return f"The data folder {folder} cannot be created, because {nearest} is a file."
    if not os.access(nearest, os.W_OK | os.X_OK):
        return _not_writable(nearest)
    file = Path(str(url.database))
    if url.get_backend_name() == "sqlite" and file.exists():
        if not file.is_file():
            return _not_a_file(file)
        if not os.access(file, os.R_OK | os.W_OK):
            return _not_writable(file)
    return None


def read_key(url: URL) -> str | None:
    """Read the generated key; None if there is none yet.

    Raises:
        DataFolderError: it cannot be read, or is too short.
    """
    path = folder_of(url) / KEY_FILE
    with explained(path):
        try:
            key = path.read_text(encoding="utf-8", errors="replace").strip()
        except FileNotFoundError:
            return None
    if len(key) < SHORTEST_KEY:
        state = "empty" if not key else "too short"
        raise DataFolderError(
            f"{path} is {state}: put it back from a backup. If there is none, delete the file and start again. "
            "With a new key everyone has to sign in again, and links in emails and the secrets of webhooks change."
        )
    return key


def read_or_create_key(url: URL) -> str:
    """Read the generated key beside the database; the first process creates it.

    Raises:
        DataFolderError: it cannot be read or written, or is too short.
    """
    key = read_key(url)
    if key is None:
        path = folder_of(url) / KEY_FILE
        with explained(path.parent):
            if _create(path, secrets.token_urlsafe(48)) and _has_accounts(url):
                _record_replacement(path)
        key = read_key(url)
    else:
        restrict(folder_of(url) / KEY_FILE, 0o600)
    assert key is not None  # noqa: S101  # It was there or has been created.
    return key


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an error of the operating system into a sentence with the remedy."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
            raise DataFolderError(_not_writable(path)) from error
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DataFolderError(
                f"The disk of {path} is full: free some space, then start again."
            ) from error
        if error.errno in {errno.ENOTDIR, errno.EEXIST}:
            raise DataFolderError(
                f"{path} is not a folder: move that file away, or name another place in DATABASE_URL."
            ) from error
        raise DataFolderError(f"{path} cannot be used: {error.strerror or error}.") from error


def restrict(path: Path, mode: int) -> None:
    """Take away the permissions of others, where the file is ours."""
    with contextlib.suppress(OSError):
        now = path.stat()
        if now.st_uid == os.geteuid() and now.st_mode & 0o777 & ~mode:
            path.chmod(now.st_mode & mode)


def files_open_to_others(url: URL) -> Iterator[Path]:
    """Find our files that other users of the machine may read."""
    folder = folder_of(url)
    paths = [folder / KEY_FILE]
    if folder == DEFAULT:
        paths.append(folder)
    if url.get_backend_name() == "sqlite":
        paths += _database_files(Path(str(url.database)))
    for path in paths:
        with contextlib.suppress(OSError):
            if path.stat().st_mode & 0o077:
                yield path


def _database_files(path: Path) -> list[Path]:
    return [path.with_name(f"{path.name}{suffix}") for suffix in ("", "-wal", "-shm")]


def _prepare_database_file(path: Path) -> None:
    if path.exists() and not path.is_file():
        raise DataFolderError(_not_a_file(path))
    with explained(path.parent):
        # SQLite would create it readable for everyone. Its -wal and -shm get the permissions of this file.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "not writable", str(path.parent))
    for file in _database_files(path):
        restrict(file, 0o600)


def _create(path: Path, content: str) -> bool:
    """Write a new file that survives a power cut; False if another process was first."""
    # Written to a temporary file and linked into place: other processes see the whole key or none.
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(
            os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8"
        ) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return False
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return True


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _has_accounts(url: URL) -> bool:
    """Whether the database has accounts, as far as it can be asked."""
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).stat().st_size:
        return False
    engine = create_engine(url, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            return connection.execute(text("SELECT 1 FROM users LIMIT 1")).first() is not None
    except SQLAlchemyError:
        return False  # Not migrated yet, or not reachable.


def _record_replacement(path: Path) -> None:
    log.warning(
        "%s was missing, so a new key was generated although there are accounts. Everyone has to sign in again, and "
        "links in emails and the secrets of webhooks have changed. If you have the old key, put it back.",
        path,
    )
    _create(path.with_name(REPLACED_KEY_FILE), f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC\n")


def _not_writable(path: Path) -> str:
    return (
        f"{path} is not writable for the user {_user()}: give it to that user (chown -R {_user()} {path}), "
        "or name another place in DATABASE_URL."
    )


def _not_a_file(path: Path) -> str:
    return f"{path} is not a file: name the database file itself in DATABASE_URL, such as {path}/bellhop.db."


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # No entry for the user, as in a container.
        return str(os.geteuid())
