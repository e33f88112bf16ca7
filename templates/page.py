"""What a document says, in words and in the order of the page. The templates only place it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from babel.support import Translations

from schemas.document import Document, Tax
from templates.charges import Charges
from templates.chart import MOST_BARS, Chart, bar_chart
from templates.clean import printable
from templates.formats import Formats
from templates.headline import headline, how_to_pay, title, web_link
from templates.languages import known_locale, language_tag, territory_name, text_language, translations
from templates.page_shape import Money, Notes, Page, People, TaxRow
from templates.words import GROUP_TITLES, SECTION_TITLES, tax_id_label

MOST_CHANGES = 3
FEW_LINES, FEW_BESIDE_A_CHART = 6, 2
"""Up to this many the details follow on the first page; more start on a page of their own."""
LETTER_COUNTRIES = frozenset({"US", "CA", "MX", "PH", "CL", "CO"})
"""Where letters are printed on Letter paper; A4 elsewhere."""


def page_of(document: Document) -> Page:
    """Everything the templates place, from nothing but the document."""
    document = printable(document)
    locale = known_locale(document.locale)
    texts = translations(text_language(locale))
    return _Builder(document, Formats(locale, document.currency), texts).page(language_tag(locale))


class _Builder:
    def __init__(self, document: Document, formats: Formats, texts: Translations) -> None:
        self.document = document
        self.formats = formats
        self.texts = texts
        self._ = texts.gettext

    def page(self, language: str) -> Page:
        document = self.document
        charges = Charges(document, self.formats, self.texts)
        sections, left_out = charges.sections()
        chart = self._chart()
        return Page(
            document=document,
            language=language,
            paper="letter" if document.bill_to.country in LETTER_COUNTRIES else "A4",
            is_draft=document.status == "draft",
            title=title(document, self.texts),
            headline=headline(document, self.formats, self.texts),
            facts=self._facts(),
            how_to_pay=how_to_pay(document, self.texts),
            chart=chart,
            sections=sections,
            details_on_new_page=len(document.lines) > (FEW_BESIDE_A_CHART if chart else FEW_LINES),
            meters=charges.meters(),
            money=self._money(charges),
            people=People(self._registrations(), self._customer_tax_id(), self._country(), self._contact()),
            notes=Notes(
                banners=self._banners(),
                change=self._change(),
                balance=self._balance(),
                left_out=self._left_out(left_out),
                dispute=self._dispute(),
                usage_csv=self._usage_csv(),
                owed=self._owed(),
            ),
        )

    def _money(self, charges: Charges) -> Money:
        document, money = self.document, self.formats.money
        taxes = [tax for tax in document.taxes if tax.kind == "tax"]
        fees = [tax for tax in document.taxes if tax.kind == "recovery_fee"]
        sums = {"taxes": _sum(taxes), "fees": _sum(fees), "subtotal": document.subtotal, "total": document.total}
        return Money(
            summary=self._summary(charges, taxes, fees),
            total=money(document.total),
            before_taxes=self._("Total before taxes and recovery fees") if fees else self._("Total before taxes"),
            taxes=self._tax_rows(taxes),
            recovery_fees=self._tax_rows(fees),
            sums={name: money(amount) for name, amount in sums.items()},
            national=self._national(),
        )

    def _facts(self) -> list[tuple[str, str]]:
        document, day = self.document, self.formats.day
        if document.status == "draft":
            number = self._("Draft number")
        else:
            number = self._("Invoice number") if document.kind == "invoice" else self._("Credit note number")
        facts = [(number, document.invoice_number), (self._("Issued on"), day(document.issue_date))]
        if document.kind == "invoice":
            facts.append((self._("Due on"), day(document.due_date)))
        facts.append((self._("Account"), document.bill_to.account_id))
        if document.usage_period_start and document.usage_period_end:
            period = self.formats.period(document.usage_period_start, document.usage_period_end)
            facts.append((self._("Usage of"), period))
        if document.corrects:
            replaces = document.kind == "invoice" and document.correction != "adjustment"
            label = self._("Replaces") if replaces else self._("Corrects")
            facts.append((label, document.corrects))
        return facts

    def _summary(self, charges: Charges, taxes: list[Tax], fees: list[Tax]) -> list[tuple[str, str]]:
        rows = [(self._(GROUP_TITLES[group]), amount) for group, amount in charges.summary()]
        if fees:
            rows.append((self._("Our recovery fees"), _sum(fees)))
        if taxes:
            rows.append((self._("Government taxes"), _sum(taxes)))
        return [(label, self.formats.money(amount)) for label, amount in rows]

    def _change(self) -> list[str]:
        """One or two sentences: how far the total moved since the previous document, and the sections that moved it."""
        comparison = self.document.comparison
        if comparison is None or self.document.kind == "credit_note":
            return []
        difference = self.document.total - comparison.previous_total
        values = {
            "month": self.formats.month(comparison.previous_month),
            "previous": self.formats.money(comparison.previous_total),
            "difference": self.formats.money(abs(difference)),
        }
        if difference == 0:
            return [self._("The total is the same as on the previous invoice (%(month)s).") % values]
        if difference > 0:
            first = self._("%(difference)s more than on the previous invoice (%(month)s: %(previous)s).") % values
        else:
            first = self._("%(difference)s less than on the previous invoice (%(month)s: %(previous)s).") % values
        moved = [change for change in comparison.changes if change.current != change.previous]
        moved.sort(key=lambda change: -abs(change.current - change.previous))
        named = ", ".join(
            f"{self._section_name(change.section)} {self.formats.change(change.current - change.previous)}"
            for change in moved[:MOST_CHANGES]
        )
        return [first, self._("What changed most: %(changes)s.") % {"changes": named}] if named else [first]

    def _section_name(self, section: str) -> str:
        title = SECTION_TITLES.get(section)
        return self._(title) if title else section.replace("_", " ")

    def _chart(self) -> Chart | None:
        document = self.document
        earlier = [point for point in document.history if point.invoice_month < document.invoice_month]
        points = sorted(((p.invoice_month, p.total) for p in earlier), key=lambda point: point[0])
        points = [*points[-(MOST_BARS - 1) :], (document.invoice_month, document.total)]
        if len(points) < 2 or document.kind == "credit_note":
            return None
        short, rough = self.formats.short_month, self.formats.rough
        spoken = "; ".join(f"{self.formats.month(month)}: {self.formats.money(total)}" for month, total in points)
        label = self._("Your invoices by month. %(values)s") % {"values": spoken}
        return bar_chart(label, [(short(month), rough(total), total) for month, total in points])

    def _tax_rows(self, taxes: list[Tax]) -> list[TaxRow]:
        """One row each. Rows of one name tell their dates apart and share the sentence that explains them."""
        names = [tax.name for tax in taxes]
        rows: list[TaxRow] = []
        for tax in taxes:
            row = self._tax_row(tax, names.count(tax.name) > 1)
            explained = any((row.name, row.text) == (above.name, above.text) for above in rows)
            rows.append(replace(row, text="") if explained else row)
        return rows

    def _owed(self) -> list[str]:
        """Sentences that the document owes its reader and that no row of its taxes says already."""
        said = {tax.note for tax in self.document.taxes}
        return [note for note in self.document.notes if note not in said]

    def _tax_row(self, tax: Tax, with_date: bool) -> TaxRow:
        money, details = self.formats.money, []
        # What the customer owes himself is no tax at some rate here: the note says it all.
        is_his_own = bool(tax.note) and tax.exempt_amount == tax.gross_base and not tax.amount
        if with_date:
            details.append(self._("As of %(day)s.") % {"day": self.formats.day(tax.tax_date)})
        if tax.taxable_percent != 100:
            values = {"base": money(tax.base_amount), "gross": money(tax.gross_base)}
            details.append(self._("Charged on %(base)s of %(gross)s.") % values)
        if tax.exempt_amount and not is_his_own:
            values = {"amount": money(tax.exempt_amount), "number": tax.certificate_number or ""}
            details.append(
                self._("Exempt: %(amount)s, certificate %(number)s.") % values
                if tax.certificate_number
                else self._("Exempt: %(amount)s.") % values
            )
        elif tax.certificate_number:
            details.append(self._("Certificate %(number)s.") % {"number": tax.certificate_number})
        if tax.note:
            details.append(tax.note)
        per_count = tax.unit == "amount_per_line"
        if per_count and tax.line_count is not None and tax.rate_amount is not None:
            number = self.formats.number(tax.line_count)
            values = {"lines": number, "amount": self.formats.price(tax.rate_amount)}
            details.append(self._("Lines or numbers: %(lines)s at %(amount)s each.") % values)
        rate = "" if per_count else self.formats.percent(tax.rate_percent)
        base = "" if per_count else money(tax.base_amount)
        if is_his_own:
            rate, base = "", money(tax.gross_base)
        return TaxRow(tax.name, rate, base, money(tax.amount), "" if is_his_own else tax.text, details)

    def _national(self) -> list[str]:
        """VAT in the money of the country where it is due, with the rate."""
        sentence = self._(
            "VAT in %(currency)s: %(tax)s on %(taxable)s (1 %(own)s = %(rate)s %(currency)s, %(day)s, %(source)s)."
        )
        sentences = []
        for amounts in self.document.national:
            money = Formats(self.formats.locale, amounts.currency).money
            values = {
                "currency": amounts.currency, "tax": money(amounts.tax), "taxable": money(amounts.taxable),
                "own": self.document.currency, "rate": self.formats.number(amounts.rate),
                "day": self.formats.day(amounts.rate_date), "source": amounts.source,
            }  # fmt: skip
            sentences.append(sentence % values)
        return sentences

    def _registrations(self) -> list[str]:
        """The seller's registrations; the tax id only when none of them already says it."""
        seller = self.document.seller
        shown = [f"{registration.label} {registration.number}" for registration in seller.registrations]
        registered = {_bare(registration.number) for registration in seller.registrations}
        if seller.tax_id and _bare(seller.tax_id) not in registered:
            shown.insert(0, f"{tax_id_label(seller.country, self._)} {seller.tax_id}")
        return shown

    def _customer_tax_id(self) -> str:
        bill_to = self.document.bill_to
        return f"{tax_id_label(bill_to.country, self._)} {bill_to.tax_id}" if bill_to.tax_id else ""

    def _balance(self) -> str:
        balance = self.document.balance
        if balance is None or balance.amount == 0:
            return ""
        values = {"day": self.formats.day(balance.as_of), "amount": self.formats.money(abs(balance.amount))}
        if balance.amount < 0:
            return self._("Not part of this total: a credit of %(amount)s stood open on %(day)s.") % values
        return self._("Not part of this total: %(amount)s from earlier documents stood open on %(day)s.") % values

    def _banners(self) -> list[str]:
        banners = []
        if self.document.status == "draft":
            draft = self._("This is a draft for review. Its figures can still change, and it is no invoice yet.")
            banners.append(draft)
        if self.document.is_final:
            banners.append(self._("This is the final invoice for this account."))
        banners += self._why()
        if self.document.correction == "adjustment":
            banner = self._("This document holds only what changes of %(number)s; the rest of that one stands.")
            banners.append(banner % {"number": self.document.corrects})
        if self.document.kind == "credit_note":
            banners.append(self._("Negative amounts are credits to you."))
        return banners

    def _why(self) -> list[str]:
        """Of a correction's documents: which goes with which, and what the operator says of it."""
        document = self.document
        told = {"number": document.corrects, "other": document.replacement or ", ".join(document.reversed_by)}
        which = []
        if document.replacement:
            which = [self._("This document takes back %(number)s in full; %(other)s stands in its place.") % told]
        elif document.reversed_by:
            which = [self._("This document stands in place of %(number)s, which %(other)s takes back.") % told]
            which += [self._against(document.replaced_total)] if document.replaced_total is not None else []
        return [*which, *([document.note] if document.note else [])]

    def _against(self, before: Decimal) -> str:
        """What the document in whose place this one stands came to, and what that makes."""
        difference = self.document.total - before
        shown = {"before": self.formats.money(before), "difference": self.formats.money(abs(difference))}
        if difference == 0:
            return self._("Both come to %(before)s.") % shown
        text = (
            self._("That one came to %(before)s: you owe %(difference)s more.")
            if difference > 0
            else self._("That one came to %(before)s: you owe %(difference)s less.")
        )
        return text % shown

    def _country(self) -> str:
        """The customer's country, in the language of the text; only where post or tax crosses a border."""
        code = self.document.bill_to.country
        return "" if code == self.document.seller.country else territory_name(code, self.formats.locale)

    def _left_out(self, count: int) -> str:
        if count == 0:
            return ""
        values = {"count": self.formats.number(Decimal(count)), "file": self.document.usage_csv or ""}
        if values["file"]:
            return self._("%(count)s more lines are summed above but not printed; %(file)s has the details.") % values
        return self._("%(count)s more lines are summed above but not printed; ask us for them.") % values

    def _usage_csv(self) -> str:
        if not self.document.usage_csv:
            return ""
        told = self._("Each call and message behind these lines is listed in %(file)s.")
        return told % {"file": self.document.usage_csv}

    def _contact(self) -> str:
        seller = self.document.seller
        ways = ", ".join(filter(None, (seller.email, seller.phone, web_link(seller.website))))
        return self._("Reach us at %(ways)s and quote %(number)s.") % {
            "ways": ways,
            "number": self.document.invoice_number,
        }

    def _dispute(self) -> str:
        seller = self.document.seller
        if seller.dispute_days is None or self.document.status == "draft":
            return ""
        last = self.document.issue_date + timedelta(days=seller.dispute_days)
        return self._("You may dispute this document within %(days)s days of its issue, that is until %(last)s.") % {
            "days": seller.dispute_days,
            "last": self.formats.day(last),
        }


def _sum(taxes: list[Tax]) -> Decimal:
    return sum((tax.amount for tax in taxes), Decimal(0))


def _bare(number: str) -> str:
    return "".join(filter(str.isalnum, number)).upper()
