"""What a request says about the database to work on: a member of its W3C baggage."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

HEADER = "baggage"
MEMBER = "test.db"

# The harness names the databases of tests so, and nothing else may be joined because a message asks for it.
_DATABASE_OF_A_TEST = re.compile(r"sp_c_[0-9a-z]+_[0-9a-z]+")


class NotOfATest(ValueError):
    """A request that names a database which is not that of a test."""


def database_of_test(headers: Mapping[str, Any] | None) -> str | None:
    """The name of the database in which the test waits that sent the request, or None where it names none."""
    for member in str((headers or {}).get(HEADER) or "").split(","):
        key, equals, value = member.partition("=")
        if equals and key.strip() == MEMBER:
            name = unquote(value.partition(";")[0].strip())
            if not _DATABASE_OF_A_TEST.fullmatch(name):
                raise NotOfATest(f"{MEMBER} does not name the database of a test.")
            return name
    return None
