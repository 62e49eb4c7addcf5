"""The JSON on the wire: what is accepted, what is refused and in which words."""

from __future__ import annotations

import json
import random
import unittest
from typing import Any

from sandpiper_worker._classifier import Verdict
from sandpiper_worker._protocol import InvalidRequest, Item, Request, encode_failure, encode_result, parse_request


def refusal(body: bytes) -> InvalidRequest:
    """The error that a body is refused with."""
    try:
        request = parse_request(body)
    except InvalidRequest as invalid:
        return invalid
    raise AssertionError(f"accepted as {request}")


class RequestTest(unittest.TestCase):
    def test_reads_a_batch(self) -> None:
        self.assertEqual(
            Request(42, [Item(1, "good"), Item(2, "bad")], None),
            parse_request(b'{"batchId": 42, "items": [{"id": 1, "text": "good"}, {"id": 2, "text": "bad"}]}'),
        )

    def test_reads_a_delay_at_both_of_its_limits(self) -> None:
        for delay_ms in (0, 60_000):
            self.assertEqual(delay_ms, parse_request(b'{"batchId": 1, "items": [], "delayMs": %d}' % delay_ms).delay_ms)

    def test_a_delay_of_null_is_no_delay_of_its_own(self) -> None:
        self.assertIsNone(parse_request(b'{"batchId": 1, "items": [], "delayMs": null}').delay_ms)

    def test_a_batch_may_be_empty(self) -> None:
        self.assertEqual([], parse_request(b'{"batchId": 1, "items": []}').items)

    def test_ids_may_be_any_64_bit_integer(self) -> None:
        for id in (-(2**63), -1, 0, 2**53 + 1, 2**63 - 1):
            self.assertEqual(id, parse_request(b'{"batchId": %d, "items": []}' % id).batch_id)

    def test_unknown_members_are_ignored(self) -> None:
        body = b'{"batchId": 1, "items": [{"id": 1, "text": "good", "lang": "en"}], "trace": {"a": [1.5]}}'
        self.assertEqual(Request(1, [Item(1, "good")], None), parse_request(body))

    def test_text_may_be_in_any_script(self) -> None:
        self.assertEqual(
            "gut 好 \U0001f600",
            parse_request('{"batchId":1,"items":[{"id":1,"text":"gut 好 😀"}]}'.encode()).items[0].text,
        )

    def test_what_is_no_json_is_refused_without_a_batch_id(self) -> None:
        for body, error in {
            b"": "The request is not valid JSON: Expecting value at line 1, column 1.",
            b"good": "The request is not valid JSON: Expecting value at line 1, column 1.",
            b'{"batchId": 1,': "The request is not valid JSON: "
            "Expecting property name enclosed in double quotes at line 1, column 15.",
            b"{}\n}": "The request is not valid JSON: Extra data at line 2, column 1.",
            b'{"batchId": \xff}': "The request is not valid JSON: byte 12 is not UTF-8.",
            b'{"batchId": NaN}': "The request is not valid JSON: a number is out of range.",
            b'{"batchId": -Infinity}': "The request is not valid JSON: a number is out of range.",
            b"[" * 100_000: "The request is not valid JSON: it is nested too deeply.",
            b"[]": "The request must be an object, not an array.",
            b"null": "The request must be an object, not null.",
            b"42": "The request must be an object, not a number.",
        }.items():
            with self.subTest(body[:40]):
                invalid = refusal(body)
                self.assertIsNone(invalid.batch_id)
                self.assertEqual(error, str(invalid))

    def test_a_wrong_batch_id_is_refused_without_repeating_it(self) -> None:
        for batch_id, error in {
            "null": "batchId must be an integer, not null.",
            '"42"': "batchId must be an integer, not a string.",
            "true": "batchId must be an integer, not a boolean.",
            "4.2": "batchId must be an integer, not a fraction.",
            "42.0": "batchId must be an integer, not a fraction.",
            "[42]": "batchId must be an integer, not an array.",
            "{}": "batchId must be an integer, not an object.",
            str(2**63): "batchId must fit into 64 bits.",
            str(-(2**63) - 1): "batchId must fit into 64 bits.",
        }.items():
            with self.subTest(batch_id):
                invalid = refusal(f'{{"batchId": {batch_id}, "items": []}}'.encode())
                self.assertIsNone(invalid.batch_id)
                self.assertEqual(error, str(invalid))
        self.assertEqual("batchId is missing.", str(refusal(b'{"items": []}')))

    def test_everything_else_is_refused_with_the_batch_id_and_the_place(self) -> None:
        for members, error in {
            "": "items is missing.",
            ', "items": null': "items must be an array, not null.",
            ', "items": {}': "items must be an array, not an object.",
            ', "items": ["good"]': "items[0] must be an object, not a string.",
            ', "items": [{"text": "good"}]': "items[0].id is missing.",
            ', "items": [{"id": "1", "text": "good"}]': "items[0].id must be an integer, not a string.",
            ', "items": [{"id": 1}]': "items[0].text is missing.",
            ', "items": [{"id": 1, "text": "a"}, {"id":2, "text": 3}]': "items[1].text must be a string, not a number.",
            ', "items": [{"id": 1, "text": null}]': "items[0].text must be a string, not null.",
            ', "items": [{"id": 1, "text": ""}]': "items[0].text must not be blank.",
            ', "items": [{"id": 1, "text": " \\t\\n\\u00a0"}]': "items[0].text must not be blank.",
            ', "items": [], "delayMs": -1': "delayMs must be between 0 and 60000.",
            ', "items": [], "delayMs": 60001': "delayMs must be between 0 and 60000.",
            ', "items": [], "delayMs": "20"': "delayMs must be an integer, not a string.",
            ', "items": [], "delayMs": 0.5': "delayMs must be an integer, not a fraction.",
            ', "items": [], "delayMs": true': "delayMs must be an integer, not a boolean.",
        }.items():
            with self.subTest(members):
                invalid = refusal(f'{{"batchId": 42{members}}}'.encode())
                self.assertEqual(42, invalid.batch_id)
                self.assertEqual(error, str(invalid))

    def test_any_bytes_at_all_are_read_or_refused(self) -> None:
        rng = random.Random(2)
        valid = b'{"batchId": 42, "items": [{"id": 1, "text": "good"}, {"id": 2, "text": "bad"}], "delayMs": 5}'
        for _ in range(5000):
            body = bytearray(valid)
            for _ in range(rng.randint(1, 4)):
                at = rng.randrange(len(body))
                body[at : at + rng.randint(0, 3)] = rng.randbytes(rng.randint(0, 3))
            self.read_or_refuse(bytes(body))
            self.read_or_refuse(rng.randbytes(rng.randint(0, 30)))

    def test_any_document_at_all_is_read_or_refused(self) -> None:
        rng = random.Random(3)
        for _ in range(5000):
            self.read_or_refuse(json.dumps(arbitrary(rng, depth=4)).encode())

    def read_or_refuse(self, body: bytes) -> None:
        try:
            request = parse_request(body)
        except InvalidRequest as invalid:
            self.assertTrue(str(invalid).endswith("."), invalid)
            json.loads(encode_failure(invalid))
        else:
            self.assertTrue(all(item.text.strip() for item in request.items))


