"""The frames that go into and come out of `taxes.apply`, column by column. Amounts are in the document's currency."""

import polars as pl

from schemas.money import EXACT

LINES = pl.Schema(
    {
        "draft_id": pl.String(),
        "line_no": pl.Int64(),
        "amount": EXACT,
        "tax_class": pl.String(),
        "telecom_percent": EXACT,
        "interstate": pl.String(),
        "jurisdiction": pl.String(),
        "tax_date": pl.Date(),
        "period_start": pl.Date(),
        "period_end": pl.Date(),
        "product_code": pl.String(),
        "section": pl.String(),
    }
)
"""Printed lines: `amount` rounded, `tax_date` null unless inherited from the line it reverses, period half-open."""

LINE_FACTS = pl.Schema({"country": pl.String(), "line_count": EXACT, "measured_share": EXACT})
"""What only some lines have, null or absent elsewhere: the far end's country; lines in service on the first of a month
(what amounts per line are charged for); percent of the account's own calls that is interstate or international."""

DOCUMENTS = pl.Schema(
    {
        "draft_id": pl.String(),
        "account_id": pl.String(),
        "seller_id": pl.String(),
        "seller_country": pl.String(),
        "seller_vat_countries": pl.List(pl.String()),
        "customer_type": pl.String(),
        "country": pl.String(),
        "region": pl.String(),
        "tax_id": pl.String(),
        "invoice_date": pl.Date(),
        "tax_point": pl.Date(),
        "currency": pl.String(),
        "minor_digits": pl.Int64(),
        "locale": pl.String(),
    }
)
"""One row per document; `seller_vat_countries` are those where the seller is established for VAT."""

CERTIFICATES = pl.Schema(
    {
        "account_id": pl.String(),
        "certificate_number": pl.String(),
        "tax_code": pl.String(),
        "jurisdiction": pl.String(),
        "valid_from": pl.Date(),
        "valid_to": pl.Date(),
    }
)
"""`valid_to` is the last day included; null: no end. May carry `reason`, a letter of the SST form or free text."""

ID_CHECKS = pl.Schema(
    {
        "account_id": pl.String(),
        "tax_id": pl.String(),
        "checked_at": pl.Datetime("us", "UTC"),
        "result": pl.String(),
        "reference": pl.String(),
    }
)
"""May carry `name_matched`: whether the register's name is the customer's; null: it was not compared."""

ISSUED = pl.Schema(
    {
        "account_id": pl.String(),
        "issued_on": pl.Date(),
        "tax_code": pl.String(),
        "jurisdiction": pl.String(),
        "tax_date": pl.Date(),
        "rate": EXACT,
        "certificate_number": pl.String(),
        "reverse_charge": pl.Boolean(),
        "invoice_number": pl.String(),
        "base_amount": EXACT,
        "exempt_amount": EXACT,
        "amount": EXACT,
    }
)
"""Tax rows of issued documents: `rate` in percent or money per line, `issued_on` the document's date. A row without
tax_code says that a document of that date exists, even if it was charged no tax at all."""

PART = pl.Struct(
    {
        "lines": pl.List(pl.Int64()),
        "of": pl.String(),
        "amount": EXACT,
        "telecom_percent": EXACT,
        "interstate": pl.String(),
        "interstate_share": EXACT,
        "line_count": EXACT,
    }
)
"""A part of a row's base: the lines of one taxable share, by number; or, with `of`, what another tax or fee (its code)
was charged on these lines."""

ID_CHECK = pl.Struct(
    {"tax_id": pl.String(), "checked_at": pl.String(), "result": pl.String(), "reference": pl.String()}
)

TAXES = pl.Schema(
    {
        "draft_id": pl.String(),
        "tax_no": pl.Int64(),
        "tax_code": pl.String(),
        "kind": pl.String(),
        "jurisdiction": pl.String(),
        "tax_date": pl.Date(),
        "gross_base": EXACT,
        "taxable_percent": EXACT,
        "base_amount": EXACT,
        "exempt_amount": EXACT,
        "rate_percent": EXACT,
        "amount": EXACT,
        "certificate_number": pl.String(),
        "note": pl.String(),
        "name": pl.String(),
        "text": pl.String(),
        "reference": pl.String(),
        "table": pl.String(),
        "unit": pl.String(),
        "line_count": EXACT,
        "rate_amount": EXACT,
        "rounding": pl.String(),
        "date_basis": pl.String(),
        "valid_from": pl.Date(),
        "status": pl.String(),
        "exempt_reason": pl.String(),
        "tax_id_check": ID_CHECK,
        "parts": pl.List(PART),
    }
)
"""A row is percent_of_base, or amount_per_line: then base and rate_percent are 0, line_count x rate_amount is charged.
`valid_from` is the first day of the rate, `status` whether that rate has a source."""

PARKED = pl.Schema({"account_id": pl.String(), "draft_id": pl.String(), "code": pl.String(), "detail": pl.String()})
"""A document left out. The detail names everything that is wrong with it, the code is that of what it names first."""

WRONG = pl.Schema({"draft_id": pl.String(), "code": pl.String(), "detail": pl.String()})
"""One thing that is wrong with a document."""
