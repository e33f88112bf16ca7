"""An example for each command, shown at the end of its help: it runs as it stands on the home that `make demo` leaves.

One place for all of them, so that a command without one is seen (tests/docs/test_examples.py).
"""

from collections.abc import Iterator

import typer

EXAMPLES = {
    "init": "tollbook init billing",
    "ingest": "tollbook --home demo ingest",
    "rate": "tollbook --home demo --today 2026-06-20 rate 2026-07",
    "run": "tollbook --home demo --today 2026-06-02 --by anna run 2026-06 --direct",
    "preview": "tollbook --home demo preview 2026-06 --account US-1001",
    "review": "tollbook --home demo review 2026-06",
    "approve": 'tollbook --home demo --by ben approve 2026-06 --override "yearly lines came in May"',
    "send": "tollbook --home demo --today 2026-06-02 --by ben send 2026-06",
    "publish": "tollbook --home demo publish",
    "serve": "tollbook --home demo serve",
    "rollback": 'tollbook --home demo rollback inbox/calls/na-2026-05.csv --reason "sent for the wrong month"',
    "replay": "tollbook --home demo replay --reason no_rate",
    "erase": 'tollbook --home demo --by dora erase US-1001 --until 2026-04 --reason "request of 18 July"',
    "park": 'tollbook --home demo park US-1001 --reason "contract in dispute"',
    "unpark": 'tollbook --home demo unpark US-1001 --reason "settled"',
    "correct": 'tollbook --home demo --by anna correct 2026-05 --reason "rates of France"',
    "rerate": "tollbook --home demo rerate 2026-06 --deck world_usd --prefix +33",
    "status": "tollbook --home demo --today 2026-06-02 status 2026-06",
    "doctor": "tollbook --home demo doctor --deep",
    "schema": "tollbook schema calls",
    "check": "tollbook check demo/checks/prices.yaml",
    "explain": "tollbook --home demo explain US-2026-000004 tax:1",
    "export": "tollbook --home demo export review 2026-06 --format xlsx",
    "backup": "tollbook --home demo backup demo-2026-06-02",
    "restore": "tollbook --home demo restore demo-2026-06-02",
    "upgrade": "tollbook --home demo upgrade",
    "source try": "tollbook source try demo/inbox/calls/pbx_berlin/Master.csv --like asterisk",
    "deck check": "tollbook --home demo deck check world_usd",
    "deck diff": "tollbook --home demo --today 2026-06-02 deck diff world_usd carrier.csv --like world_usd",
    "deck try": "tollbook --today 2026-06-02 deck try carrier.csv --currency USD",
    "taxes list": "tollbook --today 2026-06-02 taxes list --country CA",
    "taxes show": "tollbook taxes show us/usf",
    "taxes coverage": "tollbook --today 2026-07-02 taxes coverage --country US",
    "taxes set": 'tollbook --home demo --by dora taxes set USF 2026-07-01 36.2 --reference "FCC DA 26-600"',
    "taxes study": "tollbook --home demo taxes study 2026-06",
}
"""Words of a command -> a line to type."""

BY_THE_CLOCK = frozenset({
    "ingest", "run", "preview", "approve", "send", "serve", "replay", "correct", "rerate", "status", "doctor",
    "deck check", "deck diff", "deck try", "taxes list", "taxes coverage", "taxes set",
})  # fmt: skip
"""Commands whose answer depends on which day it is."""

_CLOCK = "The day it is: --today DATE before the command, else $TOLLBOOK_TODAY, else this machine's clock."


def add_examples(app: typer.Typer) -> None:
    """Ends the help of every command with its example and, where a clock matters, with what says the day."""
    for words, command in commands_of(app):
        said = [f"Example: {EXAMPLES[words]}"] if words in EXAMPLES else []
        command.epilog = "\n\n".join([*said, *([_CLOCK] if words in BY_THE_CLOCK else [])])


def commands_of(app: typer.Typer) -> "Iterator[tuple[str, typer.models.CommandInfo]]":
    """Every command with the words that call it: `run`, `deck check`."""
    yield from ((command.name or "", command) for command in app.registered_commands)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            yield from (
                (f"{group.name} {command.name}", command) for command in group.typer_instance.registered_commands
            )
