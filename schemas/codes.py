"""Closed lists of codes with a sentence each: why an account is not billed, what a run noticed, what stops an approval.

A code decides (which remedy, who counts); the sentence beside it, the `detail`, is for people and decides nothing.
Suspended and excluded usage have lists of their own: rating/outcomes.py.
"""

from typing import Literal, NamedTuple

ParkedCode = Literal[
    "set_aside", "stage_failed", "printing_failed",
    "free_months", "address_misfit", "location_misfit",
    "unknown_product", "unknown_deck", "unknown_plan", "plan_currency", "idle_price",
    "no_price", "no_pricing", "quantity_not_priced", "amount_not_exact", "product_gone", "charge_currency",
    "credit_invoice",
    "billed_until_misfit",
    "unknown_seller", "no_tax_class", "usf_method", "no_tax_table", "no_tax_rate", "no_tax_share",
    "no_calls_to_measure", "tax_currency", "tax_engine",
    "document_faulty", "document_lacks", "detail_erased", "other",
]  # fmt: skip

PARKED_CODES: dict[ParkedCode, str] = {
    "set_aside": "somebody set the account aside by hand",
    "stage_failed": "a stage of the run failed on this account alone",
    "printing_failed": "its document could not be laid out",
    "free_months": "billing start is not service start plus the free months",
    "address_misfit": "region and postal code of the billing address do not fit",
    "location_misfit": "region and postal code of a service location do not fit",
    "unknown_product": "a feed names a product that the catalogue does not know",
    "unknown_deck": "a price is agreed in a deck that nobody declares",
    "unknown_plan": "its plan is not in the catalogue",
    "plan_currency": "its plan is in another currency",
    "idle_price": "a price is agreed for what has no price of its own",
    "no_price": "a product has no price in its currency on that day",
    "no_pricing": "a product of usage has no pricing in its currency on that day",
    "quantity_not_priced": "a product's pricing has no price for that quantity",
    "amount_not_exact": "a product's pricing comes to an amount that cannot be kept exactly",
    "product_gone": "a product that was billed is no longer in the catalogue",
    "charge_currency": "a charge of feed charges is in another currency",
    "credit_invoice": "a credit names an invoice that is none of the account's, or is in another currency",
    "billed_until_misfit": "feed billed_until names what the account does not have, or what bills nothing",
    "unknown_seller": "its seller is not in the settings",
    "no_tax_class": "a product has no tax class or interstate method in force",
    "usf_method": "its products name both USF methods and the seller has chosen none",
    "no_tax_table": "no tax table reaches its jurisdiction",
    "no_tax_rate": "a tax table has no rate on that day, or no factor for that quarter",
    "no_tax_share": "a tax table has no safe-harbour share on that day",
    "no_calls_to_measure": "a tax goes by its measured calls, and there are none",
    "tax_currency": "an amount per line of a tax table is in another currency",
    "tax_engine": "the tax engine parked its document",
    "document_faulty": "its document does not add up",
    "document_lacks": "its document lacks what a country demands",
    "detail_erased": "the call detail of the month was erased, so that it cannot be recomputed",
    "other": "parked by an earlier version of the program, for a reason that has no code",
}

LeftOutCode = Literal["holds_document", "not_asked_for", "starts_later", "has_left"]

LEFT_OUT_CODES: dict[LeftOutCode, str] = {
    "holds_document": "the account holds an issued document of the month",
    "not_asked_for": "the run was asked for other accounts",
    "starts_later": "its billing starts after the month",
    "has_left": "its service ended before the month",
}
"""Why an account that nothing is wrong with is not billed."""

FindingCode = Literal[
    "older_difference", "older_charge", "unknown_account", "certificate_expired", "tax_id_not_accepted",
    "certificate_after_issue", "others_number", "unbilled_days", "trial_over", "not_confirmed",
    "near_equal_id",
]  # fmt: skip

FINDING_CODES: dict[FindingCode, str] = {
    "older_difference": "a difference of a period before the months that a run looks back",
    "older_charge": "a charge dated before the months that a run looks back",
    "unknown_account": "master data names an account that feed accounts does not know",
    "certificate_expired": "a certificate had ended, so the tax was charged",
    "tax_id_not_accepted": "a VAT id did not exempt",
    "certificate_after_issue": "a certificate arrived that would have exempted an issued document",
    "others_number": "calls pay whom the switch states, who had the extension, while another account owned the number",
    "unbilled_days": "days between what an earlier system billed and the first that a run bills",
    "trial_over": "a trial has ended: what cost nothing until that day is the free plan now",
    "not_confirmed": "a subscription waits for its confirmation and is not billed",
    "near_equal_id": "two accounts have ids that look the same",
}
"""What a run noticed and did not bill."""

StopCode = Literal[
    "missing_days", "missing_files", "control_total", "bridge_residual", "invoice_far", "documents_far", "total_far",
    "usage_vanished", "not_taken_in", "same_content", "call_too_long", "over_credited", "late_credit", "refused_row",
    "repriced", "month_ahead",
]  # fmt: skip

STOP_CODES: dict[StopCode, str] = {
    "missing_days": "a source that comes daily has days without anything",
    "missing_files": "a source's sequence of files has a gap",
    "control_total": "what is loaded is not what the switch says it wrote",
    "bridge_residual": "the recurring bridge does not lead from last month to this one",
    "invoice_far": "an account's documents are far from their history",
    "documents_far": "a seller's number of documents is far from last month's",
    "total_far": "a seller's total is far from last month's",
    "usage_vanished": "an account's usage has stopped",
    "not_taken_in": "a file lies in the inbox that was not taken in",
    "same_content": "the same file is loaded under two sources",
    "call_too_long": "calls last longer than anybody speaks",
    "over_credited": "more is credited of an invoice than it charged",
    "late_credit": "a credit comes after the days in which its invoice could be contested",
    "refused_row": "a row of master data of the account was refused, so that it may be billed without it",
    "repriced": "periods that are billed are billed anew, because the catalogue's price of them was changed",
    "month_ahead": "a month was run that lies ahead of the clock",
}
"""What stops an approval until somebody says why it may go on (RULES 28)."""


class Problem(NamedTuple):
    """Why an account is parked: the code, and the sentence for people."""

    code: ParkedCode
    detail: str
