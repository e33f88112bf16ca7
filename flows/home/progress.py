"""What a long command is doing: stage, count, share. Silent unless somebody listens, as the command line does.

A stage only counts, in a context variable's list; a listener's own thread looks at the list now and then and says what
it sees on a stream: as bars on a terminal, which go when the work is done, else as a plain line. So a stage costs
nothing, and worker threads and processes, which see no listener, say nothing.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

FIRST_AFTER_S: float = 1  # not money
"""A command that is done sooner says nothing."""

LINE_EVERY_S: float = 10  # not money
"""Seconds between two plain lines."""

_REDRAW_EVERY_S: float = 0.2  # not money

Tick = Callable[[int], None]
"""tick(n): n more are done."""


@dataclass(eq=False)
class Stage:
    """Something that is under way: `done` of `total` `units`; total None: nobody knows how many there will be."""

    name: str
    total: int | None
    units: str
    done: int = 0

    def tick(self, count: int = 1) -> None:
        self.done += count

    @property
    def count(self) -> str:
        """How far it is, in words."""
        if self.total is None:
            return f"{self.done:,} {self.units}".rstrip() if self.done else ""
        return f"{self.done:,} of {self.total:,} {self.units}".rstrip()

    @property
    def text(self) -> str:
        """For a line: name, count, share."""
        share = f" ({self.done * 100 // self.total} %)" if self.total else ""
        return f"{self.name}: {self.count}{share}" if self.count else self.name


@dataclass
class _Listener:
    """Who says what is under way, the outermost stage first."""

    stream: TextIO
    line_every_s: float  # not money
    stages: list[Stage] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    drawing: threading.Lock = field(default_factory=threading.Lock)
    bars: "Progress | None" = None
    tasks: "dict[Stage, TaskID]" = field(default_factory=dict)

    def listen(self, first_after_s: float) -> None:  # not money
        """Until it is over; runs in a thread of its own."""
        on_terminal = _is_terminal(self.stream)
        wait_s = first_after_s
        said = ""
        while not self.over.wait(wait_s):
            if on_terminal:
                self.draw()
                wait_s = _REDRAW_EVERY_S
                continue
            text = " > ".join(stage.text for stage in [*self.stages])
            if text and text != said:
                self.stream.write(f"{text}\n")
                self.stream.flush()
            said, wait_s = text, self.line_every_s if text else first_after_s

    def draw(self) -> None:
        """A bar for each stage that is under way."""
        with self.drawing:
            stages = [*self.stages]
            if not stages or self.over.is_set():
                return
            if self.bars is None:
                self.bars = _bars(self.stream)
            for gone in [stage for stage in self.tasks if stage not in stages]:
                self.bars.remove_task(self.tasks.pop(gone))
            for stage in stages:
                if stage not in self.tasks:
                    self.tasks[stage] = self.bars.add_task(stage.name, total=stage.total, count="")
                self.bars.update(self.tasks[stage], completed=stage.done, count=stage.count)
            self.bars.refresh()

    def wipe(self) -> None:
        """Takes the bars off the terminal."""
        with self.drawing:
            if self.bars is not None:
                self.bars.stop()
                self.bars = None
                self.tasks.clear()


_LISTENER: ContextVar[_Listener | None] = ContextVar("progress", default=None)


@contextlib.contextmanager
def heard(
    stream: TextIO,
    *,
    first_after_s: float = FIRST_AFTER_S,  # not money
    line_every_s: float = LINE_EVERY_S,  # not money
) -> Iterator[None]:
    """Says on `stream` what is under way, as long as the block lasts."""
    listener = _Listener(stream, line_every_s)
    thread = threading.Thread(target=listener.listen, args=(first_after_s,), name="progress", daemon=True)
    before = _LISTENER.set(listener)
    thread.start()
    try:
        yield
    finally:
        _LISTENER.reset(before)
        listener.over.set()
        listener.wipe()
        thread.join()


@contextlib.contextmanager
def stage(name: str, total: int | None = None, units: str = "") -> Iterator[Tick]:
    """Something that may take a while: `with stage("printing", 120, "documents") as tick: ... tick(1)`.

    Stages lie inside one another. Ticks may come from any thread.
    """
    listener = _LISTENER.get()
    under_way = Stage(name, total, units)
    if listener is None:
        yield under_way.tick
        return
    listener.stages.append(under_way)
    try:
        yield under_way.tick
    finally:
        listener.stages.remove(under_way)
        if not listener.stages:
            listener.wipe()


def each_a_stage(step: Callable[..., Any]) -> Callable[..., Any]:
    """`step(name, function, argument)`, as a stage of its name."""

    def staged(name: str, function: Callable[..., Any], argument: Any) -> Any:
        with stage(name):
            return step(name, function, argument)

    return staged


def _is_terminal(stream: TextIO) -> bool:
    import os

    return stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")


def _bars(stream: TextIO) -> "Progress":
    """Bars that nothing else is sent through and that leave the cursor alone: a kill must not hide it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    console = Console(file=stream)
    bars = Progress(
        TextColumn("{task.description}"), BarColumn(bar_width=30), TaskProgressColumn(),
        TextColumn("{task.fields[count]}"), console=console, transient=True, auto_refresh=False,
        redirect_stdout=False, redirect_stderr=False,
    )  # fmt: skip
    bars.start()
    console.show_cursor(show=True)
    return bars
