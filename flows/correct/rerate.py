"""What today's rates would move of a month's usage, before anything moves: by account, prefix, deck and days.

Nothing is written. A month that is not issued moves with `tollbook run`, an issued one with `tollbook correct`.
"""

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from flows.books.context import Request
from flows.books.erased import INSTEAD, erased_accounts, erased_among
from flows.books.publish import in_force
from flows.books.runs import require_known_accounts
from flows.catalog.load import load_all
from flows.decks.deck_file import own_rates
from flows.home.settings import Settings
from flows.home.store import Store
from flows.month.inputs import load_master
from flows.month.lookups import rating_tables
from flows.month.usage.late import numbers_of, of_months
from flows.month.usage.pieces import classify_pieces, draw_allowances, piece_rows, price_pieces
from flows.month.usage.read import account_reader
from schemas.counts import count_of
from schemas.errors import NothingToDo, Refused, WrongUsage
from schemas.money import EXACT, rounded
from schemas.periods import add_months, month_start, shift_month

_BEFORE = """
    select u.usage_id, d.account_id, d.currency, u.rate_id, r.local_date, r.to_number, u.amount_num, u.amount_den,
        d.is_issued
    from line_usage u join documents_in_force d on d.run_id = u.run_id and d.draft_id = u.draft_id
    join (select usage_id, any_value(local_date) as local_date, any_value(to_number) as to_number from rated_usage
          where usage_month = $month group by usage_id) r using (usage_id)
    where $accounts is null or list_contains($accounts, d.account_id)"""
_DECIMALS = 4
"""Decimals for the terminal: of what a period's calls come to before rounding, more would only be in the way."""

