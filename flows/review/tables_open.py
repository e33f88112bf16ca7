"""Tables of the review: what is left to do before a month is closed, each with what mends it."""

from flows.review.spec import Spec, columns

OPEN: dict[str, Spec] = {
    "stops": Spec(
        "What stops the approval",
        "Files not taken in, gaps in what came, and figures far from their history. "
        "`tollbook approve --override TEXT` lets them through.",
        "Nothing.",
        columns(
            "code word What; about code About; seller text Seller; detail text Found; remedy text What to do; "
            "reason text Let through because; by_name text By"
        ),
        sheet="",
        is_quiet=True,
    ),
    "refused_files": Spec(
        "Files refused",
        "Refused whole, so nothing of them is billed, and still there. A file that is taken in, or taken away, leaves "
        "this list.",
        "No file is refused.",
        columns(
            "source_file code File; feed text Feed; refused_since day Since; detail text Found; remedy text What to do"
        ),
        sheet="Refused files",
        is_quiet=True,
    ),
    "parked": Spec(
        "Parked accounts",
        "Left out of this month until mended; everyone else is billed.",
        "No account is parked.",
        columns(
            "account_id code Account; name text Name; seller text Seller; reason text Why; remedy text What to do; "
            "previous_total money Last month"
        ),
        sheet="",
        needs_earlier="columns",
        counts="account_id",
    ),
    "suspended": Spec(
        "Suspended usage",
        "Not billed yet, and never free: mend the cause, then run again. An estimate is rough: at the average price of "
        "what the account was charged for, whatever was called.",
        "Nothing is suspended.",
        columns(
            "feed text Feed; reason word Reason; records count Records; seconds seconds Answered time; "
            "accounts count Accounts; estimates sums Estimate; without_estimate count No estimate; "
            "example text Example; remedy text What to do"
        ),
        sheet="Suspended",
        counts="+records",
    ),
    "suspended_numbers": Spec(
        "Whose usage is suspended",
        "The five commonest numbers of each reason: the number at fault, the other end of its first record, and where "
        "that stands.",
        "Nothing is suspended.",
        columns(
            "feed text Feed; reason word Reason; direction word Direction; number code Number; records count Records; "
            "seconds seconds Answered time; extension code Extension; other_end code Other end; source_file code File; "
            "source_line count Line"
        ),
        sheet="Suspended numbers",
        counts="number",
        is_quiet=True,
        is_grouped=True,
    ),
    "ageing": Spec(
        "How old the suspended usage is",
        "Days before the 1st of the invoice month. `tollbook replay` says what could be billed now.",
        "Nothing is suspended.",
        columns(
            "feed text Feed; reason word Reason; age text Days old; records count Records; "
            "seconds seconds Answered time; accounts count Accounts; estimates sums Estimate; "
            "without_estimate count No estimate"
        ),
        sheet="Age of suspended",
        counts="+records",
        is_quiet=True,
        is_grouped=True,
    ),
    "no_table": Spec(
        "Regions without a tax table",
        "No table names these regions, so nothing of theirs is charged: add one under catalog/taxes/, or say there "
        "that there is none to know (none: why).",
        "None.",
        columns("jurisdiction text Jurisdiction; accounts count Accounts; currency text Currency; net money Net"),
        sheet="No tax table",
        counts="jurisdiction",
        is_quiet=True,
    ),
    "sample_rates": Spec(
        "Rates that nobody has looked up",
        "Taxes and fees of this month whose table is a sample: the shape of the law, with a rate that stands nowhere. "
        "`tollbook taxes coverage` lists all of them.",
        "None.",
        columns(
            "seller text Seller; jurisdiction text Jurisdiction; tax_code text Code; entries count Rows; "
            "currency text Currency; amount money Amount; remedy text What to do"
        ),
        sheet="Sample rates",
    ),
    "uncharged": Spec(
        "Active without a charge",
        "Devices, numbers and subscriptions of billed accounts that no document charges for this month.",
        "None.",
        columns(
            "account_id code Account; resource_kind word Kind; resource_id code Resource; product_code code Product; "
            "first_day text Since"
        ),
        sheet="Not charged",
        is_quiet=True,
    ),
    "unfounded": Spec(
        "Charged without a resource",
        "Recurring charges of this month whose device, number or subscription no feed holds.",
        "None.",
        columns(
            "account_id code Account; resource_kind word Kind; resource_id code Resource; product_code code Product; "
            "first_day text From"
        ),
        sheet="No resource",
        is_quiet=True,
    ),
    "findings": Spec(
        "Noticed, not billed",
        "Differences older than the look-back and the like: a person decides.",
        "None.",
        columns("account_id code Account; kind word What; detail text Detail"),
        sheet="Noticed",
    ),
    "missing": Spec(
        "Missing from snapshots",
        "Rows an earlier file had and a later one lacks. They go on being billed until they carry an end date.",
        "None.",
        columns("feed text Feed; source_file code File; missing count Rows; keys text Keys"),
        sheet="Missing rows",
        counts="+missing",
        is_quiet=True,
    ),
    "rejected": Spec(
        "Rejected records",
        "Of files that are loaded, by file and column; the first one as an example. A record with two columns at fault "
        "stands in two rows; the contents count it once.",
        "Nothing was rejected.",
        columns(
            "source_file code File; column_name code Column; records count Records; first_line count First line; "
            "example text Example"
        ),
        sheet="Rejected lines",
        counts="+records",
    ),
    "endings": Spec(
        "Endings of calls that nobody knows",
        "Calls with seconds whose disposition is no word that we know; they are billed. Where it means that nobody "
        'answered, say so: values = { disposition = { "their word" = "no answer" } } in their source.',
        "None.",
        columns("source text Source; word code Disposition; records count Records; seconds seconds Answered time"),
        sheet="Unknown endings",
        counts="+records",
        is_quiet=True,
    ),
    "no_history": Spec(
        "Bounds without a history",
        "Nothing stops the approval here, because there is no earlier month to hold these figures against.",
        "Every bound has a history.",
        columns("seller text Seller; currency code Currency; bound word Bound; accounts count Accounts"),
        sheet="No history",
        is_quiet=True,
    ),
    "examples": Spec(
        "Sellers with example values",
        "What `tollbook init` wrote and documents print: nobody's bank, address and tax numbers. It stops nothing.",
        "None.",
        columns("seller text Seller; keys text Keys in tollbook.toml; remedy text What to do"),
        sheet="Example values",
        is_quiet=True,
    ),
    "erasing_due": Spec(
        "Due for erasing",
        "Accounts that left more than six months before this month and whose call detail is still whole.",
        "None.",
        columns("account_id code Account; end_date text Last day; act code Act"),
        sheet="Due for erasing",
        counts="account_id",
        is_quiet=True,
    ),
}
