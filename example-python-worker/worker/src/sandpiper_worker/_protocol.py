"""The JSON of requests, results and failures."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple, NoReturn

from ._classifier import Verdict

LONGEST_DELAY_MS = 60_000


class Item(NamedTuple):
    """One text to score."""

    id: int
    text: str


class Request(NamedTuple):
    """A batch of texts to score; `delay_ms` is the latency it asks for, if it does."""

    batch_id: int
    items: list[Item]
    delay_ms: int | None


class InvalidRequest(ValueError):
    """A request that breaks the protocol. Its text is one sentence; `batch_id` is None where that is what is wrong."""

    def __init__(self, message: str, batch_id: int | None = None) -> None:
        super().__init__(message)
        self.batch_id = batch_id


def parse_request(body: bytes) -> Request:
    """The request in a message body, or `InvalidRequest`, whatever the bytes are. Unknown members are ignored."""
    document = _decode(body)
    if type(document) is not dict:
        raise InvalidRequest(f"The request must be an object, not {_kind(document)}.")
    batch_id = _integer(document, "batchId")
    try:
        return Request(batch_id, _items(document), _delay_ms(document))
    except InvalidRequest as invalid:
        invalid.batch_id = batch_id
        raise


def encode_result(batch_id: int, scores: Iterable[tuple[int, Verdict]]) -> bytes:
    """The body of a result: the verdict on each item, by item id."""
    items = [{"id": id, "label": label, "confidence": round(confidence, 4)} for id, (label, confidence) in scores]
    return _encode({"batchId": batch_id, "items": items})


def encode_failure(invalid: InvalidRequest) -> bytes:
    """The body of a failure."""
    return _encode({"batchId": invalid.batch_id, "error": str(invalid)})


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
_ENCODER = json.JSONEncoder(separators=(",", ":"))
_KINDS = {type(None): "null", bool: "a boolean", str: "a string", list: "an array", dict: "an object"}


def _decode(body: bytes) -> Any:
    try:
        return _DECODER.decode(body.decode())
    except json.JSONDecodeError as error:
        reason = f"{error.msg} at line {error.lineno}, column {error.colno}"
    except UnicodeDecodeError as error:
        reason = f"byte {error.start} is not UTF-8"
    except RecursionError:
        reason = "it is nested too deeply"
    except ValueError:
        # What the decoder lets through to int() and to us: numbers of thousands of digits, NaN, Infinity.
        reason = "a number is out of range"
    raise InvalidRequest(f"The request is not valid JSON: {reason}.")


def _encode(document: dict[str, Any]) -> bytes:
    return _ENCODER.encode(document).encode()


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "a number")


def _member(parent: dict[str, Any], name: str, where: str = "") -> Any:
    try:
        return parent[name]
    except KeyError:
        raise InvalidRequest(f"{where}{name} is missing.") from None


def _integer(parent: dict[str, Any], name: str, where: str = "") -> int:
    value = _member(parent, name, where)
    if type(value) is not int:
        raise InvalidRequest(f"{where}{name} must be an integer, not {_other_than_integer(value)}.")
    if not -(2**63) <= value < 2**63:
        raise InvalidRequest(f"{where}{name} must fit into 64 bits.")
    return value


def _other_than_integer(value: object) -> str:
    return "a fraction" if type(value) is float else _kind(value)


def _items(document: dict[str, Any]) -> list[Item]:
    items = _member(document, "items")
    if type(items) is not list:
        raise InvalidRequest(f"items must be an array, not {_kind(items)}.")
    return [_item(item, f"items[{index}]") for index, item in enumerate(items)]


def _item(item: Any, where: str) -> Item:
    if type(item) is not dict:
        raise InvalidRequest(f"{where} must be an object, not {_kind(item)}.")
    id = _integer(item, "id", f"{where}.")
    text = _member(item, "text", f"{where}.")
    if type(text) is not str:
        raise InvalidRequest(f"{where}.text must be a string, not {_kind(text)}.")
    if not text.strip():
        raise InvalidRequest(f"{where}.text must not be blank.")
    return Item(id, text)


def _delay_ms(document: dict[str, Any]) -> int | None:
    # Serializers commonly write null for an optional member that is not set.
    if document.get("delayMs") is None:
        return None
    delay_ms = _integer(document, "delayMs")
    if not 0 <= delay_ms <= LONGEST_DELAY_MS:
        raise InvalidRequest(f"delayMs must be between 0 and {LONGEST_DELAY_MS}.")
    return delay_ms
