"""The ids of the test that started this process: they stand in where a request carries none of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# What the harness puts into the environment of a process that a test starts, and the header each stands for.
_HEADERS = {"SANDPIPER_TEST_ID": "x-test-id", "BAGGAGE": "baggage"}


def ids_of_process(environment: Mapping[str, str]) -> dict[str, str]:
    """The headers that the environment gives, none where no test has started this process."""
    if not environment.get("SANDPIPER_TEST_ID"):
        # Baggage alone says something about other things than tests.
        return {}
    return {header: environment[variable] for variable, header in _HEADERS.items() if environment.get(variable)}


def with_ids(headers: Mapping[str, Any] | None, ids: Mapping[str, str]) -> Mapping[str, Any] | None:
    """The headers of a request, with ids where it has none: whoever sent it knows better whose it is."""
    own = headers or {}
    if not ids or "x-test-id" in own or "test.id" in str(own.get("baggage")):
        return headers
    return {**ids, **own}
