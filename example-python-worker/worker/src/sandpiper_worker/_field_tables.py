"""Message headers that survive a round trip through pika.

Before 1.3 pika truncates floating point numbers in headers, reads negative integers of 1 and 8 bytes as positive ones,
which it then cannot write back, and fails on NaN, infinity and times before 1970. A failure there breaks the
connection, again at each redelivery. A worker that returns headers must return what it was given.
"""

from __future__ import annotations

import calendar
import struct
from datetime import datetime, timedelta
from typing import Any, Callable

from pika import data

_NUMBERS = {
    kind.encode(): struct.Struct(">" + layout)
    for kind, layout in {"b": "b", "B": "B", "l": "q", "L": "q", "f": "f", "d": "d"}.items()
}
_SECONDS = struct.Struct(">q")
_EPOCH = datetime(1970, 1, 1)


def install() -> None:
    """Make pika use the functions below for header values, also for those nested in tables and arrays."""
    data.decode_value = _decoder(data.decode_value)
    data.encode_value = _encoder(data.encode_value)


def _decoder(other: Callable[[bytes, int], tuple[Any, int]]) -> Callable[[bytes, int], tuple[Any, int]]:
    def decode_value(encoded: bytes, offset: int) -> tuple[Any, int]:
        kind = encoded[offset : offset + 1]
        if kind == b"T":
            return _time(_SECONDS.unpack_from(encoded, offset + 1)[0]), offset + 1 + _SECONDS.size
        number = _NUMBERS.get(kind)
        if number is None:
            return other(encoded, offset)
        return number.unpack_from(encoded, offset + 1)[0], offset + 1 + number.size

    return decode_value


def _encoder(other: Callable[[list[bytes], Any], int]) -> Callable[[list[bytes], Any], int]:
    def encode_value(pieces: list[bytes], value: Any) -> int:
        if isinstance(value, float):
            piece = struct.pack(">cd", b"d", value)
        elif isinstance(value, datetime):
            piece = struct.pack(">cq", b"T", calendar.timegm(value.utctimetuple()))
        else:
            return other(pieces, value)
        pieces.append(piece)
        return len(piece)

    return encode_value


def _time(seconds: int) -> datetime | None:
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        # Beyond what Python can express. Better one header without its value than a message that can never be read.
        return None
