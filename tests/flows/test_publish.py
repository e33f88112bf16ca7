"""The snapshot: the contract's views, a comment on everything, what is in force and nothing else."""

import re
import shutil
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from flows.books.laws import broken
from flows.books.publish import publish, read
from flows.home import audit
from flows.home.settings import Home
from flows.home.store import Store
from flows.undo.rollback import take_rows
from tests.flows import booked

CONTRACT = {
    "rated_usage": "usage_id source kind account_id started_at local_date usage_month direction from_number to_number "
    "destination country category jurisdiction duration_s billable_units included_units charged_units unit amount "
    "currency rate_id billing_group billed_as invoice_month invoice_number run_id source_file source_line",
    "line_usage": "invoice_number line_no usage_id component rate_id allowance_id units price per amount",
    "suspended_usage": "usage_id account_id started_at duration_s reason detail source_file source_line",
    "excluded_usage": "usage_id account_id started_at duration_s reason detail source_file source_line",
    "rejected_records": "feed source_file source_line column_name reason raw_line",
    "duplicate_records": "feed source_file source_line of_file of_line raw_line",
    "source_files": "source_file feed sha256 records loaded rejected duplicate state",
    "run_accounts": "run_id account_id outcome code reason total previous_total",
    "invoices": "invoice_number kind account_id seller_id invoice_month issue_date due_date usage_period_start "
    "usage_period_end currency subtotal tax_total total status is_final corrects replaced_by bill_to_country "
    "bill_to_region seller_tax_id customer_tax_id pdf_sha256 run_id",
    "invoice_lines": "invoice_number account_id line_no section charge_type product_code charge_key resource_kind "
    "resource_id description billing_group quantity unit list_unit_price unit_price discount_amount amount "
    "period_start period_end tax_date tax_class",
    "invoice_taxes": "invoice_number account_id tax_no tax_code kind jurisdiction tax_date gross_base taxable_percent "
    "base_amount exempt_amount rate_percent amount certificate_number note",
    "devices": "device_id account_id device_type product_code extension location_id billing_group is_rental "
    "is_low_usage active_from active_to valid_from valid_to",
    "numbers": "number account_id number_type product_code extension location_id billing_group active_from active_to "
    "valid_from valid_to",
    "subscriptions": "subscription_id account_id product_code quantity committed_quantity start_date end_date "
    "cancel_requested_on billing_interval bill_anchor term_start term_months renewal_months unit_price billing_group "
    "valid_from valid_to",
    "accounts": "account_id effective_from name customer_type seller_id currency time_zone locale address_line1 "
    "address_line2 city region postal_code country email cc_emails tax_id plan service_start_date billing_start_date "
    "free_months payment_terms_days end_date valid_from valid_to",
    "plan_history": "account_id plan valid_from valid_to",
    "products": "product_code valid_from valid_to",
    "allowances": "account_id usage_month allowance granted_units used_units left_units",
    "suspended_history": "run_id usage_id reason",
    "deck_rates": "deck prefix destination price per_s increment_s minimum_s connect_fee currency valid_from valid_to "
    "rate_id cost",
    "usage_margin": "usage_id amount cost margin currency",
    "bill_runs": "run_id",
    "deliveries": "invoice_number recipient state",
    "audit_log": "seq act subject by_name reason",
}


@pytest.fixture
def store(tmp_path: Path):
    with Store(Home(tmp_path)) as opened:
        yield opened


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    with Store(Home(tmp_path_factory.mktemp("booked"))) as store:
        booked.book(store)
        return publish(store)


def rows(con: duckdb.DuckDBPyConnection, query: str):
    return con.execute(query).fetchall()


def test_every_view_and_column_of_the_contract_with_a_comment_on_each(store):
    con = read(publish(store))
    for view, columns in CONTRACT.items():
        found = {name for (name,) in rows(con, f"select column_name from (describe {view})")}
        assert set(columns.split()) <= found, view
    assert not rows(con, "select view_name from duckdb_views() where not internal and coalesce(comment, '') = ''")
    assert not rows(
        con,
        "select table_name, column_name from duckdb_columns() where schema_name = 'main' and not internal "
        "and coalesce(comment, '') = ''",
    )


