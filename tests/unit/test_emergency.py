"""Which calls are to the emergency services: the numbers of the country that the caller is in, as they are dialled."""

import polars as pl
import pytest

from rating.emergency import is_emergency, with_emergency

CALL = {
    "kind": "voice", "direction": "outbound", "to_number": "112", "near_country": "DE", "account_country": "DE",
    "plan": "a",
}  # fmt: skip


def _told(**cells: str | None) -> bool:
    records = pl.DataFrame([CALL | cells], schema=dict.fromkeys(CALL, pl.String))
    return bool(is_emergency(records)[0])


@pytest.mark.parametrize(
    ("country", "numbers", "others"),
    [
        ("GB", ["999", "112"], ["911", "101", "118500"]),
        ("US", ["911"], ["999", "411", "110"]),
        ("DE", ["110", "112"], ["999", "115", "11833"]),
        ("FR", ["112", "15", "17", "18"], ["3117", "999"]),
        ("AU", ["000"], ["999", "13000"]),
        ("CA", ["911"], ["999", "611"]),
    ],
)
def test_the_numbers_of_each_country(country: str, numbers: list[str], others: list[str]) -> None:
    assert [number for number in numbers if not _told(to_number=number, near_country=country)] == []
    assert [number for number in others if _told(to_number=number, near_country=country)] == []


def test_only_outbound_calls_and_the_country_of_the_number_before_that_of_the_account() -> None:
    assert not _told(direction="inbound")
    assert not _told(direction="internal")
    assert not _told(kind="sms")
    assert not _told(to_number="+112")
    assert not _told(to_number=None)
    assert _told(to_number="911", near_country="US", account_country="DE")
    assert _told(near_country=None)
    assert not _told(near_country=None, account_country=None)


def test_only_in_plans_that_have_a_rule_for_them() -> None:
    records = pl.DataFrame([CALL, CALL | {"plan": "b"}, CALL | {"plan": None}])
    for rules, told in (([("b", "emergency")], [False, True, False]), ([("b", "domestic")], [False] * 3)):
        asked = pl.DataFrame(rules, schema=["plan", "category"], orient="row")
        assert with_emergency(records, asked)["is_emergency"].to_list() == told
