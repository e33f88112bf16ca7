"""Words for how a call ended that nobody knows: such calls are billed, and a person says what the words mean."""

from datetime import timedelta
from typing import Any

import polars as pl

from flows.home.store import Store
from rating.dispositions import is_unknown
from schemas.periods import add_months, month_start

_WORDS = """
    select source, disposition as word, count(*) as records, sum(duration_s)::bigint as seconds
    from feed_calls where disposition is not null and duration_s > 0 and started_at >= $first and started_at < $last
    group by all order by seconds desc, source, word"""


def unknown_endings(store: Store, month: str) -> list[dict[str, Any]]:
    """source, word, records, seconds of the usage month before an invoice month, the most seconds first."""
    last = month_start(month)
    day = timedelta(days=1)
    words = store.sql(_WORDS, {"first": add_months(last, -1) - day, "last": last + day})
    return words.filter(is_unknown(pl.col("word"))).to_dicts()
