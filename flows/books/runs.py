"""Opening a run: what it would read, whether that was billed before, and for whom it may draft (RULES 24)."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any

from flows.books.books import Books
from flows.books.context import Request
from flows.books.holds import holds
from flows.books.outdated import issued_sha256
from flows.books.run import Run
from flows.catalog.load import Tables
from flows.home.billed_legs import billed_legs
from flows.home.call_parts import sources_in_parts
from flows.home.file_sums import usage_sums
from flows.home.objects import keep
from flows.home.settings import Home, Settings
from flows.home.store import Store
from flows.home.views import latest
from schemas.errors import Refused, WrongUsage
from schemas.feeds import FEEDS
from schemas.periods import shift_month
from schemas.states import RunKind, RunState

PROGRAM_VERSION = version("tollbook")

NEXT_SEQ = "(select coalesce(max(run_seq), 0) + 1 from runs)"
"""SQL: the place of the next run among those there are; one that was forgotten leaves no gap."""


@dataclass(frozen=True)
class Inputs:
    """What a run reads, as hashes that do not depend on how it came in files (RULES 29)."""

    feeds: dict[str, dict[str, Any]]
    tables: dict[str, str]
    settings_sha256: str
    held: tuple[str, ...] = ()
    """Accounts set aside by hand."""

    def as_json(self) -> dict[str, Any]:
        facts = {
            "feeds": self.feeds,
            "tables": self.tables,
            "settings_sha256": self.settings_sha256,
            "program": PROGRAM_VERSION,
        }
        return {**facts, "held": list(self.held)} if self.held else facts

    @property
    def sha256(self) -> str:
        return _sha256(self.as_json())


def _text(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _sha256(value: Any) -> str:
    return hashlib.sha256(_text(value)).hexdigest()


def read_feeds(store: Store, before_file: int | None = None) -> dict[str, dict[str, Any]]:
    """What each feed holds (of files before one): how many records, two sums of their hashes that no order changes."""
    before = f"file_seq < {int(before_file)}" if before_file is not None else "true"
    queries = []
    for name, feed in FEEDS.items():
        if feed.is_control or feed.is_usage:
            continue
        rows = f"({latest(feed, before)})" if before_file is not None else f"current_{name}"
        sums = "count(*), bit_xor(md5_number(row_md5)), sum((md5_number(row_md5) >> 72)::hugeint)"
        queries.append(f"select '{name}', {sums} from {rows}")
    found = {name: row for name, *row in store.rows(" union all ".join(queries))}
    usage = usage_sums(store, before_file)
    found |= {name: [count, xor, total] for name, (count, xor, total, _) in usage.items()}
    feeds = {}
    for name in FEEDS:
        count, xor, total = found.get(name, (0, None, None))
        if count:
            feeds[name] = {"records": count, "xor": str(xor), "sum": str(total)}
        # Which calls name which other legs is no content of a record, and decides what bills.
        if name == "calls" and name in usage and (legs := usage[name][3]) is not None:
            feeds[name]["other_legs"] = str(legs)
    return feeds


def read_inputs(store: Store, settings: Settings, tables: Tables) -> Inputs:
    """The inputs as they stand now. Two homes given the same records in other files get the same hashes."""
    return Inputs(read_feeds(store), tables.hashes, _sha256(billing_settings(settings)), tuple(holds(store)))


def inputs_of(books: Books) -> Inputs:
    """The inputs as the command sees them: counted once, since only files that are taken in change them."""
    return books.once(_inputs)


def _inputs(books: Books) -> Inputs:
    return read_inputs(books.store, books.settings, books.tables)


_LATER_KEYS = {"sheet_currency": None, "encoding": "utf-8", "sheet": None, "markup_percent": None,
               "markup_amount": None, "rounding": None}  # fmt: skip
"""Keys that decks got later, and what says nothing: left out then, or drafts made before would be another run's."""


