"""Who a call belongs to: the owner of its number or extension at the instant it started (RULES 16)."""

from dataclasses import dataclass

import polars as pl

from rating.outcomes import settle

_EXTENSION = r"^[0-9]{2,6}$"

STATE = ("plan", "account_country", "account_region", "currency", "time_zone", "billing_from_at", "closed_at")
"""What an account's row says of it while the row is in force."""


_OF_NUMBER = ("number_type", "billing_group", "near_country", "near_region")


@dataclass(frozen=True)
class Intervals:
    """Rows in force over [from_at, to_at), ready to be asked by key and time. Of rows that overlap the earliest counts.

    `rows` is sorted by key and from_at; `index` says where the rows of a key lie (the keys, first, count).
    """

    keys: tuple[str, ...]
    rows: pl.DataFrame
    index: pl.DataFrame

    def at(self, asked: pl.DataFrame, times: pl.Series) -> pl.Series:
        """The row in force (UInt32) for each row of `asked` (the keys) at its time; null where there is none."""
        where = asked.join(self.index, on=self.keys, how="left", validate="m:1", maintain_order="left")
        row = where["first"]
        if (where["count"] > 1).any():
            row = self._among_several(where, times)
        begun, over = (self.rows[edge].gather(row) for edge in ("from_at", "to_at"))
        in_force = ((begun <= times) & (times < over)).fill_null(False)
        return pl.select(pl.when(in_force).then(row)).to_series()

    def _among_several(self, where: pl.DataFrame, times: pl.Series) -> pl.Series:
        """The first row of a key that is in force; its very first where none is."""
        at = pl.int_range(pl.len(), dtype=pl.UInt32)
        several = where.select("first", "count", at=at, time=times).filter(pl.col("count") > 1)
        each = several.select(
            "at", "time", row=pl.int_ranges("first", pl.col("first") + pl.col("count"), dtype=pl.UInt32)
        ).explode("row")
        begun, over = (self.rows[edge].gather(each["row"]) for edge in ("from_at", "to_at"))
        hit = each.filter((begun <= each["time"]) & (each["time"] < over)).unique(
            "at", keep="first", maintain_order=True
        )
        return where["first"].scatter(hit["at"], hit["row"])


def intervals(rows: pl.DataFrame, *keys: str) -> Intervals:
    """`rows` with their keys, from_at and to_at (any one time type), made ready to be asked."""
    rows = rows.sort(*keys, "from_at", maintain_order=True)
    index = (
        rows.select(*keys, row=pl.int_range(pl.len(), dtype=pl.UInt32))
        .group_by(*keys, maintain_order=True)
        .agg(first=pl.col("row").first(), count=pl.len())
    )
    return Intervals(keys, rows, index)


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


def own(usage: pl.DataFrame, owners: Owners) -> pl.DataFrame:
    """Adds account_id, number_type, billing_group and the account's STATE at the instant; settles what has no owner.

    usage: direction, from_number, to_number, extension, stated_account_id, started_at.
    """
    inbound = pl.col("direction") == "inbound"
    started = usage["started_at"]
    near = usage.select(number=pl.when(inbound).then("to_number").otherwise("from_number"))
    number = owners.numbers.rows.select("account_id", *_OF_NUMBER).select(
        pl.all().gather(owners.numbers.at(near, started))
    )
    if usage["stated_account_id"].null_count() == usage.height:
        usage = usage.with_columns(number.get_columns())
    else:
        usage = _stated(usage, number, _by_extension(usage, owners.extensions), owners.accounts.index)
    usage = settle(usage, "suspended", "no_owner", pl.col("account_id").is_null())
    state = owners.accounts.at(usage.select("account_id"), started)
    return usage.with_columns(owners.accounts.rows.select(STATE).select(pl.all().gather(state)).get_columns())


def _stated(usage: pl.DataFrame, number: pl.DataFrame, group: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """Owners of records that may state theirs: a stated account counts if it owns the number or the extension."""
    stated = pl.col("stated_account_id")
    states, owns_number = stated.is_not_null(), (pl.col("number_account") == stated).fill_null(False)
    # What the number row says is its owner's alone: another account's group or number type stays there.
    is_own = (~states | owns_number).fill_null(False)
    owned = pl.concat(
        [usage, number.rename({"account_id": "number_account", "billing_group": "number_group"}), group],
        how="horizontal",
    ).with_columns(
        account_id=pl.coalesce("stated_account_id", "number_account"),
        number_type=pl.when(is_own).then("number_type"),
        billing_group=pl.coalesce(pl.when(is_own).then("number_group"), "extension_group"),
        is_conflict=states & ~(owns_number | pl.col("owns_extension")),
    )
    known = accounts["account_id"].implode()
    owned = settle(owned, "suspended", "unknown_account", states & ~pl.col("account_id").is_in(known))
    owned = settle(owned, "suspended", "owner_conflict", pl.col("is_conflict"))
    return owned.drop("number_account", "number_group", "extension_group", "owns_extension", "is_conflict")


def _by_extension(usage: pl.DataFrame, extensions: Intervals) -> pl.DataFrame:
    """owns_extension, extension_group: whether the stated account had the extension, and its billing group."""
    inbound = pl.col("direction") == "inbound"
    asked = usage.select(
        account_id="stated_account_id",
        extension=pl.coalesce(
            "extension",
            _if_extension(pl.when(inbound).then("to_number").otherwise("from_number")),
            # A switch may name the caller of an internal call by a device; then the called extension tells.
            pl.when(pl.col("direction") == "internal").then(_if_extension(pl.col("to_number"))),
        ),
    )
    row = extensions.at(asked, usage["started_at"])
    return pl.DataFrame(
        {"owns_extension": row.is_not_null(), "extension_group": extensions.rows["billing_group"].gather(row)}
    )


def _if_extension(number: pl.Expr) -> pl.Expr:
    return pl.when(number.str.contains(_EXTENSION)).then(number)
