"""One connection to the broker with all its consumers, from opening to its end."""

from __future__ import annotations

import asyncio
from typing import Any, Callable

from pika import exceptions
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.channel import Channel

from ._classifier import NaiveBayes
from ._consumer import Consumer
from ._database import ScoreWriter
from ._options import Options


class SessionEnded(Exception):
    """The connection ended or could not be opened. `refused` means that trying again the same way is no use."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(_explain(cause))
        self.refused = isinstance(
            cause,
            (
                exceptions.AuthenticationError,
                exceptions.ProbableAuthenticationError,
                exceptions.ProbableAccessDeniedError,
                exceptions.ChannelClosedByBroker,
            ),
        )


class Session:
    """Opens its connection at once. A broken channel or a lost consumer ends all of it, and another starts afresh."""

    def __init__(self, options: Options, model: NaiveBayes, writer: ScoreWriter | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._options = options
        self._model = model
        self._writer = writer
        self._consumers: list[Consumer] = []
        self._cause: Exception | None = None
        self._ended: asyncio.Future[SessionEnded] = self._loop.create_future()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._connection = AsyncioConnection(
            options.broker,
            on_open_callback=lambda _connection: self._opened.set_result(None),
            on_open_error_callback=self._on_ended,
            on_close_callback=self._on_ended,
            custom_ioloop=self._loop,
        )

    async def consume(self) -> None:
        """Return when every consumer consumes; raises `SessionEnded`."""
        await self._unless_ended(self._opened)
        first = await self._open_channel()
        await self._declare(first)
        await self._start_consumer(first)
        for _ in range(1, self._options.consumers):
            await self._start_consumer(await self._open_channel())

    async def lost(self) -> None:
        """Wait for the end; raises `SessionEnded`."""
        raise await asyncio.shield(self._ended)

    async def finish(self) -> None:
        """Take no more requests, answer those already taken, and close."""
        if self._consumers:
            await asyncio.wait([consumer.stop() for consumer in self._consumers])
        self._close()
        await asyncio.wait([self._ended])

    async def _open_channel(self) -> Channel:
        channel = await self._answer(lambda callback: self._connection.channel(on_open_callback=callback))
        channel.add_on_close_callback(self._on_channel_closed)
        return channel

    async def _declare(self, channel: Channel) -> None:
        options = self._options
        queues = [options.requests]
        if options.exchange:
            # What is bound to it is its owner's business, but a reply to one that is missing would break the channel.
            await self._answer(channel.exchange_declare, exchange=options.exchange, passive=True)
        else:
            queues += [options.results, options.failures]
        for queue in queues:
            await self._answer(channel.queue_declare, queue=queue, durable=True)

    async def _start_consumer(self, channel: Channel) -> None:
        await self._answer(channel.basic_qos, prefetch_count=self._options.prefetch)
        channel.add_on_cancel_callback(self._on_cancelled_by_broker)
        consumer = Consumer(channel, self._options, self._model, self._writer)
        self._consumers.append(consumer)
        await self._answer(consumer.start)

    async def _answer(self, command: Callable[..., Any], **arguments: Any) -> Any:
        """What the broker answers to a command that takes a callback."""
        answer: asyncio.Future[Any] = self._loop.create_future()
        try:
            command(**arguments, callback=answer.set_result)
        except exceptions.AMQPError as error:
            self._break_off(error)
        return await self._unless_ended(answer)

    async def _unless_ended(self, answer: asyncio.Future[Any]) -> Any:
        await asyncio.wait([answer, self._ended], return_when=asyncio.FIRST_COMPLETED)
        if self._ended.done():
            raise self._ended.result()
        return answer.result()

    def _on_channel_closed(self, _channel: Channel, reason: Exception) -> None:
        if isinstance(reason, exceptions.ChannelClosedByBroker):
            self._break_off(reason)

    def _on_cancelled_by_broker(self, _frame: Any) -> None:
        # The queue is gone. A new session declares it again.
        self._break_off(exceptions.ConsumerCancelled("the broker cancelled a consumer"))

    def _break_off(self, cause: Exception) -> None:
        self._cause = self._cause or cause
        self._close()

    def _close(self) -> None:
        if not (self._connection.is_closing or self._connection.is_closed):
            self._connection.close()

    def _on_ended(self, _connection: AsyncioConnection, error: Exception) -> None:
        self._ended.set_result(SessionEnded(self._cause or error))


def _explain(error: BaseException) -> str:
    if isinstance(error, (exceptions.AuthenticationError, exceptions.ProbableAuthenticationError)):
        return "the broker refused the user name or the password"
    if isinstance(error, exceptions.ProbableAccessDeniedError):
        return "the broker refused access to the virtual host"
    if isinstance(error, (exceptions.ConnectionClosed, exceptions.ChannelClosed)):
        return f"{error.reply_text} ({error.reply_code})"
    # pika buries the error of the socket a few layers deep, each under another name.
    for inner in (getattr(error, "exception", None), *getattr(error, "exceptions", ())[-1:], *error.args[:1]):
        if isinstance(inner, BaseException):
            return _explain(inner)
    return str(error) or type(error).__name__
