"""The database that a request names."""

from __future__ import annotations

import unittest

from sandpiper_worker._baggage import NotOfATest, database_of_test


class DatabaseOfTestTest(unittest.TestCase):
    def test_the_member_is_found_among_others(self) -> None:
        for baggage in (
            "test.db=sp_c_0f3a_7",
            "test.id=sp1.x.1.y,test.db=sp_c_0f3a_7",
            " a=b;p=1 , test.db = sp_c_0f3a_7 ; property , c=d",
            "test.db=sp%5Fc%5f0f3a_7",
            "test.dbx=1,xtest.db=2,test.db=sp_c_0f3a_7",
        ):
            with self.subTest(baggage):
                self.assertEqual("sp_c_0f3a_7", database_of_test({"baggage": baggage}))

    def test_most_requests_name_none(self) -> None:
        for headers in (None, {}, {"baggage": None}, {"baggage": ""}, {"baggage": "test.id=sp1.x,a"}, {"baggage": 7}):
            with self.subTest(str(headers)):
                self.assertIsNone(database_of_test(headers))

    def test_a_name_that_is_not_that_of_a_test_is_refused(self) -> None:
        for name in (
            "",
            "postgres",
            "scoring",
            "sp_t_16384_abc",
            "sp_c_",
            "sp_c_1_2 host=elsewhere",
            "sp_c_1_2%20host%3Delsewhere",
            "postgresql://elsewhere/sp_c_1_2",
            "host=elsewhere",
            "sp_c_1_2%00",
            "sp_c_1_2%0A",
            "x'sp_c_1_2",
        ):
            with self.subTest(name), self.assertRaises(NotOfATest):
                database_of_test({"baggage": f"test.db={name}"})


if __name__ == "__main__":
    unittest.main()
