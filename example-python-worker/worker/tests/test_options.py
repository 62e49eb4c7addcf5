"""The command line: defaults, and what a user reads who got it wrong."""

from __future__ import annotations

import contextlib
import io
import os
import unittest
from unittest import mock

from sandpiper_worker._options import URL_VARIABLE, WRITE_SCORES_VARIABLE, Options, parse_options
from sandpiper_worker._reply import Echo


def complaint(*arguments: str) -> str:
    """The last line of what the command line says before it ends the process with status 2."""
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            parse_options(arguments)
    except SystemExit as end:
        assert end.code == 2, end.code
        return errors.getvalue().splitlines()[-1]
    raise AssertionError(f"{arguments} were accepted")


def options(*arguments: str, variable: str | None = None) -> Options:
    """The options where the environment holds nothing but the given value of the URL's variable."""
    with mock.patch.dict(os.environ, {} if variable is None else {URL_VARIABLE: variable}, clear=True):
        return parse_options(arguments)


class OptionsTest(unittest.TestCase):
    def test_there_is_a_default_for_everything(self) -> None:
        defaults = options()
        self.assertEqual(
            ("localhost", 5672, "/", "guest"),
            (
                defaults.broker.host,
                defaults.broker.port,
                defaults.broker.virtual_host,
                defaults.broker.credentials.username,
            ),
        )
        self.assertEqual(
            (4, 64, 0, Echo.HEADERS), (defaults.consumers, defaults.prefetch, defaults.delay_ms, defaults.echo)
        )
        self.assertEqual(
            ("", "scoring.requests", "scoring.results", "scoring.failures"),
            (defaults.exchange, defaults.requests, defaults.results, defaults.failures),
        )
        self.assertEqual(
            (30, False, "WARNING"), (defaults.connect_timeout, defaults.exit_with_parent, defaults.log_level)
        )

    def test_scores_are_written_where_the_option_or_the_variable_asks_for_it(self) -> None:
        self.assertFalse(options().write_scores)
        self.assertTrue(options("--write-scores").write_scores)
        for value, expected in (("true", True), ("false", False), ("", False)):
            with mock.patch.dict(os.environ, {WRITE_SCORES_VARIABLE: value}, clear=True):
                self.assertEqual(expected, parse_options([]).write_scores, value)

    def test_the_url_comes_from_the_option_then_the_variable_then_the_default(self) -> None:
        self.assertEqual("a", options("--url", "amqp://a", variable="amqp://b").broker.host)
        self.assertEqual("b", options(variable="amqp://b").broker.host)
        self.assertEqual("localhost", options(variable="").broker.host)

    def test_every_part_of_the_url_counts(self) -> None:
        broker = options("--url", "amqp://us%2Fer:p%40ss@host:1234/a%2Fb?heartbeat=7").broker
        self.assertEqual(
            ("us/er", "p@ss", "host", 1234, "a/b", 7),
            (
                broker.credentials.username,
                broker.credentials.password,
                broker.host,
                broker.port,
                broker.virtual_host,
                broker.heartbeat,
            ),
        )

    def test_an_unusable_url_is_refused_without_repeating_its_password(self) -> None:
        for url, error in {
            "secret": "the URL must look like amqp://user:password@host:port/vhost",
            "http://guest:secret@host": "the URL must look like amqp://user:password@host:port/vhost",
            "amqp://guest:secret@": "the URL must look like amqp://user:password@host:port/vhost",
            "amqp://secret@host": "the URL must have both a user name and a password, or neither",
            "amqp://guest:secret@host:99999": "the URL is not valid: Port out of range 0-65535",
            "amqp://guest:secret@host/a/b": "a slash in the name of the virtual host must be written %2F",
            "amqp://guest:secret@host/?heartbeet=5": "the URL is not valid: Unknown URL parameter: 'heartbeet'",
        }.items():
            with self.subTest(url):
                said = complaint("--url", url)
                self.assertEqual(f"sandpiper_worker: error: argument --url: {error}", said)
                self.assertNotIn("secret", said)

    def test_a_value_out_of_its_range_is_refused_with_the_range(self) -> None:
        for option, value, error in (
            ("--consumers", "0", "0 is not between 1 and 255"),
            ("--consumers", "four", "'four' is not an integer"),
            ("--prefetch", "65536", "65536 is not between 1 and 65535"),
            ("--delay", "-1", "-1 is not between 0 and 60000"),
            ("--delay", "2.5", "'2.5' is not an integer"),
            ("--connect-timeout", "0", "0 is not between 1 and 3600"),
            ("--echo", "all", "'all' is none of none, correlation, headers"),
            ("--results", "x" * 256, "a name has at most 255 bytes"),
        ):
            with self.subTest(option, value=value):
                self.assertEqual(f"sandpiper_worker: error: argument {option}: {error}", complaint(option, value))

    def test_an_unknown_option_is_refused(self) -> None:
        self.assertEqual("sandpiper_worker: error: unrecognized arguments: --deley 5", complaint("--deley", "5"))

    def test_the_password_of_the_variable_is_not_in_the_help(self) -> None:
        said = io.StringIO()
        with self.assertRaises(SystemExit), contextlib.redirect_stdout(said):
            options("--help", variable="amqp://guest:secret@host")
        self.assertIn(URL_VARIABLE, said.getvalue())
        self.assertNotIn("secret", said.getvalue())


if __name__ == "__main__":
    unittest.main()
