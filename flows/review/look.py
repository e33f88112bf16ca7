"""The review of a month as the books stand: the written one for as long as it holds, else made anew; after an act."""

from typing import TYPE_CHECKING

from flows.home.settings import Home, Settings
from flows.review.latest import WrittenReview, still_holding
from schemas.errors import TollbookError

if TYPE_CHECKING:
    from flows.home.store import Store
    from flows.review.report import Review


def latest_review(home: Home, settings: Settings, month: str) -> "Review | WrittenReview":
    """The review of a month as the books stand: the written one where it still holds, else made anew.

    The home's lock must be held. Raises Refused when no run of the month stands.
    """
    if (written := still_holding(home, settings, month)) is not None:
        return written
    from flows.home.store import Store
    from flows.review.page import review

    with Store(home, settings.run.memory_limit_mb) as store:
        return review(store, settings, month)


def renewed(store: "Store", settings: Settings, month: str) -> None:
    """After an act on a month: its review as it reads now, and with it the snapshot.

    What was done stays done: where the review cannot be made, of a month of which no run stands or while the catalogue
    is being mended, the snapshot is published alone, and `tollbook review` says why.
    """
    from flows.books.publish import publish
    from flows.review.page import review

    try:
        review(store, settings, month)
    except TollbookError:
        publish(store)
