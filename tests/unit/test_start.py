"""How soon a command starts: what is heavy is imported where it is used, and not for `--help`."""

import signal
import subprocess
import sys

HEAVY = {"polars", "duckdb", "pyarrow", "numpy", "prefect", "weasyprint", "jinja2", "phonenumbers", "babel"}
CLUSTERS = {"prefect", "prefect_dask", "prefect_ray", "dask", "distributed", "ray"}

_HELP = """
import contextlib, io, sys
import typer
from flows.cli.main import make_app

command = typer.main.get_command(make_app())
deep = {"deck": ("check", "diff"), "taxes": ("list", "show", "coverage", "study")}
asked = [[], *([name] for name in command.commands), *([name, sub] for name in deep for sub in deep[name])]
for words in asked:
    with contextlib.redirect_stdout(io.StringIO()) as told:
        command.main([*words, "--help"], standalone_mode=False)
    assert "Usage" in told.getvalue(), words
print(len(asked), *{name.partition(".")[0] for name in sys.modules})
"""


def test_help_of_every_command_imports_nothing_heavy() -> None:
    told = subprocess.run([sys.executable, "-c", _HELP], check=True, capture_output=True, text=True).stdout
    asked, *modules = told.split()
    assert int(asked) > 25
    assert "typer" in modules
    assert set(modules) & HEAVY == set()


def test_status_imports_neither_frames_nor_the_printer() -> None:
    code = "import sys, flows.ask.status; print(*{name.partition('.')[0] for name in sys.modules})"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    modules = set(told.split())
    assert "duckdb" in modules
    assert modules & (HEAVY - {"duckdb"}) == set()


def test_a_month_without_a_cluster_imports_neither_prefect_nor_dask_nor_ray() -> None:
    code = (
        "import sys, flows.bill_run, flows.issue.approve, flows.post.send; from flows.engine.engine import engine_of; "
        "from flows.home.engine_settings import EngineSettings; "
        "assert engine_of(EngineSettings()) is None; assert engine_of(EngineSettings(kind='processes')) is not None; "
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    modules = set(told.split())
    assert "duckdb" in modules
    assert modules & CLUSTERS == set()


def test_a_reader_who_leaves_ends_the_command_without_a_word_as_everywhere() -> None:
    code = "import sys; from flows.cli.main import main; sys.argv[1:] = ['schema', 'settings']; main()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        assert process.communicate()[1] == b""
        assert process.returncode == -signal.SIGPIPE
