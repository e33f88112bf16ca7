"""Counts as people read them."""

from schemas.counts import count_of


def test_one_is_no_plural() -> None:
    assert [count_of(number, "row") for number in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]
    assert [count_of(number, "prefix", "prefixes") for number in (1, 2)] == ["1 prefix", "2 prefixes"]
