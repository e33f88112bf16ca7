"""Whether the books know all that left the house, and what becomes of what they do not (RULES 30, 31).

Every opening of the database asks. Books that know less than the journal are refused until the right ones are back, or
until somebody says with a reason that they are gone for good.
"""

from dataclasses import dataclass

from flows.home import audit
from flows.home.journal import FILE, Journal, Line
from flows.home.settings import Home
from flows.home.store import Store
from flows.home.told import Head, Told, told_anyhow, told_elsewhere
from schemas.errors import Refused

MARK_AFTER = 2**16
"""So many bytes are read again at every opening before the books note how far they have followed the journal."""


@dataclass(frozen=True)
class Lacking:
    """What left the house and the books do not know."""

    head: Head | None
    numbers: dict[str, tuple[str, str]]
    mails: dict[str, str | None]

    def __bool__(self) -> bool:
        return bool(self.head or self.numbers or self.mails)

    def sentence(self, last: int) -> str:
        """`last`: of the audit entries that the books have."""
        said = []
        if self.head:
            said.append(f"the books end at audit entry {last}, this home has gone on to entry {self.head[0]}")
        if self.numbers:
            numbers = sorted(self.numbers)
            more = f" and {len(numbers) - 1} more" if len(numbers) > 1 else ""
            said.append(f"they do not know {numbers[-1]}{more}")
        if self.mails:
            said.append(f"{len(self.mails)} mails went out that they do not know")
        return "; ".join(said)


WAYS = (
    "Nothing was changed. Put the right books back (`tollbook restore FILE`), or, if they are gone for good, give the "
    "same command again as `tollbook --accept-loss REASON …`: then no number of the journal is given again, and its "
    "mails are unknown."
)


def stand(store: Store, *, is_new: bool = False) -> Journal:
    """The journal of the open store, read to its end. Raises Refused for books that know less than has left the house.
    is_new: whether the database was made just now, in a home that nothing has left yet (`must_exist`).

    What an act that was cut off wrote there first is settled: numbers that its transaction did not give are void, and
    a mail that it was handing over is in doubt.
    """
    if is_new:
        return _begun_again(store)
    journal, told = read(store)
    if not journal.path.exists() and not lack(store, told):
        begin(store, journal)
        return journal
    must_know(store, told)
    if len(_issued(store, told.unsure)) < len(told.unsure):
        journal.append([{"kind": "void"}])
    _in_doubt(store, told)
    return journal


def _begun_again(store: Store) -> Journal:
    """Books that were lost before anything had left the house are made again, and nothing is missing."""
    audit.forget_head(store)
    journal = Journal(store.home.journal)
    if not journal.path.exists():
        begin(store, journal)
        return journal
    for _ in journal.read():
        pass
    if journal.head is not None:
        journal.append([{"kind": "loss", "reason": "nothing had left the house", "by": ""}, head_line(store)])
    mark(store, journal)
    return journal


def must_know(store: Store, told: Told) -> None:
    """Raises Refused where the books know less than is told."""
    if lacking := lack(store, told):
        raise Refused(f"tollbook.duckdb is not the newest: {lacking.sentence(last_entry(store)[0])}. {WAYS}")


_WAYS_OF_DOCTOR = WAYS.removeprefix("Nothing was changed. ").replace(
    "give the same command again as `tollbook --accept-loss REASON …`", "`tollbook --accept-loss REASON publish`"
)


def faults(store: Store) -> list[str]:
    """What is wrong between the books and the journal, a sentence each; nothing is changed. store: opened with
    whatever_is_left."""
    try:
        cut = cut_off(store)
        _, told = read(store)
    except Refused as error:
        return [str(error)]
    lacking = lack(store, told)
    said = [f"{lacking.sentence(last_entry(store)[0])}. {_WAYS_OF_DOCTOR}"] if lacking else []
    return said + ([f"{cut}: `tollbook doctor --mend` writes it anew from the books"] if cut else [])


def cut_off(store: Store) -> str:
    """What the books gave and sent and the whole journal does not tell, in words: its last lines were cut off. Raises
    Refused where it is not as it was written."""
    told = Told()
    for line in Journal(store.home.journal).read() if store.home.journal.exists() else ():
        told.take(line)
    if not store.rows("select 1 from journal_mark"):
        return ""
    given = {number for (number,) in store.rows("select invoice_number from issued_documents")} - set(told.numbers)
    sent = {
        key
        for (key,) in store.rows(
            "select distinct message_id from delivery_events where state in ('accepted', 'written')"
        )
    } - set(told.mails)
    if not given and not sent:
        return ""
    last = f", last {max(given)}" if given else ""
    return f"the last lines of {FILE} were cut off: it lacks {len(given)} numbers{last} and {len(sent)} mails"


def must_exist(home: Home) -> None:
    """Raises Refused where there is no database and something left the house already."""
    told = told_anyhow(home)
    if told.numbers or told.mails:
        last = f", last {', '.join(_last_of_each(set(told.numbers)))}" if told.numbers else ""
        raise Refused(
            f"the books are gone: tollbook.duckdb is missing, and {len(told.numbers)} documents were issued{last}. "
            f"{WAYS}"
        )


def _last_of_each(numbers: set[str]) -> list[str]:
    """The last number of every series and year."""
    return sorted({number.rpartition("-")[0]: number for number in sorted(numbers)}.values())


