"""Feed `billed_until` by the resources that bill: what an earlier system says, and what fits nothing (RULES 7)."""

import polars as pl

from flows.catalog.load import Tables
from schemas.frames import parked_as


def stated_resources(
    billed_until: pl.DataFrame, resources: dict[str, pl.DataFrame], tables: Tables
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Feed `billed_until` by the resources that bill: account_id, feed, resource_id, until (half-open), amount; and
    the account, named and said (PARKED), of a row that fits nothing.

    `resources`: feeds devices, numbers and subscriptions. A row names the id in its feed; a device of a product that
    bills by extension stands for its extension, and the amounts of several of them are added.
    """
    kinds = ("devices", "numbers", "subscriptions")
    # What nobody asks for is not made: it is three rows for each resource there is.
    rows = {feed: resources[feed] if billed_until.height else resources[feed].clear() for feed in kinds}
    known = pl.concat([_known(feed, rows[feed], tables) for feed in kinds])
    asked = billed_until.with_row_index("_row").select(
        "_row", "account_id", "amount", named="resource_id", until=pl.col("billed_until").dt.offset_by("1d")
    )
    # Of several versions, the one in force on the last day billed, else the first that came after.
    begun = pl.col("start") < pl.col("until")
    fits = asked.join(known, on=["account_id", "named"]).sort(
        "_row", begun, pl.when(begun).then("start"), -pl.col("start").dt.epoch("d"), "feed"
    )
    chosen = fits.unique("_row", keep="last", maintain_order=True)
    by_resource = (
        chosen.filter("bills")
        .group_by("account_id", "feed", "resource_id", maintain_order=True)
        .agg(pl.col("until").max(), amount=pl.when(pl.col("amount").count() > 0).then(pl.col("amount").sum()))
    )
    return by_resource, _misfits(asked, fits, chosen)


def _known(feed: str, rows: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """account_id, named (what a row may call it), feed, resource_id (what bills), bills, start."""
    products = tables.catalog.products
    key, start = {
        "devices": ("device_id", "active_from"),
        "numbers": ("number", "active_from"),
        "subscriptions": ("subscription_id", "start_date"),
    }[feed]
    by_extension = [code for code, product in products.items() if product.per == "extension"]
    extension = pl.col("extension") if feed != "subscriptions" else pl.lit(None, pl.String)
    shared = pl.col("product_code").is_in(by_extension) & extension.is_not_null()
    own = rows.select(
        "account_id",
        id=key,
        feed=pl.lit(feed),
        resource_id=pl.when(shared).then("ext:" + extension).otherwise(key),
        bills=pl.col("product_code").is_in([c for c, product in products.items() if product.billed_from == feed]),
        start=start,
    )
    # A number is known with and without its +, an extension by the name under which it bills.
    names = [pl.col("id"), pl.col("resource_id"), pl.col("id").str.strip_prefix("+")]
    columns = ["account_id", "named", "feed", "resource_id", "bills", "start"]
    return pl.concat([own.with_columns(named=name).select(columns) for name in names]).unique(maintain_order=True)


def _misfits(asked: pl.DataFrame, fits: pl.DataFrame, chosen: pl.DataFrame) -> pl.DataFrame:
    """Accounts with a row that fits nothing, several things, or what bills nothing: its amount would be lost."""
    said = "feed billed_until names {}, which is "
    strange = asked.join(fits, on="_row", how="anti")
    double = fits.filter(pl.col("feed").n_unique().over("_row") > 1).unique("_row", keep="first", maintain_order=True)
    idle = chosen.filter(~pl.col("bills"), pl.col("amount").fill_null(0) != 0)
    frames = [
        rows.select("account_id", **parked_as("billed_until_misfit", pl.format(said + what, "named")))
        for rows, what in (
            (strange, "no subscription, device or number of the account"),
            (double, "the id of more than one thing of the account"),
            (idle, "of a product that is billed from another feed: an amount has nothing to be held against"),
        )
    ]
    return pl.concat(frames).sort("account_id", "detail").unique("account_id", keep="first", maintain_order=True)