def test_money_is_decimal_and_nothing_is_a_float(store):
    con = read(publish(store))
    assert not rows(
        con, "from duckdb_columns() where data_type in ('FLOAT', 'DOUBLE') and schema_name in ('main', 'base')"
    )
    kinds = dict(rows(con, "select distinct data_type, 1 from duckdb_columns() where column_name = 'amount'"))
    assert set(kinds) == {"DECIMAL(38,12)"}


def test_older_clients_can_read_it_and_no_temporary_file_is_left(store):
    path = publish(store)
    con = duckdb.connect()
    con.execute(f"attach '{path}' as another_name (read_only)")
    assert rows(con, "select count(*) from another_name.invoices") == [(0,)], "views do not hang on the file's name"
    tags = rows(con, "select tags from duckdb_databases() where database_name = 'another_name'")
    assert re.match(r"v1\.5", tags[0][0]["storage_version"])
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_mode & 0o007 == 0


def test_a_reader_of_the_old_snapshot_keeps_it_while_a_new_one_is_published(store):
    reader = read(publish(store))
    booked.book(store)
    fresh = publish(store)
    assert rows(reader, "select count(*) from invoices") == [(0,)]
    reader.close()
    assert rows(read(fresh), "select count(*) from invoices") == [(4,)]


def test_only_what_stands_is_in_force(store):
    booked.book(store)
    con = read(publish(store))
    assert rows(con, "select invoice_number, status from invoices order by 1") == [
        ("US-2026-000001", "issued"),
        ("US-2026-000002", "issued"),
        ("draft-A-1-2026-06", "draft"),
        ("draft-A-2-2026-06", "draft"),
    ]
    assert rows(con, "select usage_id, amount, invoice_number, run_id from rated_usage order by 1") == [
        ("u2", Decimal("1.6"), "draft-A-1-2026-06", "run-2026-06"),
        ("u3", Decimal("0.796666666667"), "draft-A-1-2026-06", "run-2026-06"),
    ], "the superseded run's rating of u2 is gone"
    assert rows(con, "select usage_id, reason from pending_usage") == [("u6", "later_month")]
    assert broken(con) == {}


def test_issued_usage_stays_when_its_run_is_superseded_and_a_draft_takes_the_rest(store):
    docs = booked.book(store)
    booked.issue(store, docs["june"], "US-2026-000003")
    booked.insert(store, "run_events", run_id="run-2026-06", state="superseded", by_name="ada")
    booked.run(store, "run-next", 4, "2026-07", "drafted")
    booked.insert(
        store, "excluded_usage", run_id="run-next", usage_id="u4", source_line=4, duration_s=45, reason="unanswered"
    )
    con = read(publish(store))
    assert rows(con, "select usage_id, invoice_number from rated_usage order by 1") == [
        ("u2", "US-2026-000003"),
        ("u3", "US-2026-000003"),
    ]
    assert rows(con, "select usage_id from excluded_usage order by 1") == [("u4",), ("u5",)]
    assert rows(con, "select usage_id from suspended_usage") == [("u7",)], (
        "the later run's outcome of u4 took its place"
    )


def test_a_file_rolled_back_takes_its_unissued_usage_along(store):
    docs = booked.book(store)
    store.con.execute("update source_files set state = 'rolled_back' where file_seq = 2")
    take_rows(store, "calls", 2)
    con = read(publish(store))
    assert rows(con, "select count(*) from rated_usage") == [(0,)]
    assert rows(con, "select count(*) from suspended_usage") == [(0,)]
    con.close()
    booked.issue(store, docs["june"], "US-2026-000003")
    con = read(publish(store))
    assert rows(con, "select count(*) from rated_usage") == [(2,)], "what is issued stays"
    assert rows(con, "select count(*) from suspended_usage") == [(0,)]
    assert "loaded_usage_is_rated_suspended_or_excluded" not in broken(con)


