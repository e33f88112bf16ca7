"""A tax or fee row in words: base, share, rate, date, rounding, citation; from the stored document alone (RULES 25)."""

from decimal import Decimal

from flows.ask.tax_report import with_code
from schemas.document import Document, Line, Tax, TaxPart
from schemas.errors import WrongUsage
from schemas.money import rounded
from taxes.charged import shares_of
from taxes.rows import shares

_BASIS = {
    "invoice_date": "the invoice date",
    "tax_point": "the tax point",
    "period_start": "the first day of the period",
    "period_end": "the last day of the period",
}
_ROUNDING = {
    "half_up": "half a unit or more goes up, on the absolute value",
    "down": "down, towards zero: a legal cap",
}
_METHOD = {
    "safe_harbour": "safe harbour",
    "measured": "measured on the account's own calls",
    "all": "all of it crosses a border",
    "none": "none of it crosses a border",
}


def tax_named(document: Document, number: int) -> Tax:
    """Row `tax:N` of a document. Raises WrongUsage where there is none."""
    for tax in document.taxes:
        if tax.tax_no == number:
            return tax
    rows = f"tax:1 to tax:{len(document.taxes)}" if document.taxes else "no tax row"
    raise WrongUsage(f"found tax:{number}; {document.invoice_number} has {rows}")


def explain_tax(document: Document, number: int) -> list[str]:
    """How the row came about, a thought a line."""
    tax, money = tax_named(document, number), document.currency
    kind = "a tax" if tax.kind == "tax" else "the seller's own fee, not a tax"
    text = [
        f"{document.invoice_number} tax:{tax.tax_no}: {with_code(tax.name, tax.tax_code)}, {kind}, {tax.jurisdiction}",
        *(_per_line(document, tax) if tax.unit == "amount_per_line" else _percent(document, tax)),
        f"date: {tax.tax_date}{_basis(tax)}{_of_reversed(document, tax)}",
        *_exempt(tax),
        *_of_adjustment(document),
        f"amount: {tax.amount} {money}",
    ]
    if tax.note and tax.exempt_amount == 0:
        text.append(f"note: {tax.note}")
    text.append(f"table: {tax.table or 'not stored'}" + (f", {tax.status}" if tax.status else ""))
    text.append(f"source: {tax.reference or 'none: sample data'}")
    return text


def _of_adjustment(document: Document) -> list[str]:
    """Two amounts, each rounded, may differ by a cent from their difference, rounded."""
    if document.correction != "adjustment":
        return []
    return [f"adjustment: what it comes to now, less what {document.corrects} and later ones charged, both rounded"]


def _percent(document: Document, tax: Tax) -> list[str]:
    money = document.currency
    text = [f"base: {_part(document, tax, part)}" for part in tax.parts]
    text.append(f"in all: {tax.gross_base} {money} x {tax.taxable_percent} % = {_taxable(tax)} {money}")
    text.append(f"rate: {tax.rate_percent} %{_since(tax)}")
    exact = (tax.base_amount * tax.rate_percent).scaleb(-2)
    return text + _rounded(document, tax, f"{_short(exact)} {money}")


def _per_line(document: Document, tax: Tax) -> list[str]:
    count, rate = tax.line_count or Decimal(0), tax.rate_amount or Decimal(0)
    text = [f"counted: {_short(p.line_count)} lines or numbers, from {_lines(p)}" for p in tax.parts if p.line_count]
    text.append(f"rate: {rate} {document.currency} each{_since(tax)}")
    return text + _rounded(document, tax, f"{_short(count)} x {rate} = {_short(count * rate)} {document.currency}")


def _rounded(document: Document, tax: Tax, exact: str) -> list[str]:
    if _is_exempt(tax):
        return []
    if tax.rounding == "as_charged":
        return ["given back: all of what that row was charged on, so exactly what it charged"]
    if tax.rounding == "rest":
        return ["given back: what is left of what was charged, after what was given back before; no part returns more"]
    if tax.rounding == "in_proportion":
        return ["given back: of what the engine charged, in proportion to the base, rounded once, half up"]
    if tax.rounding is None:
        return ["worked out and rounded by the engine"]
    how = _ROUNDING.get(tax.rounding, tax.rounding)
    return [f"exact: {exact}", f"rounding: once, to {document.minor_digits} decimals, {how}"]


