"""What a line of usage is made of: parts of calls and messages, and how they come to what is printed (RULES 12, 13).

A month whose usage came late, or was corrected, stands on several documents. Each holds what the whole month comes to,
rounded once, less what other lines print of it: the records of one line alone, rounded, may be a cent off it.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from flows.books.shown_numbers import hides_numbers, shown_number
from flows.home.store import Store
from schemas.counts import count_of
from schemas.document import Document, Line
from schemas.money import rounded

_RECORD = ("started_at", "from_number", "to_number", "destination", "duration_s")
_PART = ("usage_id", "component", "units", "price", "per", "rate_id", "allowance_id", "amount_num", "amount_den")
_THIS = "run_id = $run and draft_id = $draft and line_no = $line"

_OTHERS = f"""
    with this as (
        select account_id, charge_key, billing_group, (select run_seq from runs where run_id = $run) as run_seq
        from invoice_lines where {_THIS}),
    earlier as (
        select i.invoice_number, i.run_id, i.draft_id, d.correction, r.run_seq
        from issued_documents as i join documents as d on d.run_id = i.run_id and d.draft_id = i.draft_id
        join runs as r on r.run_id = i.run_id
        where i.account_id = (select account_id from this) and r.run_seq < (select run_seq from this)),
    -- By an earlier document, or by one that came together with this line's.
    taken_back as (
        select d.corrects as invoice_number from documents as d
        where d.correction = 'reversal' and (d.run_id = $run
            or exists (select 1 from earlier as e where e.run_id = d.run_id and e.draft_id = d.draft_id)))
    select e.invoice_number, l.run_id, l.draft_id, l.line_no, l.list_amount
    from this as t join invoice_lines as l on l.account_id = t.account_id and l.charge_key = t.charge_key
        and l.billing_group is not distinct from t.billing_group and l.charge_type = 'usage'
    left join earlier as e on e.run_id = l.run_id and e.draft_id = l.draft_id
    where (l.run_id = $run and l.draft_id = $draft and l.line_no <> $line) or (
        e.invoice_number is not null and e.correction is distinct from 'reversal'
        and e.invoice_number not in (select invoice_number from taken_back))
    order by e.run_seq nulls last, e.invoice_number, l.line_no"""


@dataclass(frozen=True)
class Place:
    """Where the rows of a line lie in the working database."""

    run_id: str
    draft_id: str
    line_no: int

    @property
    def values(self) -> dict[str, Any]:
        return {"run": self.run_id, "draft": self.draft_id, "line": self.line_no}


@dataclass(frozen=True)
class OtherLine:
    """Another line that holds usage of the same month, product and group: as printed, and exact. `invoice_number`: of
    an earlier document; None: it stands on the same one, as an adjustment's lines do that give back and charge anew."""

    invoice_number: str | None
    line_no: int
    list_amount: Decimal
    exact: Fraction

    @property
    def where(self) -> str:
        before = f"billed before on {self.invoice_number}" if self.invoice_number else "also on this document"
        return f"{before} line {self.line_no}"

    def as_json(self) -> dict[str, Any]:
        return {
            "invoice_number": self.invoice_number,
            "line_no": self.line_no,
            "list_amount": self.list_amount,
            "amount_num": self.exact.numerator,
            "amount_den": self.exact.denominator,
        }


def parts_of(store: Store, place: Place) -> list[dict[str, Any]]:
    """The parts of a line's usage, each with the call or message it is of: when, both ends, where to, how long."""
    rows = store.rows(
        f"select {', '.join(_PART)} from line_usage where {_THIS} order by usage_id, component", place.values
    )
    hides = hides_numbers(store.home)
    names = [f"{shown_number(name, hides=hides)} as {name}" if name.endswith("_number") else name for name in _RECORD]
    records = store.rows(
        f"select usage_id, {', '.join(names)} from rated_usage where usage_no in "
        f"(select usage_no from line_usage where {_THIS}) "
        "qualify row_number() over (partition by usage_id order by run_id = $run desc) = 1",
        place.values,
    )
    known = {usage_id: dict(zip(_RECORD, record, strict=True)) for usage_id, *record in records}
    parts = [dict(zip(_PART, row, strict=True)) for row in rows]
    return [part | known.get(part["usage_id"], dict.fromkeys(_RECORD)) for part in parts]


