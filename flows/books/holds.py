"""Accounts set aside by hand: left out of every run until they are let go again."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from flows.books.remedies import remedy
from flows.home import audit
from flows.home.store import Store
from schemas.errors import NothingToDo, WrongUsage
from schemas.frames import PARKED
from schemas.states import HoldState


@dataclass(frozen=True)
class Hold:
    """An account set aside: why, and by whom."""

    account_id: str
    reason: str
    by: str

    def __str__(self) -> str:
        return f"set aside by {self.by}: {self.reason}"


def holds(store: Store) -> dict[str, Hold]:
    """Account -> its hold, for those set aside now."""
    rows = store.rows(
        "select account_id, arg_max(state, rowid), arg_max(reason, rowid), arg_max(by_name, rowid) "
        "from account_holds group by account_id order by account_id"
    )
    return {account: Hold(account, reason, by) for account, state, reason, by in rows if state == "parked"}


def held_rows(store: Store) -> pl.DataFrame:
    """PARKED, the accounts set aside."""
    rows = [(account, "set_aside", f"{hold}; `tollbook unpark {account}`") for account, hold in holds(store).items()]
    return pl.DataFrame(rows, schema=PARKED, orient="row")


def park(store: Store, account: str, reason: str, by: str, now: datetime) -> None:
    """Sets an account aside. Raises WrongUsage for an unknown one, NothingToDo when it is aside already."""
    _known(store, account)
    if held := holds(store).get(account):
        raise NothingToDo(f"{account} is already {held}")
    _write(store, account, "parked", reason, by, now)


def unpark(store: Store, account: str, reason: str | None, by: str, now: datetime) -> None:
    """Lets an account go that was set aside by hand. What a run parked is mended instead: NothingToDo says how."""
    _known(store, account)
    if account in holds(store):
        _write(store, account, "unparked", reason, by, now)
        return
    parked = store.rows(
        "select r.invoice_month, a.code, a.reason from run_accounts a join run_states r using (run_id) "
        "where a.account_id = $1 and a.outcome = 'parked' and a.code <> 'set_aside' and "
        "r.state in ('drafted', 'approved') "
        "order by r.invoice_month desc, r.run_seq desc limit 1",
        [account],
    )
    if not parked:
        raise NothingToDo(f"{account} is not parked")
    month, code, why = parked[0]
    raise NothingToDo(f"{account} was not set aside by hand. The run parked it: {why}. {remedy(code, month, account)}")


def _known(store: Store, account: str) -> None:
    if not store.rows("select 1 from feed_accounts where account_id = $1 limit 1", [account]):
        raise WrongUsage(f"found account {account!r}; expected one of feed accounts")


def _write(store: Store, account: str, state: HoldState, reason: str | None, by: str, now: datetime) -> None:
    with store.transaction():
        store.con.execute("insert into account_holds values ($1, $2, $3, $4, $5)", [account, state, reason, by, now])
        audit.record(store, "park" if state == "parked" else "unpark", account, by, now, reason)
