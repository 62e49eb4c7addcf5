"""What a consumer does with each request, seen from its channel."""

from __future__ import annotations

import asyncio
import json
import os
import random
import threading
import unittest
from types import SimpleNamespace
from typing import Any, Callable, cast
from unittest.mock import patch

from pika import BasicProperties

from sandpiper_worker._classifier import NaiveBayes, Verdict, load_reviews
from sandpiper_worker._consumer import Consumer
from sandpiper_worker._database import ScoreWriter
from sandpiper_worker._options import parse_options

MODEL = NaiveBayes(load_reviews())


class RecordingChannel:
    """Stands where the broker's channel would: writes down the commands, and delivers what a test wants delivered."""

    def __init__(self) -> None:
        self.is_open = True
        self.commands: list[tuple[Any, ...]] = []
        self.published: list[BasicProperties] = []

    def add_on_close_callback(self, callback: Callable[..., None]) -> None:
        self._on_closed = callback

    def basic_consume(self, queue: str, on_message: Callable[..., None], callback: Callable[[Any], None]) -> str:
        self._on_message = on_message
        callback(None)
        return "tag"

    def basic_cancel(self, tag: str, callback: Callable[[Any], None]) -> None:
        self.commands.append(("cancel", tag))
        callback(None)

    def basic_publish(self, exchange: str, routing_key: str, body: bytes, properties: BasicProperties) -> None:
        self.commands.append(("publish", exchange, routing_key, json.loads(body)))
        self.published.append(properties)

    def basic_ack(self, tag: int) -> None:
        self.commands.append(("ack", tag))

    def deliver(self, tag: int, body: bytes, **properties: Any) -> None:
        self._on_message(self, SimpleNamespace(delivery_tag=tag), BasicProperties(**properties), body)

    def close(self) -> None:
        self.is_open = False
        self._on_closed(self, RuntimeError("closed"))


def request(batch_id: int = 42, **members: Any) -> bytes:
    return json.dumps({"batchId": batch_id, "items": [{"id": 1, "text": "good"}], **members}).encode()


class ConsumerTest(unittest.IsolatedAsyncioTestCase):
    def consumer(self, *arguments: str) -> tuple[Consumer, RecordingChannel]:
        channel = RecordingChannel()
        consumer = Consumer(channel, parse_options(["--url", "amqp://host", *arguments]), MODEL)
        consumer.start(lambda _frame: None)
        return consumer, channel

    async def test_a_request_is_acknowledged_after_its_result(self) -> None:
        _, channel = self.consumer()
        channel.deliver(7, request())
        publish, ack = channel.commands
        self.assertEqual(("publish", "", "scoring.results"), publish[:3])
        self.assertEqual((42, "positive"), (publish[3]["batchId"], publish[3]["items"][0]["label"]))
        self.assertEqual(("ack", 7), ack)

    async def test_a_request_without_ids_is_one_of_the_test_that_started_the_process(self) -> None:
        with patch.dict(os.environ, {"SANDPIPER_TEST_ID": "sp1.x.000001.y", "BAGGAGE": "test.id=sp1.x.000001.y"}):
            _, channel = self.consumer("--echo", "headers")
        channel.deliver(7, request())
        channel.deliver(8, request(), headers={"x-test-id": "sp1.other.000002.z"})
        first, second = channel.published
        self.assertEqual({"x-test-id": "sp1.x.000001.y", "baggage": "test.id=sp1.x.000001.y"}, first.headers)
        self.assertEqual({"x-test-id": "sp1.other.000002.z"}, second.headers)

    async def test_an_invalid_request_is_acknowledged_after_its_failure(self) -> None:
        _, channel = self.consumer("--delay", "60000")
        channel.deliver(7, b'{"batchId": 42}')
        failure = {"batchId": 42, "error": "items is missing."}
        self.assertEqual([("publish", "", "scoring.failures", failure), ("ack", 7)], channel.commands)

    async def test_results_go_where_the_request_asks_and_failures_do_not(self) -> None:
        _, channel = self.consumer("--exchange", "scores", "--results", "r", "--failures", "f")
        channel.deliver(1, request())
        channel.deliver(2, request(), reply_to="mine")
        channel.deliver(3, b"", reply_to="mine")
        published = [command[1:3] for command in channel.commands if command[0] == "publish"]
        self.assertEqual([("scores", "r"), ("", "mine"), ("scores", "f")], published)

    async def test_a_delay_of_the_request_overrides_that_of_the_command_line(self) -> None:
        _, channel = self.consumer("--delay", "60000")
        channel.deliver(1, request())
        channel.deliver(2, request(delayMs=0))
        self.assertEqual([("ack", 2)], channel.commands[1:])

    async def test_requests_in_delay_do_not_hold_up_one_another(self) -> None:
        consumer, channel = self.consumer()
        for tag, delay_ms in ((1, 40), (2, 20), (3, 0)):
            channel.deliver(tag, request(delayMs=delay_ms))
        await asyncio.wait_for(consumer.stop(), 10)
        self.assertEqual([3, 2, 1], [command[1] for command in channel.commands if command[0] == "ack"])

    async def test_an_idle_consumer_stops_at_once(self) -> None:
        consumer, channel = self.consumer()
        await asyncio.wait_for(consumer.stop(), 10)
        self.assertEqual([("cancel", "tag")], channel.commands)

    async def test_a_lost_channel_takes_its_requests_in_delay_along(self) -> None:
        consumer, channel = self.consumer()
        channel.deliver(1, request(delayMs=60_000))
        channel.close()
        await asyncio.wait_for(consumer.stop(), 10)
        self.assertEqual([], channel.commands)

    async def test_nothing_is_sent_on_a_channel_that_is_closing(self) -> None:
        _, channel = self.consumer()
        channel.is_open = False
        channel.deliver(1, request())
        self.assertEqual([], channel.commands)

    async def test_any_bytes_at_all_get_one_reply_and_one_acknowledgement(self) -> None:
        _, channel = self.consumer()
        rng = random.Random(5)
        for tag in range(1000):
            body = bytearray(request())
            body[rng.randrange(len(body))] = rng.randrange(256)
            channel.commands.clear()
            channel.deliver(tag, bytes(body))
            self.assertEqual(["publish", "ack"], [command[0] for command in channel.commands])


