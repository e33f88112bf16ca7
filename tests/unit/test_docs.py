"""Documents and command line say the same: each command of one is a command of the other, with help."""

import re
from pathlib import Path

import typer

from flows.cli.main import make_app

ROOT = Path(__file__).parents[2]
COMMANDS = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
AWAITED = {"preview", "export", "serve"}
"""Commands that are described and still to come; one that has come may stand here."""


def test_every_command_is_in_the_table_and_has_help() -> None:
    command = typer.main.get_command(make_app())
    known = command.commands  # type: ignore[attr-defined]
    table = COMMANDS.split("# The commands")[1].split("## Before the command")[0]
    told = {name for cell in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)", cell)}
    told = {name for name in told if not name.isdigit()}
    assert told == set(known) | AWAITED
    assert all(command.help for command in known.values())


def test_every_exit_code_is_in_the_table() -> None:
    assert re.findall(r"^\| (\d) \|", COMMANDS, re.MULTILINE) == ["0", "1", "2", "3", "4", "5"]


def test_a_newcomer_reaches_the_first_pdf_on_the_first_screen_and_every_page_that_is_named() -> None:
    first_screen = "\n".join(README.splitlines()[:25])
    assert "make demo" in first_screen
    assert "demo/out/2026-06/invoices/" in first_screen
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert len(links) > 15
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_commands_of_the_first_month_are_there() -> None:
    command = typer.main.get_command(make_app())
    block = README.split("## Your own first month")[1].split("```")[1]
    typed = [
        re.sub(r"--(home|by) \w+ ", "", line).split()[1] for line in block.splitlines() if line.startswith("tollbook")
    ]
    assert set(typed) <= set(command.commands)  # type: ignore[attr-defined]
    assert {"init", "run", "approve", "send"} <= set(typed)
