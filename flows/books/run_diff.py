"""A run that replaces drafts says what it changed about them: account by account, line by line, and why."""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flows.books.compare import Difference, difference
from flows.books.kept_catalogue import inputs_of
from flows.home.store import Store
from schemas.counts import count_of
from schemas.document import Document
from schemas.money import minor_digits, rounded

REASONS = ("new usage", "usage gone", "rate change", "master data", "tax change", "documents issued", "settings")
"""Why a draft differs from the one it replaces."""

_USAGE_MOVED = """
    with mine as (select account_id, usage_id, rate_id, amount, run_id from rated_usage
                  where run_id in ($before, $after) and billed_as <> 'written_off')
    select coalesce(b.account_id, a.account_id) as account_id, count(*) filter (where b.usage_id is null) as came,
        count(*) filter (where a.usage_id is null) as gone,
        count(*) filter (where a.rate_id is distinct from b.rate_id
            and a.usage_id is not null and b.usage_id is not null) as rated_otherwise
    from (from mine where run_id = $before) as b
    full join (from mine where run_id = $after) as a on a.usage_id = b.usage_id and a.account_id = b.account_id
    group by 1 having came + gone + rated_otherwise > 0"""
_PRICES_MOVED = """
    with mine as (select account_id, product_code, cycle_start, run_id, unit_price from charges
                  where run_id in ($before, $after) and charge_type in ('recurring', 'proration')),
    seen as (select account_id, product_code, cycle_start, list_sort(list(distinct unit_price)) as prices, run_id
             from mine group by all)
    select distinct b.account_id from seen b join seen a using (account_id, product_code, cycle_start)
    where b.run_id = $before and a.run_id = $after and b.prices <> a.prices"""


@dataclass(frozen=True)
class _Moved:
    """What differs between the inputs of two runs."""

    usage: bool
    master: bool
    tables: bool
    taxes: bool
    issued: bool
    settings: bool


def write_differences(store: Store, run_id: str, replaced: list[str]) -> None:
    """Compares the run's drafts with those of the runs that they replace, and keeps what differs, with its reason.

    Accounts that one of the runs was not asked for are left out. Inside the drafting transaction.
    """
    store.con.execute("delete from run_differences where run_id = $1", [run_id])
    for before in replaced:
        differing = _differences(store, before, run_id)
        reasons = _reasons(store, before, run_id, differing)
        for diff in differing:
            store.con.execute(
                "insert into run_differences values ($1, $2, $3, $4, $5, $6, $7, $8)",
                [
                    run_id, before, diff.account_id, diff.currency, diff.before, diff.after,
                    ", ".join(reasons[diff.account_id]), json.dumps([c.as_json() for c in diff.changes], default=str),
                ],
            )  # fmt: skip


def differences(store: Store, run_id: str) -> list[dict[str, Any]]:
    """What `write_differences` kept, the largest change first; amounts as text."""
    rows = store.rows(
        "select account_id, currency, before, after, reason, changes from run_differences where run_id = $1 "
        "order by abs(after - before) desc, account_id",
        [run_id],
    )
    return [
        {
            "account_id": account, "currency": currency, "before": f"{before.normalize():f}",
            "after": f"{after.normalize():f}", "difference": f"{(after - before).normalize():f}", "reason": reason,
            "lines": json.loads(changes),
        }
        for account, currency, before, after, reason, changes in rows
    ]  # fmt: skip


def _differences(store: Store, before: str, after: str) -> list[Difference]:
    left_out = {
        account
        for (account,) in store.rows(
            "select account_id from run_accounts where run_id in ($1, $2) and outcome = 'excluded'", [before, after]
        )
    }
    sides: list[dict[str, Document]] = [
        {
            account: Document.model_validate_json(text)
            for account, text in store.rows(
                "select d.account_id, d.document_json from documents d where d.run_id = $1 and not exists "
                "(select 1 from documents o where o.run_id = $2 and o.account_id = d.account_id "
                "and json_extract(o.document_json, '$.lines') = json_extract(d.document_json, '$.lines') "
                "and json_extract(o.document_json, '$.taxes') = json_extract(d.document_json, '$.taxes'))",
                [run_id, other],
            )
        }
        for run_id, other in ((before, after), (after, before))
    ]
    differing = []
    for account in sorted({*sides[0], *sides[1]} - left_out):
        was, now = ([side[account]] if account in side else [] for side in sides)
        if (change := difference(account, was, now, with_details=False)) is not None:
            differing.append(change)
    return differing


