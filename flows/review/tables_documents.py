"""Tables of the review: the month's documents, and what gives money back."""

from flows.review.spec import Spec, columns

DOCUMENTS: dict[str, Spec] = {
    "documents": Spec(
        "Documents",
        "Every invoice and credit note of the month. The number leads to its PDF; a draft has one once "
        "`tollbook preview` was asked for it.",
        "No document is drafted.",
        columns(
            "seller text Seller; invoice_number code Document; pdf file PDF; usage_csv file Calls; "
            "account_id code Account; name text Customer; kind word Kind; currency text Currency; net money Net; "
            "tax_total money Taxes and fees; total money Total; due_date day Due; status word State"
        ),
        sheet="Documents",
        is_grouped=True,
    ),
    "credits": Spec(
        "Credits and negative documents",
        "Credit notes, and lines that give money back.",
        "None.",
        columns(
            "invoice_number code Document; account_id code Account; name text Name; what word What; "
            "detail text Detail; currency text Currency; amount money Amount"
        ),
        sheet="Credit notes",
    ),
    "corrections": Spec(
        "Corrections",
        "Credit notes of issued documents and what stands in their place; adjustments, which add to what stands.",
        "None.",
        columns(
            "account_id code Account; name text Name; invoice_number code Document; correction word How; "
            "corrects code Of; status word Status; currency text Currency; total money Total"
        ),
        sheet="Corrections",
        is_quiet=True,
    ),
    "replaced": Spec(
        "Against the drafts that gave way",
        "What this run changed about the drafts it replaced, and why.",
        "Nothing changed.",
        columns(
            "account_id code Account; currency text Currency; previous_total money Before; total money Now; "
            "difference change Difference; reason text Why; entries count Lines and taxes"
        ),
        sheet="Replaced drafts",
        is_quiet=True,
    ),
}
