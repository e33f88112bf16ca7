"""Who a call belongs to: the owner of its number or extension at the instant it started (RULES 16)."""

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from rating.codes import places_among
from rating.ends import EXTENSION, if_extension, may_be_extensions, near_number, near_numbers
from rating.intervals import Intervals
from rating.outcomes import settle

STATE = ("plan", "account_country", "account_region", "currency", "time_zone", "billing_from_at", "closed_at")
"""What an account's row says of it while the row is in force."""


_OF_NUMBER = ("number_type", "billing_group", "near_country", "near_region")


@dataclass(frozen=True)
class Owners:
    """Who owned what, and the accounts' states over time.

    numbers: number -> account_id, number_type, billing_group, and where the number is: near_country, near_region;
    extensions: account_id, extension -> billing_group;
    accounts: account_id -> STATE. from_at and to_at are UTC, half-open.
    """

    numbers: Intervals
    extensions: Intervals
    accounts: Intervals

    @cached_property
    def account_ids(self) -> pl.Series:
        """Every account, in the order of accounts.index, as categories."""
        return self.accounts.index["account_id"].cast(pl.Categorical)

    @cached_property
    def of_numbers(self) -> pl.Series:
        """The place in `account_ids` of the account that each row of `numbers` belongs to."""
        return places_among(self.numbers.coded["account_id"], self.account_ids)


def own(usage: pl.DataFrame, owners: Owners) -> pl.DataFrame:
    """Adds account_id, number_type, billing_group and the account's STATE at the instant, texts as categories, and
    is_strange, whether nobody owns the near number; settles what has no owner.

    usage: direction, from_number, to_number, extension, stated_account_id, started_at, and is_trusted where the account
    that some records state is not to be doubted.
    """
    started = usage["started_at"]
    held = owners.numbers.at(pl.DataFrame({"number": near_numbers(usage)}), started)
    number = owners.numbers.coded.select("account_id", *_OF_NUMBER).select(pl.all().gather(held))
    if usage["stated_account_id"].null_count() == usage.height:
        usage, account = usage.with_columns(number.get_columns()), owners.of_numbers.gather(held)
    else:
        usage = _stated(usage, number, _by_extension(usage, owners.extensions), owners.account_ids)
        account = places_among(usage["account_id"], owners.account_ids)
    inside = pl.when(near_number().str.contains(EXTENSION)).then(pl.lit("an extension, and no account is stated"))
    usage = settle(usage, "no_owner", pl.col("account_id").is_null(), inside)
    state = owners.accounts.at_places(account, started)
    states = owners.accounts.coded.select(STATE).select(pl.all().gather(state))
    return usage.with_columns(states.get_columns(), is_strange=held.is_null())


def _stated(usage: pl.DataFrame, number: pl.DataFrame, group: pl.DataFrame, accounts: pl.Series) -> pl.DataFrame:
    """Owners of records that may state theirs: a stated account counts if it owns the number or the extension."""
    stated = pl.col("stated_account_id").cast(pl.Categorical)
    states, owns_number = stated.is_not_null(), (pl.col("number_account") == stated).fill_null(False)
    # What the number row says is its owner's alone: another account's group or number type stays there.
    is_own = (~states | owns_number).fill_null(False)
    owned = pl.concat(
        [usage, number.rename({"account_id": "number_account", "billing_group": "number_group"}), group],
        how="horizontal",
    ).with_columns(
        account_id=pl.coalesce(stated, "number_account"),
        number_type=pl.when(is_own).then("number_type"),
        billing_group=pl.coalesce(pl.when(is_own).then("number_group"), "extension_group"),
        is_conflict=states & ~(owns_number | pl.col("owns_extension")),
    )
    if "is_trusted" in owned.columns:
        owned = owned.with_columns(is_conflict=pl.col("is_conflict") & ~pl.col("is_trusted"))
    is_unknown = pl.lit(places_among(owned["account_id"], accounts).is_null())
    owned = settle(owned, "unknown_account", states & is_unknown)
    owned = settle(owned, "owner_conflict", pl.col("is_conflict"))
    return owned.drop("number_account", "number_group", "extension_group", "owns_extension", "is_conflict")


def _by_extension(usage: pl.DataFrame, extensions: Intervals) -> pl.DataFrame:
    """owns_extension, extension_group: whether the stated account had the extension, and its billing group."""
    asked = usage.select(
        account_id="stated_account_id",
        extension=pl.coalesce(
            "extension",
            if_extension(near_number()),
            # A switch may name the caller of an internal call by a device; then the called extension tells.
            pl.when(pl.col("direction") == "internal").then(if_extension(pl.col("to_number"))),
        ),
    )
    row = extensions.at(asked, usage["started_at"])
    return pl.DataFrame(
        {"owns_extension": row.is_not_null(), "extension_group": extensions.coded["billing_group"].gather(row)}
    )


def as_internal(usage: pl.DataFrame, extensions: Intervals) -> pl.DataFrame:
    """Calls between two extensions of their account are internal, and so is one to an extension of the caller's
    account, whatever the switch calls it (RULES 16).

    usage: as `own` leaves it. extensions: account_id, extension.
    """
    if not may_be_extensions(usage["to_number"]).any():
        return usage
    outbound, inbound = (pl.col("direction") == way for way in ("outbound", "inbound"))
    inside = pl.col("to_number").str.contains(EXTENSION)
    inside &= outbound | (inbound & pl.col("from_number").str.contains(EXTENSION))
    asked = usage.select((pl.col("reason").is_null() & inside).fill_null(False)).to_series()
    if not asked.any():
        return usage
    calls, at = usage.filter(asked), asked.arg_true()
    owns = _has_extension(calls, extensions, "to_number")
    owns &= _has_extension(calls, extensions, "from_number") | (calls["direction"] == "outbound")
    internal = pl.Series("internal", [False]).new_from_index(0, usage.height).scatter(at, owns)
    way = pl.lit("internal", usage.schema["direction"])
    return usage.with_columns(direction=pl.when(internal).then(way).otherwise("direction"))


def _has_extension(calls: pl.DataFrame, extensions: Intervals, end: str) -> pl.Series:
    asked = calls.select(pl.col("account_id").cast(pl.String), extension=if_extension(pl.col(end)))
    return extensions.at(asked, calls["started_at"]).is_not_null()
