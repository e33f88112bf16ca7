"""Addresses of accounts and locations to jurisdictions, and accounts whose address cannot be right (RULES 21)."""

import polars as pl

from schemas.codes import ParkedCode
from schemas.frames import PARKED
from taxes.places import Places


def with_jurisdiction(addresses: pl.DataFrame, places: Places) -> pl.DataFrame:
    """Rows with country, region and postal_code, with `jurisdiction` added: US-IL-CHI, US-TX, ES-CN, DE."""
    keys = ["country", "region", "postal_code"]
    distinct = addresses.select(keys).unique()
    jurisdictions = [places.jurisdiction(*address) for address in distinct.iter_rows()]
    placed = distinct.with_columns(pl.Series("jurisdiction", jurisdictions, dtype=pl.String))
    return addresses.join(placed, on=keys, how="left", nulls_equal=True, validate="m:1", maintain_order="left")


def misplaced_accounts(versions: pl.DataFrame, locations: pl.DataFrame, places: Places) -> pl.DataFrame:
    """PARKED: accounts whose region decides taxes and does not fit the postal code beside it.

    Of an account's versions the last counts; of its locations every one, for 9-1-1 follows the service address.
    """
    current = versions.unique("account_id", keep="last", maintain_order=True)
    rows: list[tuple[str, ParkedCode, str]] = [
        (account, "address_misfit", f"billing address: {fault}")
        for account, *address in current.select("account_id", "country", "region", "postal_code").iter_rows()
        if (fault := places.misfit(*address)) is not None
    ]
    rows += [
        (account, "location_misfit", f"location {location}: {fault}")
        for account, location, *address in locations.sort("location_id")
        .select("account_id", "location_id", "country", "region", "postal_code")
        .iter_rows()
        if (fault := places.misfit(*address)) is not None
    ]
    return pl.DataFrame(rows, schema=PARKED, orient="row")
