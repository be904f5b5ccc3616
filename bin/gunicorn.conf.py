"""How gunicorn serves Bellhop: few processes with many threads, each with a scheduler and a delivery worker."""

import os
import threading
from pathlib import Path

from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parent.parent
settings = {**dotenv_values(ROOT / ".env"), **os.environ}

host = settings.get("HOST") or "127.0.0.1"
bind = f"{f'[{host}]' if ':' in host else host}:{settings.get('PORT') or 5000}"
chdir = str(ROOT)

# An open event stream holds a thread, so there are many. More processes pay on PostgreSQL: on SQLite they would
# only share the one writer. Rows in the database ensure that each job runs once, whichever process starts it.
workers = int(settings.get("BELLHOP_WORKERS") or 1)
worker_class = "gthread"
threads = 256
# The most it takes: a search of 200 characters may be written with twelve signs each.
limit_request_line = 8190
# Streams never end by themselves: after this long a stopping worker is killed, and its claims lapse.
graceful_timeout = 3
# Also --no-control-socket: nothing here is steered through one, and it would be written under $HOME.
control_socket_disable = True

accesslog = None
loglevel = "warning"

# Only the master keeps the writing end, so the reading end reports its death, kill -9 included.
master_lives, master_holds = os.pipe()


def post_worker_init(worker):
    """Start the background jobs in a serving process. The first one prints its URL."""
    from app import jobs  # here, not above: the master never imports the application

    os.close(master_holds)
    threading.Thread(target=exit_with_master, name="exit-with-master", daemon=True).start()
    worker.jobs = jobs.start(worker.wsgi)
    if worker.age == 1:
        print(f"Bellhop is ready at {address(worker.sockets[0])}", flush=True)


def worker_exit(server, worker):
    """Give back claimed deliveries, and exit soon even with open streams, whose threads do not end."""
    leave = threading.Timer(1, os._exit, [0])
    leave.daemon = True
    leave.start()
    # A worker that failed to start has none.
    if hasattr(worker, "jobs"):
        worker.jobs.stop()


def exit_with_master():
    """Exit at once when the master is gone.

    gunicorn's own check takes seconds and then waits for open streams: meanwhile the port stays taken and
    the next start finds a second sender at work.
    """
    os.read(master_lives, 1)
    os._exit(1)


def address(listener):
    """Give the URL of a listening socket, e.g. http://127.0.0.1:5000."""
    host, port = listener.sock.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
