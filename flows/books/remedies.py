"""What to do about a parked account or a stop, by its code, and about suspended usage, by its reason."""

from schemas.codes import ParkedCode, StopCode

_UNFORESEEN = "The program met what it does not know: report the reason. What mends the account's data mends this too."

REMEDIES: dict[ParkedCode, str] = {
    "set_aside": "It waits until somebody lets it go: `tollbook unpark`.",
    "stage_failed": _UNFORESEEN,
    "printing_failed": _UNFORESEEN,
    "free_months": "Make billing_start_date and free_months agree in feed accounts.",
    "address_misfit": "Correct region or postal_code in feed accounts.",
    "location_misfit": "Correct region or postal_code in feed locations.",
    "unknown_product": "Add the product to the catalogue, or correct product_code in the feed named.",
    "unknown_deck": "Declare the deck in tollbook.toml, or correct deck in feed prices.",
    "unknown_plan": "Name a plan of the catalogue in feed accounts, or add the plan to the catalogue.",
    "plan_currency": "Name a plan in the account's currency in feed accounts: nothing is converted.",
    "idle_price": "Name a product with a price of its own in feed prices; usage is priced by plan and deck.",
    "no_price": "Give the product a price in the account's currency: catalogue, plan or feed prices; for another "
    "interval than its price_interval, interval_prices in the catalogue or unit_price in feed subscriptions.",
    "no_pricing": "Give the product a pricing in the account's currency in the catalogue.",
    "quantity_not_priced": "Give the product's pricing a tier for it in the catalogue, or correct the quantity.",
    "amount_not_exact": "Change the product's pricing in the catalogue so that the amount has at most 12 decimals.",
    "product_gone": "Put the product back into the catalogue: what was billed of it is still to be settled.",
    "charge_currency": "Correct currency and amount of the charge in feed charges: nothing is converted.",
    "credit_invoice": "Correct invoice_number of the credit in feed charges to one of the account's, or leave it out.",
    "billed_until_misfit": "Correct account_id and resource_id in feed billed_until: the id of one of the account's "
    "subscriptions, devices or numbers.",
    "unknown_seller": "Add the seller to tollbook.toml as [sellers.<id>], with the very id that the account has: it "
    "keeps it for good. If that id is a slip of the pen and nothing is issued: `tollbook rollback FILE`, correct "
    "seller_id in feed accounts, `tollbook ingest FILE`.",
    "no_tax_class": "Give the product a tax_class and interstate in force on that day in the catalogue.",
    "usf_method": "Choose usf_method of the seller in tollbook.toml.",
    "no_tax_table": "Add the tax table under catalog/taxes/, or correct the address in feed accounts or locations.",
    "no_tax_rate": "Add the rate or quarter to the tax table named, under catalog/taxes/: "
    "`tollbook taxes set CODE DATE VALUE --reference TEXT`.",
    "no_tax_share": "Add the safe-harbour share of that day to the tax table named, under catalog/taxes/.",
    "no_calls_to_measure": "Choose safe_harbour as usf_method of the seller in tollbook.toml, or take in the calls.",
    "tax_currency": "Give the tax table its amount in the document's currency, under catalog/taxes/.",
    "tax_engine": "Mend what the tax engine's reason names: it is asked again when its request has changed.",
    "document_faulty": "The document does not add up, which is a defect of the program: report the reason.",
    "document_lacks": "Complete the seller in tollbook.toml, the account, or catalog/fx.csv, as the reason says.",
    "detail_erased": "Charge or credit what is owed by hand in feed charges.",
    "other": "Mend what the reason names.",
}

SUSPENDED_REMEDIES: dict[str, str] = {
    "conflict": "Decide which of the records is right: `tollbook rollback FILE` takes the other's file back out.",
    "bad_number": "Say how the source writes numbers: country, number_format or dialled in [sources.<name>]; then "
    "`tollbook rollback FILE` and `ingest FILE`. A short number (911) wants a rule short_number or a row "
    "of the domestic deck; an extension a device.",
    "unknown_account": "Add the account to feed accounts, or correct what the switch states as account_id.",
    "no_owner": "Add the number to feed numbers from when it was in use; if it is there with another country code, "
    "mend the source as for bad_number. An extension needs account_id in [sources.<name>] and feed "
    "devices. If ends are swapped, correct directions.",
    "owner_conflict": "Give the number or extension to the stated account in feeds numbers or devices, or say in "
    "[sources.<name>] which column pays, or that what it states is trusted.",
    "account_closed": "End the number or the device in its feed, give it to its new owner, or correct end_date.",
    "service_suspended": "Nothing: it is not billed, then or later. If the service was not suspended, correct feed "
    "suspensions, and find out why the switch let it through.",
    "no_plan": "Name a plan in feed accounts that rates usage.",
    "no_rule": "Give the plan a rule for this kind of usage in the catalogue.",
    "no_rate": "Add the destination to the deck that the plan names, in force on that day.",
    "sms_not_offered": "Correct the number in what the gateway sends; messages there are not sold.",
    "detail_erased": "Charge what is owed by hand in feed charges.",
    "too_old": "Charge it by hand in feed charges, or raise lookback_months under [billing].",
    "late_usage": "`tollbook correct MONTH` bills it; or set late_usage of the seller to next_invoice.",
}
"""By reason (rating/outcomes.py); `tollbook replay` then says what could be billed."""


def remedy(code: ParkedCode, month: str, account_id: str) -> str:
    """What to do about a parked account: the cure of its code, and the command that bills it."""
    return f"{REMEDIES[code]} Then `tollbook run {month}` bills {account_id}."


_BRING = "Bring what is missing into the inbox, then `tollbook run {month}`."
_LOOK = (
    "Look at its draft: `tollbook preview {month} --account {subject}`. Mend what is wrong, then "
    "`tollbook run {month}`."
)
_COMPARE = "Look at the movers and at what came and went. Mend what is wrong, then `tollbook run {month}`."

STOP_REMEDIES: dict[StopCode, str] = {
    "missing_days": _BRING,
    "missing_files": _BRING,
    "control_total": "Ask for the records that differ, or take a doubled file back out (`tollbook rollback FILE`). "
    "Then `tollbook run {month}`.",
    "bridge_residual": "What is printed is not what was charged, which is a defect of the program: report it.",
    "invoice_far": _LOOK,
    "documents_far": _COMPARE,
    "total_far": _COMPARE,
    "usage_vanished": "Ask whether its calls still reach the source's files; bring them, then `tollbook run {month}`.",
    "not_taken_in": "Mend the file and `tollbook ingest {subject}`, or name it under ignore in [inbox].",
    "same_content": "Take the wrong one back out: `tollbook rollback FILE`; then `tollbook run {month}`.",
    "call_too_long": "Have the switch's record looked at; if it is wrong: `tollbook rollback FILE`.",
    "over_credited": "Lower the credit in feed charges, then `tollbook run {month}`.",
    "late_credit": "Have it agreed by who may; else end the credit in feed charges, then `tollbook run {month}`.",
    "refused_row": "Correct the row in its file and `tollbook ingest FILE`, then `tollbook run {month}`.",
    "repriced": "Put the old price back in the catalogue and add the new one by its date, then `tollbook run {month}`. "
    "Was the old one wrong all along, let it through.",
    "month_ahead": "Nothing: it was run ahead with a reason.",
}
"""By code (schemas/codes.py). Whatever is meant so passes with `tollbook approve MONTH --override TEXT`."""


def stop_remedy(code: StopCode, month: str, subject: str) -> str:
    """What to do about a stop, with the command."""
    return STOP_REMEDIES[code].format(month=month, subject=subject)
