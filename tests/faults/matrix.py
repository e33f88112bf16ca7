"""A matrix of faults: each act of a month that writes is disturbed at random, then done as our own messages advise.

python -m tests.faults.matrix SEEDS [FIRST] says what came of each kind. Whatever happens, no number names two
documents, no mail goes twice, and every account owes in the end what it owes undisturbed.
"""

import json
import random  # noqa: TID251 the dice of a test, which a seed throws
import shutil
import socket
import subprocess
import sys
import tempfile
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
from tests.faults.lives import MONTH, NEXT, make_home_of_three
from tests.forked import Ended, tollbook

KINDS = ("kill", "log", "older", "flip", "full")
ACTS = (
    (f"{MONTH}-02", "anna", ("run", MONTH, "--direct")),
    (f"{MONTH}-02", "ben", ("approve", MONTH, "--override", "a test")),
    (f"{MONTH}-02", "ben", ("send", MONTH)),
    (f"{NEXT}-02", "anna", ("run", NEXT, "--direct")),
    (f"{NEXT}-02", "ben", ("approve", NEXT, "--override", "a test")),
    (f"{NEXT}-02", "ben", ("send", NEXT)),
)
_LENGTHS_S = (1.5, 1.5, 0.6, 1.5, 1.5, 0.6)
"""About how long each of them takes."""


class Post:
    """A mail server: who got which document how often."""

    def __init__(self) -> None:
        self.accepted: Counter[tuple[str, ...]] = Counter()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 aiosmtpd's name
        mail = message_from_bytes(envelope.content)
        names = [name for part in mail.walk() if (name := part.get_filename()) and name.endswith(".pdf")]
        self.accepted[(envelope.rcpt_tos[0], *names)] += 1
        return "250 OK"


