"""The pages of docs/ as a reader follows them: files to write and commands to type, in their order.

A block of kind `console` is typed: each line after `$ ` is a command; what stands below it is seen in what it prints
(`…` for what differs), and `[exit 3]` is its exit code where that is not 0. A block with `title="billing/x.csv"` is
written to that file, with `(at its end)` behind the name put at its end. A page's `start:` says which home of the
sample lies in demo/.
"""

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.forked import tollbook

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(r"^( *)```(\w+)([^\n]*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r'title="([^"]+?)( \(at its end\))?"')
_START = re.compile(r"\A---\n(?:.*\n)*?start: (\w+)\n(?:.*\n)*?---\n")


@dataclass(frozen=True)
class WrittenFile:
    """A file that the reader is told to write, or to add to."""

    line: int
    name: str
    text: str
    at_its_end: bool

    def follow(self, folder: Path, environment: dict[str, str]) -> str | None:
        """Writes it. What went wrong, or None."""
        del environment
        path = folder / self.name
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text(encoding="utf-8") if self.at_its_end else ""
        path.write_text(before + self.text, encoding="utf-8")
        return None


@dataclass(frozen=True)
class Command:
    """A command that the reader types: lines that are seen then, and how it ends."""

    line: int
    words: str
    shown: list[str] = field(default_factory=list)
    code: int = 0

    def follow(self, folder: Path, environment: dict[str, str]) -> str | None:
        """Types it. What went otherwise than the page says, or None."""
        first, *rest = shlex.split(self.words)
        if first == "export":
            environment.update(dict(word.split("=", 1) for word in rest))
            return None
        if first == "tollbook":
            ended = tollbook(*rest, folder=folder, environment=environment, blank_pdfs=True)
            code, said = ended.returncode, ended.stdout + ended.stderr
        else:
            done = subprocess.run(
                ["/bin/bash", "-c", self.words], cwd=folder, capture_output=True, text=True, check=False
            )
            code, said = done.returncode, done.stdout + done.stderr
        unseen = [line for line in self.shown if not _is_seen(line, said)]
        if code == self.code and not unseen:
            return None
        return f"line {self.line}: {self.words}\nexit {code}, not seen: {unseen}; it said:\n{said}"


Step = WrittenFile | Command


def steps(page: Path) -> list[Step]:
    """What a page tells its reader to do."""
    text = page.read_text(encoding="utf-8")
    found: list[Step] = []
    for block in _BLOCK.finditer(text):
        indent, kind, head, body = block.groups()
        line = text.count("\n", 0, block.start()) + 1
        body = re.sub(f"^{indent}", "", body, flags=re.MULTILINE)
        title = _TITLE.search(head)
        if kind == "console":
            found += _commands(body, line)
        elif title:
            found.append(WrittenFile(line, title[1], body, at_its_end=title[2] is not None))
    return found


def start(page: Path) -> str | None:
    """The sample's home that the page begins with: may, june or june_drafted."""
    said = _START.match(page.read_text(encoding="utf-8"))
    return said[1] if said else None


def runnable() -> list[Path]:
    """Pages with commands that are typed."""
    return [page for page in sorted(DOCS.rglob("*.md")) if any(isinstance(step, Command) for step in steps(page))]


def _commands(body: str, first_line: int) -> Iterator[Command]:
    lines = body.replace("\\\n", " " * 2).splitlines()
    typed: list[Command] = []
    for number, line in enumerate(lines, first_line + 1):
        if line.startswith("$ "):
            typed.append(Command(number, line[2:]))
        elif ended := re.fullmatch(r"\[exit (\d+)\]", line.strip()):
            typed[-1] = Command(typed[-1].line, typed[-1].words, typed[-1].shown, int(ended[1]))
        elif line.strip() and line.strip() != "…":
            typed[-1].shown.append(line)
    yield from typed


def _is_seen(line: str, said: str) -> bool:
    pattern = ".*".join(re.escape(part) for part in line.strip().split("…"))
    return any(re.fullmatch(pattern, each.strip()) for each in said.splitlines())
