"""Tables of the review: what is owed to governments, and what came in and what became of it."""

from flows.review.spec import Spec, columns

TAXES: dict[str, Spec] = {
    "taxes": Spec(
        "Taxes and recovery fees",
        "What each seller owes where, by code and rate, with its bases. "
        "Recovery fees are the seller's own charge, not a tax of a government.",
        "No tax or fee.",
        columns(
            "seller text Seller; jurisdiction text Jurisdiction; tax_code text Code; kind word Kind; "
            "rate_percent number Rate %; rate_amount number Per line; currency text Currency; "
            "entries count Rows; base money Base; exempt money Exempt; amount money Amount"
        ),
        sheet="Taxes",
        is_grouped=True,
        counts=None,
    ),
    "own_rates": Spec(
        "Rates entered here",
        "In force on the first of the month or later, as `tollbook taxes set` wrote them.",
        "None.",
        columns(
            "jurisdiction text Jurisdiction; tax_code text Code; valid_from day From; value text Value; "
            "reference text Where it stands; entered_by text Entered by; entered_on day On"
        ),
        sheet="Rates entered here",
        is_quiet=True,
    ),
}

USAGE: dict[str, Spec] = {
    "usage": Spec(
        "What became of the usage",
        "Loaded = rated + suspended + excluded; pending is usage of a later month or newer than the last run.",
        "No usage was loaded.",
        columns("feed text Feed; outcome word Outcome; records count Records; seconds seconds Answered time"),
        sheet="Usage",
        is_grouped=True,
        counts=None,
    ),
    "excluded": Spec(
        "Usage that is excluded",
        "Not billed with this month, and that is right: the excluded part of what became of the usage, by reason.",
        "Nothing is excluded.",
        columns(
            "feed text Feed; reason word Reason; meaning text What it means; records count Records; "
            "seconds seconds Answered time; accounts count Accounts"
        ),
        sheet="Excluded",
        is_grouped=True,
        counts="+records",
    ),
    "files": Spec(
        "Files taken in",
        "Every record of a file is loaded, rejected or a duplicate. Files that were refused or rolled back are counted "
        "apart, without their records.",
        "No file was taken in.",
        columns(
            "feed text Feed; files count Files; records count Records; loaded count Loaded; rejected count Rejected; "
            "duplicate count Duplicate; refused count Files refused; rolled_back count Files rolled back"
        ),
        sheet="Files",
        counts="+files",
    ),
    "longest_calls": Spec(
        "The longest calls",
        "Longer than an hour. A call that its switch cut off has lost its end.",
        "None.",
        columns(
            "account_id code Account; started text Started (UTC); direction word Direction; destination text Where to; "
            "seconds seconds Answered time; currency text Currency; amount money Amount; source_file code File; "
            "source_line count Line"
        ),
        sheet="Longest calls",
        is_quiet=True,
    ),
    "parallel_calls": Spec(
        "The most calls at once",
        "Of one extension, where there were more than two.",
        "None.",
        columns("account_id code Account; extension code Extension; calls count At once; moment text From (UTC)"),
        sheet="Calls at once",
        is_quiet=True,
    ),
}
