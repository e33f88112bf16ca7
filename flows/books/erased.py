"""What call detail was erased, and what can therefore not be worked out any more. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from flows.home.store import Store
from schemas.periods import month_start, shift_month

if TYPE_CHECKING:
    import polars as pl

MARK = "(erased)"
"""In the place of a text that was erased: the raw line of a rejected or duplicate record."""

ERASED_ID = "~erased-[0-9]+$"
"""How the usage_id of an erased record ends, as a regular expression. Before, it ended with the beginning of a hash of
the whole record, from which the number called can be found by trying all of them."""

INSTEAD = "What is owed either way is a charge or a credit by hand (feed `charges`)."


@dataclass(frozen=True)
class Erased:
    """The call detail of an account up to and including a usage month."""

    account_id: str
    until_month: str
    erased_on: date
    reason: str

    def __str__(self) -> str:
        return (
            f"the call detail of {self.account_id} up to {self.until_month} was erased on {self.erased_on} "
            f"({self.reason})"
        )


def erased_accounts(store: Store) -> dict[str, Erased]:
    """Per account how far its call detail is erased, and by which act."""
    rows = store.rows(
        "select account_id, until_month, erased_at::date, reason from erased "
        "qualify row_number() over (partition by account_id order by until_month desc, erased_at) = 1 order by 1"
    )
    return {row[0]: Erased(*row) for row in rows}


def erased_before(store: Store) -> "pl.DataFrame":
    """account_id, erased_before (Date): the first day whose call detail is there."""
    import polars as pl

    rows = [
        (erasure.account_id, month_start(shift_month(erasure.until_month, 1)))
        for erasure in erased_accounts(store).values()
    ]
    return pl.DataFrame(rows, schema={"account_id": pl.String, "erased_before": pl.Date}, orient="row")


def erased_among(store: Store, months: Iterable[tuple[str, str]]) -> dict[str, Erased]:
    """Of (account_id, usage month) the accounts of which one of the months is erased."""
    erased = erased_accounts(store)
    return {
        account: erased[account]
        for account, month in months
        if account in erased and month <= erased[account].until_month
    }


def erased_of_file(store: Store, file_seq: int, feed: str) -> Erased | None:
    """The erasure that took detail of a loaded file of usage, if one did."""
    accounts = store.rows(
        f"select distinct account_id from feed_{feed} where file_seq = $1 and regexp_matches(usage_id, $2) order by 1",
        [file_seq, ERASED_ID],
    )
    return erased_accounts(store).get(accounts[0][0]) if accounts else None


def is_erased_file(store: Store, name: str) -> bool:
    """Whether an erasure took away the file of that name (below the home) or, of a kept copy, of that hash."""
    return bool(
        store.rows("select 1 from erased_files where (file = $1 or sha256 = $1) and what <> 'original' limit 1", [name])
    )
