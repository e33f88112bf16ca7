"""The command line: arguments in, one function called, data on stdout, the rest on stderr, an exit code.

The commands and what their exit codes mean are CONTRACT, section 3; each stands in a file of its topic.
"""

import atexit
import getpass
import os
import signal
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from flows.cli import (
    acts,
    correcting,
    decks,
    explaining,
    exporting,
    issuing,
    keeping,
    months,
    reports,
    serving,
    sources,
    taxes,
)  # fmt: skip
from flows.cli.base import DEFECT, DONE, Globals, day_of, say
from flows.cli.examples import add_examples
from flows.home import progress
from schemas.errors import Refused, TollbookError, WrongUsage

_TOPICS = (months, issuing, acts, correcting, reports, exporting, sources, decks, taxes, explaining, keeping, serving)
"""In the order of `tollbook --help`."""


def make_app() -> typer.Typer:
    """The whole command line."""
    app = typer.Typer(
        help="Billing for telephone providers: right, explainable, one folder.",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
    )
    app.callback()(options)
    for topic in _TOPICS:
        topic.register(app)
    add_examples(app)
    return app


def _login() -> str:
    """The login name; of a user that this machine has no name for, as in a container, the number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"tollbook {version('tollbook')}")
        raise typer.Exit


def options(
    context: typer.Context,
    home: Annotated[Path | None, typer.Option(help="The home; default $TOLLBOOK_HOME, then this folder.")] = None,
    today: Annotated[str | None, typer.Option(help="The day it is; default $TOLLBOOK_TODAY, then the clock.")] = None,
    by: Annotated[str | None, typer.Option(help="Who is acting; default the login name.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Data as JSON on stdout.")] = False,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Take over a lock whose holder on another machine is known to be dead.")
    ] = False,
    accept_loss: Annotated[
        str | None,
        typer.Option(
            "--accept-loss", metavar="REASON", help="Go on with books that know less than has left the house."
        ),
    ] = None,
    asked_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="The version, and nothing else.")
    ] = False,
) -> None:
    """Reads what every command shares; the only place that reads the clock (RULES 1)."""
    del asked_version
    # What people owe is nobody else's to read, whatever the shell's umask says.
    os.umask(os.umask(0o077) | 0o027)
    context.obj = Globals(
        root=home or Path(os.environ.get("TOLLBOOK_HOME") or "."),
        today=day_of(today or os.environ.get("TOLLBOOK_TODAY"), "--today"),
        by=by or _login(),
        is_json=as_json,
        now=datetime.now(UTC),  # noqa: TID251 the one clock
        take_over=take_over,
        accept_loss=accept_loss,
    )
    if not as_json:
        context.with_resource(progress.heard(sys.stderr))


def main() -> None:
    """Entry point: an expected error prints one sentence and ends with its exit code; the rest is a defect of ours."""
    command = typer.main.get_command(make_app())
    try:
        ended = command.main(standalone_mode=False)
        code = ended if isinstance(ended, int) else DONE
    except TollbookError as error:
        say(str(error))
        code = error.exit_code
    except SystemExit:  # what click makes of a closed pipe
        _end_as_a_pipe_does()
        raise
    except Exception as error:  # noqa: BLE001 the last line of defence: shown whole, exit 1
        code = _other(error)
    _leave(code)


def _leave(code: int) -> None:
    """Ends the process. After a Prefect flow its threads are still there, and duckdb's binding would report
    everything they hold as leaked: so the exit hooks run (they stop the local server), and then it ends at once.
    """
    if "prefect" in sys.modules:
        atexit._run_exitfuncs()  # noqa: SLF001 there is no public way
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _end_as_a_pipe_does() -> None:
    """Ends without a word where who read the output has gone (`tollbook … | head`): click has set stdout aside then.

    Only the end is left to the signal: one that was on all the time would kill a command in the middle of its work.
    """
    if sys.stdout is not sys.__stdout__:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGPIPE)


def _is_duckdb(error: Exception) -> bool:
    return "duckdb" in sys.modules and isinstance(error, sys.modules["duckdb"].Error)


def _is_damage(error: Exception) -> bool:
    """Whether the database speaks of its file, and not of what we asked."""
    if not _is_duckdb(error):
        return False
    return any(word in str(error).lower() for word in ("checksum", "corrupt", "could not read", "invalidated"))


def _of_the_machine(error: Exception) -> str | None:
    """What is wrong with disk, memory or the database's file, and what to do."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryException":
        return _TOO_LITTLE_MEMORY
    if not isinstance(error, OSError) and not _is_duckdb(error):
        return None
    from flows.home.disk import trouble

    if told := trouble(error):
        return told
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}. Give this user the right to read and write the home, and room to."
    if _is_damage(error):
        from flows.home.store import damaged

        return damaged(error)
    return None


_TOO_LITTLE_MEMORY = (
    "the memory that a run may use is too small for this: raise [run] memory_limit_mb in tollbook.toml, or lower "
    "render_processes, then the same command. What is written is whole."
)


def _other(error: Exception) -> int:
    """The machine's own trouble is told with what helps; click's complaints are wrong usage; the rest is ours."""
    if told := _of_the_machine(error):
        say(told)
        return Refused.exit_code
    complain = getattr(error, "show", None)
    if callable(complain):
        complain()
        return WrongUsage.exit_code
    if type(error).__name__ == "Abort":
        say("stopped.")
        return DEFECT
    traceback.print_exc()
    say("This is a defect of ours: nothing you did should end here.")
    return DEFECT
