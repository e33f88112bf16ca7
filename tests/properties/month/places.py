"""Where invented customers live, what they call, and the sample's sellers that bill them."""

from typing import NamedTuple


class Place(NamedTuple):
    """A billing or service address."""

    country: str
    region: str
    city: str
    postal_code: str


class Home(NamedTuple):
    """A seller of the sample with what its customers have."""

    seller: str
    currency: str
    zone: str
    plans: tuple[str, ...]
    places: tuple[Place, ...]
    area: str
    """How numbers begin there; four digits follow."""
    calls: tuple[str, ...]
    """Numbers at home, # stands for any digit."""
    premium: str
    toll_free: str


US = tuple(
    Place("US", region, city, postal)
    for region, city, postal in (
        ("MA", "Boston", "02108"), ("IL", "Chicago", "60607"), ("IL", "Springfield", "62701"),
        ("TX", "Austin", "78701"),
        ("IN", "Gary", "46402"), ("CA", "Los Angeles", "90028"), ("CO", "Denver", "80202"), ("GA", "Atlanta", "30303"),
        ("FL", "Miami", "33101"), ("AZ", "Phoenix", "85004"), ("CT", "Hartford", "06103"),
        ("MN", "Saint Paul", "55101"),
        ("NY", "New York", "10001"), ("AL", "Birmingham", "35203"), ("MD", "Baltimore", "21201"),
        ("IA", "Ames", "50010"),
    )
)  # fmt: skip
CA = tuple(
    Place("CA", region, city, postal)
    for region, city, postal in (
        ("QC", "Montréal", "H2X 0A1"), ("ON", "Ottawa", "K1P 0A2"), ("NS", "Halifax", "B3J 0A3"),
        ("BC", "Vancouver", "V6B 0A4"), ("MB", "Winnipeg", "R3C 0A5"), ("SK", "Regina", "S4P 0A6"),
        ("AB", "Calgary", "T2P 0A7"), ("NL", "St. John's", "A1C 0A8"), ("NB", "Fredericton", "E3B 0A9"),
        ("PE", "Charlottetown", "C1A 0A1"),
    )
)  # fmt: skip
GB = (Place("GB", "", "London", "EC1A 0ZY"), Place("GB", "", "Leeds", "LS1 1AA"))
IE = (Place("IE", "", "Galway", "H91 X000"), Place("DE", "", "Hamburg", "20457"), Place("FR", "", "Lyon", "69001"))
DE = (Place("DE", "", "München", "80331"), Place("DE", "", "Büsingen", "78266"))
FR = (Place("FR", "", "Paris", "75011"), Place("FR", "", "Lyon", "69001"))
AU = (Place("AU", "SA", "Adelaide", "5000"), Place("AU", "NSW", "Sydney", "2000"))

HOMES = (
    Home("corvane-us", "USD", "America/Chicago", ("us_light", "us_standard", "us_reseller"), US, "+1312555",
         ("+121255501##", "+161755501##", "+141555501##", "+141655501##"), "+178755501##", "+1888555"),
    Home("corvane-ca", "CAD", "America/Halifax", ("ca_standard",), CA, "+1416555",
         ("+141655501##", "+160455501##", "+121255501##"), "+178755501##", "+1877555"),
    Home("corvane-uk", "GBP", "Europe/London", ("uk_standard",), GB, "+44207946",
         ("+4420794601##", "+4416149601##", "+4477009001##"), "+4490987901##", "+44808157"),
    Home("corvane-ie", "EUR", "Europe/Dublin", ("ie_standard",), IE, "+35320910",
         ("+3532091001##", "+3538500000##"), "", ""),
    Home("corvane-de", "EUR", "Europe/Berlin", ("de_standard",), DE, "+49302312",
         ("+4930231251##", "+4922147101##", "+49176040690##"), "+499001234##", ""),
    Home("corvane-fr", "EUR", "Europe/Paris", ("fr_standard",), FR, "+3319900",
         ("+331990001##", "+336399801##"), "", ""),
    Home("corvane-au", "AUD", "Australia/Adelaide", ("au_standard",), AU, "+6125550",
         ("+612555001##", "+61491570156", "+61491570157"), "", ""),
)  # fmt: skip

ABROAD = (
    "+4420794601##", "+3532091001##", "+4969900091##", "+331990001##", "+336399801##", "+141555501##", "+464062804##",
    "+5255000001##", "+187655501##",
)  # fmt: skip
