"""Units of work for the tests of the engines; workers import them by name."""

import os
import signal
import time
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from flows.engine.place import Place
from schemas.errors import Refused


class Unit(NamedTuple):
    place: Place
    number: int
    marks: str = ""
    """Folder of the test's own."""


def square(unit: Unit) -> int:
    return unit.number**2


def slow_first(unit: Unit) -> int:
    """The first is the last to be done."""
    time.sleep(0.5 if unit.number == 0 else 0)
    return unit.number


def who(unit: Unit) -> tuple[int, str | None]:
    return os.getpid(), os.environ.get("POLARS_MAX_THREADS")


def killed_once(unit: Unit) -> int:
    """Half of its file is written when the worker of the third unit is killed; whoever does it again does it whole."""
    mark = Path(unit.marks, f"began-{unit.number}")
    is_first = not mark.exists()
    mark.touch()
    if unit.number == 3 and is_first:
        os.kill(os.getpid(), signal.SIGKILL)
    unit.place.write(f"{unit.number}", f"unit {unit.number}".encode())
    return unit.number


def killed_first(mark: str, module: str, name: str, *arguments: Any) -> Any:
    """The function of that name, by all but the first process that begins it: that one is killed."""
    try:
        Path(mark).touch(exist_ok=False)
    except FileExistsError:
        return getattr(import_module(module), name)(*arguments)
    return os.kill(os.getpid(), signal.SIGKILL)


def always_killed(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def refused(unit: Unit) -> int:
    if unit.number == 2:
        raise Refused("draft of account A-17: it says who")
    return unit.number


def faulty(unit: Unit) -> float:
    return 1 / unit.number
