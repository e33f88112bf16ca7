"""Who a call belongs to: the owner of its number or extension at the instant it started (RULES 16)."""

import polars as pl

from rating.outcomes import settle

_EXTENSION = r"^[0-9]{2,6}$"


def own(usage: pl.DataFrame, numbers: pl.DataFrame, extensions: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """Adds account_id, number_type, billing_group and the account's state at the instant; settles what has no owner.

    numbers: number, account_id, number_type, billing_group, from_at, to_at (UTC, half-open, disjoint per number).
    extensions: account_id, extension, billing_group, from_at, to_at.
    accounts: account_id, from_at, to_at, plan, country, region, currency, time_zone, billing_from_at, closed_at.
    """
    inbound = pl.col("direction") == "inbound"
    usage = usage.with_row_index("_row").with_columns(
        _number=pl.when(inbound).then("to_number").otherwise("from_number"),
        _extension=pl.coalesce(
            "extension",
            _if_extension(pl.when(inbound).then("to_number").otherwise("from_number")),
            # A switch may name the caller of an internal call by a device; then the called extension tells.
            pl.when(pl.col("direction") == "internal").then(_if_extension(pl.col("to_number"))),
        ),
    )
    by_number = _at_instant(usage, numbers, {"_number": "number"}).rename({"account_id": "number_account"})
    stated = usage.filter(pl.col("stated_account_id").is_not_null())
    by_extension = _at_instant(
        stated, extensions, {"stated_account_id": "account_id", "_extension": "extension"}
    ).select("_row", extension_owned=pl.lit(True), extension_group="billing_group")
    owned = usage.join(by_number, on="_row", how="left", validate="1:1").join(
        by_extension, on="_row", how="left", validate="1:1"
    )
    states = pl.col("stated_account_id").is_not_null()
    owns = (pl.col("number_account") == pl.col("stated_account_id")).fill_null(False)
    owns |= pl.col("extension_owned").fill_null(False)
    # What the number row says is its owner's alone: another account's group or number type stays there.
    own_number = (~states | (pl.col("number_account") == pl.col("stated_account_id"))).fill_null(False)
    owned = owned.with_columns(
        account_id=pl.coalesce("stated_account_id", "number_account"),
        number_type=pl.when(own_number).then("number_type"),
        billing_group=pl.coalesce(pl.when(own_number).then("billing_group"), "extension_group"),
        _conflict=states & ~owns,
    )
    known = accounts["account_id"].unique().implode()
    owned = settle(owned, "suspended", "unknown_account", states & ~pl.col("account_id").is_in(known))
    owned = settle(owned, "suspended", "owner_conflict", pl.col("_conflict"))
    owned = settle(owned, "suspended", "no_owner", pl.col("account_id").is_null())
    at_instant = _at_instant(owned, accounts, {"account_id": "account_id"})
    return owned.join(at_instant, on="_row", how="left", validate="1:1").drop(
        "_row", "_number", "_extension", "_conflict", "number_account", "extension_owned", "extension_group"
    )


def _if_extension(number: pl.Expr) -> pl.Expr:
    return pl.when(number.str.contains(_EXTENSION)).then(number)


def _at_instant(usage: pl.DataFrame, intervals: pl.DataFrame, on: dict[str, str]) -> pl.DataFrame:
    """The interval row in force when each record started, by `_row`; at most one, the earliest."""
    keys = list(on)
    return (
        usage.select("_row", "started_at", *keys)
        .join(intervals, left_on=keys, right_on=list(on.values()), coalesce=True)
        .filter(pl.col("from_at") <= pl.col("started_at"), pl.col("started_at") < pl.col("to_at"))
        .sort("_row", "from_at")
        .unique("_row", keep="first", maintain_order=True)
        .rename({left: right for left, right in on.items() if left == "_number"})
        .drop("started_at", "from_at", "to_at", *[k for k in keys if k != "_number"])
        .drop("number", strict=False)
    )
