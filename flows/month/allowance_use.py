"""The meters of a document: how much of what the plan includes was used."""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from flows.books.run import Run
from flows.catalog.load import Tables
from flows.month.usage.rows import read_rated
from rating.draws import DRAWS
from schemas.allowance import allowance_id
from schemas.dated import in_language

_KEYS = ("account_id", "usage_month", "allowance_id", "pool")
_EMPTY = pl.DataFrame(
    schema={**dict.fromkeys(_KEYS, pl.String), "included_units": pl.Int64, "charged_units": pl.Int64, "draws": DRAWS}
)


@dataclass(frozen=True)
class AllowanceUse:
    """What a run granted and what its calls took, of all its accounts; `usage_months`: those with such calls.

    grants: as rating.allowances.grant_allowances returns them; used: account_id, usage_month, allowance_id, pool,
    used_units, over_units.
    """

    grants: pl.DataFrame
    used: pl.DataFrame
    usage_months: pl.Series


def read_use(run: Run) -> AllowanceUse:
    """From the files that rating left behind, once per run."""
    used, months = [_drawn(_EMPTY)], [_EMPTY["usage_month"]]
    # Piece by piece, for all records together are more than a run may hold.
    for path in sorted((run.work / "rated").glob("*.arrow")):
        rated = read_rated(path, *_EMPTY.columns).drop_nulls("allowance_id")
        used.append(_drawn(rated))
        months.append(rated["usage_month"].unique())
    sums = pl.concat(used).group_by(_KEYS).agg(pl.col("used_units", "over_units").sum())
    return AllowanceUse(pl.read_parquet(run.work / "grants.parquet"), sums, pl.concat(months).unique())


def meters(use: AllowanceUse, accounts: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Granted, used and over per pool of these accounts, in the unit the plan speaks of.

    accounts: account_id, draft_id, locale. Returns draft_id and the fields of schemas.document.AllowanceUse.
    """
    months = use.usage_months.implode()
    billed = accounts.select("account_id", "draft_id", "locale")
    grants, used = (
        _without_devices(
            frame.filter(pl.col("usage_month").is_in(months)).join(billed, on="account_id", how="semi"), tables
        )
        for frame in (use.grants, use.used)
    )
    pools = grants.join(used, on=_KEYS, how="left", nulls_equal=True, validate="1:1")
    counted = pools.join(billed, on="account_id").sort(_KEYS)
    said = _said(counted.select("plan", "allowance", "locale").unique().iter_rows(), tables)
    return counted.join(said, on=["plan", "allowance", "locale"], maintain_order="left", validate="m:1").select(
        "draft_id",
        pl.col("allowance").alias("allowance_id"),
        "name",
        "pool",
        "usage_month",
        "unit",
        *(_in_units(units).alias(name) for name, units in _SHOWN.items()),
    )


_SHOWN = {"granted": "granted_units", "used": "used_units", "over": "over_units"}


def _said(asked: Iterable[tuple[str, str, str]], tables: Tables) -> pl.DataFrame:
    """plan, allowance, locale, name, unit, per_unit: the allowance's name in that language, and what it is shown in."""
    rows = []
    for plan, code, locale in asked:
        allowance = tables.catalog.plans[plan].allowances[code]
        per_unit = 60 if allowance.unit == "minute" else 1
        rows.append((plan, code, locale, in_language(allowance.name, locale), allowance.unit, per_unit))
    names = ("plan", "allowance", "locale", "name", "unit")
    return pl.DataFrame(rows, schema={**dict.fromkeys(names, pl.String), "per_unit": pl.Int64}, orient="row")


def _in_units(name: str) -> pl.Expr:
    """Seconds or messages in the unit that is shown, rounded half up to two decimals."""
    counted, per_unit = pl.col(name).fill_null(0), pl.col("per_unit")
    hundredths = (200 * counted.abs() + per_unit) // (2 * per_unit) * counted.sign()
    return hundredths.cast(pl.Int128).reinterpret(dtype=pl.Decimal(38, 2))


def _drawn(rated: pl.DataFrame) -> pl.DataFrame:
    """_KEYS, used_units, over_units: calls go beyond the last allowance that they may draw on."""
    once = rated.with_columns(
        used_units=pl.when(pl.col("draws").is_null()).then("included_units").otherwise(0), over_units="charged_units"
    ).select(*_KEYS, "used_units", "over_units")
    taken_from = pl.col("draws").struct
    several = (
        rated.filter(pl.col("draws").is_not_null())
        .select("account_id", "usage_month", "draws")
        .explode("draws")
        .select(
            "account_id", "usage_month", allowance_id=taken_from.field("allowance_id"), pool=taken_from.field("pool"),
            used_units=taken_from.field("units"), over_units=pl.lit(0, pl.Int64),
        )
    )  # fmt: skip
    return pl.concat([once, several]).group_by(_KEYS).agg(pl.col("used_units", "over_units").sum())


def _without_devices(frame: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Sums per pool; the pools of single devices are one meter, for an office has hundreds of them."""
    single = [
        allowance_id(name, code)
        for name, plan in tables.catalog.plans.items()
        for code, allowance in plan.allowances.items()
        if allowance.pool == "device"
    ]
    pool = pl.when(~pl.col("allowance_id").is_in(single)).then("pool")
    units = ("granted_units", "used_units", "over_units")
    return frame.with_columns(pool=pool).group_by(pl.exclude(units)).agg(pl.col(f"^({'|'.join(units)})$").sum())
