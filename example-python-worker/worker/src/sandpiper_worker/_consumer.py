"""Takes requests from the queue and answers them, on one channel."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
from typing import Any, Callable, NamedTuple

from pika import BasicProperties
from pika.channel import Channel

from ._baggage import NotOfATest, database_of_test
from ._classifier import NaiveBayes, Verdict
from ._database import ScoreWriter
from ._options import Options
from ._process_ids import ids_of_process, with_ids
from ._protocol import InvalidRequest, encode_failure, encode_result, parse_request
from ._reply import reply_properties

_log = logging.getLogger(__name__)


class _Address(NamedTuple):
    exchange: str
    routing_key: str


class _Answer(NamedTuple):
    """What a request is answered, once its scores are where they are to be written."""

    address: _Address
    batch_id: int
    scores: list[tuple[int, Verdict]]
    database: str | None


class Consumer:
    """One consumer on a channel of its own. The broker has every request back that it did not acknowledge."""

    def __init__(
        self, channel: Channel, options: Options, model: NaiveBayes, writer: ScoreWriter | None = None
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._channel = channel
        self._options = options
        self._model = model
        self._writer = writer
        self._process_ids = ids_of_process(os.environ)
        self._results = _Address(options.exchange, options.results)
        self._failures = _Address(options.exchange, options.failures)
        self._tag = ""
        self._delayed: dict[int, asyncio.TimerHandle] = {}
        self._writing: set[int] = set()
        self._cancelled = False
        self._finished: asyncio.Future[None] = self._loop.create_future()
        channel.add_on_close_callback(self._on_channel_closed)

    def start(self, callback: Callable[[Any], None]) -> None:
        """Begin to take requests; calls back when the broker has agreed."""
        self._tag = self._channel.basic_consume(self._options.requests, self._on_request, callback=callback)

    def stop(self) -> asyncio.Future[None]:
        """Take no more requests. The future is done when those already taken are answered or the channel is gone."""
        if self._channel.is_open:
            self._channel.basic_cancel(self._tag, callback=self._on_cancelled)
        return self._finished

    def _on_request(self, _channel: Channel, delivery: Any, properties: BasicProperties, body: bytes) -> None:
        tag: int = delivery.delivery_tag
        properties.headers = with_ids(properties.headers, self._process_ids)
        try:
            request = parse_request(body)
            database = self._database(properties, request.batch_id)
        except InvalidRequest as invalid:
            _log.info("Invalid request: %s", invalid)
            self._reply(tag, properties, self._failures, encode_failure(invalid))
            return

        scores = [(id, self._model.classify(text)) for id, text in request.items]
        address = _Address("", properties.reply_to) if properties.reply_to else self._results
        answer = _Answer(address, request.batch_id, scores, database)
        delay_ms = self._options.delay_ms if request.delay_ms is None else request.delay_ms
        if delay_ms:
            self._delayed[tag] = self._loop.call_later(delay_ms / 1000, self._answer_late, tag, properties, answer)
        else:
            self._answer(tag, properties, answer)

    def _database(self, properties: BasicProperties, batch_id: int) -> str | None:
        # A worker that writes nothing has no business with the name.
        if self._writer is None:
            return None
        try:
            return database_of_test(properties.headers)
        except NotOfATest as refused:
            raise InvalidRequest(str(refused), batch_id) from None

    def _answer_late(self, tag: int, properties: BasicProperties, answer: _Answer) -> None:
        del self._delayed[tag]
        self._answer(tag, properties, answer)
        self._finish_if_idle()

    def _answer(self, tag: int, properties: BasicProperties, answer: _Answer) -> None:
        if self._writer is None:
            self._reply_result(tag, properties, answer)
            return
        self._writing.add(tag)
        # In a thread: psycopg2 blocks, and other requests are not to wait for it.
        writing = self._loop.run_in_executor(None, self._writer.write, answer.database, answer.batch_id, answer.scores)
        writing.add_done_callback(functools.partial(self._on_written, tag, properties, answer))

    def _on_written(
        self, tag: int, properties: BasicProperties, answer: _Answer, written: asyncio.Future[None]
    ) -> None:
        self._writing.discard(tag)
        error = written.exception()
        if error is None:
            self._reply_result(tag, properties, answer)
        else:
            # Its text names host and user, which are nobody else's business.
            _log.error("Scores of batch %d were not written: %s", answer.batch_id, str(error).strip())
            failure = InvalidRequest("The scores could not be written into the database.", answer.batch_id)
            self._reply(tag, properties, self._failures, encode_failure(failure))
        self._finish_if_idle()

    def _reply_result(self, tag: int, properties: BasicProperties, answer: _Answer) -> None:
        self._reply(tag, properties, answer.address, encode_result(answer.batch_id, answer.scores))

    def _reply(self, tag: int, properties: BasicProperties, address: _Address, body: bytes) -> None:
        if not self._channel.is_open:
            return
        # A broker handles one channel's commands in order: the reply is on its queue before the request leaves its own.
        self._channel.basic_publish(*address, body, reply_properties(properties, self._options.echo))
        self._channel.basic_ack(tag)

    def _on_cancelled(self, _frame: Any) -> None:
        self._cancelled = True
        self._finish_if_idle()

    def _finish_if_idle(self) -> None:
        if self._cancelled and not self._delayed and not self._writing and not self._finished.done():
            self._finished.set_result(None)

    def _on_channel_closed(self, _channel: Channel, _reason: Exception) -> None:
        for timer in self._delayed.values():
            timer.cancel()
        self._delayed.clear()
        # What is being written will be, and again when the broker delivers the request again: that changes nothing.
        self._writing.clear()
        self._on_cancelled(None)
