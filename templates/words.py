"""The words of a bill that belong to the trade: sections, what they hold, how they are summed up, units."""

from collections.abc import Callable

from schemas.law import EU_MEMBERS

SECTION_GROUPS: dict[str, tuple[str, ...]] = {
    "services": ("service_fees", "phone_numbers", "contact_center", "rentals", "broadband"),
    "prorated": ("prorated_charges",),
    "calls": (
        "included_minutes",
        "premium_minutes",
        "outbound_overage",
        "toll_free_minutes",
        "international_minutes",
    ),
    "messages": ("sms_included", "sms_overage"),
    "other": ("one_time", "adjustments"),
}
"""The summary on the first page: which sections make one row."""


def N_(message: str) -> str:
    """Marks a message for extraction; it is translated where it is shown."""
    return message


GROUP_TITLES = {
    "services": N_("Monthly services"),
    "prorated": N_("Prorated charges"),
    "calls": N_("Calls"),
    "messages": N_("Messages"),
    "other": N_("One-time charges and adjustments"),
}

SECTION_TITLES = {
    "service_fees": N_("Service fees"),
    "phone_numbers": N_("Phone numbers"),
    "prorated_charges": N_("Prorated charges"),
    "included_minutes": N_("Minutes included in your plan"),
    "premium_minutes": N_("Premium minutes outside your plan"),
    "outbound_overage": N_("Additional outbound minutes"),
    "toll_free_minutes": N_("Toll-free minutes"),
    "international_minutes": N_("International minutes"),
    "sms_included": N_("SMS included in your plan"),
    "sms_overage": N_("Additional SMS"),
    "contact_center": N_("Contact center"),
    "rentals": N_("Equipment rental"),
    "broadband": N_("Broadband"),
    "one_time": N_("One-time charges"),
    "adjustments": N_("Credits and adjustments"),
    "taxes": N_("Taxes and recovery fees"),
    "tax": N_("Taxes"),
    "recovery_fee": N_("Recovery fees"),
}

SECTION_HINTS = {
    "service_fees": N_("Devices and seats, billed in advance."),
    "prorated_charges": N_("Part of a month: what started, changed or ended after the 1st."),
    "included_minutes": N_("Local and long-distance minutes your plan covers."),
    "premium_minutes": N_("Calls to premium prefixes, which no plan covers."),
    "outbound_overage": N_("Minutes beyond your plan."),
    "toll_free_minutes": N_("Incoming calls to your toll-free numbers."),
    "international_minutes": N_("Outgoing calls to other countries."),
    "sms_included": N_("SMS credits your plan covers, sent and received."),
    "sms_overage": N_("SMS credits beyond your plan, sent and received."),
}


SHORT_HINTS = {
    "included_minutes": N_("Minutes your plan covers."),
    "outbound_overage": N_("Minutes beyond your plan."),
}
"""Where calls between extensions count, beside a sentence that says so: both stand in one row."""


def tax_id_label(country: str, gettext: Callable[[str], str]) -> str:
    """What a business's tax number is called where it is registered."""
    if country == "AU":
        return "ABN"
    return gettext("VAT no.") if country == "GB" or country in EU_MEMBERS else gettext("Tax ID")
