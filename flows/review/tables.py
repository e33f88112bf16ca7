"""What the review shows, table by table: titles, what each is for, how columns read. The SQL is in review.sql."""

from dataclasses import dataclass
from typing import Literal

from schemas.states import Outcome

Kind = Literal["text", "code", "word", "interval", "count", "seconds", "money", "change", "moves", "sums"]
"""How a cell is written: text as it is, `code` the same in a fixed font, `word` a code of ours as words, `interval` a
billing interval; money in the row's currency, `change` with its sign; `moves` what moved, by section; `sums` money in
several currencies."""


@dataclass(frozen=True)
class Column:
    """A column of a table: its name in the SQL, how it is written, its heading."""

    name: str
    kind: Kind
    heading: str

    @property
    def is_figure(self) -> bool:
        return self.kind in ("count", "seconds", "money", "change")


@dataclass(frozen=True)
class Spec:
    """A table of the review; `empty` is what stands there when it has no rows."""

    title: str
    about: str
    empty: str
    columns: tuple[Column, ...]
    is_quiet: bool = False
    """Whether to leave the table out when it is empty."""
    is_grouped: bool = False
    """Whether rows that share their first cell stand together."""


def _columns(text: str) -> tuple[Column, ...]:
    """`name kind Heading; ...`"""
    parts = (part.strip().split(maxsplit=2) for part in text.split(";"))
    return tuple(Column(name, kind, heading) for name, kind, heading in parts)  # type: ignore[arg-type]


