"""The worker as a process, on a real broker.

Not for unittest's discovery of the unit tests: it needs a broker, named by SANDPIPER_WORKER_TEST_AMQP_URL, and fails
without one.
"""

from __future__ import annotations

import signal
import socket
import unittest
import uuid
from typing import Any
from urllib.parse import urlsplit

from pika import BasicProperties

from _stage import PATIENCE, Cable, Client, Worker, broker_url


def setUpModule() -> None:
    broker_url()


class WorkerTest(unittest.TestCase):
    def setUp(self) -> None:
        self.client = Client()
        self.addCleanup(self.client.close)

    def worker(self, *arguments: str, url: str | None = None) -> Worker:
        """A worker on the queues of this test's client, which ends with the test."""
        worker = Worker(self.client, *arguments, url=url)
        self.addCleanup(worker.kill)
        return worker


class ScoringTest(WorkerTest):
    def test_a_batch_is_scored(self) -> None:
        self.worker().wait_until_ready()
        self.client.score(42, "good", "terrible, broken")
        (reply,) = self.client.receive()
        self.assertEqual(self.client.results, reply.queue)
        self.assertEqual(42, reply.json["batchId"])
        self.assertEqual([(1, "positive"), (2, "negative")], [(it["id"], it["label"]) for it in reply.json["items"]])
        self.assertTrue(all(0.5 < it["confidence"] <= 1 for it in reply.json["items"]))

    def test_requests_sent_before_the_worker_started_are_scored(self) -> None:
        self.client.score(1)
        self.worker()
        self.assertEqual(1, self.client.receive()[0].json["batchId"])

    def test_an_invalid_request_fails_once_and_harms_nobody(self) -> None:
        self.worker("--consumers", "1").wait_until_ready()
        self.client.send(b"\xff\x00 no JSON")
        self.client.score(7, " ")
        self.client.score(8)
        replies = {reply.json["batchId"]: reply for reply in self.client.receive(3)}
        self.assertEqual(
            {None: self.client.failures, 7: self.client.failures, 8: self.client.results},
            {batch: reply.queue for batch, reply in replies.items()},
        )
        self.assertIn("not valid JSON", replies[None].json["error"])
        self.assertEqual("items[0].text must not be blank.", replies[7].json["error"])

    def test_hundreds_of_requests_are_in_delay_at_once(self) -> None:
        self.worker("--delay", "2500").wait_until_ready()
        delays = {batch: (None, 1500, 2000)[batch % 3] for batch in range(150)}
        delays.update({batch: 0 for batch in range(150, 200)})
        for batch, delay_ms in delays.items():
            self.client.score(batch, delay_ms=delay_ms, correlation_id=f"c-{batch}")
        # One after the other they would take five minutes, which is more than the client waits.
        replies = self.client.receive(200)
        self.assertEqual(set(delays), {reply.json["batchId"] for reply in replies})
        self.assertTrue(all(reply.properties.correlation_id == f"c-{reply.json['batchId']}" for reply in replies))
        # Those without a delay were sent last and come home first.
        self.assertEqual(set(range(150, 200)), {reply.json["batchId"] for reply in replies[:50]})

    def test_a_result_goes_where_the_request_asks(self) -> None:
        self.worker().wait_until_ready()
        self.client.score(1, reply_to=self.client.mine)
        self.assertEqual(self.client.mine, self.client.receive()[0].queue)

    def test_a_result_that_nobody_can_receive_stops_nothing(self) -> None:
        self.worker("--consumers", "1").wait_until_ready()
        self.client.score(1, reply_to=f"gone.{uuid.uuid4().hex}")
        self.client.score(2)
        self.assertEqual(2, self.client.receive()[0].json["batchId"])


HEADERS: dict[str, Any] = {
    "x-tenant": "acme",
    "baggage": "a=b,c=d",
    "big": -(2**40),
    "ratio": 0.25,
    "none": None,
    "nested": {"list": [True, "é", {"deep": -1}]},
}


class EchoTest(WorkerTest):
    def reply_properties(self, echo: str) -> BasicProperties:
        self.worker("--echo", echo).wait_until_ready()
        self.client.score(1, headers=HEADERS, correlation_id="c-1", message_id="m-1", delivery_mode=2)
        properties = self.client.receive()[0].properties
        self.assertEqual(("application/json", 2), (properties.content_type, properties.delivery_mode))
        self.assertNotEqual("m-1", str(uuid.UUID(properties.message_id)))
        return properties

    def test_headers_brings_back_all_headers_and_the_correlation_id(self) -> None:
        properties = self.reply_properties("headers")
        self.assertEqual((HEADERS, "c-1"), (properties.headers, properties.correlation_id))

    def test_correlation_brings_back_nothing_but_the_correlation_id(self) -> None:
        properties = self.reply_properties("correlation")
        self.assertEqual((None, "c-1"), (properties.headers, properties.correlation_id))

    def test_none_brings_back_nothing(self) -> None:
        properties = self.reply_properties("none")
        self.assertEqual((None, None), (properties.headers, properties.correlation_id))

    def test_failures_bring_back_what_results_do(self) -> None:
        self.worker().wait_until_ready()
        self.client.send(b"", headers=HEADERS, message_id="m-1")
        properties = self.client.receive()[0].properties
        self.assertEqual((HEADERS, "m-1"), (properties.headers, properties.correlation_id))


