"""Every way of being parked has its code, and every code the advice that mends it."""

from pathlib import Path
from typing import Any, get_args

import polars as pl
import pytest

import rating.charges
from flows.bill_run import RunReport
from flows.books.holds import park
from flows.books.remedies import REMEDIES, remedy
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.ingest.take_in import ingest
from flows.month import charge
from flows.review.page import review
from invoicing.fit import unfit
from schemas.codes import (
    FINDING_CODES,
    LEFT_OUT_CODES,
    PARKED_CODES,
    STOP_CODES,
    FindingCode,
    LeftOutCode,
    ParkedCode,
    StopCode,
)
from tests.flows.issuing import NOW, run
from tests.scenarios.month.home import add_file, make_home
from tests.unit.sample_documents import tiny

CATALOG = """
products:
  plain: &plain
    name: Plain
    section: service_fees
    billed_from: subscriptions
    per: resource
    tax_class: telephony
    telecom_percent: "100"
    interstate: none
    access_lines: "1"
    prices: {GBP: "10.00", USD: "10.00"}
  seat_unclassed: {<<: *plain, name: Not classed yet, tax_class: {2030-01-01: telephony}}
  by_harbour: {<<: *plain, name: By safe harbour, interstate: safe_harbour}
  by_calls: {<<: *plain, name: By measured calls, interstate: measured}
  very_fine:
    <<: *plain
    name: Priced very finely
    prices: {}
    pricing: {GBP: {model: graduated, tiers: [{unit_price: "0.000000001"}]}}
  minutes_to_come:
    <<: *plain
    name: Minutes priced from 2030 on
    section: outbound_overage
    billed_from: usage
    prices: {}
    pricing: {EUR: {2030-01-01: {model: standard, unit: minute, unit_price: "0.10"}}}
plans:
  in_euro:
    name: A plan in euro
    currency: EUR
    domestic: [GB]
    usage: {international: {rate: {price: "0", increment: 1}, charged: minutes_to_come}}
"""

TABLE = """
code: {code}
kind: tax
name: {{en: A tax}}
text: {{en: A sentence.}}
jurisdiction: {place}
unit: {unit}
base: {{share: {share}, tax_classes: all}}
date_basis: invoice_date
values: {{{since}: "5"}}
exempt_by: []
references: [{{title: "An act", read: 2026-01-01}}]
status: sourced
"""

ABROAD = {"address_line1": "1 Street", "city": "Town", "postal_code": "1000", "plan": ""}
US = {**ABROAD, "country": "US", "region": "TX", "postal_code": "75201", "currency": "USD"}

ACCOUNTS: dict[ParkedCode, dict[str, str]] = {
    "set_aside": {},
    "stage_failed": {},
    "free_months": {"free_months": "3"},
    "address_misfit": {**US, "postal_code": "02108"},
    "location_misfit": {},
    "unknown_product": {},
    "unknown_deck": {},
    "unknown_plan": {"plan": "flat-rate"},
    "plan_currency": {"currency": "EUR"},
    "idle_price": {},
    "no_price": {"currency": "EUR", "plan": ""},
    "no_pricing": {"currency": "EUR", "plan": "in_euro"},
    "quantity_not_priced": {},
    "amount_not_exact": {},
    "charge_currency": {},
    "credit_invoice": {},
    "billed_until_misfit": {},
    "unknown_seller": {"seller_id": "acme-corporate"},
    "no_tax_class": {},
    "usf_method": US,
    "no_tax_table": {**ABROAD, "country": "AR"},
    "no_tax_rate": {**ABROAD, "country": "BR"},
    "no_tax_share": US,
    "no_calls_to_measure": US,
    "tax_currency": {**ABROAD, "country": "CL"},
}
"""One account for every code that a run can give, which is its name; what is not here is wrong elsewhere."""

SEATS = {
    "stage_failed": "plain", "no_price": "plain", "quantity_not_priced": "by_volume", "amount_not_exact": "very_fine",
    "no_tax_class": "seat_unclassed", "no_tax_table": "plain", "no_tax_rate": "plain", "no_tax_share": "by_harbour",
    "no_calls_to_measure": "by_calls", "tax_currency": "plain",
}  # fmt: skip
QUANTITIES = {"quantity_not_priced": "30", "amount_not_exact": "0.0001"}

