"""What a rate, a deck's row or a case may not say, and what is said about it."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from flows.decks.deck_file import load_deck
from flows.home.file_settings import DeckSettings
from flows.home.settings import Home
from rating.checks.call import check_call, check_match
from rating.tariffs import RateOn, compile_rates
from schemas.call_rate import Rate
from schemas.errors import WrongUsage
from schemas.plan import UsageRule

STEP = {"price": "0.10"}


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        ({}, "exactly one of price, steps, bands"),
        ({"price": "0.1", "steps": [STEP]}, "exactly one of price, steps, bands"),
        ({"price": 0.1}, 'expected a quoted number: "0.1"'),
        ({"steps": [STEP], "increment": 6}, "per and increment stand in the steps"),
        ({"steps": [{**STEP, "from": 60}]}, "the first from 0"),
        ({"steps": [STEP, {**STEP, "from": 60}, {**STEP, "from": 60}]}, "each later"),
        ({"steps": [{**STEP, "increment": 0}]}, "greater than 0"),
        ({"price": "1", "minimum": "0.0000001"}, "at most 6 decimals"),
        ({"price": "1", "rounding": {"digits": 21}}, "less than or equal to 20"),
        ({"price": "1", "rounding": {"mode": "nearest"}}, "'half_up'"),
        ({"bands": [{"from": 1080, "steps": [STEP]}]}, "quoted time of day"),
        ({"bands": [{"to": "24:01", "steps": [STEP]}]}, "from 00:00 to 24:00"),
        ({"bands": [{"from": "22:00", "to": "06:00", "steps": [STEP]}]}, "a night is two bands"),
        (
            {"bands": [{"to": "18:00", "steps": [STEP]}, {"from": "17:00", "steps": [STEP]}]},
            "two bands price mon 17:00",
        ),
    ],
)
def test_a_rate_that_cannot_be_meant(rate: dict[str, Any], said: str):
    with pytest.raises(ValidationError, match=said):
        Rate.model_validate(rate)


def test_hours_without_a_band_are_refused_in_a_plan():
    band = {"days": ["mon", "tue", "wed", "thu", "fri", "sat"], "from": "08:00", "steps": [STEP]}
    rate = {"bands": [band, {"days": ["sun", "holiday"], "steps": [STEP]}]}
    with pytest.raises(ValidationError, match="no band prices mon 00:00 to 08:00, tue"):
        UsageRule.model_validate({"rate": rate, "charged": "overage"})


def test_a_rate_whose_amounts_would_not_fit_is_refused():
    apart = {"steps": [{"price": "999999999", "per": "0.000007"}, {"price": "1", "from": 1, "per": 999999937}]}
    with pytest.raises(WrongUsage, match="too far apart"):
        compile_rates([RateOn("plan:domestic", Rate.model_validate(apart), date(2026, 1, 1))])
    fine = {"price": "999999999", "per": 1, "rounding": {"digits": 20}}
    with pytest.raises(WrongUsage, match="cannot be rounded to 20 digits"):
        compile_rates([RateOn("plan:domestic", Rate.model_validate(fine), date(2026, 1, 1))])


CALL = {"seconds": "60", "steps": [{"from_s": "0", "price": "1", "per_s": "60", "increment_s": "1"}]}
BANDS = {
    "seconds": "60",
    "started_at": "2026-03-29T17:59:30",
    "time_zone": "Europe/London",
    "bands": [{"from": "08:00", "to": "18:00", "steps": CALL["steps"]}],
}


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ({**CALL, "second": "1"}, "unknown key 'second'"),
        ({**CALL, "rounding": {"digit": "1"}}, "unknown key 'digit'"),
        ({**CALL, "steps": [{**CALL["steps"][0], "from": "0"}]}, "unknown key 'from'"),  # type: ignore[dict-item]
        ({**CALL, "steps": [{"from_s": "0", "price": "1"}]}, "a step without per_s, increment_s"),
        ({**CALL, "seconds": "-1"}, "0 to 1000000000"),
        ({**CALL, "seconds": "1e24"}, "0 to 1000000000"),
        ({**CALL, "seconds": "NaN"}, "0 to 1000000000"),
        ({**CALL, "connect_fee": "1e24"}, "below 1000000000"),
        ({**CALL, "connect_fee": "one"}, "expected a number"),
        ({"seconds": "60"}, "exactly one of price, steps, bands"),
        (BANDS, "no band prices Sunday 2026-03-29 18:00 in Europe/London"),
        ({**BANDS, "started_at": "2026-03-29T01:30:00"}, "skip that time"),
        ({**BANDS, "started_at": None}, "expected `started_at`"),
        ({**BANDS, "time_zone": "London"}, "an IANA zone"),
    ],
)
def test_a_call_that_cannot_be_meant(case: dict[str, Any], said: str):
    with pytest.raises(WrongUsage, match=said):
        check_call(case)


def test_a_deck_whose_rows_overlap_is_no_deck():
    deck = [{"prefix": "33", "rate_id": "a"}, {"prefix": "+33", "rate_id": "b", "valid_from": "2026-01-01"}]
    with pytest.raises(WrongUsage, match="prefix 33 has two rows in force"):
        check_match({"number": "33155550100", "date": "2026-06-01", "deck": deck})


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ("1,,21,half_up", "column round_digits: found 21; expected 0 to 20"),
        ("1,,2,nearest", "column round_mode: found 'nearest'; expected one of half_up"),
        ("999999999,,20,", "fewer digits for prices of this size"),
        ("1,-1,,", "column max_charge: found '-1'"),
    ],
)
def test_a_deck_row_that_rounds_or_caps_in_no_known_way(tmp_path: Path, cells: str, said: str):
    home = Home(tmp_path)
    home.rates.mkdir(parents=True)
    header = "prefix,destination,per_s,price,max_charge,round_digits,round_mode"
    (home.rates / "deck.csv").write_text(f"{header}\n33,France,1,{cells}\n", encoding="utf-8")
    with pytest.raises(WrongUsage, match=said):
        load_deck(home, "world", DeckSettings(file="deck.csv", currency="EUR"))
