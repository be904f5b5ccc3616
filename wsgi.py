"""The application object that gunicorn and the `flask` command load."""

import sys

import config
from app import create_app

# The one command that has to run with wrong settings, because it explains them.
IS_DOCTOR = sys.argv[1:2] == ["doctor"]

try:
    app = create_app(tolerant=IS_DOCTOR)
except config.ConfigError as error:
    print(f"Bellhop cannot start.\n{error}", file=sys.stderr)  # noqa: T201  # Logging is not set up yet.
    # This status stops gunicorn's master; with another it would start worker after worker.
    sys.exit(3)
