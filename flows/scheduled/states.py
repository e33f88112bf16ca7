"""How a flow run ends: states whose names say what a person has to do, so that automations can hang on them.

`Completed`; `Completed with open items` (parked accounts, suspended usage, stops, refused files, unsent mail: exit code
3 of the command); `Nothing to do` (5); `Refused` (4) and `Wrong usage` (2), which failed and changed nothing. An error
that nobody foresaw fails the run with its traceback.
"""

from collections.abc import Callable
from typing import Any

from prefect import get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.books.context import Request
from flows.home import progress
from flows.scheduled.acts import Report, in_turn
from flows.scheduled.masked import without_numbers
from schemas.errors import LeftOpen, NothingToDo, TollbookError, WrongUsage

OPEN_ITEMS = "Completed with open items"
NOTHING_TO_DO = "Nothing to do"
REFUSED = "Refused"
WRONG_USAGE = "Wrong usage"

_MOST_CHARACTERS = 2000


class _Log:
    """A stream whose lines go to the run's log: what is under way is said there."""

    def __init__(self) -> None:
        self._log = get_run_logger()

    def write(self, text: str) -> int:
        if said := text.strip():
            self._log.info("%s", without_numbers(said))
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""

    def isatty(self) -> bool:
        return False


def _nothing(_request: Request, _report: Any) -> None:
    """Most acts tell nobody."""


def ended(
    ask: Callable[[], Request], act: Callable[[Request], Report], then: Callable[[Request, Any], None] = _nothing
) -> State[Any]:
    """Does an act in its turn, says in the log how far it is and what came of it, and names the state.

    `then` sees the report, or None where nothing was done: what is shown of it, who is told. Where that fails the act
    is done all the same. The state's data is the report, or the error.
    """
    log = get_run_logger()
    try:
        request = ask()
    except TollbookError as error:
        return _of(error)
    try:
        with progress.heard(_Log(), line_every_s=30):  # type: ignore[arg-type]
            report = in_turn(lambda: act(request), log)
    except TollbookError as error:
        _at_last(then, request, None)
        return _of(error)
    lines = [without_numbers(line) for line in report.lines()]
    for line in lines:
        log.info("%s", line)
    _at_last(then, request, report)
    message = "\n".join(lines)[:_MOST_CHARACTERS]
    return Completed(name=OPEN_ITEMS if report.incomplete else None, message=message, data=report)


def _of(error: TollbookError) -> State[Any]:
    said = without_numbers(str(error))[:_MOST_CHARACTERS]
    if isinstance(error, LeftOpen):
        return Completed(name=OPEN_ITEMS, message=said, data=error)
    if isinstance(error, NothingToDo):
        return Completed(name=NOTHING_TO_DO, message=said, data=error)
    return Failed(name=WRONG_USAGE if isinstance(error, WrongUsage) else REFUSED, message=said, data=error)


def _at_last(then: Callable[[Request, Any], None], request: Request, report: Report | None) -> None:
    try:
        then(request, report)
    except Exception as error:  # noqa: BLE001 what is done is done, whoever could not be told
        get_run_logger().warning("what came of it could not be shown: %s: %s", type(error).__name__, error)
