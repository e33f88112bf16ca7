"""The customer's own number in SQL, as rating.ends.near_number has it, over a row of a feed of usage."""

_PAYS = r"direction = 'outbound' and regexp_matches(charged_number, '^([+][1-9][0-9]{6,14}|[0-9]{2,6})$')"

CALLER = {"calls": f"case when {_PAYS} then charged_number else from_number end", "messages": "from_number"}
"""Feed -> the number that calls; of a forwarded call the one that its source says pays (RULES 16)."""

NEAR_NUMBER = {
    feed: f"case when direction = 'inbound' then to_number else {caller} end" for feed, caller in CALLER.items()
}
"""Feed -> the number at our customer's end."""
