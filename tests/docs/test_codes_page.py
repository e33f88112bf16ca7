"""docs/codes.md has an entry for every word of every closed list and for no other, and says what the program says."""

import re
from collections.abc import Mapping
from typing import Any, get_args

import pytest

from flows.books.remedies import REMEDIES, SUSPENDED_REMEDIES
from rating.outcomes import EXCLUDED, SUSPENDED
from schemas import errors
from schemas.codes import FINDING_CODES, LEFT_OUT_CODES, PARKED_CODES, STOP_CODES
from schemas.states import FileState, MailState, Outcome, RunState
from tests.docs.pages import DOCS

PAGE = (DOCS / "codes.md").read_text(encoding="utf-8")
_ENTRY = re.compile(r"^### `(\w+)` \{ #(\S+) \}\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)

LISTS: dict[str, Mapping[Any, str] | tuple[str, ...]] = {
    "stop": STOP_CODES, "parked": PARKED_CODES, "suspended": SUSPENDED, "excluded": EXCLUDED,
    "finding": FINDING_CODES, "left-out": LEFT_OUT_CODES, "outcome": get_args(Outcome), "run": get_args(RunState),
    "file": get_args(FileState), "mail": get_args(MailState), "exit": ("0", "1", "2", "3", "4", "5"),
}  # fmt: skip
"""Anchor of a section -> the words that it explains; where the program has a sentence for each, with it."""
CURES: dict[str, Mapping[Any, str]] = {"parked": REMEDIES, "suspended": SUSPENDED_REMEDIES}


def entries(section: str) -> dict[str, str]:
    """Word -> what is written about it, of a section."""
    text = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    (mine,) = [part for part in text if part.partition("\n")[0].endswith(f"{{ #{section} }}")]
    found = [(word, anchor, said.strip()) for word, anchor, said in _ENTRY.findall(mine)]
    assert [anchor for _, anchor, _ in found] == [f"{section}-{word}" for word, _, _ in found]
    return {word: said for word, _, said in found}


@pytest.mark.parametrize("section", LISTS)
def test_every_word_has_its_entry_and_every_entry_its_word(section: str) -> None:
    assert list(entries(section)) == list(LISTS[section])


@pytest.mark.parametrize("section", LISTS)
def test_an_entry_says_what_the_program_says_and_what_to_do(section: str) -> None:
    words = LISTS[section]
    for word, said in entries(section).items():
        first, *rest = said.split("\n\n")
        if isinstance(words, Mapping):
            assert first[0].lower() + first[1:].rstrip(".") == words[word][0].lower() + words[word][1:], word
            assert any(part.startswith("**Comes about:** ") for part in rest), word
        cure = next(part.removeprefix("**Do:** ") for part in rest if part.startswith("**Do:** "))
        assert cure.endswith((".", ")")), word
        assert word not in CURES.get(section, {}) or cure == CURES[section][word], word


def test_every_exit_code_of_an_expected_error_is_explained() -> None:
    codes = {error.exit_code for error in (errors.Refused, errors.WrongUsage, errors.NothingToDo)}
    assert {str(code) for code in codes} <= set(entries("exit"))


def test_no_word_is_explained_outside_its_section() -> None:
    assert len(_ENTRY.findall(PAGE)) == sum(len(words) for words in LISTS.values())