ADVICE: dict[ParkedCode, tuple[str, ...]] = {
    "set_aside": ("tollbook unpark",),
    "stage_failed": ("report the reason",),
    "printing_failed": ("report the reason",),
    "free_months": ("billing_start_date", "free_months", "feed accounts"),
    "address_misfit": ("postal_code", "feed accounts"),
    "location_misfit": ("postal_code", "feed locations"),
    "unknown_product": ("catalogue", "product_code in the feed"),
    "unknown_deck": ("Declare the deck in tollbook.toml", "feed prices"),
    "unknown_plan": ("plan of the catalogue", "feed accounts"),
    "plan_currency": ("plan in the account's currency", "feed accounts"),
    "idle_price": ("feed prices",),
    "no_price": ("price in the account's currency", "catalogue, plan or feed prices"),
    "no_pricing": ("pricing in the account's currency", "catalogue"),
    "quantity_not_priced": ("tier", "catalogue"),
    "amount_not_exact": ("pricing", "12 decimals"),
    "product_gone": ("Put the product back into the catalogue",),
    "charge_currency": ("currency", "feed charges"),
    "credit_invoice": ("invoice_number", "feed charges"),
    "billed_until_misfit": ("resource_id in feed billed_until",),
    "unknown_seller": ("seller", "tollbook.toml", "seller_id in feed accounts"),
    "no_tax_class": ("tax_class", "catalogue"),
    "usf_method": ("usf_method", "tollbook.toml"),
    "no_tax_table": ("tax table under catalog/taxes/", "address"),
    "no_tax_rate": ("rate or quarter", "catalog/taxes/"),
    "no_tax_share": ("safe-harbour share", "catalog/taxes/"),
    "no_calls_to_measure": ("usf_method", "calls"),
    "tax_currency": ("amount in the document's currency", "catalog/taxes/"),
    "tax_engine": ("tax engine",),
    "document_faulty": ("defect of the program",),
    "document_lacks": ("tollbook.toml", "as the reason says"),
    "detail_erased": ("feed charges",),
    "other": ("what the reason names",),
}
"""What the advice names: where to look and what to do there."""

