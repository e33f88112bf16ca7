"""README and command line say the same: each command of one is a command of the other, with help."""

import re
from pathlib import Path

import typer

from flows.cli.main import make_app

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_every_command_is_in_the_readme_and_has_help() -> None:
    command = typer.main.get_command(make_app())
    known = command.commands  # type: ignore[attr-defined]
    table = README.split("## The commands of a month")[1].split("## The picture")[0]
    told = {name for cell in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)", cell)}
    told = {name for name in told if not name.isdigit()}
    assert told == set(known)
    assert all(command.help for command in known.values())
