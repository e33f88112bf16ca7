"""The page of the data dictionary is what the snapshot says of itself."""

from pathlib import Path

from flows.books import dictionary
from flows.books.views import views

PAGE = Path(__file__).parents[2] / "docs" / "analysts" / "dictionary.md"


def test_the_page_is_as_the_program_writes_it(tmp_path: Path) -> None:
    dictionary.main(str(tmp_path / "fresh.md"))
    fresh = (tmp_path / "fresh.md").read_text(encoding="utf-8")
    assert fresh == PAGE.read_text(encoding="utf-8"), "python -m flows.books.dictionary docs/analysts/dictionary.md"


def test_every_view_and_column_is_on_it_with_its_meaning() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for view in views().values():
        section = text.split(f"\n## {view.name}\n")[1].split("\n## ")[0]
        assert view.comment in section
        listed = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| `")]
        assert listed == [f"`{name}`" for name in view.columns]
        assert all(len(meaning) > 5 for meaning in view.columns.values())
