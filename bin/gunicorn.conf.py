"""How gunicorn serves Bellhop: few processes with many threads, each with a scheduler and a delivery worker."""

import errno
import os
import resource
import socket
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT)]
import buffered_worker  # noqa: E402  # beside this file
import click  # noqa: E402
import discreet_logger  # noqa: E402  # beside this file
from flask.cli import FlaskGroup  # noqa: E402

import config as bellhop  # noqa: E402  # gunicorn has a setting called config

MOST_FILES = 8192
# Seconds that a server that is stopping may take to free its address.
PATIENCE = 2


def refuse(reason):
    """End before anything has started, with what to do about it."""
    print(f"Bellhop cannot start.\n{reason}", file=sys.stderr)
    sys.exit(3)


try:
    settings, _ = bellhop.read()
except bellhop.ConfigError as error:
    refuse(error)

bind = bellhop.listening_address(settings, anywhere=True).removeprefix("http://")
chdir = str(ROOT)

# A thread may wait for the database, so there are many. More processes pay on PostgreSQL: on SQLite they would only
# share the one writer. Rows in the database ensure that each job runs once, whichever process starts it.
workers = settings["BELLHOP_WORKERS"]
# The master imports the application once, for the workers and for `prepare`, which share its memory.
preload_app = True
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

logger_class = discreet_logger.DiscreetLogger
accesslog = None
loglevel = "warning"

# Only the master keeps the writing end, so the reading end reports its death, kill -9 included.
master_lives, master_holds = os.pipe()


def on_starting(server):
    """Refuse an address that cannot be listened on, which gunicorn would only log; then prepare the database."""
    # Otherwise the sockets are handed over.
    if not {"GUNICORN_FD", "LISTEN_FDS"} & os.environ.keys():
        for place in server.cfg.address:
            if isinstance(place, tuple):
                check_address(*place)
    if os.environ.pop("PREPARE_DATABASE", ""):
        prepare(server.app.wsgi())


def prepare(app):
    """Migrate the database and load the demo data in a process of its own.

    The master never opens the database: a connection must not be carried into its workers.
    """
    sys.stdout.flush()
    child = os.fork()
    if child:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code:
            sys.exit(code)
        return
    start_watching_master()
    code = 1
    try:
        for command in (["db", "upgrade"], ["demo", "load"]):
            FlaskGroup(create_app=lambda: app, load_dotenv=False).main(command, standalone_mode=False)
        code = 0
    except click.ClickException as error:
        error.show()
    except SystemExit as error:  # Flask-Migrate has said what is wrong.
        code = error.code
    finally:
        sys.stdout.flush()
        os._exit(code)


def check_address(host, port):
    """Try to listen on an address."""
    ends_at = time.monotonic() + PATIENCE
    while True:
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            socket.create_server((host, port), family=family).close()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                refuse(explain(host, port, error))
            if time.monotonic() >= ends_at:
                refuse(
                    f"Another program is using port {port} of {host}: stop it (is Bellhop running already?), "
                    "or write another PORT."
                )
            time.sleep(0.2)
        else:
            return


def explain(host, port, error):
    """Say what to do about an address that is not ours."""
    if error.errno == errno.EACCES:
        return f"This user may not listen on port {port}: write a PORT above 1023, and put a reverse proxy before it."
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return f"HOST is {host}, which is not an address of this machine: write 127.0.0.1, or 0.0.0.0 for all of them."
    return f"Bellhop cannot listen on port {port} of {host} ({error.strerror}): write another HOST or PORT."


def post_worker_init(worker):
    """Start the background jobs in a serving process. The first one prints its URL."""
    from app import jobs, telemetry  # here, not above: the settings are checked first

    # It has become part of BASE_URL (config.py). gunicorn would refuse paths from which a proxy removed it.
    os.environ.pop("SCRIPT_NAME", None)
    start_watching_master()
    telemetry.start(worker.wsgi, "serve")
    worker.jobs = jobs.start(worker.wsgi)
    worker.on_stop = lambda: stop(worker)
    allow_streams(worker)
    # Where only a proxy connects, a limit per address would be a limit for everyone.
    worker.limits_addresses = not settings["TRUSTED_PROXIES"]
    if worker.age == 1:
        print(f"Bellhop is ready at {address(worker.sockets[0])}", flush=True)


def allow_streams(worker):
    """Allow as many streams as there are spare connections."""
    from app.services.notifications import stream

    if not worker.cfg.is_ssl:  # Otherwise each holds a thread.
        spare = max(worker_connections - threads - 100, 0)
        worker.wsgi.extensions["broadcaster"].max_streams = min(stream.MAX_STREAMS, spare)


def stop(worker):
    """Stop sending and give back what was claimed, then end the event streams."""
    # A mail server may keep the sender waiting; the streams must end all the same.
    stopping = threading.Thread(target=worker.jobs.stop, name="stop-jobs", daemon=True)
    stopping.start()
    stopping.join(4)
    worker.wsgi.extensions["broadcaster"].close()
    stopping.join()


def worker_exit(server, worker):
    """Stop what an interrupted worker (Ctrl-C) has not stopped, then exit soon, whatever threads are still busy."""
    from app.jobs.stopping import exit_after

    exit_after(graceful_timeout - 1)
    # A worker that failed to start has no jobs.
    if hasattr(worker, "jobs") and not worker.is_stopping:
        worker.jobs.stop()
    if hasattr(worker, "jobs"):
        empty_log(worker.wsgi)
        send_telemetry(worker.wsgi)
    exit_after(1)


def send_telemetry(app):
    """Send what this process has not reported yet."""
    from app import telemetry

    telemetry.stop(app)


def empty_log(app):
    """Leave everything in the database file itself: an operator may copy it now."""
    from app.services.operations import database_file

    with app.app_context():
        database_file.empty_log()


def start_watching_master():
    """End this process soon after the master, however that ended."""
    os.close(master_holds)
    threading.Thread(target=exit_with_master, name="exit-with-master", daemon=True).start()


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