ELSEWHERE = {
    "printing_failed": "tests/faults/test_parking.py",
    "tax_engine": "tests/flows/test_tax_billing.py",
    "detail_erased": "tests/faults/test_erase.py",
    "other": "tests/flows/test_migrations.py",
}
"""Codes that need more than a run, and where they are met."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = make_home(tmp_path_factory.mktemp("codes") / "home")
    (home.catalog / "codes.yaml").write_text(CATALOG, encoding="utf-8")
    _taxes(home)
    add_file(home, "accounts", "accounts", [{"account_id": code, **facts} for code, facts in ACCOUNTS.items()])
    _take_in_while_declared(home, ACCOUNTS["unknown_seller"]["seller_id"])
    seats = [*SEATS.items(), ("usf_method", "by_harbour"), ("usf_method", "by_calls"), ("unknown_product", "corporate")]
    add_file(
        home, "subscriptions", "seats",
        [
            {"subscription_id": f"S-{code}-{product}", "account_id": code, "product_code": product,
             "quantity": QUANTITIES.get(code, "1")}
            for code, product in seats
        ],
    )  # fmt: skip
    add_file(
        home, "locations", "places",
        [{"location_id": "L", "account_id": "location_misfit", **_address(US), "postal_code": "02108"}],
    )  # fmt: skip
    since = {"unit_price": "1", "valid_from": "2024-01-01"}
    add_file(
        home, "prices", "agreed",
        [
            {"account_id": "unknown_deck", "prefix": "33", "deck": "world2", **since},
            {"account_id": "idle_price", "product_code": "overage", **since},
        ],
    )  # fmt: skip
    charges = [{"charge_id": "C-1", "account_id": "charge_currency", "charge_date": "2025-05-20", "amount": "5.00",
                "currency": "EUR"},
               {"charge_id": "C-2", "account_id": "credit_invoice", "charge_date": "2025-05-20", "amount": "5.00",
                "kind": "credit", "product_code": "goodwill", "invoice_number": "UK-2019-000001"}]  # fmt: skip
    add_file(home, "charges", "charges", charges)
    add_file(home, "billed_until", "earlier", [
        {"account_id": "billed_until_misfit", "resource_id": "S-nobody", "billed_until": "2025-05-31"},
    ])  # fmt: skip
    add_file(home, "numbers", "numbers", [
        {"number": "+441130000001", "account_id": "no_pricing", "product_code": "number", "active_from": "2024-01-01"},
    ])  # fmt: skip
    add_file(home, "prices", "number", [
        {"account_id": "no_pricing", "product_code": "number", "currency": "EUR", **since},
    ])  # fmt: skip
    add_file(home, "calls", "calls", [
        {"call_id": "1", "started_at": "2025-05-05T10:00:00Z", "from_number": "+441130000001",
         "to_number": "+33140000001", "duration_s": "60"},
    ])  # fmt: skip
    return home


def _take_in_while_declared(home: Home, seller: str) -> None:
    """Accounts of a seller that was declared when they came."""
    text = home.settings_file.read_text(encoding="utf-8")
    one = text[text.index("[sellers.uk]") : text.index("[decks.")]
    one = one.replace("[sellers.uk]", f"[sellers.{seller}]").replace('"UK"', '"OTHER"')
    home.settings_file.write_text(text + one, encoding="utf-8")
    with Store(home) as store:
        ingest(store, load_settings(home), None, now=NOW)
    home.settings_file.write_text(text, encoding="utf-8")


def _taxes(home: Home) -> None:
    """Tables that lack something: a rate in Brazil, a safe harbour in the US; a levy in another currency in Chile."""
    later, levy = "2030-01-01", "amount_per_line\ncurrency: CAD"
    usf = "percent_of_base\nsafe_harbour: {2030-01-01: '64.9'}"
    written = {
        "br/vat.yaml": TABLE.format(code="VAT", place="BR", unit="percent_of_base", share="full", since=later),
        "cl/e911.yaml": TABLE.format(code="E911", place="CL", unit=levy, share="full", since="2020-01-01"),
        "us/usf.yaml": TABLE.format(code="USF", place="US", unit=usf, share="interstate", since=later).replace(
            "kind: tax", "kind: recovery_fee"
        ),
    }
    for name, text in written.items():
        path = home.taxes / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _address(facts: dict[str, str]) -> dict[str, str]:
    return {name: facts[name] for name in ("address_line1", "city", "postal_code", "country", "region")}


@pytest.fixture(scope="module")
def report(home: Home) -> RunReport:
    def failing(parts: pl.DataFrame, *rest: Any) -> pl.DataFrame:
        if "stage_failed" in set(parts["account_id"]):
            raise ZeroDivisionError("a price of zero")
        return real(parts, *rest)

    real = rating.charges.recurring_charges
    run(home, "2025-06", "set_aside")
    with Store(home) as store:
        park(store, "set_aside", "in dispute", "anna", NOW)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(charge, "recurring_charges", failing)
        return run(home, "2025-06")


@pytest.mark.parametrize("code", ACCOUNTS)
def test_an_account_is_parked_with_its_code(report: RunReport, code: ParkedCode) -> None:
    assert report.parked_codes.get(code) == code, dict(report.parked).get(code)


def test_nobody_else_is_parked_and_the_codes_are_in_every_output(home: Home, report: RunReport) -> None:
    assert set(report.parked_codes) == {account for account, _ in report.parked} == set(ACCOUNTS)
    assert report.as_json()["parked_codes"] == report.parked_codes
    with Store(home) as store:
        assert dict(store.rows("select account_id, code from run_accounts where outcome = 'parked'")) == {
            **report.parked_codes
        }
        shown = review(store, load_settings(home), "2025-06").as_json()["parked"]
    assert {row["account_id"]: row["code"] for row in shown} == report.parked_codes
    assert {row["account_id"]: row["remedy"] for row in shown} == {
        account: remedy(code, "2025-06", account) for account, code in report.parked_codes.items()
    }


@pytest.mark.parametrize("code", PARKED_CODES)
def test_the_advice_names_what_mends_it(code: ParkedCode) -> None:
    told = remedy(code, "2025-06", "ANN")
    assert all(words in told for words in ADVICE[code]), told
    assert told.endswith(". Then `tollbook run 2025-06` bills ANN.")


ONCE_WRONG = {
    "feed prices names deck world2, which tollbook.toml does not declare": "Declare the deck in tollbook.toml",
    "product seat_unclassed has no tax_class or interstate method in force": "Give the product a tax_class",
    "product corporate_seat was billed and is no longer in the catalogue": "Put the product back into the catalogue",
    "seller acme-corporate is not in tollbook.toml": "Add the seller to tollbook.toml",
    "plan flat-rate is not in the catalogue": "Name a plan of the catalogue in feed accounts",
}


def test_a_word_in_a_name_misleads_nobody(report: RunReport) -> None:
    """Names that hold `price`, `rate` or `product` once drew the advice for prices, rates and products."""
    told = {reason: report.parked_codes[account] for account, reason in report.parked}
    gone = charge._without_product(pl.DataFrame({"account_id": ["ANN"], "product_code": ["corporate_seat"]}), {})
    told |= {detail: code for _, code, detail in gone.iter_rows()}
    for reason, advice in ONCE_WRONG.items():
        assert remedy(told[reason], "2025-06", "ANN").startswith(advice), reason


def test_a_document_that_may_not_be_issued_says_of_which_kind_its_fault_is() -> None:
    good = tiny()
    assert unfit(good) is None
    wrong = unfit(good.model_copy(update={"total": good.total + 1}))
    assert wrong == ("document_faulty", "subtotal and taxes do not add up to the total")
    nameless = unfit(good.model_copy(update={"bill_to": good.bill_to.model_copy(update={"name": ""})}))
    assert nameless == ("document_lacks", "the document lacks every country: the customer's name")


def test_every_code_is_met_by_a_test_and_has_one_sentence_and_one_remedy() -> None:
    met = {*ACCOUNTS, *ELSEWHERE, "product_gone", "document_faulty", "document_lacks"}
    assert met == set(PARKED_CODES) == set(REMEDIES) == set(ADVICE)
    for code, path in ELSEWHERE.items():
        assert f'"{code}"' in (Path(__file__).parents[2] / path).read_text(encoding="utf-8")
    lists: list[tuple[Any, dict[Any, str]]] = [
        (ParkedCode, PARKED_CODES), (LeftOutCode, LEFT_OUT_CODES), (FindingCode, FINDING_CODES), (StopCode, STOP_CODES),
    ]  # fmt: skip
    for literal, meanings in lists:
        assert get_args(literal) == tuple(meanings)
        assert all(meaning and not meaning.endswith(".") for meaning in meanings.values())
