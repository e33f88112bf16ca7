"""A home that version 5 really made is opened by today's program: nothing is lost, everything has its code."""

import tarfile
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.books.holds import holds
from flows.books.publish import publish, read
from flows.home import migrations
from flows.home.audit import verify
from flows.home.rewrite import write_anew
from flows.home.schema import SCHEMA_VERSION, create, shape
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.month.usage.read import records_of, usage_reader
from flows.review.page import review
from schemas.codes import LEFT_OUT_CODES, PARKED_CODES
from schemas.errors import Refused
from tests.faults.killing import killed_at
from tests.flows.issuing import issue, run

_HOME = Path(__file__).parents[1] / "homes" / "schema_5" / "home.tar.xz"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    with tarfile.open(_HOME) as archive:
        archive.extractall(tmp_path / "home", filter="data")
    return Home(tmp_path / "home")


def _raw(home: Home, query: str) -> list[tuple[Any, ...]]:
    """Straight from the file, past the program."""
    with duckdb.connect(str(home.database)) as con:
        return con.execute(f"set TimeZone = 'UTC'; {query}").fetchall()


def _tables(home: Home) -> dict[str, list[str]]:
    """Tables with their columns."""
    found: dict[str, list[str]] = {}
    for table, column in _raw(
        home,
        "select table_name, column_name from duckdb_columns() join duckdb_tables() using (database_name, table_name) "
        "where database_name = current_database() order by table_name, column_index",
    ):
        found.setdefault(table, []).append(column)
    return found


