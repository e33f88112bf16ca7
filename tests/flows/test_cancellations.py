"""A cancellation is confirmed by one mail, with the last day that is billed (the guide), when its month is issued."""

import email
import email.policy
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from flows.books.holds import park, unpark
from flows.home.loss import accept_loss
from flows.home.mail_settings import SmtpSettings
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.post.send import SendReport, send
from flows.review.page import review
from flows.review.report import Review
from schemas.errors import NothingToDo
from tests.flows.issuing import draft_only, issue, published
from tests.flows.test_deliver import serving
from tests.scenarios.month.home import add_file, make_home

NOW = datetime(2025, 9, 1, tzinfo=UTC)
SEAT = {"start_date": "2024-01-01", "unit_price": "31.00"}


def _account(id_: str, **cells: str) -> dict[str, str]:
    return {"account_id": id_, "name": f"{id_} & Sons", "email": f"{id_.lower()}@example.org", **cells}


def _seat(account: str, **cells: str) -> dict[str, str]:
    return {**SEAT, "subscription_id": f"S-{account}", "account_id": account, **cells}


TERM = {"term_start": "2025-01-01", "term_months": "12"}
STAY = [_seat("ANN"), _seat("BOB"), _seat("CEM", **TERM), _seat("DAN"), _seat("FAY"), _seat("HAL")]
FIRST = [
    *STAY,
    _seat("BOB", subscription_id="S-BOB-2", product_code="yearly", unit_price="", quantity="2", billing_interval="P1Y",
          start_date="2024-09-10"),
    _seat("GUS", end_date="2025-01-31"),
    _seat("HAL", subscription_id="S-HAL-OLD", cancel_requested_on="2025-04-30"),
    _seat("HAL", subscription_id="S-HAL-NEW", cancel_requested_on="2025-05-20"),
]  # fmt: skip
"""What is known from the beginning: of what ended long ago nothing is said."""

LATER = [
    _seat("ANN", cancel_requested_on="2025-06-12"),
    _seat("CEM", **TERM, cancel_requested_on="2025-06-30"),
    _seat("DAN", end_date="2025-07-31"),
    _seat("FAY", cancel_requested_on="2025-06-15"),
]


@pytest.fixture(scope="module")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """June issued, with what was known then; July drafted, with what was cancelled since."""
    home = make_home(tmp_path_factory.mktemp("cancelled") / "home")
    languages = {"BOB": "fr_FR", "CEM": "de_DE"}
    names = ("ANN", "BOB", "CEM", "DAN", "FAY", "GUS", "HAL")
    accounts = [_account(id_, locale=languages.get(id_, "en_GB")) for id_ in names]
    add_file(home, "accounts", "a", accounts)
    add_file(home, "subscriptions", "a", FIRST)
    draft_only(home, "2025-06")
    issue(home, "2025-06")
    add_file(home, "accounts", "b", [_account("BOB", locale="fr_FR", end_date="2025-06-20")])
    add_file(home, "subscriptions", "b", LATER)
    add_file(home, "subscriptions", "c", [_seat("FAY")])
    draft_only(home, "2025-07")
    return home


@pytest.fixture
def home(drafted: Home, tmp_path: Path, copied: Callable[[Home, Path], Home]) -> Home:
    return copied(drafted, tmp_path / "home")


@pytest.fixture
def copied() -> Callable[[Home, Path], Home]:
    def copy(home: Home, to: Path) -> Home:
        shutil.copytree(home.root, to)
        return Home(to)

    return copy


def go(home: Home, month: str, smtp: SmtpSettings | None = None, **options: Any) -> SendReport:
    settings = load_settings(home).model_copy(update={"smtp": smtp})
    options = {"today": date.fromisoformat(f"{month}-02"), "now": NOW, "by": "grace", **options}
    with Store(home) as store:
        return send(store, settings, month, **options)


def written(home: Home, month: str) -> list[EmailMessage]:
    """The confirmations that lie in the month's folder, by recipient."""
    found: list[Any] = [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        for path in (home.out(month) / "mail").glob("cancelled-*.eml")
    ]
    return sorted(found, key=lambda mail: str(mail["To"]))


def recipients(home: Home, month: str) -> list[str]:
    return [str(mail["To"]).partition("@")[0] for mail in written(home, month)]


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\N{NO-BREAK SPACE}", " ").replace("&nbsp;", " ")


def seen(home: Home, month: str) -> Review:
    with Store(home) as store:
        return review(store, load_settings(home), month)


def test_each_is_confirmed_in_its_own_language_with_the_last_billed_day(home: Home) -> None:
    issue(home, "2025-07")
    go(home, "2025-07")
    mails = {str(mail["To"]).partition("@")[0]: mail for mail in written(home, "2025-07")}
    assert list(mails) == ["ann", "bob", "cem", "dan"]
    assert {name: str(mail["Subject"]) for name, mail in mails.items()} == {
        "ann": "Example Telephone Ltd: Seat is cancelled, billed until 30 June 2025",
        "bob": "Example Telephone Ltd : compte BOB résilié, facturé jusqu’au 9 septembre 2025",
        "cem": "Example Telephone Ltd: Seat gekündigt, berechnet bis 31. Dezember 2025",
        "dan": "Example Telephone Ltd: Seat is cancelled, billed until 31 July 2025",
    }
    for kind in ("plain", "html"):
        said = text_of(mails["ann"], kind)
        assert "We confirm that your subscription S-ANN is cancelled." in said
        assert "The last day that is billed is 30 June 2025." in said
        french = text_of(mails["bob"], kind)
        assert "Nous confirmons la résiliation de votre compte BOB." in french
        assert "facturé jusqu’au 30 juin 2025" in french
        assert "facturé jusqu’au 9 septembre 2025" in french
        assert "Der letzte berechnete Tag ist der 31. Dezember 2025." in text_of(mails["cem"], kind)
    assert "2 × Seat paid yearly (S-BOB-2): facturé jusqu’au 9 septembre 2025" in text_of(mails["bob"])
    assert str(mails["ann"]["From"]) == "Example Telephone Ltd <billing@example.com>"
    assert mails["bob"]["Content-Language"] == "fr-FR"