TABLES: dict[str, Spec] = {
    "stops": Spec(
        "What stops the approval",
        "Files not taken in, gaps in what came, and figures far from their history. "
        "`tollbook approve --override TEXT` lets them through.",
        "Nothing.",
        _columns(
            "code word What; subject code About; detail text Found; reason text Let through because; by_name text By"
        ),
        is_quiet=True,
    ),
    "no_history": Spec(
        "Bounds without a history",
        "Nothing stops the approval here, because there is no earlier month to hold these figures against.",
        "Every bound has a history.",
        _columns("seller_id code Seller; currency code Currency; bound word Bound; accounts count Accounts"),
        is_quiet=True,
    ),
    "parked": Spec(
        "Parked accounts",
        "Left out of this month until mended; everyone else is billed.",
        "No account is parked.",
        _columns(
            "account_id code Account; name text Name; seller_id text Seller; reason text Why; remedy text What to do; "
            "previous_total money Last month"
        ),
    ),
    "totals": Spec(
        "Totals",
        "Per seller and currency, against last month.",
        "No document is drafted.",
        _columns(
            "seller_id text Seller; currency text Currency; documents count Documents; net money Net; "
            "recovery_fees money Recovery fees; taxes money Taxes; total money Total; previous_total money Last month; "
            "difference change Difference"
        ),
    ),
    "sections": Spec(
        "By section",
        "Net of the printed lines, against last month.",
        "No line.",
        _columns(
            "currency text Currency; section word Section; lines count Lines; total money This month; "
            "previous_total money Last month; difference change Difference"
        ),
        is_grouped=True,
    ),
    "bridge": Spec(
        "The recurring bridge",
        "From last month's recurring money to this month's: the ends as printed, the steps from the charges.",
        "No recurring charge in either month.",
        _columns(
            "seller_id text Seller; currency text Currency; previous money Last month; new change New; "
            "removed change Removed; quantity change Quantity; price change Price; not_due change Not due; "
            "not_billed change Not billed; proration change Proration; discount change Discount; "
            "rounding change Rounding; total money This month; residual money Residual"
        ),
    ),
    "uncharged": Spec(
        "Active without a charge",
        "Devices, numbers and subscriptions of billed accounts that no document charges for this month.",
        "None.",
        _columns(
            "account_id code Account; resource_kind word Kind; resource_id code Resource; product_code code Product; "
            "first_day text Since"
        ),
        is_quiet=True,
    ),
    "unfounded": Spec(
        "Charged without a resource",
        "Recurring charges of this month whose device, number or subscription no feed holds.",
        "None.",
        _columns(
            "account_id code Account; resource_kind word Kind; resource_id code Resource; product_code code Product; "
            "first_day text From"
        ),
        is_quiet=True,
    ),
    "taxes": Spec(
        "Taxes and recovery fees",
        "By code and jurisdiction. Recovery fees are the seller's own charge, not a tax of a government.",
        "No tax or fee.",
        _columns(
            "tax_code text Code; kind word Kind; jurisdiction text Jurisdiction; currency text Currency; "
            "entries count Rows; base money Base; exempt money Exempt; amount money Amount"
        ),
    ),
    "no_table": Spec(
        "Regions without a tax table",
        "No table names these regions, so nothing of theirs is charged: add one under catalog/taxes/, or say there "
        "that there is none to know (none: why).",
        "None.",
        _columns("jurisdiction text Jurisdiction; accounts count Accounts; currency text Currency; net money Net"),
        is_quiet=True,
    ),
    "own_rates": Spec(
        "Rates entered here",
        "In force on the first of the month or later, as `tollbook taxes set` wrote them.",
        "None.",
        _columns(
            "jurisdiction text Jurisdiction; tax_code text Code; valid_from text From; value text Value; "
            "reference text Where it stands; entered_by text Entered by; entered_on text On"
        ),
        is_quiet=True,
    ),
    "changes": Spec(
        "Biggest changes",
        "Accounts billed in both months, largest change first, with the sections that moved.",
        "No account changed.",
        _columns(
            "account_id code Account; name text Name; currency text Currency; previous_total money Last month; "
            "total money This month; difference change Difference; sections moves Where"
        ),
    ),
    "replaced": Spec(
        "Against the drafts that gave way",
        "What this run changed about the drafts it replaced, and why.",
        "Nothing changed.",
        _columns(
            "account_id code Account; currency text Currency; previous_total money Before; total money Now; "
            "difference change Difference; reason text Why; entries count Lines and taxes"
        ),
        is_quiet=True,
    ),
    "corrections": Spec(
        "Corrections",
        "Credit notes of issued documents and what stands in their place; adjustments, which add to what stands.",
        "None.",
        _columns(
            "account_id code Account; name text Name; invoice_number code Document; correction word How; "
            "corrects code Of; status word Status; currency text Currency; total money Total"
        ),
        is_quiet=True,
    ),
    "late": Spec(
        "Usage received late",
        "Of months before this one's, billed on this invoice as that month's usage.",
        "None.",
        _columns(
            "account_id code Account; usage_month text Usage of; kind word Kind; currency text Currency; "
            "records count Records; seconds seconds Answered time; amount money Amount; example code File"
        ),
        is_quiet=True,
    ),
    "written_off": Spec(
        "Written off",
        "Late usage older than its seller bills: what it would have cost, dearest first.",
        "None.",
        _columns(
            "account_id code Account; usage_month text Usage of; kind word Kind; currency text Currency; "
            "records count Records; seconds seconds Answered time; amount money Amount; example code File"
        ),
        is_quiet=True,
    ),
    "new_accounts": Spec(
        "New accounts",
        "Billed for the first time.",
        "None.",
        _columns(
            "account_id code Account; name text Name; seller_id text Seller; currency text Currency; total money Total"
        ),
    ),
    "ceased_accounts": Spec(
        "No longer billed",
        "Had a document last month and have none now.",
        "None.",
        _columns(
            "account_id code Account; name text Name; seller_id text Seller; currency text Currency; "
            "previous_total money Last month; outcome word Outcome now"
        ),
    ),
    "credits": Spec(
        "Credits and negative documents",
        "Credit notes, and lines that give money back.",
        "None.",
        _columns(
            "invoice_number code Document; account_id code Account; name text Name; what word What; "
            "detail text Detail; currency text Currency; amount money Amount"
        ),
    ),
    "findings": Spec(
        "Noticed, not billed",
        "Differences older than the look-back and the like: a person decides.",
        "None.",
        _columns("account_id code Account; kind word What; detail text Detail"),
    ),
    "renewals": Spec(
        "What renews in the next 60 days",
        "From the 1st of the invoice month on: terms that nobody has cancelled, and subscriptions by the year. The "
        "price is that of the renewal day as it is known now.",
        "Nothing renews.",
        _columns(
            "renews_on text Renews on; account_id code Account; name text Name; subscription_id code Subscription; "
            "product_code code Product; quantity text Quantity; renews_for interval For; unit_price money Price"
        ),
        is_quiet=True,
    ),
    "cancellations": Spec(
        "What was cancelled",
        "Known since the month before, and confirmed by one mail each that goes with this month's documents. Without a "
        "subscription it is the whole account.",
        "Nothing was cancelled.",
        _columns(
            "last_billed_on text Last billed day; account_id code Account; name text Name; "
            "subscription_id code Subscription; stated_on text Cancelled as of; mail word Mail"
        ),
        is_quiet=True,
    ),
    "files": Spec(
        "Files taken in",
        "Every record of a file is loaded, rejected or a duplicate.",
        "No file was taken in.",
        _columns(
            "feed text Feed; files count Files; records count Records; loaded count Loaded; rejected count Rejected; "
            "duplicate count Duplicate; refused count Files refused; rolled_back count Files rolled back"
        ),
    ),
    "usage": Spec(
        "What became of the usage",
        "Loaded = rated + suspended + excluded; pending is usage of a later month or newer than the last run.",
        "No usage was loaded.",
        _columns("feed text Feed; outcome word Outcome; records count Records; seconds seconds Answered time"),
        is_grouped=True,
    ),
    "endings": Spec(
        "Endings of calls that nobody knows",
        "Calls with seconds whose disposition is no word that we know; they are billed. Where it means that nobody "
        'answered, say so: values = { disposition = { "their word" = "no answer" } } in their source.',
        "None.",
        _columns("source text Source; word code Disposition; records count Records; seconds seconds Answered time"),
        is_quiet=True,
    ),
    "suspended": Spec(
        "Suspended usage",
        "Not billed yet, and never free: mend the cause, then run again.",
        "Nothing is suspended.",
        _columns(
            "feed text Feed; reason word Reason; records count Records; seconds seconds Answered time; "
            "accounts count Accounts; estimates sums Estimate; without_estimate count No estimate; "
            "example text Example; remedy text What to do"
        ),
    ),
    "suspended_numbers": Spec(
        "Whose usage is suspended",
        "The five commonest numbers of each reason: the number at fault, the other end of its first record, and where "
        "that stands.",
        "Nothing is suspended.",
        _columns(
            "feed text Feed; reason word Reason; direction word Direction; number code Number; records count Records; "
            "seconds seconds Answered time; extension code Extension; other_end code Other end; source_file code File; "
            "source_line count Line"
        ),
        is_quiet=True,
        is_grouped=True,
    ),
    "longest_calls": Spec(
        "The longest calls",
        "Longer than an hour. A call that its switch cut off has lost its end.",
        "None.",
        _columns(
            "account_id code Account; started text Started (UTC); direction word Direction; destination text Where to; "
            "seconds seconds Answered time; currency text Currency; amount money Amount; source_file code File; "
            "source_line count Line"
        ),
        is_quiet=True,
    ),
    "parallel_calls": Spec(
        "The most calls at once",
        "Of one extension, where there were more than two.",
        "None.",
        _columns("account_id code Account; extension code Extension; calls count At once; moment text From (UTC)"),
        is_quiet=True,
    ),
    "ageing": Spec(
        "How old the suspended usage is",
        "Days before the 1st of the invoice month. `tollbook replay` says what could be billed now.",
        "Nothing is suspended.",
        _columns(
            "feed text Feed; reason word Reason; age text Days old; records count Records; "
            "seconds seconds Answered time; accounts count Accounts; estimates sums Estimate; "
            "without_estimate count No estimate"
        ),
        is_quiet=True,
        is_grouped=True,
    ),
    "rejected": Spec(
        "Rejected records",
        "By file and column; the first one as an example.",
        "Nothing was rejected.",
        _columns(
            "source_file code File; column_name code Column; records count Records; first_line count First line; "
            "example text Example"
        ),
    ),
    "missing": Spec(
        "Missing from snapshots",
        "Rows an earlier file had and a later one lacks. They go on being billed until they carry an end date.",
        "None.",
        _columns("feed text Feed; source_file code File; missing count Rows; keys text Keys"),
        is_quiet=True,
    ),
    "erasing_due": Spec(
        "Due for erasing",
        "Accounts that left more than six months before this month and whose call detail is still whole.",
        "None.",
        _columns("account_id code Account; end_date text Last day; act code Act"),
        is_quiet=True,
    ),
}

OUTCOMES: dict[Outcome, str] = {
    "billed": "billed",
    "nothing_to_bill": "nothing to bill",
    "not_started": "not started",
    "closed": "closed",
    "parked": "parked",
    "excluded": "not in this run",
}
"""Outcomes of RULES 26 in the order in which they are shown, as words."""
