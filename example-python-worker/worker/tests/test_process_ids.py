"""The ids that the environment of the process gives."""

from __future__ import annotations

import unittest

from sandpiper_worker._process_ids import ids_of_process, with_ids

IDS = {"x-test-id": "sp1.x.000001.y", "baggage": "test.id=sp1.x.000001.y,test.db=sp_c_1_2"}


class IdsOfProcessTest(unittest.TestCase):
    def test_a_process_that_a_test_started_has_its_ids(self) -> None:
        environment = {"SANDPIPER_TEST_ID": IDS["x-test-id"], "BAGGAGE": IDS["baggage"], "HOME": "/"}
        self.assertEqual(IDS, ids_of_process(environment))
        self.assertEqual({"x-test-id": "sp1"}, ids_of_process({"SANDPIPER_TEST_ID": "sp1", "BAGGAGE": ""}))

    def test_any_other_process_has_none(self) -> None:
        for environment in ({}, {"BAGGAGE": "tenant=acme"}, {"SANDPIPER_TEST_ID": "", "BAGGAGE": "a=b"}):
            with self.subTest(str(environment)):
                self.assertEqual({}, ids_of_process(environment))


class WithIdsTest(unittest.TestCase):
    def test_a_request_without_ids_gets_those_of_the_process(self) -> None:
        self.assertEqual(IDS, with_ids(None, IDS))
        self.assertEqual({"x-tenant": "acme", **IDS}, with_ids({"x-tenant": "acme"}, IDS))
        self.assertEqual(
            {"x-test-id": IDS["x-test-id"], "baggage": "tenant=acme"}, with_ids({"baggage": "tenant=acme"}, IDS)
        )

    def test_a_request_with_ids_of_its_own_keeps_them(self) -> None:
        for own in ({"x-test-id": "sp1.other"}, {"baggage": "test.id=sp1.other"}):
            with self.subTest(str(own)):
                self.assertEqual(own, with_ids(own, IDS))

    def test_where_the_process_has_none_nothing_changes(self) -> None:
        for headers in (None, {}, {"x-tenant": "acme"}):
            with self.subTest(str(headers)):
                self.assertIs(headers, with_ids(headers, {}))


if __name__ == "__main__":
    unittest.main()
