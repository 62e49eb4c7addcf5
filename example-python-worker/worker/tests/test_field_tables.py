"""Headers survive pika."""

from __future__ import annotations

import math
import random
import struct
import unittest
from datetime import datetime
from decimal import Decimal
from typing import Any
from unittest import mock

from pika import BasicProperties, data

from sandpiper_worker import _field_tables


def through_the_wire(headers: dict[str, Any]) -> Any:
    """The headers as the other side reads them."""
    encoded = b"".join(BasicProperties(headers=headers).encode())
    return BasicProperties().decode(encoded).headers


class FieldTablesTest(unittest.TestCase):
    def setUp(self) -> None:
        for function in ("decode_value", "encode_value"):
            patch = mock.patch.object(data, function, getattr(data, function))
            patch.start()
            self.addCleanup(patch.stop)
        _field_tables.install()

    def test_numbers_come_back_as_they_were(self) -> None:
        for number in (
            0,
            1,
            -1,
            2**31 - 1,
            -(2**31),
            2**31,
            2**63 - 1,
            -(2**63),
            0.5,
            -0.5,
            1e308,
            math.inf,
            -math.inf,
        ):
            with self.subTest(number):
                self.assertEqual(
                    {"n": number, "in": [{"n": number}]}, through_the_wire({"n": number, "in": [{"n": number}]})
                )

    def test_nan_comes_back_as_nan(self) -> None:
        self.assertTrue(math.isnan(through_the_wire({"n": math.nan})["n"]))

    def test_times_come_back_as_they_were(self) -> None:
        for time in (
            datetime(1969, 12, 31, 23, 59, 59),
            datetime(1, 1, 1),
            datetime(2024, 2, 29),
            datetime(9999, 12, 31),
        ):
            with self.subTest(time):
                self.assertEqual({"t": time}, through_the_wire({"t": time}))

    def test_a_time_beyond_all_calendars_is_read_as_nothing(self) -> None:
        for seconds in (2**63 - 1, -(2**63)):
            self.assertEqual((None, 9), data.decode_value(struct.pack(">cq", b"T", seconds), 0))

    def test_small_and_single_precision_numbers_of_other_clients_are_read_right(self) -> None:
        for kind, layout, number in (
            (b"b", "b", -1),
            (b"B", "B", 255),
            (b"s", "h", -2),
            (b"f", "f", 0.5),
            (b"l", "q", -1),
        ):
            with self.subTest(kind):
                encoded = kind + struct.pack(">" + layout, number)
                self.assertEqual((number, len(encoded)), data.decode_value(encoded, 0))

    def test_any_table_comes_back_equal(self) -> None:
        rng = random.Random(4)
        for _ in range(2000):
            headers = table(rng, depth=3)
            self.assertEqual(headers, through_the_wire(headers))


def table(rng: random.Random, depth: int) -> dict[str, Any]:
    return {f"x-{at}-é": value(rng, depth) for at in range(rng.randrange(5))}


def value(rng: random.Random, depth: int) -> Any:
    kind = rng.randrange(10 if depth else 8)
    if kind == 8:
        return [value(rng, depth - 1) for _ in range(rng.randrange(4))]
    if kind == 9:
        return table(rng, depth - 1)
    return (
        None,
        rng.random() < 0.5,
        rng.randint(-(2**63), 2**63 - 1) >> rng.randrange(64),
        rng.gauss(0, 1e6),
        "é" * rng.randrange(300),
        rng.randbytes(rng.randrange(20)) + b"\xff",
        Decimal(rng.randint(-(2**31), 2**31 - 1)).scaleb(-rng.randrange(6)),
        datetime.fromtimestamp(rng.randrange(2**32)),
    )[kind]


if __name__ == "__main__":
    unittest.main()
