"""Sellers and customers for the sample documents. All names are made up."""

from schemas.document import Bank, BillTo, Registration, Seller

US_SELLER = Seller(
    seller_id="luma-us",
    name="Luma Telephone Inc.",
    brand="Luma Voice",
    address_lines=["400 Example Plaza, Suite 12", "Austin, TX 78700", "United States"],
    country="US",
    region="TX",
    email="billing@luma.example",
    phone="+1 512 555 0100",
    website="https://www.luma.example",
    payment_url="https://pay.luma.example",
    tax_id="00-0000000",
    bank=Bank(
        name="First Sample Bank",
        account_holder="Luma Telephone Inc.",
        account_number="000123456",
        routing_number="000000000",
    ),
    dispute_days=15,
)

US_CUSTOMER = BillTo(
    account_id="A-10042",
    name="Harbor & Pine Dental Group",
    customer_type="business",
    address_lines=["1200 Fictional Avenue", "Floor 3"],
    city="Houston",
    region="TX",
    postal_code="77000",
    country="US",
    emails=["accounts@harborpine.example"],
)

CA_SELLER = Seller(
    seller_id="luma-ca",
    name="Luma Téléphonie Canada inc.",
    brand="Luma Voice",
    address_lines=["1000, rue de l’Exemple", "Montréal (Québec)  H0H 0H0", "Canada"],
    country="CA",
    region="QC",
    email="facturation@luma.example",
    phone="+1 514 555 0100",
    payment_url="https://pay.luma.example/ca",
    registrations=[
        Registration(label="TPS/TVH", number="000000000 RT0001", country="CA"),
        Registration(label="TVQ", number="0000000000 TQ0001", country="CA"),
    ],
    dispute_days=15,
)

CA_CUSTOMER = BillTo(
    account_id="A-20007",
    name="Boulangerie L’Épi d’Été — Ste-Œuvre",
    address_lines=["12, chemin Imaginaire"],
    city="Québec",
    region="QC",
    postal_code="G0G 0G0",
    country="CA",
    emails=["compta@epi.example"],
)

DE_SELLER = Seller(
    seller_id="luma-de",
    name="Luma Telefonie GmbH",
    brand="Luma Voice",
    address_lines=["Musterallee 7", "10000 Berlin", "Deutschland"],
    country="DE",
    email="rechnung@luma.example",
    phone="+49 30 23125 000",
    tax_id="DE000000000",
    registrations=[Registration(label="Amtsgericht Musterstadt", number="HRB 00000")],
    bank=Bank(
        name="Musterbank", account_holder="Luma Telefonie GmbH", iban="DE00000000000000000000", bic="MUSTDEFFXXX"
    ),
)

DE_CUSTOMER = BillTo(
    account_id="K-7781",
    name="Gebrüder Weißenfels Möbelbau GmbH & Co. KG",
    address_lines=["Fabrikstraße 19", "Tor 2"],
    city="Köln",
    postal_code="50000",
    country="DE",
    tax_id="DE111111111",
    emails=["buchhaltung@weissenfels.example"],
)

AU_SELLER = Seller(
    seller_id="luma-au",
    name="Luma Telephone Pty Ltd",
    brand="Luma Voice",
    address_lines=["Level 9, 1 Sample Street", "Sydney NSW 2000", "Australia"],
    country="AU",
    email="accounts@luma.example",
    tax_id="00 000 000 000",
    bank=Bank(name="Sample Bank", account_holder="Luma Telephone Pty Ltd", bsb="000-000", account_number="12345678"),
)

AU_CUSTOMER = BillTo(
    account_id="AU-301",
    name="Wattle Street Physiotherapy",
    address_lines=["5 Wattle Street"],
    city="Melbourne",
    region="VIC",
    postal_code="3000",
    country="AU",
    tax_id="11 111 111 111",
    emails=["desk@wattle.example"],
)

GB_SELLER = Seller(
    seller_id="luma-gb",
    name="Luma Telephone Ltd",
    brand="Luma Voice",
    address_lines=["2 Specimen Row", "London EC1A 0AA", "United Kingdom"],
    country="GB",
    email="billing@luma.example",
    phone="+44 20 7946 0100",
    tax_id="GB000000000",
    bank=Bank(name="Sample Bank", sort_code="00-00-00", account_number="01234567"),
)

GB_CUSTOMER = BillTo(
    account_id="GB-88",
    name="Thistle & Wren Solicitors LLP",
    address_lines=["14 Invented Lane"],
    city="London",
    postal_code="SW1A 0AA",
    country="GB",
    tax_id="GB111111111",
    emails=["office@thistlewren.example"],
)
