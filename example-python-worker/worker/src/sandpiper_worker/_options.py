"""The command line."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable
from urllib.parse import urlsplit

from pika import URLParameters

from ._protocol import LONGEST_DELAY_MS
from ._reply import Echo

URL_VARIABLE = "SANDPIPER_WORKER_AMQP_URL"
WRITE_SCORES_VARIABLE = "SANDPIPER_WORKER_WRITE_SCORES"
DEFAULT_URL = "amqp://guest:guest@localhost:5672/%2F"

_HEARTBEAT_SECONDS = 30


@dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    broker: URLParameters
    consumers: int
    prefetch: int
    delay_ms: int
    echo: Echo
    exchange: str
    requests: str
    results: str
    failures: str
    connect_timeout: int
    exit_with_parent: bool
    write_scores: bool
    log_level: str


def parse_options(arguments: Sequence[str] | None = None) -> Options:
    """The options in these arguments, or in those of the process. A wrong one ends the process with a message."""
    parser = argparse.ArgumentParser(
        prog="sandpiper_worker",
        description="Scores short texts: takes requests from an AMQP queue and publishes the results.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--url",
        dest="broker",
        metavar="URL",
        type=_broker,
        default=os.environ.get(URL_VARIABLE) or DEFAULT_URL,
        help=f"the broker; default: the variable {URL_VARIABLE}, else {DEFAULT_URL.replace('%', '%%')}",
    )
    add("--consumers", metavar="N", type=_between(1, 255), default=4, help="consumers at once (%(default)s)")
    add("--prefetch", metavar="N", type=_between(1, 65_535), default=64, help="prefetch per consumer (%(default)s)")
    add(
        "--delay",
        dest="delay_ms",
        metavar="MS",
        type=_between(0, LONGEST_DELAY_MS),
        default=0,
        help="latency added to each request that does not ask for one (%(default)s)",
    )
    add(
        "--echo",
        metavar="|".join(echo.value for echo in Echo),
        type=_echo,
        default=Echo.HEADERS,
        help="what a reply repeats of its request: nothing, the correlation id, or that and all headers (headers)",
    )
    add("--exchange", metavar="NAME", type=_name, default="", help="exchange of the replies (the default exchange)")
    add("--requests", metavar="QUEUE", type=_name, default="scoring.requests", help="queue of requests (%(default)s)")
    add("--results", metavar="KEY", type=_name, default="scoring.results", help="routing key of results (%(default)s)")
    add(
        "--failures",
        metavar="KEY",
        type=_name,
        default="scoring.failures",
        help="routing key of failures (%(default)s)",
    )
    add(
        "--connect-timeout",
        metavar="SECONDS",
        type=_between(1, 3600),
        default=30,
        help="how long to try to connect at start (%(default)s)",
    )
    add("--exit-with-parent", action="store_true", help="stop when standard input ends")
    add(
        "--write-scores",
        action="store_true",
        default=os.environ.get(WRITE_SCORES_VARIABLE) == "true",
        help="write scores into the database before the reply: the one that the baggage member test.db names, else "
        "PGDATABASE, else none; on PGHOST, PGPORT, as PGUSER with PGPASSWORD; needs psycopg2 "
        f"(default: whether the variable {WRITE_SCORES_VARIABLE} is true)",
    )
    add(
        "--log-level",
        choices=["DEBUG", "INFO", "WARNING", "ERROR"],
        type=str.upper,
        default="WARNING",
        help="least level to log to standard error (%(default)s)",
    )
    return Options(**vars(parser.parse_args(arguments)))


def _broker(url: str) -> URLParameters:
    # Messages must not repeat the URL: it holds a password.
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("amqp", "amqps") or not parts.hostname:
            raise argparse.ArgumentTypeError("the URL must look like amqp://user:password@host:port/vhost")
        if (parts.username is None) != (parts.password is None):
            raise argparse.ArgumentTypeError("the URL must have both a user name and a password, or neither")
        if "/" in parts.path[1:]:
            raise argparse.ArgumentTypeError("a slash in the name of the virtual host must be written %2F")
        broker = URLParameters(url)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"the URL is not valid: {error}") from None
    if broker.heartbeat is None:
        # Not every broker proposes one, and without it a peer that vanishes is never noticed.
        broker.heartbeat = _HEARTBEAT_SECONDS
    broker.client_properties = {"connection_name": "sandpiper-worker"}
    return broker


def _between(least: int, most: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        try:
            number = int(value)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{value!r} is not an integer") from None
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{number} is not between {least} and {most}")
        return number

    return parse


def _echo(value: str) -> Echo:
    try:
        return Echo(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is none of {', '.join(echo.value for echo in Echo)}") from None


def _name(value: str) -> str:
    if len(value.encode()) > 255:
        raise argparse.ArgumentTypeError("a name has at most 255 bytes")
    return value
