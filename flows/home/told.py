"""What is told to have left the house: by the journal, by what is legible of one, by snapshot and PDFs."""

from collections import Counter
from dataclasses import dataclass, field

from flows.home import audit
from flows.home.elsewhere import mails_elsewhere, numbers_elsewhere
from flows.home.journal import Journal, Line
from flows.home.settings import Home

Head = tuple[int, str]
"""seq and sha256 of an entry of the audit log."""


@dataclass
class Told:
    """What the journal tells, from where it was read."""

    head: Head | None = None
    numbers: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Number -> seller_id, sha256 of its document."""
    mails: dict[str, str | None] = field(default_factory=dict)
    """Key of a mail -> number of its document; None: it has none."""
    handed_over: Counter[str] = field(default_factory=Counter)
    """Key of a mail -> how often it was."""
    unsure: list[str] = field(default_factory=list)
    """Numbers since the last head: whether they were given, the books know."""

    def take(self, line: Line) -> None:
        match line["kind"]:
            case "head":
                # Books that had done nothing yet are known by nothing.
                self.head, self.unsure = (line["audit"][0], line["audit"][1]) if line["audit"][0] else None, []
            case "numbers":
                self.numbers |= {number: (line["seller_id"], sha256) for number, sha256 in line["documents"]}
                self.unsure += [number for number, _ in line["documents"]]
            case "mail":
                self.mails[line["key"]] = line["number"]
                self.handed_over[line["key"]] = max(self.handed_over[line["key"]] + 1, line.get("times", 0))
            case "void":
                for number in self.unsure:
                    self.numbers.pop(number, None)
                self.unsure = []
            case "loss":
                self.head, self.unsure = None, []


def told_elsewhere(home: Home) -> Told:
    """What lies about in a home tells, whatever its books and its journal say."""
    numbers = {number: (seller, "") for number, seller in numbers_elsewhere(home).items()}
    return Told(audit.head_beside(home), numbers, mails_elsewhere(home))


def told_legibly(journal: Journal) -> Told:
    """What can still be read of a journal that is not as it was written; nothing of it counts as not given."""
    told = Told()
    for line in journal.legible() if journal.path.exists() else ():
        told.take(line)
    told.unsure = []
    return told


def told_anyhow(home: Home) -> Told:
    """What is told of a home whose journal is gone or not as it was written."""
    elsewhere, legible = told_elsewhere(home), told_legibly(Journal(home.journal))
    heads = [head for head in (elsewhere.head, legible.head) if head]
    return Told(max(heads, default=None), elsewhere.numbers | legible.numbers, elsewhere.mails | legible.mails)
