"""Frames are checked with their values where they pass from one stage to the next."""

from decimal import Decimal

import polars as pl
import pytest

from schemas.errors import TollbookError
from schemas.frames import RATED, checked
from schemas.money import EXACT

FINE = pl.DataFrame(
    {
        "usage_no": [1, 2],
        "usage_id": ["a", "b"],
        "billable_units": [120, 0],
        "included_units": [60, 0],
        "charged_units": [60, 0],
        "amount_num": [Decimal("1.2"), Decimal(0)],
        "amount_den": [60, 60],
    },
    schema_overrides={"amount_num": EXACT},
)


def test_rated_usage_as_it_should_be_passes_whole() -> None:
    assert checked(FINE.with_columns(more=pl.lit(1)), RATED).equals(FINE.with_columns(more=pl.lit(1)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount_den": pl.lit(0, pl.Int64)},
        {"charged_units": pl.col("charged_units") - 100},
        {"usage_no": pl.lit(None, pl.Int64)},
        {"amount_num": pl.col("amount_num").cast(pl.Float64)},
    ],
    ids=lambda columns: next(iter(columns)),
)
def test_rated_usage_that_cannot_be_is_named_by_column(wrong: dict[str, pl.Expr]) -> None:
    with pytest.raises(TollbookError, match=f"rated usage: .*{next(iter(wrong))}"):
        checked(FINE.with_columns(**wrong), RATED)