def _part(document: Document, tax: Tax, part: TaxPart) -> str:
    money = document.currency
    if part.of is not None:
        return f"{part.amount} {money} of {part.of}, charged on these lines: tax on tax, as the table names it"
    text = f"{_lines(part)}: {part.amount} {money}"
    if part.telecom_percent not in (None, Decimal(100)):
        by_engine = tax.rounding in (None, "in_proportion")
        text += f" x {part.telecom_percent} % {'taxable, as the engine says' if by_engine else 'telecommunications'}"
    if part.interstate is not None:
        text += f" x {part.interstate_share} % interstate and international ({_METHOD.get(part.interstate, '')})"
    return text


def _lines(part: TaxPart) -> str:
    numbers = ", ".join(str(number) for number in part.lines)
    return f"line {numbers}" if len(part.lines) == 1 else f"lines {numbers}" if part.lines else "no line"


def _exempt(tax: Tax) -> list[str]:
    if tax.certificate_number:
        reason = f", {tax.exempt_reason}" if tax.exempt_reason else ""
        return [f"exempt: certificate {tax.certificate_number}{reason}"]
    if not _is_exempt(tax):
        return []
    text = [f"exempt: {tax.note or 'reverse charge'}"]
    if (check := tax.tax_id_check) is not None:
        text.append(
            f"VAT id: {check.tax_id}, checked {check.checked_at}, {check.result}, reference {check.reference or '-'}"
        )
    return text


def _is_exempt(tax: Tax) -> bool:
    return tax.certificate_number is not None or tax.exempt_amount != 0


def _taxable(tax: Tax) -> Decimal:
    return tax.base_amount + tax.exempt_amount


def _since(tax: Tax) -> str:
    return f", since {tax.valid_from}" if tax.valid_from else ""


def _basis(tax: Tax) -> str:
    return f", by {_BASIS[tax.date_basis]}" if tax.date_basis in _BASIS else ""


def _of_reversed(document: Document, tax: Tax) -> str:
    """Whose date it is, where the row gives back what an earlier document charged."""
    numbers = {number for part in tax.parts for number in part.lines}
    reversed_ = sorted({line.reverses for line in document.lines if line.reverses and line.line_no in numbers})
    return f" of {', '.join(reversed_)}, which is given back" if reversed_ else ""


def _short(number: Decimal) -> str:
    return f"{number.normalize():f}"


def tax_of_line(document: Document, line: Line) -> list[tuple[Tax, Decimal]]:
    """What of each row falls on one line: the cents of the row, told apart over its lines by largest remainder."""
    amounts = []
    for tax in document.taxes:
        weights = _weights(document, tax)
        if line.line_no in weights:
            numbers = sorted(weights)
            cents = shares(tax.amount, [weights[number] for number in numbers], document.minor_digits)
            amount = cents[numbers.index(line.line_no)]
            amounts.append((tax, rounded(amount, document.minor_digits)))
    return amounts


def _weights(document: Document, tax: Tax) -> dict[int, Decimal]:
    """line_no -> its taxable part; what was charged on the lines beside it is in proportion to that."""
    by_number = {line.line_no: line for line in document.lines}
    if tax.unit == "amount_per_line":
        return {n: by_number[n].line_count or Decimal(0) for part in tax.parts for n in part.lines}
    own = [part for part in tax.parts if part.of is None and _share(part) != 0]
    # Where nothing of a line itself is taxed, what other rows charge on it goes by its amount.
    parts = own or [part for part in tax.parts if part.of is not None]
    return {n: by_number[n].amount * _share(part) for part in parts for n in part.lines}


def _share(part: TaxPart) -> Decimal:
    telecom, _, interstate = shares_of(part)
    return telecom * interstate
