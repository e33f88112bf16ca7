"""What stands around the lines of each account's document: seller, customer, terms, past and balance."""

from collections.abc import Iterator
from datetime import date

import polars as pl

from flows.home.settings import Settings
from flows.month.past import Past
from invoicing.documents import Heading
from invoicing.national import Rates
from schemas.document import Balance, BillTo
from schemas.money import rounded
from schemas.product import Section
from taxes.places import codes


def headings(
    accounts: pl.DataFrame, settings: Settings, issue_date: date, rates: Rates, internal: dict[str, list[Section]]
) -> list[Heading]:
    """What stands around the lines of each account's document, without its past and its balance."""
    return list(headings_of(accounts, settings, Past({}, {}), {}, issue_date, rates, internal))


def headings_of(
    accounts: pl.DataFrame,
    settings: Settings,
    past: Past,
    balances: dict[str, Balance],
    issue_date: date,
    rates: Rates,
    internal: dict[str, list[Section]],
) -> Iterator[Heading]:
    """The same with what went before and what is open; accounts of unknown sellers are left out.

    rates: exchange rates. internal: account -> sections in which its internal calls count.
    """
    sellers = {name: seller.as_printed(name) for name, seller in settings.sellers.items()}
    for row in accounts.iter_rows(named=True):
        seller = settings.sellers.get(row["seller_id"])
        if seller is None:
            continue
        account = row["account_id"]
        emails = [row["email"], *(row["cc_emails"] or "").replace(";", ",").split(",")]
        terms = row["payment_terms_days"]
        served_until = row["served_until"]
        yield Heading(
            draft_id=row["draft_id"],
            seller=sellers[row["seller_id"]],
            bill_to=BillTo(
                account_id=account,
                name=row["name"],
                customer_type=row["customer_type"],
                address_lines=[line for line in (row["address_line1"], row["address_line2"]) if line],
                city=row["city"],
                region=row["region"],
                postal_code=row["postal_code"],
                country=row["country"],
                tax_id=row["tax_id"],
                emails=[email.strip() for email in emails if email and email.strip()],
            ),
            jurisdiction=row["jurisdiction"],
            jurisdictions=codes(row["jurisdiction"]),
            locale=row["locale"],
            currency=row["currency"],
            minor_digits=row["minor_digits"],
            payment_terms_days=seller.payment_terms_days if terms is None else terms,
            is_final=served_until is not None and served_until <= issue_date,
            history=past.history.get(account, []),
            previous=past.previous.get(account),
            balance=_printed(balances.get(account), row["minor_digits"]),
            rates=rates,
            internal_sections=internal.get(account, []),
            notices=[
                notice.text
                for notice in seller.notices
                if notice.is_for(row["locale"], row["country"], row["customer_type"])
            ],
        )


def _printed(balance: Balance | None, digits: int) -> Balance | None:
    return balance and balance.model_copy(update={"amount": rounded(balance.amount, digits)})