@contextmanager
def post_office() -> Iterator[tuple[Post, int]]:
    """The server and its port."""
    post = Post()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(post, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield post, port
    finally:
        controller.stop()


@dataclass
class Case:
    """One seed: which act was disturbed, how, and which ways out were taken."""

    seed: int
    act: int
    kind: str
    ways: list[str] = field(default_factory=list)


def _say(home: Home, act: int, *before: str, kill_after_s: float | None = None) -> Ended:
    today, by, words = ACTS[act]
    command = ("--home", str(home.root), "--today", today, "--by", by, *before, *words)
    return tollbook(*command, kill_after_s=kill_after_s)


def owed(home: Home) -> list[tuple[Any, ...]]:
    """What every account was billed by month, in the books as they stand."""
    with Store(home) as store:
        return store.rows(
            "select account_id, invoice_month, sum((document_json ->> '$.total')::decimal(38, 12))::varchar "
            "from issued_documents group by all order by all"
        )


def play(root: Path, case: Case, port: int, disk: Path | None) -> Home:
    """All acts, one of them disturbed, each again until it is done or has nothing to do."""
    dice = random.Random(case.seed)  # noqa: S311
    home = make_home_of_three((disk or root) / "home", port)
    for act in range(len(ACTS)):
        before = root / f"before-{act}"
        backed_up = tollbook("--home", str(home.root), "backup", str(before))
        if backed_up.returncode == 4 and "damaged" in backed_up.stderr:
            # A bit that turned in the act before was noticed by nobody until now.
            case.ways.append("damage told by the back-up")
            _restore(home, case, root / f"before-{act - 1}")
            _until_done(home, act - 1, case, root / f"before-{act - 1}")
            backed_up = tollbook("--home", str(home.root), "backup", str(before))
        assert backed_up.returncode == 0, (case, backed_up.stderr)
        if act == case.act:
            _disturb(home, case, dice, disk)
        _until_done(home, act, case, before)
    health = tollbook("--home", str(home.root), "doctor", "--deep")
    if health.returncode == 3 and "Corrupt" in health.stdout:
        # A bit that turned in the last act.
        case.ways.append("damage told by the doctor")
        _restore(home, case, root / f"before-{len(ACTS) - 1}")
        _until_done(home, len(ACTS) - 1, case, root / f"before-{len(ACTS) - 1}")
    return home


def _disturb(home: Home, case: Case, dice: random.Random, disk: Path | None) -> None:
    older = home.database.read_bytes() if home.database.exists() else None
    log = home.write_ahead_log
    if case.kind == "full" and disk is not None:
        free_kb = shutil.disk_usage(disk).free // 1024
        full = disk / "full"
        full.write_bytes(b"x" * max(free_kb - dice.choice([0, 20, 100, 400, 1500, 4000]), 0) * 1024)
        _say(home, case.act)
        full.unlink()
        return
    kills = case.kind in ("kill", "log")
    _say(home, case.act, kill_after_s=dice.uniform(0, _LENGTHS_S[case.act]) if kills else None)
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


def _until_done(home: Home, act: int, case: Case, backup: Path) -> None:
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
    raise AssertionError((case, "no end"))


def _restore(home: Home, case: Case, backup: Path) -> None:
    case.ways.append("restore")
    restored = tollbook("--home", str(home.root), "restore", str(backup))
    if restored.returncode == 4:
        assert "--accept-loss" in restored.stderr, (case, restored.stderr)
        case.ways.append("accepted loss")
        restored = tollbook("--home", str(home.root), "--accept-loss", "a test", "restore", str(backup))
    assert restored.returncode in (0, 3), (case, restored.stderr)


def judge(home: Home, post: Post, undisturbed: list[tuple[Any, ...]], case: Case) -> None:
    """No number twice, no mail twice, no cent moved."""
    given: dict[str, set[str]] = {}
    for line in map(json.loads, home.journal.read_text(encoding="utf-8").splitlines()):
        for number, sha256 in line.get("documents", []):
            given.setdefault(number, set()).add(sha256)
    assert all(len(documents) == 1 for documents in given.values()), (case, given)
    twice = {mail: count for mail, count in post.accepted.items() if count > 1}
    assert not twice, (case, twice)
    assert owed(home) == undisturbed, case
    health = tollbook("--home", str(home.root), "doctor", "--deep")
    assert health.returncode == 0, (case, health.stdout)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A disk of its own of 96 MB; None where this user may mount none."""
    folder.mkdir()
    done = subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(folder)], check=False)
    try:
        yield folder if done.returncode == 0 else None
    finally:
        if done.returncode == 0:
            subprocess.run(["/bin/umount", "-l", str(folder)], check=True)


def expected(root: Path) -> list[tuple[Any, ...]]:
    """What everybody owes when nothing happens."""
    with post_office() as (_, port):
        home = make_home_of_three(root / "undisturbed", port)
        for act in range(len(ACTS)):
            assert _say(home, act).returncode in (0, 3)
        return owed(home)


def tried(seed: int, root: Path, undisturbed: list[tuple[Any, ...]]) -> Case:
    """One seed, played and judged."""
    dice = random.Random(f"case {seed}")  # noqa: S311
    case = Case(seed, dice.randrange(len(ACTS)), KINDS[seed % len(KINDS)])
    root.mkdir()
    with post_office() as (post, port), small_disk(root / "disk") as disk:
        home = play(root, case, port, disk if case.kind == "full" else None)
        judge(home, post, undisturbed, case)
    return case


def main() -> None:
    count, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    ways: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        undisturbed = expected(Path(scratch))
        for seed in range(first, first + count):
            case = tried(seed, Path(scratch) / str(seed), undisturbed)
            ways[(case.kind, ", ".join(case.ways) or "the same command again")] += 1
            shutil.rmtree(Path(scratch) / str(seed), ignore_errors=True)
    for (kind, way), times in sorted(ways.items()):
        sys.stdout.write(f"{kind:6} {times:4}  {way}\n")
    sys.stdout.write(f"{count} cases: no number twice, no mail twice, no cent moved\n")


if __name__ == "__main__":
    main()