def billing_settings(settings: Settings) -> dict[str, Any]:
    """The settings that decide what is billed."""
    billing = settings.model_dump(mode="json", include={"billing", "sellers", "decks"})
    for seller in billing["sellers"].values():
        if not seller["notices"]:
            del seller["notices"]
    for deck in billing["decks"].values():
        for key, silent in _LATER_KEYS.items():
            if deck[key] == silent:
                del deck[key]
    sources = settings.sources.items()
    decided = {
        "billed_legs": billed_legs(settings.sources),
        "parts": sorted(sources_in_parts(settings)),
        "trusted": sorted(name for name, source in sources if source.trusted),
    }
    return billing | {name: value for name, value in decided.items() if value}


def keep_inputs(home: Home, settings: Settings, inputs: Inputs) -> None:
    """What the hashes of a run's inputs stand for, so that an approval can say what has changed since."""
    keep(home, _text(inputs.as_json()))
    keep(home, _text(billing_settings(settings)))


def open_run(books: Books) -> tuple[Run, str | None]:
    """Opens the run that these inputs ask for, or says why there is none to open.

    Returns the run and None, or, when a draft of the same inputs stands, that run and its state. Raises Refused
    when the month is issued and nothing has changed since, or an account asked for holds a document, and
    WrongUsage for unknown accounts.
    """
    store, request, settings = books.store, books.request, books.settings
    month = request.invoice_month
    if month < settings.billing.first_invoice_month:
        raise Refused(
            f"{month} lies before first_invoice_month {settings.billing.first_invoice_month}: "
            "an earlier system billed it."
        )
    _may_go_on_after_a_rebuild(store, settings)
    require_known_accounts(store, request)
    inputs = inputs_of(books)
    keep_inputs(request.home, settings, inputs)
    issued = issued_sha256(store)
    holders = {
        row[0] for row in store.rows("select account_id from issued_documents where invoice_month = $1", [month])
    }
    kind: RunKind = "supplementary" if holders else "regular"
    _may_run(store, request, inputs, holders)
    identity = [month, kind, list(request.accounts), inputs.sha256, issued]
    run = Run(books, f"{month}-{kind[0].upper()}-{_sha256(identity)[:12]}", kind)
    state = last_state(store, run.run_id)
    if state in ("drafted", "approved"):
        return run, state
    with store.transaction():
        if state is None:
            store.con.execute(
                "insert into runs (run_seq, run_id, invoice_month, kind, inputs_sha256, issued_sha256, only_accounts) "
                f"values ({NEXT_SEQ}, $1, $2, $3, $4, $5, $6)",
                [run.run_id, month, kind, inputs.sha256, issued, list(request.accounts)],
            )
            note_knowledge(store, run.run_id)
        add_event(store, run.run_id, "open", request)
    return run, None


def _may_go_on_after_a_rebuild(store: Store, settings: Settings) -> None:
    """Books that were rebuilt know what was issued and not what of: months up to the last one count as another system's
    (RULES 7). Raises Refused until the settings say so."""
    (last,) = store.rows("select max(subject) from audit_log where act = 'rebuild'")[0]
    if last and settings.billing.first_invoice_month <= last:
        raise Refused(
            f"these books were rebuilt from the store and know the documents up to {last}, not what they were made of: "
            f'set first_invoice_month = "{shift_month(last, 1)}" in [billing] of tollbook.toml.'
        )


def note_knowledge(store: Store, run_id: str, reason: str | None = None, as_known_at: str | None = None) -> None:
    """Which files a run knows, in the order they came; its tables are kept by the hashes in its inputs."""
    store.con.execute(
        "insert into run_knowledge select $1, coalesce(max(file_seq), 0) + 1, $2, $3 from source_files",
        [run_id, reason, as_known_at],
    )


