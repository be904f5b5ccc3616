"""The Celery application that `bin/worker` and the `celery` command load: `celery -A celery_app inspect active`."""

import sys

import config
from app import create_app
from app.jobs.celery_tasks import make_worker

try:
    flask_app = create_app()
except config.ConfigError as error:
    sys.exit(f"Bellhop cannot start.\n{error}")
if not flask_app.config["CELERY_BROKER_URL"]:
    sys.exit(
        "Bellhop cannot start a worker.\n"
        "There is no broker: set CELERY_BROKER_URL, or run `flask worker`, which needs none."
    )
app = make_worker(flask_app)
