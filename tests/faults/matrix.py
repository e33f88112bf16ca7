"""A matrix of faults: each act that writes is disturbed at random, then done as our own messages advise.

python -m tests.faults.matrix SEEDS [FIRST] [three] says what came of each kind, on the sample provider's months or
those of three customers. Whatever happens, no number names two documents, no mail goes twice, and every account owes in
the end what it owes undisturbed.
"""

import json
import random  # noqa: TID251 the dice of a test, which a seed throws
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

from flows.home.settings import Home
from flows.home.store import Store
from tests.faults.acts import SAMPLE, THREE, Act, Life
from tests.forked import Ended, tollbook

KINDS = ("kill", "log", "older", "flip", "full")
DISK_MB = 512


class Post:
    """A mail server: who got which document how often."""

    def __init__(self) -> None:
        self.accepted: Counter[tuple[str, ...]] = Counter()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 aiosmtpd's name
        mail = message_from_bytes(envelope.content)
        names = [name for part in mail.walk() if (name := part.get_filename()) and name.endswith(".pdf")]
        self.accepted[(envelope.rcpt_tos[0], *names)] += 1
        return "250 OK"


@contextmanager
def post_office() -> Iterator[Post]:
    """The server, on a port of its own."""
    post = Post()
    controller = Controller(post, hostname="127.0.0.1", port=post.port)
    controller.start()
    try:
        yield post
    finally:
        controller.stop()


@dataclass(frozen=True)
class Stage:
    """Where an undisturbed life stands before an act: a copy of the home, what was mailed, how long it took."""

    home: Path
    accepted: Counter[tuple[str, ...]]
    backup: Path
    length_s: float


@dataclass(frozen=True)
class Lived:
    """A life that nothing disturbed, act by act, and what everybody owes at its end."""

    acts: tuple[Act, ...]
    stages: list[Stage]
    owed: list[tuple[Any, ...]]


@dataclass
class Case:
    """One seed: which act is disturbed, how, and which ways out were taken."""

    seed: int
    act: int
    kind: str
    ways: list[str] = field(default_factory=list)


def _say(home: Home, act: Act, *, kill_after_s: float | None = None) -> Ended:
    command = ("--home", str(home.root), "--today", act.today, "--by", act.by, *act.words)
    return tollbook(*command, kill_after_s=kill_after_s)


def _also(home: Home, *words: str) -> Ended:
    return tollbook("--home", str(home.root), *words)


def owed(home: Home) -> list[tuple[Any, ...]]:
    """What every account was billed by month, in the books as they stand."""
    with Store(home) as store:
        return store.rows(
            "select account_id, invoice_month, sum((document_json ->> '$.total')::decimal(38, 12))::varchar "
            "from issued_documents group by all order by all"
        )


def live(life: Life, root: Path, post: Post) -> Lived:
    """The whole life, undisturbed; before each act a copy of the home, and a back-up beside it."""
    home, stages = life.make(root / "home", post.port), []
    for n, act in enumerate(life.acts):
        backup = root / f"before-{n}"
        backed_up = _also(home, "backup", str(backup))
        assert backed_up.returncode == 0, backed_up.stderr
        copied, accepted = Path(shutil.copytree(home.root, root / f"home-{n}")), post.accepted.copy()
        act.prepare(home)
        began = time.monotonic()
        ended = _say(home, act)
        assert ended.returncode in (0, 3), (act, ended.stdout, ended.stderr)
        stages.append(Stage(copied, accepted, backup, time.monotonic() - began))
    return Lived(life.acts, stages, owed(home))


def play(lived: Lived, case: Case, root: Path, post: Post, *, disk: Path | None) -> Home:
    """The acts from the disturbed one on, each again until it is done or has nothing to do."""
    stage = lived.stages[case.act]
    home = Home(Path(shutil.copytree(stage.home, (disk or root) / "home")))
    post.accepted = stage.accepted.copy()
    backups = [earlier.backup for earlier in lived.stages[: case.act]]
    for n, act in enumerate(lived.acts[case.act :], case.act):
        backups.append(root / f"before-{n}")
        backed_up = _also(home, "backup", str(backups[n]))
        if backed_up.returncode == 4 and "damaged" in backed_up.stderr:
            # A bit that turned in the act before was noticed by nobody until now.
            case.ways.append("damage told by the back-up")
            _restore(home, case, backups[n - 1])
            _until_done(home, lived.acts[n - 1], case, backups[n - 1])
            backed_up = _also(home, "backup", str(backups[n]))
        assert backed_up.returncode == 0, (case, backed_up.stderr)
        act.prepare(home)
        if n == case.act:
            _disturb(home, lived, case, disk)
        _until_done(home, act, case, backups[n])
    health = _also(home, "doctor", "--deep")
    if health.returncode == 3 and "Corrupt" in health.stdout:
        # A bit that turned in the last act.
        case.ways.append("damage told by the doctor")
        _restore(home, case, backups[-1])
        _until_done(home, lived.acts[-1], case, backups[-1])
    return home


