"""The review of a month as the books stand: the written one for as long as it holds, else made anew."""

from typing import TYPE_CHECKING

from flows.home.settings import Home, Settings
from flows.review.latest import WrittenReview, still_holding

if TYPE_CHECKING:
    from flows.review.page import Review


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
