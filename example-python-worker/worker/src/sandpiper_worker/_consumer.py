"""Takes requests from the queue and answers them, on one channel."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Callable, NamedTuple

from pika import BasicProperties
from pika.channel import Channel

from ._classifier import NaiveBayes
from ._options import Options
from ._protocol import InvalidRequest, encode_failure, encode_result, parse_request
from ._reply import reply_properties

_log = logging.getLogger(__name__)


class _Address(NamedTuple):
    exchange: str
    routing_key: str


class Consumer:
    """One consumer on a channel of its own. The broker has every request back that it did not acknowledge."""

    def __init__(self, channel: Channel, options: Options, model: NaiveBayes) -> None:
        self._loop = asyncio.get_running_loop()
        self._channel = channel
        self._options = options
        self._model = model
        self._results = _Address(options.exchange, options.results)
        self._failures = _Address(options.exchange, options.failures)
        self._tag = ""
        self._delayed: dict[int, asyncio.TimerHandle] = {}
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
        try:
            request = parse_request(body)
        except InvalidRequest as invalid:
            _log.info("Invalid request: %s", invalid)
            self._reply(tag, properties, self._failures, encode_failure(invalid))
            return

        result = encode_result(request.batch_id, ((id, self._model.classify(text)) for id, text in request.items))
        address = _Address("", properties.reply_to) if properties.reply_to else self._results
        delay_ms = self._options.delay_ms if request.delay_ms is None else request.delay_ms
        if delay_ms:
            self._delayed[tag] = self._loop.call_later(
                delay_ms / 1000, self._reply_late, tag, properties, address, result
            )
        else:
            self._reply(tag, properties, address, result)

    def _reply_late(self, tag: int, properties: BasicProperties, address: _Address, body: bytes) -> None:
        del self._delayed[tag]
        self._reply(tag, properties, address, body)
        self._finish_if_idle()

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
        if self._cancelled and not self._delayed and not self._finished.done():
            self._finished.set_result(None)

    def _on_channel_closed(self, _channel: Channel, _reason: Exception) -> None:
        for timer in self._delayed.values():
            timer.cancel()
        self._delayed.clear()
        self._on_cancelled(None)
