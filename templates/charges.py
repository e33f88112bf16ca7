"""The lines of a document as printed: by section, by billing group, with periods, quantities and prices in words."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from babel.support import Translations

from schemas.document import AllowanceUse, Document, Line
from schemas.product import SECTIONS
from templates.formats import Formats
from templates.languages import territory_name
from templates.words import SECTION_GROUPS, SECTION_HINTS, SECTION_TITLES, SHORT_HINTS

MOST_LINES = 400
"""More are counted and summed, but not printed: layout time grows faster than the rows."""

METER_WIDTH = 300

_ABROAD = ("international_minutes", "premium_minutes")
_TIMES = {"second": 1, "minute": 60}


@dataclass(frozen=True)
class Row:
    """A printed line. `destination` follows the description, `details` stand below it in small type."""

    description: str
    destination: str
    details: list[str]
    period: str
    quantity: str
    unit_price: str
    amount: str


@dataclass(frozen=True)
class Group:
    """Lines of one billing group; `name` is empty when the document has none, `subtotal` when it says nothing new."""

    name: str
    rows: list[Row]
    subtotal: str


@dataclass(frozen=True)
class SectionBlock:
    """A section: what it is called, what it holds in a few words, its groups, and the sum of all its lines."""

    key: str
    title: str
    hint: str
    groups: list[Group]
    subtotal: str


@dataclass(frozen=True)
class Meter:
    """One allowance. The texts say it all; `bar` is the accent part of the bar, 0 to METER_WIDTH.

    The whole bar is what is included or, when more was used, all that was used. `is_time`: minutes, not messages: the
    word beside them has their gender in some languages.
    """

    name: str
    pool: str
    period: str
    included: str
    used: str
    over: str
    left: str
    bar: int
    is_time: bool


class Charges:
    """Turns lines and allowances into what is printed, in one document's language and locale."""

    def __init__(self, document: Document, formats: Formats, texts: Translations) -> None:
        self.document = document
        self.formats = formats
        self._ = texts.gettext
        self.n_ = texts.ngettext

    def sections(self) -> tuple[list[SectionBlock], int]:
        """The printed sections in the catalogue's order, and how many lines were left out above MOST_LINES."""
        lines = sorted(self.document.lines, key=lambda line: (SECTIONS.index(line.section), line.line_no))
        printed = {line.line_no for line in lines[:MOST_LINES]}
        blocks = [
            self._section(section, [line for line in lines if line.section == section], printed)
            for section in SECTIONS
            if any(line.section == section for line in lines)
        ]
        return blocks, max(0, len(lines) - MOST_LINES)

    def summary(self) -> list[tuple[str, Decimal]]:
        """(group of sections, sum) for the first page; groups without lines are left out."""
        sums = []
        for group, sections in SECTION_GROUPS.items():
            amounts = [line.amount for line in self.document.lines if line.section in sections]
            if amounts:
                sums.append((group, sum(amounts, Decimal(0))))
        return sums

    def meters(self) -> list[Meter]:
        return [self._meter(use) for use in self.document.allowances]

    def _section(self, section: str, lines: list[Line], printed: set[int]) -> SectionBlock:
        names = list(dict.fromkeys(line.billing_group or "" for line in lines))
        groups = []
        for name in names:
            of_group = [line for line in lines if (line.billing_group or "") == name]
            rows = [self._row(line) for line in of_group if line.line_no in printed]
            title = name or (self._("Without a group") if len(names) > 1 else "")
            if rows:
                groups.append(Group(title, rows, self._sum(of_group) if len(names) > 1 else ""))
        return SectionBlock(section, self._(SECTION_TITLES[section]), self._hint(section), groups, self._sum(lines))

    def _hint(self, section: str) -> str:
        hint = SECTION_HINTS.get(section)
        if hint is None or self.document.kind != "invoice":
            return ""
        if section in SHORT_HINTS and section in self.document.internal_sections:
            return " ".join((self._(SHORT_HINTS[section]), self._("Calls between extensions count too.")))
        return self._(hint)

    def _sum(self, lines: Iterable[Line]) -> str:
        return self.formats.money(sum((line.amount for line in lines), Decimal(0)))

    def _row(self, line: Line) -> Row:
        return Row(
            description=line.description,
            destination=self._destination(line),
            details=self._details_of(line),
            period=self.formats.period(line.period_start, line.period_end),
            quantity=self._quantity_of(line),
            unit_price=self._price_of(line),
            amount=self.formats.money(line.amount),
        )

    def _details_of(self, line: Line) -> list[str]:
        """List price and discount (the amount is the net), what the discount is called, and what bounded the amount."""
        details = []
        if line.discount_amount:
            discount = self.formats.money(-line.discount_amount)
            if line.list_unit_price is not None:
                text = self._("List price %(price)s, discount %(discount)s")
                details.append(text % {"price": self.formats.price(line.list_unit_price), "discount": discount})
            else:
                list_amount = line.amount + line.discount_amount if line.list_amount is None else line.list_amount
                text = self._("List amount %(amount)s, discount %(discount)s")
                details.append(text % {"amount": self.formats.money(list_amount), "discount": discount})
        if line.discount_text:
            details.append(line.discount_text)
        if line.bounded_by is not None:
            bound = {"minimum": self._("Minimum charge"), "maximum": self._("Maximum charge")}
            details.append(bound[line.bounded_by])
        if line.reverses is not None:
            details.append(self._("Credit for %(number)s") % {"number": line.reverses})
        return details

    def _destination(self, line: Line) -> str:
        """Where calls went: as the deck names it, else the country. Nothing when the description says it already."""
        name = line.destination or ""
        at_home = line.section == "premium_minutes" and line.country == self.document.bill_to.country
        if not name and line.section in _ABROAD and not at_home:
            name = territory_name(line.country, self.formats.locale) if line.country else self._unplaced(line)
        return "" if name in line.description else name

    def _unplaced(self, line: Line) -> str:
        """Numbers of no country, such as satellites."""
        return self._("other destinations") if line.section == "international_minutes" else ""

    def _quantity_of(self, line: Line) -> str:
        if line.quantity is None:
            return line.fraction or ""
        # A price per user already names the unit; time and credits need theirs beside the number.
        text = self.units(line.quantity, line.unit if line.unit in (*_TIMES, "credit", "message") else None)
        return f"{text} × {line.fraction}" if line.fraction else text

    def _price_of(self, line: Line) -> str:
        if line.unit_price is None:
            return ""
        price = self.formats.price(line.unit_price)
        per = self._per(line.unit, line.per or 1)
        return f"{price} / {per}" if per else price

    def _per(self, unit: str | None, per: int) -> str:
        """What a price is for: 60 seconds are 'min', one credit 'credit', a thousand credits '1,000 credits'."""
        if unit in _TIMES:
            seconds = per * _TIMES[unit]
            if seconds == 60:
                return self._("min")
            return self._("s") if seconds == 1 else self.units(Decimal(seconds), "second")
        if per != 1:
            return self.units(Decimal(per), unit)
        if unit in (None, "", "unit"):
            return ""
        return {"credit": self._("credit"), "message": self._("message")}.get(unit, unit)

    def units(self, quantity: Decimal, unit: str | None) -> str:
        """A quantity with its unit: seconds as minutes and seconds, which is exact where decimals are not."""
        number = self.formats.number
        if unit == "minute":
            return f"{number(quantity)}\N{NO-BREAK SPACE}{self._('min')}"
        if unit == "second":
            sign = "-" if quantity < 0 else ""
            minutes, seconds = divmod(abs(quantity), 60)
            words = [f"{number(minutes)}\N{NO-BREAK SPACE}{self._('min')}"] if minutes or not seconds else []
            if seconds:
                words.append(f"{number(seconds)}\N{NO-BREAK SPACE}{self._('s')}")
            return sign + " ".join(words)
        if unit == "credit":
            return self._counted(self.n_("%(n)s credit", "%(n)s credits", _plural(quantity)), quantity)
        if unit == "message":
            return self._counted(self.n_("%(n)s message", "%(n)s messages", _plural(quantity)), quantity)
        return number(quantity) if unit in (None, "", "unit") else f"{number(quantity)} {unit}"

    def _counted(self, text: str, quantity: Decimal) -> str:
        return text % {"n": self.formats.number(quantity)}

    def _meter(self, use: AllowanceUse) -> Meter:
        within = min(use.used, use.granted)
        whole = max(use.used, use.granted, use.granted + use.over)
        return Meter(
            name=use.name,
            pool=use.pool or "",
            period=self.formats.month(use.usage_month),
            included=self.units(use.granted, use.unit),
            used=self.units(within, use.unit),
            over=self.units(use.over, use.unit) if use.over else "",
            left=self.units(use.granted - within, use.unit),
            bar=int(METER_WIDTH * within / whole) if whole > 0 else 0,
            is_time=use.unit in _TIMES,
        )


def _plural(quantity: Decimal) -> int:
    """The count that gettext's plural rules see; a fraction is never the singular."""
    return int(abs(quantity)) if quantity == int(quantity) else 2