class ReplyBodyTest(unittest.TestCase):
    def test_a_result_holds_a_verdict_for_each_item(self) -> None:
        body = encode_result(42, [(1, Verdict("positive", 0.93)), (2, Verdict("negative", 2 / 3))])
        self.assertEqual(
            {
                "batchId": 42,
                "items": [
                    {"id": 1, "label": "positive", "confidence": 0.93},
                    {"id": 2, "label": "negative", "confidence": 0.6667},
                ],
            },
            json.loads(body),
        )

    def test_a_failure_names_the_batch_where_it_is_known(self) -> None:
        for batch_id in (42, None):
            self.assertEqual(
                {"batchId": batch_id, "error": "items is missing."},
                json.loads(encode_failure(InvalidRequest("items is missing.", batch_id))),
            )


def arbitrary(rng: random.Random, depth: int) -> Any:
    """A random document that is often close to a request."""
    kind = rng.randrange(8 if depth else 6)
    if kind == 6:
        return [arbitrary(rng, depth - 1) for _ in range(rng.randrange(3))]
    if kind == 7:
        names = ("batchId", "items", "id", "text", "delayMs", "other")
        return {name: arbitrary(rng, depth - 1) for name in names if rng.random() < 0.8}
    return (None, rng.random() < 0.5, rng.getrandbits(70), rng.random(), " ", "good")[kind]


if __name__ == "__main__":
    unittest.main()
