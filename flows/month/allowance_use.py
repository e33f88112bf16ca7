"""The meters of a document: how much of what the plan includes was used."""

from decimal import Decimal
from typing import Any

import polars as pl

from flows.books.context import Run
from flows.catalog.load import Tables
from flows.month.usage.rows import read_rated
from rating.draws import DRAWS
from schemas.allowance import Allowance
from schemas.catalog import in_language
from schemas.money import rounded


def allowance_use(run: Run, accounts: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Granted, used and over per pool, in the unit the plan speaks of; for the meters on the document."""
    keys = ["account_id", "usage_month", "allowance_id", "pool"]
    rated = _with_allowance(run, keys)
    single = [code for code, one in _allowances(tables).items() if one.pool == "device"]
    grants = pl.read_parquet(run.work / "grants.parquet")
    used, grants = (_without_devices(frame, keys, single) for frame in (_drawn(rated, keys), grants))
    pools = grants.join(used, on=keys, how="left", nulls_equal=True, validate="1:1")
    rows = pools.join(accounts.select("account_id", "draft_id", "locale"), on="account_id").sort(keys)
    open_months = rated["usage_month"].unique().implode()
    found = []
    for row in rows.filter(pl.col("usage_month").is_in(open_months)).iter_rows(named=True):
        plan, code = row["allowance_id"].split(":", 1)
        allowance = tables.catalog.plans[plan].allowances[code]
        per_unit = 60 if allowance.unit == "minute" else 1
        granted, taken, over = (
            rounded(Decimal(row[name] or 0) / per_unit, 2) for name in ("granted_units", "used_units", "over_units")
        )
        found.append(
            (row["draft_id"], code, in_language(allowance.name, row["locale"]), row["pool"], row["usage_month"],
             allowance.unit, granted, taken, over)
        )  # fmt: skip
    schema = dict.fromkeys(("draft_id", "allowance_id", "name", "pool", "usage_month", "unit"), pl.String)
    return pl.DataFrame(
        found, schema={**schema, **{n: pl.Decimal(38, 2) for n in ("granted", "used", "over")}}, orient="row"
    )


def _with_allowance(run: Run, keys: list[str]) -> pl.DataFrame:
    """The run's rated records that could draw on an allowance."""
    amounts: dict[str, Any] = {"included_units": pl.Int64, "charged_units": pl.Int64, "draws": DRAWS}
    empty = pl.DataFrame(schema={**dict.fromkeys(keys, pl.String), **amounts})
    pieces = sorted((run.work / "rated").glob("*.arrow"))
    return pl.concat([empty, *(read_rated(path, *keys, *amounts).drop_nulls("allowance_id") for path in pieces)])


def _allowances(tables: Tables) -> dict[str, Allowance]:
    return {
        f"{name}:{code}": one for name, plan in tables.catalog.plans.items() for code, one in plan.allowances.items()
    }


def _drawn(rated: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """keys, used_units, over_units: calls go beyond the last allowance that they may draw on."""
    once = rated.with_columns(
        used_units=pl.when(pl.col("draws").is_null()).then("included_units").otherwise(0), over_units="charged_units"
    ).select(*keys, "used_units", "over_units")
    part = pl.col("draws").struct
    several = (
        rated.filter(pl.col("draws").is_not_null())
        .select("account_id", "usage_month", "draws")
        .explode("draws")
        .select(
            "account_id", "usage_month", allowance_id=part.field("allowance_id"), pool=part.field("pool"),
            used_units=part.field("units"), over_units=pl.lit(0, pl.Int64),
        )
    )  # fmt: skip
    return pl.concat([once, several]).group_by(keys).agg(pl.col("used_units", "over_units").sum())


def _without_devices(frame: pl.DataFrame, keys: list[str], single: list[str]) -> pl.DataFrame:
    """Sums per pool; the pools of single devices are one meter, for an office has hundreds of them."""
    pool = pl.when(~pl.col("allowance_id").is_in(single)).then("pool")
    return frame.with_columns(pool=pool).group_by(keys).agg(pl.exclude(keys).sum())
