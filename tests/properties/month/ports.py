"""Numbers that move from one invented account to another at an instant, with calls just before and after."""

from tests.properties.month.customers import Customer


def port(giver: Customer, taker: Customer) -> None:
    """A number of the giver that nothing else happens to, at noon by the clock of Greenwich."""
    mine = [
        row for row in giver.files[0]["numbers"] if row["account_id"] == giver.id and row["number_type"] == "standard"
    ]
    late = {row["number"] for row in giver.files[1]["numbers"]}
    kept = [row for row in mine if row["number"] not in late and "active_to" not in row]
    day = max(giver.day(2, 50), taker.day(2, 50))
    if not kept or f"{day}" <= kept[0]["active_from"]:
        return
    number, at = kept[0], f"{day}T12:00:00+00:00"
    giver.give("numbers", **(number | {"active_to": at}))
    taker.give("numbers", **{name: cell for name, cell in number.items() if name not in ("account_id", "billing_group")}
               | {"active_from": at, "extension": "109"})  # fmt: skip
    is_second = day >= giver.first_invoice
    for n, minutes in enumerate((-3, 0, 3)):
        giver.give(
            "calls", is_second, account_id="", call_id=f"u-{giver.n}-port-{n}",
            direction="outbound", disposition="ANSWERED",
            started_at=f"{day}T{'11:57' if minutes < 0 else '12:00' if not minutes else '12:03'}:00+00:00",
            from_number=number["number"], to_number="+46406280450", duration_s=300 + n,
        )  # fmt: skip
