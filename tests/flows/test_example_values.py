"""Banks, addresses and tax numbers that `tollbook init` wrote are told before they go out to customers; none stops."""

import re
from pathlib import Path

import pytest

from flows.ask.doctor import doctor
from flows.home.init import init_home
from flows.home.settings import Home, load_settings
from flows.home.shipped_values import left_as_shipped, told
from tests import forked

ALL = ["bank", "address_lines", "tax_id", "registrations", "name", "brand", "email", "phone", "website"]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    init_home(tmp_path / "home", sample=False)
    return Home(tmp_path / "home")


def change(home: Home, *changes: tuple[str, str]) -> None:
    text = home.settings_file.read_text(encoding="utf-8")
    for pattern, new in changes:
        text, count = re.subn(pattern, new, text, flags=re.MULTILINE)
        assert count, pattern
    home.settings_file.write_text(text, encoding="utf-8")


OWN = (
    (r'^name = .*', 'name = "Harbor Telephone LLC"'),
    (r'^brand = .*\n', ""),
    (r'^address_lines = .*', 'address_lines = ["12 Wharf Street", "Boston, MA 02108"]'),
    (r'^email = .*', 'email = "billing@harbor.example.net"'),
    (r'^phone = .*\n', ""),
    (r'^website = .*\n', ""),
    (r'^tax_id = .*', 'tax_id = "12-3456789"'),
    (r'^    \{ label = "EIN", number = "99-9000100"', '    { label = "EIN", number = "12-3456789"'),
)  # fmt: skip


def test_a_new_home_is_told_key_by_key(home: Home) -> None:
    assert left_as_shipped(load_settings(home)) == {"main": ALL}
    (check,) = [check for check in doctor(home).checks if check.name == "sellers"]
    assert check.state == "warn"
    assert check.line().endswith(
        "documents print examples that `tollbook init` wrote -> under [sellers.main] in tollbook.toml "
        f"change {', '.join(ALL)}"
    )


def test_what_is_replaced_is_told_no_more(home: Home) -> None:
    """A shared town or the kind of a registration is no example; the bank alone is left, and then nothing."""
    change(home, *OWN)
    assert left_as_shipped(load_settings(home)) == {"main": ["bank"]}
    change(home, (r"^bank = .*", 'bank = { name = "Sample Bank", routing_number = "011000015", account_number = "7" }'))
    assert left_as_shipped(load_settings(home)) == {"main": ["bank"]}, "the name of a bank that is none"
    change(home, (r"Sample Bank", "Granite Savings"))
    assert left_as_shipped(load_settings(home)) == {}
    assert not [check for check in doctor(home).checks if check.name == "sellers"]


def test_blanks_and_capitals_make_no_other_number(home: Home) -> None:
    change(home, *OWN, (r"^bank = .*", 'bank = { name = "Ours", iban = "gb79 corv 9999 9900 0012 34" }'))
    assert left_as_shipped(load_settings(home)) == {"main": ["bank"]}


def test_the_sample_has_one_sentence_for_all_its_sellers(tmp_path: Path) -> None:
    init_home(tmp_path / "home", sample=True)
    (text,) = told(left_as_shipped(load_settings(Home(tmp_path / "home"))))
    assert text.startswith("corvane-us, corvane-ca, corvane-uk, corvane-ie, corvane-de, corvane-fr, corvane-au: ")
    assert "Under [sellers.<id>] in tollbook.toml change bank, " in text


def test_review_and_approval_say_it_and_go_on(home: Home) -> None:
    change(home, (r'^first_invoice_month = "[^"]*"', 'first_invoice_month = "2026-06"'))
    head = "account_id,name,customer_type,seller_id,currency,time_zone,locale,address_line1,city,region,postal_code,"
    (home.inbox / "accounts" / "a.csv").write_text(
        f"{head}country,email,plan,service_start_date,billing_start_date\nA-1,Harbor Books,business,main,USD,"
        "America/New_York,en_US,12 Wharf Street,Boston,MA,02110,US,a@books.example,standard,2026-05-01,2026-05-01\n"
    )
    (home.inbox / "devices" / "d.csv").write_text(
        "device_id,account_id,device_type,product_code,extension,active_from\np1,A-1,phone,phone,101,2026-05-01\n"
    )

    def ended(by: str, *words: str) -> forked.Ended:
        return forked.tollbook("--home", str(home.root), "--today", "2026-06-02", "--by", by, *words)

    assert ended("anna", "run", "2026-06", "--direct").returncode == 0
    said = ended("ben", "review", "2026-06")
    assert (
        "Example values: main: documents print examples that `tollbook init` wrote. Under [sellers.main] in"
        in said.stdout
    )
    assert said.returncode == 0
    approved = ended("ben", "approve", "2026-06")
    assert approved.returncode == 0, approved.stderr
    assert "2026-06: 1 document issued, 1 PDF in" in approved.stdout
    assert "example values: main: documents print examples that `tollbook init` wrote" in approved.stdout