class StopTest(WorkerTest):
    def worker_with_work_in_delay(self, *arguments: str) -> Worker:
        """A worker that has taken ten requests and answered none of them."""
        worker = self.worker("--consumers", "1", *arguments).wait_until_ready()
        for batch in range(10):
            self.client.score(batch, delay_ms=500)
        # One consumer takes requests in their order: when it has answered the last it has taken all.
        self.client.score(10, delay_ms=0)
        self.assertEqual(10, self.client.receive()[0].json["batchId"])
        return worker

    def test_signals_let_the_worker_finish_its_work(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number.name):
                worker = self.worker_with_work_in_delay()
                worker.signal(number)
                self.assertEqual(0, worker.wait_for_exit(), worker.errors())
                self.assertEqual(set(range(10)), {reply.json["batchId"] for reply in self.client.receive(10)})
                self.assertEqual("", worker.errors())

    def test_finished_work_is_not_done_again(self) -> None:
        worker = self.worker_with_work_in_delay()
        worker.signal(signal.SIGTERM)
        worker.wait_for_exit()
        self.client.receive(10)
        self.worker("--consumers", "1")
        # Longer in delay than the finished ones: had they come back to the queue, they would be answered first.
        self.client.score(11, delay_ms=600)
        self.assertEqual(11, self.client.receive()[0].json["batchId"])

    def test_the_end_of_input_lets_the_worker_finish_its_work(self) -> None:
        worker = self.worker_with_work_in_delay("--exit-with-parent")
        worker.end_input()
        self.assertEqual(0, worker.wait_for_exit(), worker.errors())
        self.assertEqual(set(range(10)), {reply.json["batchId"] for reply in self.client.receive(10)})

    def test_the_end_of_input_means_nothing_unless_asked_for(self) -> None:
        worker = self.worker().wait_until_ready()
        worker.end_input()
        self.client.score(1)
        self.client.receive()

    def test_requests_after_the_stop_wait_for_the_next_worker(self) -> None:
        worker = self.worker().wait_until_ready()
        worker.signal(signal.SIGTERM)
        self.assertEqual(0, worker.wait_for_exit())
        self.client.score(1)
        self.worker()
        self.assertEqual(1, self.client.receive()[0].json["batchId"])

    def test_a_killed_worker_loses_nothing(self) -> None:
        worker = self.worker_with_work_in_delay()
        worker.signal(signal.SIGKILL)
        worker.wait_for_exit()
        self.worker()
        self.client.receive_batches(set(range(10)))


class ConnectionTest(WorkerTest):
    def test_the_worker_comes_back_after_the_connection_broke(self) -> None:
        cable = Cable()
        self.addCleanup(cable.close)
        worker = self.worker(url=cable.url).wait_until_ready()
        for batch in range(1, 4):
            cable.cut()
            self.client.score(batch)
            self.client.receive_batches({batch})
        worker.signal(signal.SIGTERM)
        self.assertEqual(0, worker.wait_for_exit(), worker.errors())

    def test_requests_in_delay_are_done_again_after_the_connection_broke(self) -> None:
        cable = Cable()
        self.addCleanup(cable.close)
        self.worker("--consumers", "1", url=cable.url).wait_until_ready()
        for batch in range(10):
            self.client.score(batch, delay_ms=1000)
        self.client.score(10, delay_ms=0)
        self.client.receive()
        cable.cut()
        self.client.receive_batches(set(range(10)))

    def test_a_worker_without_a_connection_can_be_stopped(self) -> None:
        cable = Cable()
        worker = self.worker(url=cable.url).wait_until_ready()
        cable.close()
        worker.signal(signal.SIGTERM)
        self.assertEqual(0, worker.wait_for_exit(), worker.errors())

    def test_a_queue_deleted_under_its_consumers_is_declared_again(self) -> None:
        if not self.client.hears_of_deleted_queues:
            self.skipTest("this broker does not tell consumers that their queue is gone (consumer_cancel_notify)")
        self.worker().wait_until_ready()
        self.client.delete_request_queue()
        self.client.score(1)
        self.client.receive()


class StartTest(WorkerTest):
    def test_a_refused_connection_ends_the_start_when_its_time_is_up(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        worker = self.worker("--connect-timeout", "1", url=f"amqp://127.0.0.1:{port}")
        self.assertEqual(1, worker.wait_for_exit())
        self.assertIn(f"sandpiper_worker: error: cannot consume from 127.0.0.1:{port}: ", worker.errors())
        self.assertIn("Connection refused", worker.errors())

    def test_a_silent_server_ends_the_start_when_its_time_is_up(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            worker = self.worker("--connect-timeout", "1", url=f"amqp://127.0.0.1:{port}")
            self.assertEqual(1, worker.wait_for_exit())
        self.assertIn("the broker does not answer", worker.errors())

    def test_a_wrong_password_ends_the_start_at_once(self) -> None:
        broker = urlsplit(broker_url())
        url = f"amqp://nobody:secret@{broker.netloc.rpartition('@')[2]}{broker.path}"
        worker = self.worker("--connect-timeout", "3600", url=url)
        self.assertEqual(1, worker.wait_for_exit())
        self.assertIn("the broker refused the user name or the password", worker.errors())
        self.assertNotIn("secret", worker.errors())

    def test_a_missing_exchange_ends_the_start_at_once(self) -> None:
        worker = self.worker("--connect-timeout", "3600", "--exchange", f"gone.{uuid.uuid4().hex}")
        self.assertEqual(1, worker.wait_for_exit())
        self.assertIn("cannot consume from", worker.errors())

    def test_a_worker_that_still_starts_can_be_stopped(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            silent.settimeout(PATIENCE)
            worker = self.worker("--exit-with-parent", url=f"amqp://127.0.0.1:{silent.getsockname()[1]}")
            connection, _ = silent.accept()
            with connection:
                worker.end_input()
                self.assertEqual(0, worker.wait_for_exit(), worker.errors())


if __name__ == "__main__":
    unittest.main()
