"""Suspended usage tried again after the master data was mended: what the next run will bill, and what still waits.

The same code that bills rates them, but for allowances: those are shared with everything else of the month. Nothing is
billed here: the next run does that, a supplementary one where the month is issued (RULES 17, 24).
"""

from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from flows.books.ageing import IN_FORCE, ageing
from flows.books.context import Request
from flows.books.publish import in_force
from flows.books.runs import drafted_runs
from flows.catalog.load import load_all
from flows.home import audit
from flows.home.settings import Settings
from flows.home.store import Store
from flows.month.inputs import load_master
from flows.month.lookups import rating_tables
from flows.month.usage.late import Late
from flows.month.usage.read import records_of, usage_reader
from rating.outcomes import SUSPENDED, outcome
from rating.usage import class_records, price_records
from schemas.counts import count_of
from schemas.errors import NothingToDo, WrongUsage
from schemas.money import EXACT, with_cents
from schemas.periods import month_of, month_start, shift_month

PIECE_ROWS = 500_000
_UNTRIED = "select count(*) from loaded_usage where usage_id not in (select usage_id from usage_in_force)"

_TRIED: dict[str, Any] = {
    "usage_id": pl.String, "outcome": pl.String, "now": pl.String, "currency": pl.String, "amount_num": EXACT,
    "amount_den": pl.Int64,
}  # fmt: skip


@dataclass(frozen=True)
class Replay:
    """What a replay found. `outcomes`: per reason of today and outcome then, in records, seconds and money."""

    invoice_month: str
    """The month whose run bills what can be billed now."""
    outcomes: list[dict[str, Any]]
    ageing: list[dict[str, Any]] = field(default_factory=list)

    def _count(self, *outcomes: str) -> int:
        return sum(row["records"] for row in self.outcomes if row["outcome"] in outcomes)

    @property
    def incomplete(self) -> bool:
        return bool(self._count("suspended"))

    def as_json(self) -> dict[str, Any]:
        return {
            "invoice_month": self.invoice_month,
            "rated": self._count("rated"),
            "excluded": self._count("excluded"),
            "suspended": self._count("suspended"),
            "outcomes": self.outcomes,
            "ageing": self.ageing,
        }

    def lines(self) -> list[str]:
        """For the terminal."""
        said = []
        for row in self.outcomes:
            sentence = f"{row['reason']}: {count_of(row['records'], row['feed'].removesuffix('s'))}"
            if row["outcome"] == "rated":
                amount = f"{with_cents(row['amount'], row['currency'])} {row['currency']}"
                sentence += f" can be rated now, {amount} before allowances and taxes"
            elif row["outcome"] == "excluded":
                sentence += f" excluded now ({row['now']})"
            else:
                sentence += " still suspended" + (f", now {row['now']}" if row["now"] != row["reason"] else "")
            said.append(sentence)
        if self._count("rated"):
            said.append(
                f"`tollbook run {self.invoice_month}` bills what can be rated"
                "; where the month is issued that is a supplementary run"
            )
        return said


def replay(store: Store, settings: Settings, reason: str | None, request: Request) -> Replay:
    """Tries today's suspended usage, of one reason or of all, under what is known now.

    Raises WrongUsage for a reason that does not exist and NothingToDo when nothing is suspended.
    """
    if reason is not None and reason not in SUSPENDED:
        raise WrongUsage(f"--reason: found {reason!r}; expected one of {', '.join(SUSPENDED)}")
    month = next_month(store, request)
    as_of = request.today or request.now.date()
    with in_force(store.con):
        before = store.sql(f"select usage_id, feed, reason, duration_s from {IN_FORCE}")
        ((untried,),) = store.rows(_UNTRIED)
        aged = ageing(store.con, as_of, IN_FORCE)
    if reason is not None:
        before = before.filter(pl.col("reason") == reason)
        aged = [row for row in aged if row["reason"] == reason]
    if before.is_empty():
        waiting = f"; {count_of(untried, 'record')} not rated yet: `tollbook run {month}`" if untried else ""
        raise NothingToDo("no usage is suspended" + (f" for {reason}" if reason else "") + waiting)
    outcomes = _outcomes(before, _tried(store, settings, month, request, before))
    done = Replay(month, outcomes, aged)
    figures = done.as_json()
    summary = f"{figures['rated']} can be rated, {figures['excluded']} excluded, {figures['suspended']} still suspended"
    audit.record(store, "replay", reason or "all", request.by, request.now, None, summary)
    return done


def next_month(store: Store, request: Request) -> str:
    """The invoice month whose run comes next: one that is drafted, or issued but for parked accounts, or a new one."""
    today = month_of(request.today or request.now.date())
    months: list[str] = [row[0] for row in store.rows("select distinct invoice_month from runs order by 1 desc")]
    waiting = [month for month in months if drafted_runs(store, month)]
    last: str | None = store.rows("select max(invoice_month) from issued_documents")[0][0]
    if waiting and (last is None or waiting[0] > last):
        return waiting[0]
    if last is None:
        return max([today, *months[:1]])
    left_out = store.rows(
        "select count(*) from run_accounts a join runs r using (run_id) where r.invoice_month = $1 "
        "and a.outcome = 'parked' and a.account_id not in "
        "(select account_id from issued_documents where invoice_month = $1)",
        [last],
    )[0][0]
    return last if left_out or last >= today else max(shift_month(last, 1), today)


def _tried(store: Store, settings: Settings, month: str, request: Request, asked: pl.DataFrame) -> pl.DataFrame:
    """What the next run would say of the records `asked` (usage_id), before allowances; those it answers for."""
    tables = load_all(request.home, settings)
    master = load_master(store, tables)
    lookups = rating_tables(store, settings, month, master, tables)
    late = Late.of(settings, master, month_start(month))
    lookups = replace(lookups, billed_before=late.kept_waiting(lookups.billed_before))
    wanted = asked["usage_id"].implode()
    frames = [pl.DataFrame(schema=_TRIED)]
    with usage_reader(store, settings, lookups.oldest_usage_day, PIECE_ROWS) as reader:
        for _, usage in records_of(reader):
            records = class_records(usage.filter(pl.col("usage_id").is_in(wanted)), lookups)
            nothing_included = {"included_units": pl.lit(0, pl.Int64), "charged_units": pl.col("billable_units")}
            rated = price_records(records.with_columns(**nothing_included), lookups)
            now = {"outcome": outcome(), "now": pl.col("reason").cast(pl.String)}
            frames.append(rated.with_columns(**now).select(pl.col(name).cast(kind) for name, kind in _TRIED.items()))
    return pl.concat(frames)


def _outcomes(before: pl.DataFrame, tried: pl.DataFrame) -> list[dict[str, Any]]:
    """A record that no run answers for any more is older than the months it looks back."""
    amount = (pl.col("amount_num") / pl.col("amount_den")).cast(EXACT)
    after = tried.select("usage_id", "outcome", "currency", "now", amount=amount)
    joined = before.join(after, on="usage_id", how="left", validate="1:1").with_columns(
        now=pl.when(pl.col("outcome").is_null()).then(pl.lit("too_old")).otherwise("now"),
        outcome=pl.col("outcome").fill_null("suspended"),
        currency=pl.when(pl.col("outcome") == "rated").then("currency"),
    )
    keys = ["feed", "reason", "outcome", "now", "currency"]
    return (
        joined.group_by(keys)
        .agg(
            records=pl.len(),
            seconds=pl.col("duration_s").sum(),
            amount=pl.when(pl.col("outcome").first() == "rated").then(pl.col("amount").sum()),
        )
        .sort(keys, nulls_last=True)
        .to_dicts()
    )