def test_drafts_confirm_nothing_and_the_review_lists_what_will_be(home: Home) -> None:
    with pytest.raises(NothingToDo, match="no document is issued"):
        go(home, "2025-07")
    rows = seen(home, "2025-07").tables["cancellations"]
    assert {row["mail"] for row in rows} == {"with the documents"}
    assert [(row["last_billed_on"].isoformat(), row["account_id"], row["subscription_id"]) for row in rows] == [
        ("2025-06-30", "ANN", "S-ANN"),
        ("2025-07-31", "DAN", "S-DAN"),
        ("2025-09-09", "BOB", None),
        ("2025-12-31", "CEM", "S-CEM"),
    ]


def test_a_server_takes_each_once(home: Home) -> None:
    issue(home, "2025-07")
    with serving() as (server, smtp):
        server.answers["dan@example.org"] = "450 try again"
        go(home, "2025-07", smtp)
        assert server.recipients == ["ann@example.org", "bob@example.org", "cem@example.org"]
        server.answers.clear()
        go(home, "2025-07", smtp)
        assert server.recipients == ["ann@example.org", "bob@example.org", "cem@example.org", "dan@example.org"]
        go(home, "2025-07", smtp)
        assert len(server.taken) == 4
    rows = published(home, "select account_id, subscription_id, last_billed_on::varchar, state, recipient "
                           "from deliveries where invoice_number is null order by 1")  # fmt: skip
    assert rows[0] == ("ANN", "S-ANN", "2025-06-30", "accepted", "ann@example.org")
    assert rows[1][:4] == ("BOB", None, "2025-09-09", "accepted")
    assert len(rows) == 4
    assert {row["mail"] for row in seen(home, "2025-07").tables["cancellations"]} == {"accepted"}


def test_books_that_forgot_what_went_out_send_none_again(home: Home) -> None:
    issue(home, "2025-07")
    older = home.database.read_bytes()
    with serving() as (server, smtp):
        go(home, "2025-07", smtp)
        assert len(server.taken) == 4
        home.database.write_bytes(older)
        with Store(home, whatever_is_left=True) as store:
            assert "4 mails" in accept_loss(store, "the disk burnt", "grace", NOW)
        # What the lost mails confirmed nobody knows any more; the books balance all the same.
        go(home, "2025-07", smtp)
        assert len(server.taken) == 4
    rows = published(home, "select distinct account_id, state from deliveries where invoice_number is null")
    assert rows == [(None, "unknown")]


def test_the_month_after_says_nothing_of_them_again(home: Home) -> None:
    issue(home, "2025-07")
    go(home, "2025-07")
    add_file(home, "subscriptions", "d", [{**LATER[0], "billing_group": "Leeds"}])
    draft_only(home, "2025-08")
    issue(home, "2025-08")
    go(home, "2025-08")
    assert written(home, "2025-08") == []
    assert seen(home, "2025-08").tables["cancellations"] == []


def test_the_first_month_says_nothing_of_what_ended_long_ago(home: Home) -> None:
    go(home, "2025-06")
    (mail,) = written(home, "2025-06")
    assert "S-HAL-NEW" in text_of(mail)
    assert "The last day that is billed is 31 May 2025." in text_of(mail)


def test_who_is_set_aside_waits(home: Home) -> None:
    issue(home, "2025-07")
    with Store(home) as store:
        park(store, "ANN", "in court", "ben", NOW)
    report = go(home, "2025-07")
    assert any(line.startswith("1 cancellation waits to be confirmed") for line in report.lines())
    assert recipients(home, "2025-07") == ["bob", "cem", "dan"]
    with Store(home) as store:
        unpark(store, "ANN", None, "ben", NOW)
    go(home, "2025-07")
    assert len(written(home, "2025-07")) == 4


def test_who_is_erased_is_not_written_to(home: Home) -> None:
    issue(home, "2025-07")
    with Store(home) as store:
        store.con.execute("insert into erased values ('ANN', '2025-06', 'ben', $1, 'asked', true)", [NOW])
    go(home, "2025-07")
    assert recipients(home, "2025-07") == ["bob", "cem", "dan"]


def test_the_same_files_give_the_same_mails(home: Home, tmp_path: Path, copied: Callable[[Home, Path], Home]) -> None:
    issue(home, "2025-07")
    other = copied(home, tmp_path / "other")
    go(home, "2025-07")
    go(other, "2025-07", by="ada", now=NOW.replace(hour=20))
    contents = [
        {path.name: path.read_bytes() for path in (it.out("2025-07") / "mail").glob("*.eml")} for it in (home, other)
    ]
    assert contents[0] == contents[1]
    assert len(contents[0]) == 4
