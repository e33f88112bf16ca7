"""Two invoice months of a home as the rules have them: lines, taxes, and what became of each usage record."""

from pathlib import Path
from typing import NamedTuple

from tests.properties.month.charge import Books
from tests.properties.month.days import first, shift
from tests.properties.month.draws import Rated, rated, usage_charges
from tests.properties.month.facts import Rows, accounts, known
from tests.properties.month.given_back import given_back
from tests.properties.month.late import late_charges
from tests.properties.month.lines import Line, lines
from tests.properties.month.once import Held, once
from tests.properties.month.owed import seen_on
from tests.properties.month.recurring import Held as HeldDays
from tests.properties.month.recurring import charges, earlier, held, owed_by, with_held
from tests.properties.month.shelf import Shelf, read_shelf
from tests.properties.month.taxes import TaxRow, taxes
from tests.properties.month.usage import Directory, Record, records


class Bill(NamedTuple):
    """A document."""

    lines: list[Line]
    taxes: list[TaxRow]


class Month(NamedTuple):
    """account -> its document, where there is one; and every usage record. settled: ids of rated records of a month
    that a document holds already, told by that month."""

    bills: dict[str, Bill]
    records: list[Record]
    rated: dict[str, Rated]
    settled: set[str]


class Memory:
    """What one account's first document leaves for the second."""

    def __init__(self) -> None:
        self.held: Held = {}
        self.given: dict[str, int] = {}
        self.billed: HeldDays | None = None
        self.usage: list[Rated] = []
        self.usage_lines: list[Line] = []
        self.bill: Bill | None = None
        self.books: Books | None = None


def two_months(home: Path, files: tuple[Rows, Rows]) -> tuple[Month, Month]:
    """What the two months come to; `files` are what is taken in before each."""
    shelf = read_shelf(home)
    memory: dict[str, Memory] = {}
    first_month = shelf.first_month
    return (
        _month(shelf, known(files[0]), first_month, memory),
        _month(shelf, known(*files), shift(first_month, 1), memory),
    )


def _month(shelf: Shelf, rows: Rows, month: str, memory: dict[str, Memory]) -> Month:
    everybody = accounts(rows)
    found = records(shelf, rows, Directory(rows, everybody), month)
    bills: dict[str, Bill] = {}
    settled = {one.record.id for of_account in memory.values() for one in of_account.usage}
    all_rated: dict[str, Rated] = {}
    for id_, account in everybody.items():
        mine = [record for record in found if record.account == id_ and record.outcome == "rated"]
        bill, of_account = _bill(Books(shelf, rows, account), month, mine, memory.setdefault(id_, Memory()))
        all_rated |= of_account
        if bill is not None:
            bills[id_] = bill
    return Month(bills, found, all_rated, settled)


def _bill(books: Books, month: str, mine: list[Record], memory: Memory) -> tuple[Bill | None, dict[str, Rated]]:
    usage_month = shift(month, -1)
    used = {
        m: rated(books, [r for r in mine if r.month == m], m) for m in sorted({r.month for r in mine} | {usage_month})
    }
    of_account = {one.record.id: one for of_month in used.values() for one in of_month}
    if seen_on(books.shelf, books.account, month) is None:
        return None, of_account
    before, lacking = earlier(books)
    if memory.billed is not None:
        before, lacking = with_held(before, memory.billed), []
    now = owed_by(books, month)
    owed = [*lacking, *charges(books, before, now), *once(books, month, memory.held)]
    usage = list(usage_charges(books, used[usage_month], usage_month))
    usage += late_charges(books, used.get(shift(month, -2), []), shift(month, -2), memory)
    printed = lines(books, [*owed, *usage], memory.given)
    memory.billed = held(before, now)
    memory.usage = used[usage_month]
    if not printed:
        return None, of_account
    back = [line for line in printed if line.reverses]
    on = first(month)
    rows = taxes(books, [line for line in printed if not line.reverses], on)
    if back and memory.bill is not None and memory.books is not None:
        rows += given_back(memory.books, back, memory.bill.lines, memory.bill.taxes, first(shift(month, -1)))
    bill = Bill(printed, rows)
    memory.bill, memory.books = bill, books
    return bill, of_account


def totals(month: Month) -> tuple[int, int, int, int]:
    """Documents, lines, tax rows and usage records of a month."""
    bills = month.bills.values()
    records = sum(record.id not in month.settled for record in month.records)
    return len(bills), sum(len(b.lines) for b in bills), sum(len(b.taxes) for b in bills), records
