"""Start the real server as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def start_gunicorn(database_file: Path, **settings: str) -> subprocess.Popen[bytes]:
    """Start gunicorn on a free port, with its output in a pipe. The first line names the address."""
    environment = {
        "DATABASE_URL": f"sqlite:///{database_file}",
        "SECRET_KEY": "a key for tests only",
        "BASE_URL": "http://bellhop.test",
        "HOST": "127.0.0.1",
        "PORT": "0",
        **settings,
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "bin/gunicorn.conf.py", "wsgi:app"]
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, stdout=subprocess.PIPE)
