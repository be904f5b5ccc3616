"""An installation in a folder of its own, whose files a test may break."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sysconfig
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.smtp import free_port

ROOT = Path(__file__).resolve().parents[2]
# The last command of bin/serve, and how operators run the flask commands.
SERVER = [".venv/bin/python", "-m", "gunicorn", "-c", "bin/gunicorn.conf.py", "wsgi:app"]
FLASK = [".venv/bin/python", "-m", "flask"]
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2


def obey_permissions() -> None:
    """Let the program that is started next be bound by the permissions of files, even as root (`preexec_fn`)."""
    if os.geteuid() == 0:
        for power in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            assert ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, power, 0, 0, 0) == 0


@dataclass
class Installation:
    """A folder with `bin/serve` and a virtual environment, on a free port and on a database beside it."""

    folder: Path
    port: int

    @classmethod
    def make(cls, folder: Path) -> Installation:
        for name in ("config.py", "data_folder.py", "wsgi.py", "requirements.txt"):
            shutil.copy(ROOT / name, folder)
        shutil.copytree(ROOT / "bin", folder / "bin")
        for name in ("app", "migrations"):
            (folder / name).symlink_to(ROOT / name)
        venv.create(folder / ".venv", symlinks=True)
        (packages,) = folder.glob(".venv/lib/python3.*/site-packages")
        (packages / "shared.pth").write_text(sysconfig.get_path("purelib"))
        stamp = f"{folder.resolve()}\n{(folder / 'requirements.txt').read_text()}"
        (folder / ".venv" / ".installed-run").write_text(stamp)
        return cls(folder, free_port())

    def start(self, command: Sequence[str], **settings: str) -> subprocess.Popen[str]:
        """Start a command as an operator does who is not root and has a loose umask."""
        kept = ("PATH", "HOME", "LANG", "PYTHONDONTWRITEBYTECODE")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        environment |= {"PORT": str(self.port), **settings}
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=obey_permissions,  # noqa: PLW1509  # The tests that use it start no threads.
            umask=0,
        )

    def run(self, command: Sequence[str], **settings: str) -> tuple[int, str]:
        """Run a command to its end; returns its status and what it wrote on standard error."""
        with self.start(command, **settings) as process:
            _output, errors = process.communicate(timeout=60)
        return process.returncode, errors
