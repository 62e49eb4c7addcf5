"""The properties of replies."""

from __future__ import annotations

import unittest

from pika import BasicProperties

from sandpiper_worker._reply import Echo, reply_properties

REQUEST = BasicProperties(
    correlation_id="c-1",
    message_id="m-1",
    reply_to="somewhere",
    delivery_mode=2,
    content_type="text/plain",
    headers={"x-tenant": "acme", "nested": {"list": [1, None]}},
)


class EchoTest(unittest.TestCase):
    def test_headers_brings_back_all_headers_and_the_correlation_id(self) -> None:
        reply = reply_properties(REQUEST, Echo.HEADERS)
        self.assertEqual(REQUEST.headers, reply.headers)
        self.assertEqual("c-1", reply.correlation_id)

    def test_correlation_brings_back_nothing_but_the_correlation_id(self) -> None:
        reply = reply_properties(REQUEST, Echo.CORRELATION)
        self.assertIsNone(reply.headers)
        self.assertEqual("c-1", reply.correlation_id)

    def test_none_brings_back_nothing(self) -> None:
        reply = reply_properties(REQUEST, Echo.NONE)
        self.assertIsNone(reply.headers)
        self.assertIsNone(reply.correlation_id)

    def test_the_message_id_stands_in_for_a_missing_correlation_id(self) -> None:
        for echo, expected in {Echo.HEADERS: "m-1", Echo.CORRELATION: "m-1", Echo.NONE: None}.items():
            with self.subTest(echo):
                self.assertEqual(expected, reply_properties(BasicProperties(message_id="m-1"), echo).correlation_id)

    def test_a_request_without_any_properties_has_a_reply(self) -> None:
        for echo in Echo:
            with self.subTest(echo):
                reply = reply_properties(BasicProperties(), echo)
                self.assertIsNone(reply.headers)
                self.assertIsNone(reply.correlation_id)


class OwnPropertiesTest(unittest.TestCase):
    def test_a_reply_says_that_it_is_json(self) -> None:
        self.assertEqual("application/json", reply_properties(REQUEST, Echo.NONE).content_type)

    def test_a_reply_is_as_persistent_as_its_request(self) -> None:
        for delivery_mode in (None, 1, 2):
            request = BasicProperties(delivery_mode=delivery_mode)
            self.assertEqual(delivery_mode, reply_properties(request, Echo.NONE).delivery_mode)

    def test_each_reply_has_a_message_id_of_its_own(self) -> None:
        ids = {reply_properties(REQUEST, Echo.HEADERS).message_id for _ in range(100)}
        self.assertEqual(100, len(ids))

    def test_a_reply_asks_for_no_reply(self) -> None:
        self.assertIsNone(reply_properties(REQUEST, Echo.HEADERS).reply_to)


if __name__ == "__main__":
    unittest.main()
