"""Tables of the review: what the month comes to and what moved it."""

from flows.review.spec import Spec, columns

MONEY: dict[str, Spec] = {
    "totals": Spec(
        "Totals",
        "Per seller and currency, against last month.",
        "No document is drafted.",
        columns(
            "seller text Seller; currency text Currency; documents count Documents; net money Net; "
            "recovery_fees money Recovery fees; taxes money Taxes; total money Total; previous_total money Last month; "
            "difference change Difference"
        ),
        sheet="Totals",
        needs_earlier="columns",
        counts=None,
    ),
    "sections": Spec(
        "By section",
        "Net of the printed lines per seller, against last month.",
        "No line.",
        columns(
            "seller text Seller; currency text Currency; section word Section; lines count Lines; "
            "total money This month; previous_total money Last month; difference change Difference"
        ),
        sheet="Sections",
        is_grouped=True,
        needs_earlier="columns",
        counts=None,
    ),
    "changes": Spec(
        "Biggest changes",
        "Accounts billed in both months, largest change first: the sections that moved, and what moved them.",
        "No account changed.",
        columns(
            "account_id code Account; name text Name; currency text Currency; previous_total money Last month; "
            "total money This month; difference change Difference; sections moves Where; reasons text Why"
        ),
        sheet="Movers",
        needs_earlier="rows",
    ),
    "new_accounts": Spec(
        "New accounts",
        "Billed for the first time.",
        "None.",
        columns(
            "account_id code Account; name text Name; seller text Seller; currency text Currency; total money Total"
        ),
        sheet="New accounts",
        needs_earlier="rows",
        counts="account_id",
    ),
    "ceased_accounts": Spec(
        "No longer billed",
        "Had a document last month and have none now.",
        "None.",
        columns(
            "account_id code Account; name text Name; seller text Seller; currency text Currency; "
            "previous_total money Last month; outcome word Outcome now"
        ),
        sheet="No longer billed",
        needs_earlier="rows",
        counts="account_id",
    ),
    "bridge": Spec(
        "The recurring bridge",
        "From last month's recurring money to this month's: the ends as printed, the steps from the charges.",
        "No recurring charge in either month.",
        columns(
            "seller text Seller; currency text Currency; previous money Last month; new change New; "
            "removed change Removed; quantity change Quantity; price change Price; not_due change Not due; "
            "not_billed change Not billed; proration change Proration; discount change Discount; "
            "rounding change Rounding; total money This month; residual money Residual"
        ),
        sheet="Bridge",
        counts=None,
        is_upright=True,
    ),
    "late": Spec(
        "Usage received late",
        "Of months before this one's, billed on this invoice as that month's usage.",
        "None.",
        columns(
            "account_id code Account; usage_month text Usage of; kind word Kind; currency text Currency; "
            "records count Records; seconds seconds Answered time; amount money Amount; example code File"
        ),
        sheet="Late usage",
        counts="+records",
        is_quiet=True,
    ),
    "written_off": Spec(
        "Written off",
        "Late usage older than its seller bills: what it would have cost, dearest first.",
        "None.",
        columns(
            "account_id code Account; usage_month text Usage of; kind word Kind; currency text Currency; "
            "records count Records; seconds seconds Answered time; amount money Amount; example code File"
        ),
        sheet="Written off",
        counts="+records",
        is_quiet=True,
    ),
    "renewals": Spec(
        "What renews in the next 60 days",
        "From the 1st of the invoice month on: terms that nobody has cancelled, and subscriptions by the year. The "
        "price is that of the renewal day as it is known now.",
        "Nothing renews.",
        columns(
            "renews_on day Renews on; account_id code Account; name text Name; subscription_id code Subscription; "
            "product_code code Product; quantity number Quantity; renews_for interval For; unit_price money Price"
        ),
        sheet="Renewals",
        is_quiet=True,
    ),
    "cancellations": Spec(
        "What was cancelled",
        "Known since the month before, and confirmed by one mail each that goes with this month's documents. Without a "
        "subscription it is the whole account.",
        "Nothing was cancelled.",
        columns(
            "last_billed_on day Last billed day; account_id code Account; name text Name; "
            "subscription_id code Subscription; stated_on day Cancelled as of; mail word Mail"
        ),
        sheet="Cancellations",
        is_quiet=True,
    ),
}
