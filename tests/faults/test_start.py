"""What keeps Bellhop from starting is one sentence with the remedy; what it creates is for its owner only."""

from __future__ import annotations

import itertools
import shutil
import signal
import socket
import sqlite3
import stat
from pathlib import Path

import pytest

from tests.support.installation import FLASK, SERVER, Installation


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation.make(tmp_path)


def test_an_address_that_cannot_be_listened_on_is_a_sentence_with_the_remedy(
    installation: Installation,
) -> None:
    with socket.create_server(("127.0.0.1", installation.port)):
        status, errors = installation.run(SERVER)
    assert (status, errors.splitlines()[0], errors.count("\n")) == (3, "Bellhop cannot start.", 2)
    assert f"Another program is using port {installation.port} of 127.0.0.1: stop it" in errors
    status, errors = installation.run(SERVER, HOST="192.0.2.1")
    assert (status, errors.splitlines()[0], errors.count("\n")) == (3, "Bellhop cannot start.", 2)
    assert "HOST is 192.0.2.1, which is not an address of this machine: write 127.0.0.1" in errors


def test_a_bad_env_file_is_a_sentence_for_the_server_and_every_command(installation: Installation) -> None:
    file = installation.folder / ".env"
    file.write_bytes("PORT=5000".encode("utf-16"))
    sentence = (
        f"Bellhop cannot start.\n{file} is not UTF-8 text: save it as UTF-8 in your editor, or delete it.\n"
    )
    assert installation.run(["bin/serve"]) == (3, sentence)
    assert installation.run(SERVER) == (3, sentence)
    file.chmod(0o000)
    status, errors = installation.run([*FLASK, "users", "create", "a@example.com"])
    assert (status, errors.count("\n")) == (3, 2)
    assert f"{file} cannot be read (Permission denied)" in errors


def test_a_read_only_folder_is_a_sentence_with_the_remedy(installation: Installation) -> None:
    data = installation.folder / "instance"
    data.mkdir(mode=0o500)
    status, errors = installation.run([*FLASK, "db", "upgrade"])
    assert (status, errors.count("\n")) == (3, 2)
    assert f"{data} is not writable for the user" in errors


def test_a_first_start_prepares_the_database_and_only_the_owner_can_read_it(
    installation: Installation,
) -> None:
    data = installation.folder / "instance"
    data.mkdir(mode=0o755)
    with installation.start(["bin/serve"]) as server:
        said = list(itertools.takewhile(lambda line: "is ready" not in line, server.stdout))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (data, *data.iterdir())}
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=30)
    assert said[0].startswith("Migrated to 0001")
    assert "Demo sign-ins (password welcome-to-bellhop):\n" in said
    assert modes.keys() >= {"bellhop.db", "bellhop.db-wal", "bellhop.db-shm", "secret_key"}
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}


def test_a_database_that_cannot_be_prepared_is_a_sentence(
    installation: Installation, database_file: Path
) -> None:
    file = installation.folder / "newer.db"
    shutil.copy(database_file, file)
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    status, errors = installation.run(["bin/serve"], DATABASE_URL=f"sqlite:///{file}")
    assert (status, errors.count("\n")) == (1, 1)
    assert "The database (9999) is newer than this version of Bellhop" in errors
