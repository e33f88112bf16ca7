"""Rows of master data that were refused: their accounts would be billed without them (RULES 24)."""

from collections import defaultdict
from collections.abc import Iterator

from flows.home.settings import Settings
from flows.home.store import Store
from flows.review.stops import Stop
from schemas.feed import Feed
from schemas.feeds import FEEDS

LISTED = 200
"""Accounts that stop an approval one by one; the others are counted."""
SHOWN = 3
"""Rows of one account that are named; the others are counted."""

_BILLED = [feed for feed in FEEDS.values() if not (feed.is_usage or feed.is_control) and feed.name != "payments"]
"""Feeds that decide what is billed; a payment is told on an invoice and changes no sum of it."""

_REFUSED = """
    select r.row_key ->> '$.account_id' as account, r.row_key ->> '$.seller_id' as own_seller, r.source_file,
        r.source_line, r.column_name
    from rejected_records as r
    join source_files as s on s.sha256 = r.sha256 and s.feed = r.feed and s.source_file = r.source_file
    where r.feed = '{feed}' and s.state = 'loaded' and r.row_key is not null
        -- Mended: the file was taken in again under its name, or the row came with a later one.
        and not exists (select 1 from source_files as n where n.source_file = s.source_file and n.state = 'loaded'
            and n.file_seq > s.file_seq)
        and not exists (select 1 from feed_{feed} as f where f.file_seq > s.file_seq and ({same}))
    order by account nulls last, r.source_file, r.source_line, r.column_name"""


def refused_rows(store: Store, settings: Settings, month: str) -> Iterator[Stop]:
    """A stop for each account with a refused row that nobody mended, or let through for an earlier month."""
    rows: dict[tuple[str | None, str], list[str]] = defaultdict(list)
    sellers = dict(store.rows("select account_id, any_value(seller_id) from feed_accounts group by account_id"))
    of_sellers: dict[tuple[str | None, str], str | None] = {}
    for feed in _BILLED:
        for account, own_seller, file, line, column in store.rows(_REFUSED.format(feed=feed.name, same=_same(feed))):
            subject = (account, account if account is not None else file)
            rows[subject].append(f"{file}, line {line}" + (f" ({column})" if column else ""))
            seller = sellers.get(account, own_seller)
            of_sellers[subject] = seller if seller in settings.sellers else None
    said = {
        (subject, detail)
        for subject, detail in store.rows(
            "select subject, detail from stop_overrides where code = 'refused_row' and invoice_month < $1", [month]
        )
    }
    stops = [Stop("refused_row", key[1], _told(key[0], refused), of_sellers[key]) for key, refused in rows.items()]
    waiting = sorted((stop for stop in stops if (stop.subject, stop.detail) not in said), key=lambda stop: stop.subject)
    yield from waiting[:LISTED]
    if len(waiting) > LISTED:
        yield Stop("refused_row", "accounts", f"{len(waiting) - LISTED} more; see rejected_records in the snapshot")


def _same(feed: Feed) -> str:
    """Whether a loaded row `f` is the one that was refused, as far as that says which it was."""
    kinds = {column.name: column.kind for column in feed.columns}
    names = [name for name in dict.fromkeys(("account_id", *feed.key)) if kinds.get(name, "instant") != "instant"]
    said = {name: f"r.row_key ->> '$.{name}'" for name in names}
    agree = [f"({cell} is null or {cell} = f.{name}::varchar)" for name, cell in said.items()]
    return f"coalesce({', '.join(said.values())}) is not null and {' and '.join(agree)}"


def _told(account: str | None, places: list[str]) -> str:
    listed = "; ".join(places[:SHOWN]) + (f"; and {len(places) - SHOWN} more" if len(places) > SHOWN else "")
    whose = "" if account is not None else ", which do not say of which account"
    count = "1 row of master data was" if len(places) == 1 else f"{len(places)} rows of master data were"
    return f"{count} refused{whose}: {listed}. Send what is right in a file, or take that file in again"