_MONEY: dict[str, Any] = {
    "usage_id": pl.String, "account_id": pl.String, "currency": pl.String, "rate_id": pl.String, "local_date": pl.Date,
    "to_number": pl.String, "amount_num": EXACT, "amount_den": pl.Int64,
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """Which usage is looked at. `until` is the last day included; None everywhere: all of it."""

    prefix: str | None = None
    deck: str | None = None
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class Rerated:
    """Exact sums before allowances' rounding, per account; `is_issued` says which way moves it."""

    invoice_month: str
    accounts: list[dict[str, Any]]
    totals: dict[str, tuple[Decimal, Decimal]]
    left_out: list[str] = field(default_factory=list)
    """Accounts that nothing can rate any more, and why."""
    incomplete: ClassVar[bool] = False

    def as_json(self) -> dict[str, Any]:
        totals = [
            {"currency": currency, "before": before, "after": after, "difference": after - before}
            for currency, (before, after) in self.totals.items()
        ]
        facts = {"invoice_month": self.invoice_month, "accounts": self.accounts, "totals": totals}
        return facts | {"left_out": self.left_out}

    def lines(self) -> list[str]:
        """For the terminal."""
        said = [
            f"{row['account_id']}: {count_of(row['records'], 'record')}, {rounded(row['before'], _DECIMALS)} -> "
            f"{rounded(row['after'], _DECIMALS)} {row['currency']} ({rounded(row['difference'], _DECIMALS):+f}), "
            f"{'issued' if row['is_issued'] else 'not issued yet'}"
            for row in self.accounts
        ]
        for currency, (before, after) in self.totals.items():
            was, now, more = (rounded(amount, _DECIMALS) for amount in (before, after, after - before))
            moved = f"{was} -> {now} {currency} ({more:+f})"
            said.append(f"in all: {moved}, before rounding and taxes")
        ways = {row["is_issued"] for row in self.accounts}
        if False in ways:
            said.append(f"`tollbook run {self.invoice_month}` moves what is not issued")
        if True in ways:
            said.append(f"`tollbook correct {self.invoice_month} --reason TEXT` moves what is issued")
        return said + [f"left out: {why}" for why in self.left_out]


def rerate(request: Request, asked: Asked) -> Rerated:
    """Compares the usage of an invoice month as documents and drafts hold it with what it costs by today's tables.

    Raises WrongUsage for an unknown account or deck, Refused for one whose call detail is erased, NothingToDo where no
    such usage would move.
    """
    settings = request.settings()
    if asked.deck is not None and asked.deck not in settings.decks:
        raise WrongUsage(f"--deck: unknown {asked.deck!r}; there are {', '.join(settings.decks)}")
    month = shift_month(request.invoice_month, -1)
    with request.store() as store:
        require_known_accounts(store, request)
        with in_force(store.con, ("documents_in_force",)):
            held = store.sql(_BEFORE, {"month": month, "accounts": list(request.accounts) or None})
        erased = erased_among(store, ((account, month) for account in erased_accounts(store)))
        if named := [str(erasure) for account, erasure in erased.items() if account in request.accounts]:
            raise Refused(f"{month} cannot be rated any more: {'; '.join(named)}. {INSTEAD}")
        scoped = replace(request, only_these=bool(request.accounts))
        now = _now(store.within(scoped.scope), scoped, settings, month)
    held, now = (records.filter(~pl.col("account_id").is_in(list(erased))) for records in (held, now))
    moved = _compared(request.invoice_month, _chosen(held, asked), _chosen(now, asked), held)
    return replace(moved, left_out=[str(erasure) for erasure in erased.values()])


def _now(store: Store, request: Request, settings: Settings, month: str) -> pl.DataFrame:
    """What the month's usage costs by today's tables, record by record, against its allowances."""
    tables = load_all(request.home, settings)
    master = load_master(store, tables)
    lookups = rating_tables(store, settings, request.invoice_month, master, tables, never_late=True)
    accounts = master.versions.select("account_id").unique()
    if request.accounts:
        accounts = accounts.filter(pl.col("account_id").is_in(list(request.accounts)))
    months = accounts.with_columns(usage_month=pl.lit(month))
    first = month_start(month)
    rows = piece_rows(settings)
    folder = Path(tempfile.mkdtemp(prefix="tollbook-rerate-"))
    frames = [pl.DataFrame(schema=_MONEY)]
    try:
        with account_reader(store, settings, numbers_of(lookups, months), first, add_months(first, 1), rows) as reader:
            pieces = list(classify_pieces(reader, lookups, folder, lambda _, __: None, of_months(months, None)))
            included = draw_allowances([path for _, path in pieces], lookups, rows)
            for _, records in price_pieces(pieces, included, lookups):
                known = [name for name in _MONEY if name in records.columns]
                frames.append(_with_numbers(store, records.select("usage_no", *known)))
    finally:
        shutil.rmtree(folder)
    return pl.concat(frames)


def _with_numbers(store: Store, records: pl.DataFrame) -> pl.DataFrame:
    """Records as _MONEY, with the number that each was dialled to."""
    store.con.register("_asked", records.select("usage_no").to_arrow())
    try:
        dialled = store.sql("select usage_no, to_number from usage_records join _asked using (usage_no)")
    finally:
        store.con.unregister("_asked")
    rows = records.join(dialled, on="usage_no", how="left", validate="1:1", maintain_order="left")
    return rows.select(pl.col(name).cast(kind) for name, kind in _MONEY.items())


def _chosen(records: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    """Numbers are compared without their +."""
    rows = records
    if asked.prefix is not None:
        rows = rows.filter(pl.col("to_number").str.strip_prefix("+").str.starts_with(asked.prefix.lstrip("+")))
    if asked.since is not None:
        rows = rows.filter(pl.col("local_date") >= asked.since)
    if asked.until is not None:
        rows = rows.filter(pl.col("local_date") <= asked.until)
    if asked.deck is not None:
        rows = rows.filter(pl.col("rate_id").str.contains(own_rates(asked.deck)))
    return rows


def _compared(month: str, before: pl.DataFrame, after: pl.DataFrame, held: pl.DataFrame) -> Rerated:
    was, now = _sums(before), _sums(after)
    records = dict(
        pl.concat([before.select("account_id", "usage_id"), after.select("account_id", "usage_id")])
        .group_by("account_id")
        .agg(pl.col("usage_id").n_unique())
        .iter_rows()
    )
    issued = set(held.filter("is_issued")["account_id"])
    rows = [
        {
            "account_id": account, "currency": currency, "records": records[account],
            "before": _shown(was.get((account, currency), Fraction(0))),
            "after": _shown(now.get((account, currency), Fraction(0))),
            "difference": _shown(now.get((account, currency), Fraction(0)) - was.get((account, currency), Fraction(0))),
            "is_issued": account in issued,
        }
        for account, currency in sorted({*was, *now})
        if was.get((account, currency), Fraction(0)) != now.get((account, currency), Fraction(0))
    ]  # fmt: skip
    if not rows:
        raise NothingToDo(f"{month}: today's rates would move nothing of that usage.")
    currencies = sorted({row["currency"] for row in rows})
    totals = {
        currency: (_total(row["before"] for row in rows if row["currency"] == currency),
                   _total(row["after"] for row in rows if row["currency"] == currency))
        for currency in currencies
    }  # fmt: skip
    return Rerated(month, sorted(rows, key=lambda row: (-abs(row["difference"]), row["account_id"])), totals)


def _sums(records: pl.DataFrame) -> dict[tuple[str, str], Fraction]:
    """(account, currency) -> exact sum; one division per denominator."""
    keys = ["account_id", "currency"]
    sums: dict[tuple[str, str], Fraction] = {}
    for account, currency, den, num in (
        records.group_by(*keys, "amount_den").agg(pl.col("amount_num").sum()).iter_rows()
    ):
        sums[account, currency] = sums.get((account, currency), Fraction(0)) + Fraction(num) / den
    return sums


def _shown(exact: Fraction) -> Decimal:
    return rounded(exact, 12)


def _total(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
