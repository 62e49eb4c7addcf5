"""What the integration tests stand on: a client of the broker, the worker as a process, and a connection to cut."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pika
from pika import BasicProperties

from sandpiper_worker import _field_tables

URL_VARIABLE = "SANDPIPER_WORKER_TEST_AMQP_URL"
PATIENCE = 20.0

# This process reads and writes the same headers as the worker.
_field_tables.install()


def broker_url() -> str:
    """The broker to test against. These tests prove nothing without one, so its absence is a failure."""
    url = os.environ.get(URL_VARIABLE)
    if not url:
        raise AssertionError(f"Set {URL_VARIABLE} to the URL of a broker that these tests may use")
    return url


class Message(NamedTuple):
    """A reply as it came out of its queue."""

    queue: str
    json: Any
    properties: BasicProperties


class Client:
    """Sends requests and collects the replies, on queues that nobody else uses."""

    def __init__(self) -> None:
        suffix = uuid.uuid4().hex
        self.requests, self.results, self.failures, self.mine = (
            f"worker-test.{kind}.{suffix}" for kind in ("requests", "results", "failures", "mine")
        )
        self._connection = pika.BlockingConnection(pika.URLParameters(broker_url()))
        self._channel = self._connection.channel()
        self._received: list[Message] = []
        for name in (self.requests, self.results, self.failures, self.mine):
            self._channel.queue_declare(name, durable=True)
        for name in (self.results, self.failures, self.mine):
            self._collect(name)

    @property
    def queue_arguments(self) -> list[str]:
        """The options that make a worker use these queues."""
        return ["--requests", self.requests, "--results", self.results, "--failures", self.failures]

    @property
    def hears_of_deleted_queues(self) -> bool:
        """Whether this broker cancels the consumers of a queue that is deleted."""
        return bool(self._connection.consumer_cancel_notify_supported)

    def send(self, body: bytes | dict[str, Any], **properties: Any) -> None:
        """Publish a request."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._channel.basic_publish("", self.requests, data, BasicProperties(**properties))

    def score(self, batch_id: int, *texts: str, delay_ms: int | None = None, **properties: Any) -> None:
        """Publish a valid request."""
        items = [{"id": id, "text": text} for id, text in enumerate(texts or ("good",), start=1)]
        self.send({"batchId": batch_id, "items": items, "delayMs": delay_ms}, **properties)

    def receive(self, count: int = 1) -> list[Message]:
        """Wait for the next replies, as many as said."""
        deadline = time.monotonic() + PATIENCE
        while len(self._received) < count:
            left = deadline - time.monotonic()
            if left <= 0:
                raise AssertionError(f"{len(self._received)} of {count} replies came within {PATIENCE} s")
            self._connection.process_data_events(time_limit=left)
        taken, self._received = self._received[:count], self._received[count:]
        return taken

    def receive_batches(self, batches: set[int]) -> None:
        """Wait for replies on these batches, where a worker that was cut off may have sent some replies twice."""
        while batches:
            batches = batches - {self.receive()[0].json["batchId"]}

    def delete_request_queue(self) -> None:
        """Delete the queue of requests under its consumers."""
        self._channel.queue_delete(self.requests)
        # The worker does so too, but perhaps later than the next request is sent.
        self._channel.queue_declare(self.requests, durable=True)

    def close(self) -> None:
        for name in (self.requests, self.results, self.failures, self.mine):
            self._channel.queue_delete(name)
        self._connection.close()

    def _collect(self, name: str) -> None:
        def on_message(_channel: Any, _delivery: Any, properties: BasicProperties, body: bytes) -> None:
            self._received.append(Message(name, json.loads(body), properties))

        self._channel.basic_consume(name, on_message, auto_ack=True)


class Worker:
    """The worker as a process of its own."""

    def __init__(self, client: Client, *arguments: str, url: str | None = None) -> None:
        self._errors = tempfile.TemporaryFile("a+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "sandpiper_worker",
                "--url",
                url or broker_url(),
                *client.queue_arguments,
                *arguments,
            ],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self._output: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read_output, daemon=True)
        self._reader.start()

    def kill(self) -> None:
        """End it the hard way where it still runs."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            assert stream
            stream.close()

    def wait_until_ready(self) -> Worker:
        line = self._next_line()
        assert line == "worker ready\n", f"The worker said {line!r} and {self.errors()!r}"
        return self

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end_input(self) -> None:
        """What happens to the worker when the process that started it dies."""
        assert self._process.stdin
        self._process.stdin.close()

    def wait_for_exit(self) -> int:
        """The exit status. The worker has nothing more to say after "worker ready"."""
        status = self._process.wait(PATIENCE)
        line = self._next_line()
        assert line is None, f"The worker also said {line!r}"
        return status

    def errors(self) -> str:
        """All that the worker wrote to standard error."""
        self._errors.seek(0)
        return self._errors.read()

    def _next_line(self) -> str | None:
        return self._output.get(timeout=PATIENCE)

    def _read_output(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._output.put(line)
        self._output.put(None)


class Cable:
    """A TCP connection to the broker that a test can cut."""

    def __init__(self) -> None:
        self._broker = urlsplit(broker_url())
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The broker's URL by way of this cable."""
        login, at, _ = self._broker.netloc.rpartition("@")
        return self._broker._replace(netloc=f"{login}{at}127.0.0.1:{self._listener.getsockname()[1]}").geturl()

    def cut(self) -> None:
        """Break all connections. New ones can be made."""
        with self._lock:
            for end in self._ends:
                # Closing alone would not wake the thread that reads from it.
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
            self._ends.clear()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection((self._broker.hostname, self._broker.port or 5672))
            with self._lock:
                self._ends += [near, far]
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
