"""[sellers.<id>] of tollbook.toml: who sells, how it is paid, and what its documents owe their readers."""

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from flows.home.file_settings import Table, Zone
from schemas.dated import in_force
from schemas.document import Bank, Registration, Seller
from schemas.mail_address import one_address


class Notice(Table):
    """A sentence that a seller's documents owe some of their readers."""

    text: str = Field(min_length=1, max_length=1000, examples=["Pas d'escompte pour paiement anticipé."])
    """As printed, below the total."""
    language: str | None = Field(None, pattern="^[a-z]{2}$", examples=["fr"])
    """Of documents in this language alone; without it of all."""
    countries: list[str] = Field(default_factory=list, examples=[["FR"]])
    """Of customers in these countries alone (ISO 3166); without them of all."""
    customer_type: Literal["business", "residential", "reseller", "government"] | None = Field(
        None, examples=["business"]
    )
    """Of such customers alone; without it of all."""

    def is_for(self, locale: str, country: str, customer_type: str | None) -> bool:
        return (
            self.language in (None, locale[:2])
            and (not self.countries or country in self.countries)
            and self.customer_type in (None, customer_type)
        )


def _web_address(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/@]+(/\S*)?", text):
        raise ValueError("expected a web address that begins with https:// or http://, without a login")
    return text


WebAddress = Annotated[str, AfterValidator(_web_address)]


def _email(text: str) -> str:
    if one_address(text) is None:
        raise ValueError("expected one plain e-mail address, such as billing@telephone.example")
    return text


Email = Annotated[str, AfterValidator(_email)]


class SellerSettings(Table):
    """[sellers.<id>]: a legal entity, its zone, its number series and how it is paid."""

    name: str = Field(examples=["Example Telephone Inc."])
    """Legal name, as it is printed."""
    brand: str | None = Field(None, examples=["Example Telephone"])
    """Printed large; the legal name then stands in the footer."""
    address_lines: list[str] = Field(examples=[["1 Example Street", "Boston, MA 02108"]])
    """Its address, line by line."""
    country: str = Field(pattern="^[A-Z]{2}$", examples=["US"])
    """ISO 3166 code: whose rules its documents follow."""
    region: str | None = Field(None, examples=["MA"])
    """State or province."""
    time_zone: Zone = Field(examples=["America/New_York"])
    """IANA name: decides the days on which mails go out."""
    email: Email = Field(examples=["billing@telephone.example"])
    """Sender of the mails, as it is when they are sent; printed on the documents."""
    phone: str | None = Field(None, examples=["+1 617 555 0100"])
    """Customers call it about the invoice."""
    website: WebAddress | None = Field(None, examples=["https://www.telephone.example"])
    """Printed on the documents."""
    payment_url: WebAddress | None = Field(None, examples=["https://pay.telephone.example"])
    """Where an invoice is paid online."""
    tax_id: str | None = Field(None, examples=["99-9000100"])
    """The id that documents print first: EIN, VAT number, ABN …"""
    registrations: list[Registration] = Field(
        default_factory=list, examples=[[{"label": "EIN", "number": "99-9000100", "country": "US"}]]
    )
    """Every registration that documents print."""
    bank: Bank | None = Field(None, examples=[{"name": "Sample Bank", "iban": "GB79CORV99999900001234"}])
    """Where to pay by transfer."""
    series: str = Field(pattern="^[A-Z0-9]{1,8}$", examples=["INV"])
    """Invoice numbers begin with it; no two sellers share one."""
    payment_terms_days: int = Field(30, ge=0, examples=[30])
    """Days to pay, unless accounts.csv says otherwise."""
    dispute_days: int | None = Field(None, ge=0, examples=[15])
    """How long an invoice may be contested; printed."""
    vat_established_in: list[str] = Field(default_factory=list, examples=[["IE"]])
    """EU sellers: countries where domestic VAT applies even to customers with a VAT id."""
    usf_method: dict[date, Literal["safe_harbour", "measured"]] = Field(
        default_factory=dict, examples=[{"2026-07-01": "measured"}]
    )
    """First day of a quarter -> how mixed service counts as interstate from then on; without it, as products say."""

    late_usage: Literal["next_invoice", "correction"] = Field("next_invoice", examples=["correction"])
    """Usage of a month that is issued already: on the next invoice by itself, or kept until `tollbook correct`."""
    write_off_after_days: int | None = Field(None, ge=0, examples=[180])
    """Late usage that is more days older than the 1st of the invoice month is rated, listed and never billed."""
    correction_style: Literal["replacement", "adjustment"] = Field("replacement", examples=["adjustment"])
    """What `tollbook correct` drafts: a credit note of the whole document and a new one in its place, or one document
    of the lines that differ."""

    notices: list[Notice] = Field(
        default_factory=list,
        examples=[
            [{"text": "Pas d'escompte pour paiement anticipé.", "countries": ["FR"], "customer_type": "business"}]
        ],
    )
    """Sentences that the law asks of its documents, such as late-payment terms or who manages the company."""

    @model_validator(mode="after")
    def _method_of_a_quarter(self) -> "SellerSettings":
        for day in self.usf_method:
            if day.day != 1 or day.month not in (1, 4, 7, 10):
                raise ValueError(f"usf_method: found {day}; expected the first day of a quarter, such as 2026-07-01")
        return self

    def usf_method_on(self, day: date) -> str | None:
        return in_force(self.usf_method, day)

    def as_printed(self, seller_id: str) -> Seller:
        """The seller as documents store it."""
        fields = set(Seller.model_fields) - {"seller_id"}
        return Seller(seller_id=seller_id, **self.model_dump(include=fields))
