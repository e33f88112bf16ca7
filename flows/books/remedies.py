"""What to do about a parked account."""

_REMEDIES = (
    ("set aside by", "It waits until somebody lets it go."),
    (
        "failed:",
        "The program met what it does not know: report the reason. What mends the account's data mends this too.",
    ),
    ("postal code", "Correct region or postal_code in feed accounts (or locations)."),
    ("the document lacks", "Complete the seller in tollbook.toml, the account, or catalog/fx.csv, as the reason says."),
    ("usf method", "Choose usf_method of the seller in tollbook.toml."),
    ("price", "Give the product a price in the account's currency: catalogue, plan or feed prices."),
    ("tax", "Add the tax table or quarter under catalog/taxes/."),
    ("rate", "Add the rate to the tax table or deck named."),
    ("plan", "Name a plan of the catalogue in feed accounts."),
    ("product", "Add the product to the catalogue, or correct the code in the feed."),
    ("free_months", "Make billing_start_date and free_months agree in feed accounts."),
    ("free months", "Make billing_start_date and free_months agree in feed accounts."),
    ("zone", "Correct time_zone in feed accounts; it may change on a 1st only."),
    ("seller", "Add the seller to tollbook.toml, or correct seller_id in feed accounts."),
)


def remedy(reason: str | None, month: str, account_id: str) -> str:
    """What to do about a parked account: the cause's cure where the reason names one, and the command that bills it."""
    words = (reason or "").lower()
    cure = next((cure for key, cure in _REMEDIES if key in words), "Mend what the reason names.")
    return f"{cure} Then `tollbook run {month}` bills {account_id}."