def _reasons(store: Store, before: str, after: str, differing: list[Difference]) -> dict[str, list[str]]:
    """account -> why its draft differs; every account has at least one reason."""
    moved = _moved(store, before, after)
    both = {"before": before, "after": after}
    usage = {account: rest for account, *rest in store.rows(_USAGE_MOVED, both)}
    repriced = {account for (account,) in store.rows(_PRICES_MOVED, both)}
    reasons: dict[str, list[str]] = {}
    for diff in differing:
        came, gone, otherwise = usage.get(diff.account_id, (0, 0, 0))
        lines = [change for change in diff.changes if change.what == "line"]
        applies = {
            "new usage": came > 0,
            "usage gone": gone > 0,
            "rate change": (otherwise > 0 or diff.account_id in repriced) and (moved.tables or moved.master),
            "master data": moved.master and any(change.charge_type != "usage" for change in lines)
            and diff.account_id not in repriced,
            "tax change": not lines and (moved.taxes or moved.master),
        }  # fmt: skip
        named = [reason for reason in REASONS if applies.get(reason)]
        rest = [
            ("rate change", moved.tables), ("master data", moved.master), ("tax change", moved.taxes),
            ("documents issued", moved.issued),
        ]  # fmt: skip
        reasons[diff.account_id] = named or [reason for reason, has_moved in rest if has_moved][:1] or ["settings"]
    return reasons


def _moved(store: Store, before: str, after: str) -> _Moved:
    (was, issued_then), (now, issued_now) = (_inputs(store, run_id) for run_id in (before, after))
    feeds = {name for name in {*was["feeds"], *now["feeds"]} if was["feeds"].get(name) != now["feeds"].get(name)}
    tables = {name for name in {*was["tables"], *now["tables"]} if was["tables"].get(name) != now["tables"].get(name)}
    return _Moved(
        usage=bool(feeds & {"calls", "messages"}),
        master=bool(feeds - {"calls", "messages"}),
        tables=any(not name.startswith("taxes/") for name in tables),
        taxes=any(name.startswith("taxes/") for name in tables),
        issued=issued_then != issued_now,
        settings=was.get("settings_sha256") != now.get("settings_sha256"),
    )


def _inputs(store: Store, run_id: str) -> tuple[dict[str, Any], str | None]:
    """What a run read, and the hash of the documents that were issued then."""
    digest, issued = store.rows("select inputs_sha256, issued_sha256 from runs where run_id = $1", [run_id])[0]
    return inputs_of(store, digest) or {"feeds": {}, "tables": {}}, issued


def _differ(accounts: int) -> str:
    return "1 account differs" if accounts == 1 else f"{accounts} accounts differ"


def difference_lines(rows: list[dict[str, Any]]) -> list[str]:
    """For the terminal: the sum, then the accounts that moved most."""
    sums: dict[str, Decimal] = {}
    for row in rows:
        sums[row["currency"]] = sums.get(row["currency"], Decimal(0)) + Decimal(row["difference"])
    if not rows:
        return []
    total = ", ".join(f"{_money(amount, currency):+f} {currency}" for currency, amount in sorted(sums.items()))
    lines = [f"against the drafts it replaces: {_differ(len(rows))}, {total}"]
    lines += [
        f"  {row['account_id']}: {_money(row['before'], row['currency'])} -> {_money(row['after'], row['currency'])} "
        f"{row['currency']} ({row['reason']}), " + count_of(len(row["lines"]), "line or tax", "lines and taxes")
        for row in rows[:20]
    ]
    return lines


def _money(amount: Decimal | str, currency: str) -> Decimal:
    return rounded(Decimal(amount), minor_digits(currency))
