"""Runs a Celery worker for each queue, so that a channel that hangs cannot hold the processes of another.

The application is loaded once and its memory shared. A worker that ends is started again; all end with this process.
"""

import gc
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from celery_app import app

# What each worker would load for itself.
for module in (
    "celery.apps.worker",
    "celery.bin.worker",
    "celery.concurrency.prefork",
    "celery.worker.consumer",
):
    import_module(module)

# Processes for each queue. Emails of one process go over one connection, one after the other.
PROCESSES = {"send.email": 2, "send.push": 2, "send.webhook": 2}
START_AGAIN_AFTER = 2.0
QUEUE_OPTIONS = ("-Q", "--queues")
NAME_OPTIONS = ("-n", "--hostname")


def main(arguments):
    """Run the workers until told to stop; with queues among the arguments, one worker for those."""
    if any(each.startswith(QUEUE_OPTIONS) or each in {"-h", "--help"} for each in arguments):
        app.worker_main(["worker", *arguments])
        return
    lives, holds = os.pipe()
    workers, is_stopping = {}, threading.Event()

    def stop(_number, _frame):
        is_stopping.set()
        for pid in workers:
            send(pid, signal.SIGTERM)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    gc.collect()
    gc.freeze()  # The collector writes to what it looks at, which would copy the shared memory.
    for queue in app.amqp.queues:
        workers[fork(queue, arguments, lives, holds)] = queue
    while workers:
        pid, _status = os.wait()
        queue = workers.pop(pid, None)
        if queue and not is_stopping.is_set():
            print(f"The worker of {queue} ended and is started again.", file=sys.stderr, flush=True)
            time.sleep(START_AGAIN_AFTER)
            if not is_stopping.is_set():
                workers[fork(queue, arguments, lives, holds)] = queue


def fork(queue, arguments, lives, holds):
    """Start the worker of a queue in a process of its own; returns its id."""
    pid = os.fork()
    if pid:
        return pid
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    # Only the parent keeps the writing end, so the reading end reports its death, kill -9 included.
    os.close(holds)
    threading.Thread(target=stop_with_parent, args=(lives,), daemon=True).start()
    name = f"{queue}@%h" if not named(arguments) else f"{queue}-{named(arguments)}"
    concurrency = ["--concurrency", str(PROCESSES.get(queue, 1))]
    app.worker_main(["worker", *concurrency, *arguments, "-Q", queue, "-n", name])
    os._exit(0)


def named(arguments):
    """Return the name that the arguments give to the worker."""
    for position, each in enumerate(arguments):
        option, _equals, value = each.partition("=")
        if option in NAME_OPTIONS:
            return value or next(iter(arguments[position + 1 :]), "")
    return ""


def stop_with_parent(lives):
    """Stop after the current message when the parent is gone."""
    os.read(lives, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def send(pid, number):
    """Send a signal to a process that may have ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


if __name__ == "__main__":
    main(sys.argv[1:])
