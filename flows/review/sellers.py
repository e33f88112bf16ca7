"""What sellers are called in the review: by their names everywhere, with their ids where two share one."""

from collections import Counter

from flows.home.settings import Settings
from flows.review.cells import Rows


def seller_names(settings: Settings) -> dict[str, str]:
    """seller_id -> its name as a reader tells it from the others'."""
    names = {seller_id: seller.name for seller_id, seller in settings.sellers.items()}
    shared = {name for name, sellers in Counter(names.values()).items() if sellers > 1}
    return {seller_id: f"{name} ({seller_id})" if name in shared else name for seller_id, name in names.items()}


def with_sellers(rows: Rows, names: dict[str, str]) -> Rows:
    """The rows, each that has a seller_id with its `seller` beside it; one that the settings lack keeps its id."""
    return [
        {**row, "seller": names.get(row["seller_id"], row["seller_id"])} if "seller_id" in row else row for row in rows
    ]
