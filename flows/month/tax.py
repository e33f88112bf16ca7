"""Stage tax: charges to printed lines, lines to tax and fee rows; who cannot be taxed is parked."""

from datetime import date

import polars as pl

from flows.books.run import Run
from flows.home.settings import Settings
from flows.home.store import Store
from flows.month.corrected_parts import replaced_by
from flows.month.draft_rows import load_charges
from flows.month.inputs import MasterData, all_accounts, billed_to, master_of
from flows.month.isolate import Accounts, parking
from flows.month.minimums import minimum_charges
from flows.month.taxing.engine import Question, tax_documents
from flows.month.taxing.memory import given_back, issued_taxes, rated_calls, with_proof
from flows.month.taxing.traffic import study, with_method
from invoicing.lines import to_lines
from rating.discounts import in_order, used_up
from rating.net_lines import net_lines
from schemas.collector import collector_resting
from schemas.frames import PARKED, TAXES, checked, parked_as
from taxes.findings import late_certificates


def tax(run: Run) -> dict[str, int]:
    """Taxes every account; one that cannot be taxed is parked, and the others go on (flows.month.isolate)."""
    return parking(run, "taxing", lambda: all_accounts(run), lambda accounts: tax_accounts(run, accounts))


@collector_resting()
def tax_accounts(run: Run, accounts_of: Accounts) -> dict[str, int]:
    """Leaves lines.parquet, taxes.parquet and more rows in parked.parquet in the run's work folder."""
    store, settings, tables = run.store, run.settings, run.tables
    master = accounts_of.of(master_of(run))
    certificates, id_checks = store.current("certificates"), store.current("tax_id_checks")
    accounts = billed_to(master, settings, run.request.invoice_month, run.request.month_first)
    parked = pl.concat([pl.read_parquet(run.work / "parked.parquet"), _without_seller(accounts)])
    charges = accounts_of.rows(load_charges(run)).join(parked, on="account_id", how="anti")
    lines = _net(run, master, charges, accounts.join(parked, on="account_id", how="anti"))
    untaxable = lines.filter(pl.col("tax_class").is_null() | pl.col("interstate").is_null())
    parked = pl.concat([parked, _unclassed(untaxable)])
    american = _in_the_us(accounts)
    calls = rated_calls(store, run, american["account_id"])
    shares = study(calls, american, run.request.invoice_month)
    shares.write_parquet(run.work / "traffic.parquet")
    lines, undecided = with_method(lines, accounts, shares, settings, run.request.month_first)
    parked = pl.concat([parked, undecided])
    lines = lines.join(parked, on="account_id", how="anti")
    headings = _tax_headings(accounts, settings, run.request.month_first)
    memory = given_back(store, lines, replaced_by(store, run))
    issued = issued_taxes(store, _looked_up(lines, certificates, settings))
    question = Question(lines, headings, certificates, id_checks, issued, memory)
    result = tax_documents(question, tables.taxes, settings, run)
    late = late_certificates(certificates, with_proof(issued, tables.taxes, run.request.month_first, settings))
    pl.concat([result.findings, late]).write_parquet(run.work / "tax_findings.parquet")
    parked = pl.concat([parked, result.parked.select(list(PARKED))])
    parked = parked.unique("account_id", keep="first", maintain_order=True)
    lines.join(parked, on="account_id", how="anti").write_parquet(run.work / "lines.parquet")
    checked(result.taxes, TAXES).write_parquet(run.work / "taxes.parquet")
    parked.write_parquet(run.work / "parked.parquet")
    return {"lines": lines.height, "taxes": result.taxes.height, "parked": parked.height}


def _net(run: Run, master: MasterData, charges: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """Printed lines, net, up to the minimums of usage months; leaves discounts.parquet and minimums.parquet."""
    store, products = run.store, run.tables.catalog.products
    offers = in_order(store.current("discounts"))
    spent = used_up(offers, _given(store, run))
    heads = accounts.select("account_id", "draft_id", "locale", "minor_digits", "jurisdiction")

    def net(charges: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        listed = to_lines(charges, heads, master.locations, products)
        return net_lines(listed, charges, accounts, offers, spent, products)

    lines, grants = net(charges)
    minimums = minimum_charges(run, master, accounts, lines)
    if minimums.height:
        # Lines among the others, so these accounts' lines are numbered again; no discount reaches a minimum.
        mine = pl.col("account_id").is_in(minimums["account_id"].unique().implode())
        again = net(pl.concat([charges.filter(mine), minimums]))
        lines, grants = (
            pl.concat([rows.filter(~mine), more]).sort("account_id", "line_no", maintain_order=True)
            for rows, more in zip((lines, grants), again, strict=True)
        )
    grants.write_parquet(run.work / "discounts.parquet")
    minimums.write_parquet(run.work / "minimums.parquet")
    return lines


def _looked_up(lines: pl.DataFrame, certificates: pl.DataFrame, settings: Settings) -> list[str]:
    """Accounts whose issued tax rows this run needs: those that are given something back, those that filed a
    certificate, and, as it may look at everything, those that an outside engine is asked about."""
    asked = (
        lines if settings.tax_engine else lines.filter(pl.any_horizontal(pl.col("tax_date", "reverses").is_not_null()))
    )
    return pl.concat([asked["account_id"], certificates["account_id"]]).unique().sort().to_list()


def _given(store: Store, run: Run) -> pl.DataFrame:
    """discount_key, documents: on how many documents that stand each discount was given; for a correction, on how many
    before those that it replaces."""
    return store.sql(
        """
        select discount_key, count(distinct d.goes_with) as documents
        from line_discounts g join standing_documents d on d.run_id = g.run_id and d.draft_id = g.draft_id
        where $1 <> 'correction' or d.invoice_month < $2
        group by discount_key order by discount_key""",
        [run.kind, run.request.invoice_month],
    )


def _in_the_us(accounts: pl.DataFrame) -> pl.DataFrame:
    """Where a share of interstate traffic means something: account_id, seller_id."""
    return accounts.filter(pl.col("country") == "US").select("account_id", "seller_id")


def _without_seller(accounts: pl.DataFrame) -> pl.DataFrame:
    return accounts.filter(pl.col("seller_country").is_null()).select(
        "account_id", **parked_as("unknown_seller", pl.format("seller {} is not in tollbook.toml", "seller_id"))
    )


def _unclassed(lines: pl.DataFrame) -> pl.DataFrame:
    detail = pl.format("product {} has no tax_class or interstate method in force", "product_code")
    first = lines.unique("account_id", keep="first", maintain_order=True)
    return first.select("account_id", **parked_as("no_tax_class", detail))


def _tax_headings(accounts: pl.DataFrame, settings: Settings, issue_date: date) -> pl.DataFrame:
    """What taxes need to know of each document."""
    established = {
        name: sorted({seller.country, *seller.vat_established_in}) for name, seller in settings.sellers.items()
    }
    return accounts.filter(pl.col("seller_country").is_not_null()).with_columns(
        seller_vat_countries=pl.Series(
            [established[seller] for seller in accounts.filter(pl.col("seller_country").is_not_null())["seller_id"]],
            dtype=pl.List(pl.String),
        ),
        invoice_date=pl.lit(issue_date),
        tax_point=pl.lit(issue_date),
    )
