"""Rated usage changed by a test as if it were one wide table, as whoever reads it sees it (flows/home/views.sql)."""

from pathlib import Path
from typing import Any

from flows.home import schema
from flows.home.store import Store

WIDE = (Path(schema.__file__).parent / "rated.sql").read_text(encoding="utf-8")


def change_rated(store: Store, statement: str, values: list[Any] | None = None) -> None:
    """An insert, update or delete of rated_usage. Of records that a feed has, what the feed says stays as it is."""
    numbers = "exclude (usage_no, for_no, row_id)"
    store.con.execute(f"create or replace temp table wide_usage as select * {numbers} from rated_usage order by row_id")
    store.con.execute(statement.replace("rated_usage", "wide_usage"), values or [])
    for table in ("rated", "rated_for", "rated_by", "kept_usage"):
        store.con.execute(f"delete from {table}")
    store.con.execute(WIDE)
    store.con.execute("drop table temp.wide_usage")