def test_a_document_is_sent_when_every_mail_of_it_is(store):
    docs = booked.book(store)
    booked.issue_june(store, docs)
    for number, message, state in (
        ("US-2026-000003", "m1", "queued"), ("US-2026-000003", "m2", "queued"), ("US-2026-000003", "m1", "accepted"),
        ("AU-2026-000001", "m3", "sending"), ("AU-2026-000001", "m3", "written"),
    ):  # fmt: skip
        booked.insert(store, "delivery_events", message_id=message, invoice_number=number, state=state)
    con = read(publish(store))
    status = dict(rows(con, "select invoice_number, status from invoices"))
    assert (status["US-2026-000003"], status["AU-2026-000001"]) == ("issued", "sent")
    assert rows(con, "select message_id, state from deliveries order by 1") == [
        ("m1", "accepted"),
        ("m2", "queued"),
        ("m3", "written"),
    ]


def test_runs_carry_state_people_counts_and_totals(store):
    docs = booked.book(store)
    booked.issue_june(store, docs)
    con = read(publish(store))
    june = rows(
        con,
        "select state, drafted_by, approved_by, accounts, billed, parked, documents, issued, totals from bill_runs "
        "where run_id = 'run-2026-06'",
    )
    assert june == [("approved", "ada", "grace", 5, 2, 1, 2, 2, "AUD 23.00, USD 124.64")]


@pytest.mark.parametrize(
    ("damage", "law"),
    [
        (
            "update invoice_lines_2026_06 set amount = amount + 0.01 where charge_type = 'recurring'",
            "lines_make_the_subtotal",
        ),
        ("update invoice_taxes_2026_06 set amount = amount + 0.01", "subtotal_and_taxes_make_the_total"),
        ("update invoices set total = total + 0.01", "subtotal_and_taxes_make_the_total"),
        ("update line_usage_2026_06 set amount = amount + 0.009", "usage_makes_its_lines"),
        ("delete from line_usage_2026_06", "usage_makes_its_lines"),
        ("update source_files set rejected = 0", "one_outcome_per_line_of_a_file"),
        ("delete from excluded_usage_2026_06", "loaded_usage_is_rated_suspended_or_excluded"),
        ("update rated_usage_2026_06 set duration_s = duration_s + 1", "loaded_usage_is_rated_suspended_or_excluded"),
        ("delete from run_accounts where account_id = 'A-5'", "every_account_has_one_outcome"),
        ("insert into run_accounts from run_accounts where account_id = 'A-5'", "every_account_has_one_outcome"),
    ],
)
def test_each_law_is_broken_by_what_it_forbids(published, tmp_path, damage, law):
    copy = tmp_path / "damaged.duckdb"
    shutil.copy(published, copy)
    with duckdb.connect(str(copy)) as con:
        con.execute(f"use {copy.stem}.base")
        con.execute(damage)
        con.execute(f"use {copy.stem}.main")
        found = broken(con)
    assert list(found) == [law]
    assert found[law]


def test_the_same_books_give_the_same_tables_whatever_the_order_of_rows(tmp_path):
    contents = []
    for name, shuffle in (("a", False), ("b", True)):
        with Store(Home(tmp_path / name)) as store:
            booked.book(store)
            if shuffle:
                for table in ("rated", "rated_for", "invoice_lines", "run_accounts", "line_usage", "suspended_usage"):
                    store.con.execute(f"create temp table t as from {table} order by rowid desc")
                    store.con.execute(f"delete from {table}")
                    store.con.execute(f"insert into {table} from t")
                    store.con.execute("drop table t")
            con = read(publish(store))
            named = "select schema_name || '.' || view_name from duckdb_views() where not internal order by 1"
            views = [view for (view,) in rows(con, named)]
            contents.append({view: rows(con, f"from {view}") for view in views})
            con.close()
    assert contents[0] == contents[1]


def test_the_audit_chain_shows_a_change_a_removal_and_an_insertion(store):
    for number in range(1, 5):
        audit.record(store, "approve", f"2026-0{number}", "grace", booked.CLOCK, reason="checked", detail=f"{number}")
    assert audit.verify(store) == []
    store.con.execute("update audit_log set by_name = 'ada' where seq = 2")
    assert audit.verify(store) == ["audit entry 2: its content is not what was written"]
    store.con.execute("update audit_log set by_name = 'grace' where seq = 2")
    store.con.execute("delete from audit_log where seq = 3")
    assert audit.verify(store)[0].startswith("audit entry 3: found 4")