def _content(home: Home, tables: dict[str, list[str]]) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, in the order in which they lie; of rated usage, a table once, what its view says."""
    listed = {table: ", ".join(columns) for table, columns in tables.items() if table != "schema_version"}
    is_view = bool(_raw(home, "select 1 from duckdb_views() where view_name = 'rated_usage'"))
    place = {"rated_usage": "row_id"} if is_view else {}
    return {
        table: _raw(home, f"select {columns} from {table} order by {place.get(table, 'rowid')}")
        for table, columns in listed.items()
    }


def test_every_row_is_still_there_in_its_order_and_the_tables_are_todays(home: Home, tmp_path: Path) -> None:
    tables = _tables(home)
    before = _content(home, tables)
    assert sum(bool(rows) for rows in before.values()) > 20, "the home holds something of nearly everything"
    with Store(home) as store, duckdb.connect() as fresh:
        create(fresh)
        assert shape(store.con) == shape(fresh)
        assert store.rows("from schema_version") == [(SCHEMA_VERSION,)]
        assert verify(store) == []
    assert _content(home, tables) == before
    assert {table for table in _tables(home) if table.startswith("new_")} == set()
    write_anew(home, 512)
    assert _content(home, tables) == before
    with Store(home) as store, duckdb.connect() as fresh:
        create(fresh)
        assert shape(store.con) == shape(fresh), "a database written anew keeps its constraints"


def test_what_version_5_said_in_words_has_its_code(home: Home) -> None:
    with Store(home) as store:
        found = store.rows(
            "select r.invoice_month, r.kind, a.account_id, a.outcome, a.code from run_accounts a "
            "join runs r using (run_id) where a.code is not null order by r.run_seq, a.account_id"
        )
        regular = [
            ("BOB", "parked", "unknown_plan"),
            ("CAT", "parked", "set_aside"),
            ("DAN", "not_started", "starts_later"),
            ("FAY", "closed", "has_left"),
            ("GIL", "parked", "free_months"),
        ]
        asked_for_ida = [
            *(("ANN", "excluded", "holds_document"), ("BOB", "excluded", "not_asked_for")),
            *(("CAT", "excluded", "not_asked_for"), ("DAN", "excluded", "not_asked_for")),
            *(("EVE", "excluded", "holds_document"), ("FAY", "excluded", "not_asked_for")),
            ("GIL", "excluded", "not_asked_for"),
        ]
        assert found == [
            *(("2025-06", "regular", *row) for row in [*regular, ("IDA", "parked", "printing_failed")]),
            *(("2025-06", "supplementary", *row) for row in asked_for_ida),
            *(("2025-07", "regular", *row) for row in regular),
        ]
        assert store.rows("select count(*) from run_accounts where code is null and outcome <> 'billed'") == [(0,)]
        assert store.rows("select distinct computed_by from invoice_taxes") == [("tables",)]
        assert store.rows(
            "select kind, arg_max(state, e.rowid) from run_events e join runs using (run_id) "
            "group by run_id, kind, run_seq order by run_seq"
        ) == [
            ("regular", "approved"),
            ("supplementary", "approved"),
            ("correction", "approved"),
            ("regular", "drafted"),
        ]
        assert set(store.rows("select arg_max(state, rowid) from delivery_events group by message_id")) == {
            ("written",)
        }
        assert list(holds(store)) == ["CAT"]
        told = {row["account_id"]: row["remedy"] for row in _review(home, store)}
        assert told["BOB"].startswith("Name a plan of the catalogue")
        assert told["CAT"].startswith("It waits until somebody lets it go")


def _review(home: Home, store: Store) -> list[dict[str, Any]]:
    return review(store, load_settings(home), "2025-07").tables["parked"]


def test_the_next_month_is_run_and_issued_on_it(home: Home) -> None:
    report = run(home, "2025-08")
    assert report.accounts == {"billed": 3, "closed": 1, "not_started": 1, "parked": 3}
    assert report.parked_codes == {"BOB": "unknown_plan", "CAT": "set_aside", "GIL": "free_months"}
    assert len(issue(home, "2025-08").issued) == 3
    with Store(home) as store, read(publish(store)) as con:
        codes = con.execute("select distinct code from run_accounts where outcome = 'parked' order by 1").fetchall()
        assert [code for (code,) in codes] == ["free_months", "printing_failed", "set_aside", "unknown_plan"]


def test_a_tax_row_of_an_engine_is_told_from_one_of_our_tables(home: Home) -> None:
    _raw(
        home,
        'update documents set document_json = replace(document_json, \'"table":"gb/vat.yaml"\', '
        "'\"table\":\"engine answer 0123\"') where draft_id = 'DRAFT-2025-06-EVE'",
    )
    assert _raw(home, "select count(*) from documents where document_json like '%engine answer 0123%'") == [(1,)]
    with Store(home) as store:
        by_engine = store.rows("select draft_id from invoice_taxes where computed_by = 'engine'")
    assert by_engine == [("DRAFT-2025-06-EVE",)]


def test_a_reason_that_nobody_knows_is_other(home: Home) -> None:
    _raw(home, "update run_accounts set reason = 'it rained' where account_id = 'GIL' and outcome = 'parked'")
    with Store(home) as store:
        assert store.rows("select distinct code from run_accounts where account_id = 'GIL' and outcome = 'parked'") == [
            ("other",)
        ]
        (remedy,) = [row["remedy"] for row in _review(home, store) if row["account_id"] == "GIL"]
    assert remedy == "Mend what the reason names. Then `tollbook run 2025-07` bills GIL."


def _fails(*_: Any) -> None:
    raise KeyboardInterrupt


def test_an_upgrade_that_does_not_end_leaves_version_5_whole(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = _tables(home)
    before = _content(home, tables)
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "_rebuild", _fails)
        with pytest.raises(KeyboardInterrupt):
            Store(home).__enter__()
    killed_at("flows.home.migrations:_rebuild after 1", home.root, "status")
    assert (_raw(home, "from schema_version"), _tables(home), _content(home, tables)) == ([(5,)], tables, before)
    killed_at("flows.home.migrations:upgrade after 1", home.root, "status")
    assert _raw(home, "from schema_version") == [(SCHEMA_VERSION,)]
    Store(home).__enter__().__exit__()
    assert _content(home, tables) == before


def test_rated_usage_of_a_file_that_was_taken_back_out_keeps_what_it_says(home: Home) -> None:
    _raw(home, "delete from feed_calls where source_line % 2 = 0")
    query = "select usage_id, direction, from_number, to_number, duration_s, amount, source_file from rated_usage"
    before = _raw(home, f"{query} order by all")
    lost = "select count(*) from rated_usage where usage_id not in (select usage_id from feed_calls)"
    ((count,),) = _raw(home, lost)
    assert count == 2, "one call, rated by two runs"
    with Store(home) as store:
        assert store.rows(f"{query} order by all") == before
        assert store.rows("select count(*) from rated join kept_usage using (usage_no)") == [(count,)]
        assert store.rows("select count(*) from line_usage where usage_no is null") == [(0,)]


def test_old_usage_whose_file_nobody_knows_hides_no_other_from_the_next_run(home: Home) -> None:
    moved = "set source_file = 'of nobody', started_at = started_at - interval 5 years"
    _raw(home, f"update suspended_usage {moved}")
    with Store(home) as store:
        assert store.rows("select count(*) from suspended_usage where usage_no is null") == [(3,)]
        store.con.execute("delete from rated; delete from excluded_usage")
        with usage_reader(store, load_settings(home), date(2024, 1, 1), 100) as reader:
            assert sum(usage.height for _, usage in records_of(reader)) == 3


def test_a_row_that_todays_lists_do_not_let_in_is_named_and_nothing_changes(home: Home) -> None:
    _raw(home, "insert into run_events values ('2025-07', 'typo', 'anna', null, now())")
    tables = _tables(home)
    before = _content(home, tables)
    with pytest.raises(
        Refused, match=r"from schema version 5 to \d+, and was not changed: Constraint Error.*run_events"
    ):
        Store(home).__enter__()
    assert (_tables(home), _content(home, tables)) == (tables, before)


def test_older_versions_are_refused(home: Home) -> None:
    _raw(home, "update schema_version set version = 4")
    with pytest.raises(Refused, match=r"schema version 4, this program writes \d+ and upgrades from 5 on"):
        Store(home).__enter__()


SENTENCES = {
    "set_aside": ["set aside by anna: in dispute; `tollbook unpark BOB`"],
    "stage_failed": [f"{stage} failed: KeyError: 'eu'" for stage in ("charging", "taxing", "drafting")],
    "printing_failed": ["printing failed: ZeroDivisionError: a price of zero"],
    "free_months": [
        "billing_start_date 2024-04-02 is not service_start_date 2024-01-01 plus 3 free months: correct one …"
    ],
    "address_misfit": ["billing address: postal code 10001 lies in NY, not in TX; correct one of the two"],
    "location_misfit": ["location L-1: no region, and US is taxed by region; give the state or province"],
    "unknown_product": ["feed devices names product plan_b, which the catalogue does not know"],
    "unknown_deck": ["feed prices names deck world2, which tollbook.toml does not declare"],
    "unknown_plan": ["plan flat-rate is not in the catalogue"],
    "plan_currency": ["plan office is in GBP, the account in EUR"],
    "idle_price": ["feed prices agrees a price for overage, no product with a price of its own"],
    "no_price": ["no price in EUR for product seat on 2025-06-01"],
    "no_pricing": ["no pricing in EUR for product minutes_by_tier on 2025-06-01"],
    "quantity_not_priced": [
        "product by_volume on 2025-06-01: quantity 30 is above the last tier, which ends at 20",
        "product minutes: a quantity below zero (-1) has no price",
    ],
    "amount_not_exact": [
        "product odd on 2025-06-01: the amount 1/3 cannot be kept exactly; expected at most 12 decimals",
        "product odd: the amount 1/3 cannot be kept exactly",
    ],
    "product_gone": ["product corporate_seat was billed and is no longer in the catalogue"],
    "charge_currency": ["charge C-1 is in EUR, the account in GBP"],
    "unknown_seller": ["seller acme-corporate is not in tollbook.toml"],
    "no_tax_class": ["product seat has no tax_class or interstate method in force"],
    "usf_method": ["products name both safe_harbour and measured: one USF method per seller and quarter; choose …"],
    "no_tax_table": ["no tax table for country QQ; check the address or add a table"],
    "no_tax_rate": [
        "USF has no factor for 2031 Q1 (table us/usf.yaml)",
        "VAT has no rate on 2031-01-01 (table de/vat.yaml)",
    ],
    "no_tax_share": ["USF has no safe-harbour share on 2031-01-01 (table us/usf.yaml)"],
    "no_calls_to_measure": [
        "USF goes by the account's own calls, and there are none to measure (product seat); no tax table for …"
    ],
    "tax_currency": ["E911 of US-TX is in CAD, the document in USD (table us/tx/e911.yaml)"],
    "document_lacks": ["the document lacks EU, article 226: the seller's VAT number"],
    "other": ["the lines do not add up to the subtotal", "no licence to tax there", "not recomputed: it was erased"],
    "holds_document": ["holds an issued document of 2025-06"],
    "not_asked_for": ["not asked for"],
    "starts_later": ["billing starts on 2026-01-01"],
    "has_left": ["served until 2025-04-01"],
}
"""What version 5 wrote, by the code it gets. What it wrote in words that nothing marks (a document that does not add
up, the reason of a tax engine) is `other`."""


def test_every_sentence_of_version_5_gets_the_code_it_stood_for() -> None:
    newer = {"tax_engine", "document_faulty", "detail_erased", "credit_invoice", "billed_until_misfit"}
    assert {*SENTENCES, *newer} == {*PARKED_CODES, *LEFT_OUT_CODES}
    with duckdb.connect() as con:
        for code, sentences in SENTENCES.items():
            outcome = "parked" if code in PARKED_CODES else "excluded"
            for sentence in sentences:
                query = f"select {migrations.code_of_reason()} from (select $1 as reason, $2 as outcome)"
                assert con.execute(query, [sentence, outcome]).fetchall() == [(code,)], sentence