def read(store: Store) -> tuple[Journal, Told]:
    """The home's journal, and what it tells since the books looked last. Of a home that never had one: what else lies
    about, with which the books must agree. Raises Refused where it is gone, or was changed."""
    journal, told = Journal(store.home.journal), Told()
    mark = store.rows("select start, sha256 from journal_mark")
    if journal.path.exists():
        for line in journal.read(*mark[0]) if mark else journal.read():
            told.take(line)
        return journal, told
    if mark:
        raise Refused(
            f"{FILE} is gone, which says what has left the house. Put it back from a back-up; if tollbook.duckdb is "
            "known to be the newest there is, `tollbook doctor --mend` writes it anew from there."
        )
    return journal, told_elsewhere(store.home)


def lack(store: Store, told: Told) -> Lacking:
    """What was told and the books do not know."""
    # What was published counts too, should the journal be an older copy as well.
    heads = {head for head in (told.head, audit.published_head(store)) if head}
    head = max((head for head in heads if not _has(store, head)), default=None)
    issued, lost = _issued(store, list(told.numbers)), _lost(store)
    numbers = {
        number: of
        for number, of in told.numbers.items()
        if number not in lost and (number not in issued or of[1] not in ("", issued[number]))
    }
    # The act that was to give the last ones was cut off before it was done, and these are the books it was done in.
    if head is None and (told.head is None or last_entry(store) == told.head):
        numbers = {number: of for number, of in numbers.items() if number not in told.unsure}
    mails = {}
    if told.mails:
        begun = store.rows(
            "select message_id from delivery_events where message_id in (select unnest($1))", [list(told.mails)]
        )
        known = {key for (key,) in begun}
        mails = {key: number for key, number in told.mails.items() if key not in known and number not in lost}
    return Lacking(head, numbers, mails)


def _has(store: Store, head: Head) -> bool:
    return bool(store.rows("select 1 from audit_log where seq = $1 and sha256 = $2", list(head)))


def _issued(store: Store, numbers: list[str]) -> dict[str, str]:
    """Of the numbers those that the books have given -> sha256 of the document."""
    if not numbers:
        return {}
    rows = store.rows(
        "select invoice_number, document_sha256 from issued_documents where invoice_number in (select unnest($1))",
        [numbers],
    )
    return dict(rows)


def _lost(store: Store) -> set[str]:
    """Numbers of books that are gone, as accepted before."""
    return {number for (number,) in store.rows("select invoice_number from lost_numbers")}


def lose(store: Store, numbers: dict[str, tuple[str, str]]) -> None:
    """These numbers are never given again."""
    rows = [(number, *of) for number, of in sorted(numbers.items())]
    store.append_rows("lost_numbers", ["invoice_number", "seller_id", "sha256"], rows)


def last_entry(store: Store) -> Head:
    """The last entry of the audit log; (0, "") where there is none."""
    rows = store.rows("select seq, sha256 from audit_log order by seq desc limit 1")
    return rows[0] if rows else (0, "")


def _in_doubt(store: Store, told: Told) -> None:
    """A mail that was handed over more often than the books know: the program ended just then."""
    if told.mails:
        keys, counts = list(told.handed_over), list(told.handed_over.values())
        store.con.execute(
            """
            with journal as (select unnest($1::varchar[]) as message_id, unnest($2::bigint[]) as times),
            last as (
                select *, count(*) filter (state in ('sending', 'written')) over (partition by message_id) as known
                from delivery_events where list_contains($1::varchar[], message_id)
                qualify row_number() over (partition by message_id order by rowid desc) = 1)
            insert into delivery_events by name
            select last.* exclude (known) replace ('sending' as state, null as detail)
            from last join journal using (message_id) where times > known and state not in ('sending', 'unknown')""",
            [keys, counts],
        )


def begin(store: Store, journal: Journal) -> None:
    """Writes the journal of books that have none: what they gave and sent so far."""
    rows = store.rows(
        "select seller_id, list([invoice_number, document_sha256] order by invoice_number) from issued_documents "
        "group by seller_id, (sequence - 1) // 1000, series, year(issue_date) order by seller_id, min(invoice_number)"
    )
    lines: list[Line] = [{"kind": "begun"}]
    lines += [{"kind": "numbers", "seller_id": seller, "documents": documents} for seller, documents in rows]
    lines += [
        {"kind": "mail", "key": key, "number": number}
        for key, number in store.rows(
            "select distinct message_id, invoice_number from delivery_events "
            "where state in ('sending', 'accepted', 'written', 'unknown') order by all"
        )
    ]
    lost = store.rows(
        "select seller_id, list([invoice_number, sha256] order by invoice_number) from lost_numbers group by 1"
    )
    if lost:
        lines += [{"kind": "numbers", "seller_id": seller, "documents": documents} for seller, documents in lost]
        lines.append({"kind": "loss", "reason": "before this journal began", "by": ""})
    journal.append([*lines, head_line(store)])
    mark(store, journal)


def head_line(store: Store) -> Line:
    """How far the audit log is, as a line of the journal."""
    return {"kind": "head", "audit": list(last_entry(store))}


def mark(store: Store, journal: Journal) -> None:
    """The books note how far they have followed the journal."""
    store.con.execute("begin transaction")
    store.con.execute("delete from journal_mark")
    store.con.execute("insert into journal_mark values ($1, $2)", [journal.start, journal.sha256])
    store.con.execute("commit")


def keep_head(store: Store, journal: Journal) -> None:
    """Notes the audit log's last entry in the journal."""
    head = last_entry(store)
    if head[0] and head != journal.head:
        journal.append([head_line(store)])
        if journal.behind > MARK_AFTER:
            mark(store, journal)