class RecordingWriter:
    """Stands where the database would: writes down what is to be written, and waits where a test wants it to."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.written: list[tuple[Any, ...]] = []
        self.may_write = threading.Event()
        self._failure = failure

    def write(self, database: str | None, batch_id: int, scores: list[tuple[int, Verdict]]) -> None:
        assert self.may_write.wait(10)
        if self._failure:
            raise self._failure
        self.written.append((database, batch_id, [(id, verdict.label) for id, verdict in scores]))


class WritingConsumerTest(unittest.IsolatedAsyncioTestCase):
    def consumer(self, writer: RecordingWriter, *arguments: str) -> tuple[Consumer, RecordingChannel]:
        channel = RecordingChannel()
        options = parse_options(["--url", "amqp://host", "--write-scores", *arguments])
        consumer = Consumer(channel, options, MODEL, cast(ScoreWriter, writer))
        consumer.start(lambda _frame: None)
        return consumer, channel

    async def test_scores_are_written_before_the_reply(self) -> None:
        writer = RecordingWriter()
        consumer, channel = self.consumer(writer)
        channel.deliver(7, request(), headers={"baggage": "test.id=sp1.x,test.db=sp_c_1_2"})
        stopped = consumer.stop()
        await asyncio.sleep(0)
        self.assertEqual([("cancel", "tag")], channel.commands)
        writer.may_write.set()
        await asyncio.wait_for(stopped, 10)
        self.assertEqual([("sp_c_1_2", 42, [(1, "positive")])], writer.written)
        self.assertEqual(["cancel", "publish", "ack"], [command[0] for command in channel.commands])
        self.assertEqual("scoring.results", channel.commands[1][2])

    async def test_each_request_has_its_own_database_and_one_that_waits_holds_up_no_other(self) -> None:
        slow, fast = RecordingWriter(), RecordingWriter()
        fast.may_write.set()
        first, slow_channel = self.consumer(slow)
        second, fast_channel = self.consumer(fast)
        slow_channel.deliver(1, request(1), headers={"baggage": "test.db=sp_c_1_1"})
        fast_channel.deliver(2, request(2), headers={"baggage": "test.db=sp_c_1_2"})
        fast_channel.deliver(3, request(3, delayMs=5))
        await asyncio.wait_for(second.stop(), 10)
        self.assertEqual({("sp_c_1_2", 2), (None, 3)}, {written[:2] for written in fast.written})
        self.assertEqual([], slow_channel.commands)
        slow.may_write.set()
        await asyncio.wait_for(first.stop(), 10)
        self.assertEqual([("sp_c_1_1", 1)], [written[:2] for written in slow.written])

    async def test_what_could_not_be_written_fails_without_saying_where(self) -> None:
        writer = RecordingWriter(RuntimeError('connection to "db.internal" as "postgres" failed'))
        writer.may_write.set()
        consumer, channel = self.consumer(writer)
        with self.assertLogs("sandpiper_worker", "ERROR"):
            channel.deliver(7, request(), headers={"baggage": "test.db=sp_c_1_2"})
            await asyncio.wait_for(consumer.stop(), 10)
        failure = {"batchId": 42, "error": "The scores could not be written into the database."}
        self.assertEqual(
            [("publish", "", "scoring.failures", failure), ("ack", 7)],
            [command for command in channel.commands if command[0] != "cancel"],
        )

    async def test_a_database_that_is_not_that_of_a_test_is_not_written_to(self) -> None:
        writer = RecordingWriter()
        _, channel = self.consumer(writer)
        channel.deliver(7, request(), headers={"baggage": "test.db=postgres"})
        failure = {"batchId": 42, "error": "test.db does not name the database of a test."}
        self.assertEqual([("publish", "", "scoring.failures", failure), ("ack", 7)], channel.commands)

    async def test_a_worker_that_writes_nothing_ignores_the_name(self) -> None:
        channel = RecordingChannel()
        consumer = Consumer(channel, parse_options(["--url", "amqp://host"]), MODEL)
        consumer.start(lambda _frame: None)
        channel.deliver(7, request(), headers={"baggage": "test.db=postgres"})
        self.assertEqual(("publish", "", "scoring.results"), channel.commands[0][:3])

    async def test_nothing_is_sent_for_what_was_written_on_a_lost_channel(self) -> None:
        writer = RecordingWriter()
        consumer, channel = self.consumer(writer)
        channel.deliver(7, request())
        channel.close()
        await asyncio.wait_for(consumer.stop(), 10)
        writer.may_write.set()
        await asyncio.get_running_loop().shutdown_default_executor()
        self.assertEqual([], channel.commands)


if __name__ == "__main__":
    unittest.main()