def part_told(part: dict[str, Any]) -> str:
    """A part in one line: units, price, amount, rate, and the call or message that it is of."""
    amount = _short(Fraction(part["amount_num"]) / part["amount_den"])
    allowance = f", allowance {part['allowance_id']}" if part["allowance_id"] else ""
    price = f"{part['price'].normalize():f} per {part['per']}"
    how = f"{part['usage_id']} {part['component']}: {part['units']} x {price} = {amount}, {part['rate_id']}{allowance}"
    return f"{how}; {_record_told(part)}" if part["started_at"] else how


def _record_told(part: dict[str, Any]) -> str:
    ends = f"{part['from_number'] or '-'} -> {part['to_number'] or '-'}"
    told = [f"{part['started_at']:%Y-%m-%dT%H:%M:%SZ} {ends}", part["destination"] or ""]
    told += [f"{part['duration_s']} s"] if part["duration_s"] is not None else []
    return ", ".join(filter(None, told))


def other_lines(store: Store, place: Place) -> list[OtherLine]:
    """Lines of earlier documents, as they stood when this line was made, and of its own that hold what it holds."""
    return [
        OtherLine(number, line, amount, exact_sum(_amounts_of(store, Place(run_id, draft_id, line))))
        for number, run_id, draft_id, line, amount in store.rows(_OTHERS, place.values)
    ]


def _amounts_of(store: Store, place: Place) -> list[tuple[Decimal, int]]:
    """amount_num and amount_den of a line's parts, added up by denominator."""
    return store.rows(
        f"select sum(amount_num), amount_den from line_usage where {_THIS} group by amount_den", place.values
    )


def exact_sum(pairs: list[tuple[Decimal, int]]) -> Fraction:
    """The sum of amount_num / amount_den."""
    return sum((Fraction(num) / den for num, den in pairs), Fraction(0))


def usage_sum(document: Document, line: Line, parts: list[dict[str, Any]], others: list[OtherLine]) -> list[str]:
    """How the parts come to the line at its list price, a thought a line."""
    digits, money = document.minor_digits, document.currency
    exact = exact_sum([(part["amount_num"], part["amount_den"]) for part in parts])
    number = count_of(len(parts), "part")
    if document.correction == "reversal":
        as_charged = f"given back as {document.corrects} charged it, rounded once, half up: {line.list_amount} {money}"
        return [f"sum of {number}: {told_exactly(exact)}, {as_charged}"]
    if not others:
        return [sum_told(exact, number, document)]
    whole = exact + sum((it.exact for it in others), Fraction(0))
    printed = rounded(sum((it.list_amount for it in others), Decimal(0)), digits)
    # What is printed is whole cents: it is taken off after the rounding, as it was when the line was made.
    left = rounded(whole, digits) - printed
    return [
        f"sum of {number}: {told_exactly(exact)}",
        *(
            f"{it.where}: parts {told_exactly(it.exact)}, printed {rounded(it.list_amount, digits)} {money}"
            for it in others
        ),
        f"together: {told_exactly(whole)}, less {printed} printed there, rounded once, half up: {left} {money}",
    ]


def sum_told(exact: Fraction, number: str, document: Document) -> str:
    """The exact sum and its one rounding (RULES 12)."""
    printed = rounded(exact, document.minor_digits)
    return f"sum of {number}: {told_exactly(exact)}, rounded once, half up: {printed} {document.currency}"


def told_exactly(amount: Fraction) -> str:
    """`= 0.155`, or `about 0.333333333333` where no finite decimal says it."""
    shown = rounded(amount, 12).normalize()
    return f"{'=' if Fraction(shown) == amount else 'about'} {shown:f}"


def _short(amount: Fraction) -> str:
    return f"{rounded(amount, 12).normalize():f}"