def _disturb(home: Home, lived: Lived, case: Case, disk: Path | None) -> None:
    dice, act = random.Random(case.seed), lived.acts[case.act]  # noqa: S311
    older = home.database.read_bytes() if home.database.exists() else None
    log = home.write_ahead_log
    if disk is not None:
        free_kb = shutil.disk_usage(disk).free // 1024
        full = disk / "full"
        with full.open("wb") as file:
            for _ in range(max(free_kb - dice.choice([0, 20, 100, 400, 1500, 4000]), 0) // 64):
                file.write(b"x" * 65536)
        _say(home, act)
        full.unlink()
        return
    kills = case.kind in ("kill", "log")
    _say(home, act, kill_after_s=dice.uniform(0, lived.stages[case.act].length_s) if kills else None)
    if case.kind == "log" and log.exists():
        content = log.read_bytes()
        log.unlink() if dice.random() < 0.5 else log.write_bytes(content[: dice.randrange(len(content) + 1)])
    elif case.kind == "older" and older is not None:
        home.database.write_bytes(older)
        log.unlink(missing_ok=True)
    elif case.kind == "flip" and home.database.exists():
        flipped = bytearray(home.database.read_bytes())
        flipped[dice.randrange(len(flipped))] ^= 1 << dice.randrange(8)
        home.database.write_bytes(flipped)


def _until_done(home: Home, act: Act, case: Case, backup: Path) -> None:
    """The same command again, and what its refusals name as ways on: restore, then accept what is lost."""
    for _ in range(6):
        ended = _say(home, act)
        if ended.returncode in (0, 3, 5):
            return
        assert ended.returncode == 4, (case, ended.stderr)
        assert "Traceback" not in ended.stderr, (case, ended.stderr)
        if "restore" not in ended.stderr:
            raise AssertionError((case, ended.stderr))
        _restore(home, case, backup)
        act.prepare(home)
    raise AssertionError((case, "no end"))


def _restore(home: Home, case: Case, backup: Path) -> None:
    case.ways.append("restore")
    restored = _also(home, "restore", str(backup))
    if restored.returncode == 4:
        assert "--accept-loss" in restored.stderr, (case, restored.stderr)
        case.ways.append("accepted loss")
        restored = _also(home, "--accept-loss", "a test", "restore", str(backup))
    assert restored.returncode in (0, 3), (case, restored.stderr)


def judge(home: Home, post: Post, lived: Lived, case: Case) -> None:
    """No number twice, no mail twice, no cent moved."""
    given: dict[str, set[str]] = {}
    for line in map(json.loads, home.journal.read_text(encoding="utf-8").splitlines()):
        for number, sha256 in line.get("documents", []):
            given.setdefault(number, set()).add(sha256)
    assert all(len(documents) == 1 for documents in given.values()), (case, given)
    twice = {mail: count for mail, count in post.accepted.items() if count > 1}
    assert not twice, (case, twice)
    assert owed(home) == lived.owed, (case, set(owed(home)) ^ set(lived.owed))
    health = _also(home, "doctor", "--deep")
    assert health.returncode == 0, (case, health.stdout)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A disk of its own; None where this user may mount none."""
    folder.mkdir()
    done = subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)], check=False)
    try:
        yield folder if done.returncode == 0 else None
    finally:
        if done.returncode == 0:
            subprocess.run(["/bin/umount", "-l", str(folder)], check=True)


def tried(seed: int, lived: Lived, root: Path, post: Post) -> Case:
    """One seed, played and judged."""
    dice = random.Random(f"case {seed}")  # noqa: S311
    case = Case(seed, dice.randrange(len(lived.acts)), KINDS[seed % len(KINDS)])
    root.mkdir()
    if case.kind != "full":
        judge(play(lived, case, root, post, disk=None), post, lived, case)
        return case
    with small_disk(root / "disk") as disk:
        assert disk is not None, "a full disk needs the right to mount one"
        judge(play(lived, case, root, post, disk=disk), post, lived, case)
    return case


def main() -> None:
    count, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    life = THREE if sys.argv[3:] == ["three"] else SAMPLE
    found: Counter[tuple[str, str]] = Counter()
    ways: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory() as scratch, post_office() as post:
        (Path(scratch) / "life").mkdir()
        lived = live(life, Path(scratch) / "life", post)
        for seed in range(first, first + count):
            case = tried(seed, lived, Path(scratch) / str(seed), post)
            act = lived.acts[case.act]
            found[(case.kind, " ".join(act.words[:2]))] += 1
            ways[(case.kind, ", ".join(case.ways) or "the same command again")] += 1
            sys.stderr.write(f"{seed} {case.kind} of {' '.join(act.words[:2])}: {', '.join(case.ways) or 'again'}\n")
            shutil.rmtree(Path(scratch) / str(seed), ignore_errors=True)
    for table in (found, ways):
        for (kind, what), times in sorted(table.items()):
            sys.stdout.write(f"{kind:6} {times:4}  {what}\n")
    sys.stdout.write(f"{count} cases: no number twice, no mail twice, no cent moved\n")


if __name__ == "__main__":
    main()
