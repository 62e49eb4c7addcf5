"""Writes scores straight into a PostgreSQL database, by psycopg2, which is needed for nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import closing
from typing import Any, Callable

from ._classifier import Verdict

# libpq reads these by itself, and PGHOST, PGPORT, PGUSER and PGPASSWORD with it.
DATABASE_VARIABLE = "PGDATABASE"

_PATIENCE_SECONDS = 10

_LABEL = """
    WITH labelled AS (
      UPDATE item SET label = %s, confidence = round(%s::numeric, 4)
      WHERE id = %s AND batch_id = %s AND label IS NULL
      RETURNING id, label)
    INSERT INTO audit (item_id, label) SELECT id, label FROM labelled
"""
_MARK_SCORED = "UPDATE batch SET state = 'SCORED' WHERE id = %s AND state = 'PENDING'"


class MissingDriver(Exception):
    """psycopg2 is not installed."""


def psycopg2_connect() -> Callable[..., Any]:
    """How psycopg2 connects; raises `MissingDriver`."""
    try:
        from psycopg2 import connect
    except ImportError:
        raise MissingDriver(
            "writing scores needs psycopg2: python3 -m pip install psycopg2-binary, or apt-get install python3-psycopg2"
        ) from None
    return connect  # type: ignore[no-any-return]


class ScoreWriter:
    """Writes each batch in a connection and a transaction of its own. May be called from several threads."""

    def __init__(self, connect: Callable[..., Any], default_database: str | None) -> None:
        self._connect = connect
        self._default_database = default_database

    @classmethod
    def from_environment(cls) -> ScoreWriter:
        """One that connects as libpq's variables say; raises `MissingDriver`."""
        return cls(psycopg2_connect(), os.environ.get(DATABASE_VARIABLE) or None)

    def write(self, database: str | None, batch_id: int, scores: Iterable[tuple[int, Verdict]]) -> None:
        """Write and commit what is not there yet.

        Without a name it goes to the worker's own database, and nowhere where it has none.
        """
        name = database or self._default_database
        if not name:
            return
        connection = self._connect(dbname=name, connect_timeout=_PATIENCE_SECONDS, application_name="sandpiper-worker")
        # Closed at once: the harness drops the database when the test has ended.
        with closing(connection), connection, connection.cursor() as cursor:
            for item_id, (label, confidence) in scores:
                cursor.execute(_LABEL, (label, confidence, item_id, batch_id))
            cursor.execute(_MARK_SCORED, (batch_id,))
