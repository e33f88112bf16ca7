"""A review's page as a reader finds it: its tables by name with their cells, its anchors, its links."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path


@dataclass
class Page(HTMLParser):
    """tables: by the id of their section, rows of heading -> text. links: (heading of the cell or "", href)."""

    tables: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    links: list[tuple[str, str]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self._section = self._cell = ""
        self._is_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if "id" in told:
            assert told["id"] not in self.ids, f"two of {told['id']}"
            self.ids.add(told["id"])
        if tag == "section":
            self._section = told.get("id", "laws")
        elif tag == "tr":
            self.tables.setdefault(self._section, []).append({})
        elif tag == "td":
            self._is_cell, self._cell = True, told.get("data-label", "")
            self.tables[self._section][-1][self._cell] = ""
        elif tag == "a":
            self.links.append((self._cell if self._is_cell else "", told["href"]))

    def handle_endtag(self, tag: str) -> None:
        if tag == "td":
            self._is_cell = False

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._is_cell:
            self.tables[self._section][-1][self._cell] += data.strip("\n")


def read_page(file: Path) -> Page:
    """The page, with its heads' rows left out."""
    page = Page()
    page.feed(file.read_text(encoding="utf-8"))
    page.tables = {name: [row for row in rows if row] for name, rows in page.tables.items()}
    return page
