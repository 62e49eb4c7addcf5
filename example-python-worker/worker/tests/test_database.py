"""What is written, and where. A recording connection stands where PostgreSQL would."""

from __future__ import annotations

import os
import sys
import unittest
from types import TracebackType
from typing import Any
from unittest import mock

from sandpiper_worker._classifier import Verdict
from sandpiper_worker._database import MissingDriver, ScoreWriter

SCORES = [(1, Verdict("positive", 0.75)), (2, Verdict("negative", 0.5))]


class RecordingConnection:
    """Behaves as psycopg2's connection and its cursor: as a context it ends a transaction, and closes nothing."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.events: list[Any] = []
        self._failure = failure

    def __call__(self, **parameters: Any) -> RecordingConnection:
        self.events.append(("connect", parameters["dbname"]))
        self.parameters = parameters
        return self

    def __enter__(self) -> RecordingConnection:
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: Any, _trace: TracebackType | None) -> None:
        self.events.append("rollback" if kind else "commit")

    def cursor(self) -> Any:
        cursor = mock.MagicMock()
        cursor.__enter__.return_value.execute = self._execute
        cursor.__exit__.return_value = None
        return cursor

    def close(self) -> None:
        self.events.append("close")

    def _execute(self, statement: str, values: tuple[Any, ...]) -> None:
        self.events.append((statement.split()[0], values))
        if self._failure:
            raise self._failure


class ScoreWriterTest(unittest.TestCase):
    def test_a_batch_is_one_transaction_on_one_connection(self) -> None:
        connection = RecordingConnection()
        ScoreWriter(connection, None).write("sp_c_1_2", 42, SCORES)
        self.assertEqual(
            [
                ("connect", "sp_c_1_2"),
                ("WITH", ("positive", 0.75, 1, 42)),
                ("WITH", ("negative", 0.5, 2, 42)),
                ("UPDATE", (42,)),
                "commit",
                "close",
            ],
            connection.events,
        )

    def test_a_message_gives_the_name_of_the_database_and_nothing_else(self) -> None:
        connection = RecordingConnection()
        ScoreWriter(connection, "scoring").write("sp_c_1_2", 42, SCORES)
        self.assertEqual({"dbname", "connect_timeout", "application_name"}, set(connection.parameters))

    def test_without_a_name_it_is_the_database_of_the_worker(self) -> None:
        connection = RecordingConnection()
        ScoreWriter(connection, "scoring").write(None, 42, SCORES)
        self.assertEqual(("connect", "scoring"), connection.events[0])

    def test_without_any_name_nothing_is_written(self) -> None:
        connection = RecordingConnection()
        ScoreWriter(connection, None).write(None, 42, SCORES)
        self.assertEqual([], connection.events)

    def test_an_error_rolls_back_and_closes(self) -> None:
        connection = RecordingConnection(RuntimeError("gone"))
        with self.assertRaisesRegex(RuntimeError, "gone"):
            ScoreWriter(connection, None).write("sp_c_1_2", 42, SCORES)
        self.assertEqual(["rollback", "close"], connection.events[-2:])

    def test_the_driver_is_needed_only_here_and_its_absence_is_explained(self) -> None:
        with mock.patch.dict(sys.modules, {"psycopg2": None}), self.assertRaisesRegex(MissingDriver, "apt-get install"):
            ScoreWriter.from_environment()

    def test_the_own_database_is_the_one_of_the_environment(self) -> None:
        connection = RecordingConnection()
        for variable, events in (("scoring", [("connect", "scoring"), ("UPDATE", (42,)), "commit", "close"]), ("", [])):
            connection.events.clear()
            with mock.patch.dict(os.environ, {"PGDATABASE": variable}), mock.patch.dict(
                sys.modules, {"psycopg2": mock.Mock(connect=connection)}
            ):
                ScoreWriter.from_environment().write(None, 42, [])
            self.assertEqual(events, connection.events)


if __name__ == "__main__":
    unittest.main()