def require_known_accounts(store: Store, request: Request) -> None:
    """Raises WrongUsage for accounts that no file of feed `accounts` has ever named."""
    accounts = {row[0] for row in store.rows("select distinct account_id from feed_accounts")}
    if not accounts:
        raise Refused("no account is known yet: put files into inbox/accounts/ and run again.")
    unknown = [account for account in request.accounts if account not in accounts]
    if unknown:
        raise WrongUsage(f"--account: unknown {', '.join(unknown)}")


def _may_run(store: Store, request: Request, inputs: Inputs, holders: set[str]) -> None:
    """After approval a month is closed for the accounts that hold a document; others need something new."""
    month = request.invoice_month
    asked = [account for account in request.accounts if account in holders]
    if asked:
        raise Refused(
            f"{month} is issued for {', '.join(asked)}; what is issued does not change. Use `tollbook correct`."
        )
    later = store.rows("select max(invoice_month) from issued_documents where invoice_month > $1", [month])[0][0]
    if later:
        raise Refused(
            f"{later} is already issued: what is still owed for {month} comes with `tollbook run {later}`, "
            "which bills everything that no document holds yet."
        )
    if holders and not request.accounts:
        same = store.rows(
            "select count(*) from run_states r where invoice_month = $1 and inputs_sha256 = $2 "
            "and len(only_accounts) = 0 and state = 'approved' "
            # What could not be printed is drafted anew as soon as somebody asks.
            "and not exists (select 1 from run_accounts a where a.run_id = r.run_id "
            "and a.code = 'printing_failed')",
            [month, inputs.sha256],
        )[0][0]
        if same:
            raise Refused(
                f"{month} is issued and nothing has changed since.{_still_parked(store, month)} "
                f"To change what is issued: `tollbook correct {month} --reason TEXT`."
            )


def _still_parked(store: Store, month: str) -> str:
    rows = store.rows(
        "select account_id from run_accounts join run_states using (run_id) where invoice_month = $1 "
        "and state = 'approved' and outcome <> 'excluded' "
        "qualify row_number() over (partition by account_id order by run_seq desc) = 1 and outcome = 'parked' "
        "order by 1",
        [month],
    )
    return f" Parked: {', '.join(account for (account,) in rows)}; mend and run again." if rows else ""


def add_event(store: Store, run_id: str, state: RunState, request: Request, detail: str | None = None) -> None:
    """The next state of a run."""
    store.con.execute(
        "insert into run_events values ($1, $2, $3, $4, $5)", [run_id, state, request.by, detail, request.now]
    )


def last_state(store: Store, run_id: str) -> str | None:
    """The state a run is in: the last of its events, in the order they were written."""
    rows = store.rows("select state from run_states where run_id = $1", [run_id])
    return rows[0][0] if rows else None


def forget_run(store: Store, run_id: str) -> None:
    """Takes a run that drafted nothing out of every table. Inside a transaction."""
    for (table,) in store.rows(
        "select table_name from duckdb_columns() join duckdb_tables() using (database_name, schema_name, "
        "table_name) where column_name = 'run_id' and database_name = current_database() "
        "and schema_name = 'main' order by 1"
    ):
        store.con.execute(f"delete from {table} where run_id = $1", [run_id])


def drafted_runs(store: Store, month: str) -> list[tuple[str, str, str]]:
    """(run_id, kind, drafted_by) of the runs of a month whose drafts wait for approval, oldest first."""
    return store.rows(
        "select run_id, kind, drafted_by from run_states where invoice_month = $1 and state = 'drafted' "
        "order by run_seq",
        [month],
    )


def void_drafts(store: Store, inputs: str, why: str, by: str, now: datetime) -> list[str]:
    """Drafts made from other inputs than those that stand now are void."""
    void = []
    months = store.rows("select distinct invoice_month from runs order by 1")
    for (month,) in months:
        for run_id, *_ in drafted_runs(store, month):
            if store.rows("select inputs_sha256 from runs where run_id = $1", [run_id])[0][0] != inputs:
                add_event(store, run_id, "void", Request(str(store.home.root), month, by, now), why)
                void.append(run_id)
    return void
