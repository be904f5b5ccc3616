"""How gunicorn serves Bellhop: few processes with many threads, each with a scheduler and a delivery worker."""

import os
import resource
import sys
import threading
from pathlib import Path

from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bin"))
import buffered_worker  # noqa: E402  # beside this file

MOST_FILES = 8192
settings = {**dotenv_values(ROOT / ".env"), **os.environ}

host = settings.get("HOST") or "127.0.0.1"
bind = f"{f'[{host}]' if ':' in host else host}:{settings.get('PORT') or 5000}"
chdir = str(ROOT)

# An open event stream holds a thread, so there are many. More processes pay on PostgreSQL: on SQLite they would
# only share the one writer. Rows in the database ensure that each job runs once, whichever process starts it.
workers = int(settings.get("BELLHOP_WORKERS") or 1)
worker_class = buffered_worker.BufferedWorker
threads = 256
# A connection costs a file descriptor. Some stay free for the database, mail servers and files.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
_files = MOST_FILES if _hard == resource.RLIM_INFINITY else min(MOST_FILES, _hard)
resource.setrlimit(resource.RLIMIT_NOFILE, (max(_files, _soft), _hard))
worker_connections = max(_files - 300, threads + 100)
# Longer than the interval of any client that polls: one that closes first never meets a connection that is closing.
keepalive = 75
# The longest honest one: a search of 200 characters may be written with twelve signs each.
limit_request_line = 8190
# Responses go through the worker's own buffers.
sendfile = False
# Seconds that a stopping worker has to finish what is at hand. Then it is killed, and its claims lapse.
graceful_timeout = 9
# app/proxies.py alone decides which forwarded headers count. By default gunicorn trusts every program on this machine,
# and with it a header SCRIPT_NAME that a proxy passed on from a browser.
forwarded_allow_ips = ""
secure_scheme_headers = {}
forwarder_headers = ""
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
    # It has become part of BASE_URL (config.py). gunicorn would refuse paths from which a proxy removed it.
    os.environ.pop("SCRIPT_NAME", None)
    threading.Thread(target=exit_with_master, name="exit-with-master", daemon=True).start()
    worker.jobs = jobs.start(worker.wsgi)
    worker.on_stop = lambda: stop(worker)
    # Where only a proxy connects, a limit per address would be a limit for everyone.
    worker.limits_addresses = not int(settings.get("TRUSTED_PROXIES") or 0)
    if worker.age == 1:
        print(f"Bellhop is ready at {address(worker.sockets[0])}", flush=True)


def stop(worker):
    """Stop sending and give back what was claimed, then end the event streams, which hold threads."""
    # A mail server may keep the sender waiting; the streams must end all the same.
    stopping = threading.Thread(target=worker.jobs.stop, name="stop-jobs", daemon=True)
    stopping.start()
    stopping.join(4)
    worker.wsgi.extensions["broadcaster"].close()
    stopping.join()


def worker_exit(server, worker):
    """Stop what an interrupted worker (Ctrl-C) has not stopped, then exit soon, whatever threads are still busy."""
    exit_after(graceful_timeout - 1)
    # A worker that failed to start has no jobs.
    if hasattr(worker, "jobs") and not worker.is_stopping:
        worker.jobs.stop()
    if hasattr(worker, "jobs"):
        empty_log(worker.wsgi)
    exit_after(1)


def empty_log(app):
    """Leave everything in the database file itself: an operator may copy it now."""
    from app.services.operations import database_file

    with app.app_context():
        database_file.empty_log()


def exit_after(seconds):
    """Exit the process after so many seconds, unless it has ended before."""
    timer = threading.Timer(seconds, os._exit, [0])
    timer.daemon = True
    timer.start()


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
