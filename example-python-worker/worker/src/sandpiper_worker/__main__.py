"""Entry point of the process: wires signals, standard input and logging to a `Worker`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence

from . import _field_tables
from ._classifier import NaiveBayes, load_reviews
from ._database import MissingDriver, ScoreWriter
from ._options import Options, parse_options
from ._worker import CannotStart, Worker

_STDIN = 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the worker until it is told to stop; returns the exit status."""
    options = parse_options(arguments)
    logging.basicConfig(level=options.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # What pika reports reaches us as exceptions too; its own records repeat them with stack traces and whole frames.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    _field_tables.install()
    try:
        asyncio.run(_run(options, ScoreWriter.from_environment() if options.write_scores else None))
    except (CannotStart, MissingDriver) as error:
        print(f"sandpiper_worker: error: {error}", file=sys.stderr)
        return 1
    return 0


async def _run(options: Options, writer: ScoreWriter | None) -> None:
    loop = asyncio.get_running_loop()
    worker = Worker(options, NaiveBayes(load_reviews()), writer)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, worker.stop)
    if options.exit_with_parent:
        threading.Thread(target=_stop_at_end_of_input, args=(loop, worker), daemon=True).start()
    await worker.run(on_ready=lambda: print("worker ready", flush=True))


def _stop_at_end_of_input(loop: asyncio.AbstractEventLoop, worker: Worker) -> None:
    # A thread, as an event loop cannot watch every kind of standard input, a file or /dev/null for instance.
    with contextlib.suppress(OSError):
        while os.read(_STDIN, 4096):
            pass
    # The loop refuses calls when the worker has stopped already.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(worker.stop)


if __name__ == "__main__":
    sys.exit(main())
