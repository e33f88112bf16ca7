"""Addresses of accounts and locations to jurisdictions, and accounts whose address cannot be right (RULES 21)."""

import polars as pl

from schemas.codes import ParkedCode
from schemas.frames import PARKED
from taxes.places import Places

_ADDRESS = ["country", "region", "postal_code"]


def with_jurisdiction(addresses: pl.DataFrame, places: Places) -> pl.DataFrame:
    """Rows with country, region and postal_code, with `jurisdiction` added: US-IL-CHI, US-TX, ES-CN, DE."""
    distinct = addresses.select(_ADDRESS).unique()
    jurisdictions = [places.jurisdiction(*address) for address in distinct.iter_rows()]
    placed = distinct.with_columns(pl.Series("jurisdiction", jurisdictions, dtype=pl.String))
    return addresses.join(placed, on=_ADDRESS, how="left", nulls_equal=True, validate="m:1", maintain_order="left")


def misplaced_accounts(versions: pl.DataFrame, locations: pl.DataFrame, places: Places) -> pl.DataFrame:
    """PARKED: accounts whose region decides taxes and does not fit the postal code beside it.

    Of an account's versions the last counts; of its locations every one, for 9-1-1 follows the service address.
    """
    current = versions.unique("account_id", keep="last", maintain_order=True)
    rows: list[tuple[str, ParkedCode, str]] = [
        (account, "address_misfit", f"billing address: {fault}")
        for account, fault in _misfits(current, places).select("account_id", "fault").iter_rows()
    ]
    rows += [
        (account, "location_misfit", f"location {location}: {fault}")
        for account, location, fault in _misfits(locations.sort("location_id"), places)
        .select("account_id", "location_id", "fault")
        .iter_rows()
    ]
    return pl.DataFrame(rows, schema=PARKED, orient="row")


def _misfits(addresses: pl.DataFrame, places: Places) -> pl.DataFrame:
    """The rows whose address cannot be right, with `fault`; asked once per distinct address."""
    distinct = addresses.select(_ADDRESS).unique()
    faults = pl.Series("fault", [places.misfit(*address) for address in distinct.iter_rows()], dtype=pl.String)
    asked = distinct.with_columns(faults).drop_nulls("fault")
    return addresses.join(asked, on=_ADDRESS, how="inner", nulls_equal=True, validate="m:1", maintain_order="left")
