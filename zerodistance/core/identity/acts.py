"""What changes identity or reads the vault on purpose: revoke and restore evidence, reveal, forget, expire, export."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
from sqlalchemy import Connection, insert

from zerodistance.core.identity import archive, exporting, mentions, reading, rules, settling, store
from zerodistance.core.identity.contracts import VISITORS_FROM, NoSuchPerson, Rebuilt
from zerodistance.core.identity.people import subject_batches
from zerodistance.core.identity.placing import index
from zerodistance.core.identity.rebuild import rebuild
from zerodistance.kernel import bulk, clock, fault
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_STEP = 10_000


def revoke(home: Home, who: Who, a: int, b: int, why: str) -> Rebuilt:
    """Revoke the evidence between two subjects: it does not link from now on, whatever comes later, until restored.

    Returns
    -------
    Rebuilt
        What became of the persons on both sides.

    Raises
    ------
    Invalid
        No reason is given.
    NoSuchPerson
        There is no evidence between the two.
    """
    who.need(Permission.OPERATE)
    if not why.strip():
        raise Invalid(
            field=Text("理由", "the reason"),
            given=why,
            why=Text("要说明为什么这两个不是同一个人", "say why the two are not one person"),
        )
    return _mark(home, a, b, clock.micros(), f"{why.strip()} ({who.name})")


def restore(home: Home, who: Who, a: int, b: int) -> Rebuilt:
    """Let revoked evidence between two subjects link again.

    Raises
    ------
    NoSuchPerson
        There is no evidence between the two.
    """
    who.need(Permission.OPERATE)
    return _mark(home, a, b, None, None)


def _mark(home: Home, a: int, b: int, at: int | None, why: str | None) -> Rebuilt:
    sql = "update evidence set revoked_at = ?, revoked_why = ? where (a = ? and b = ?) or (a = ? and b = ?)"
    with home.state.write() as tx:
        if not bulk.run(tx, sql, (at, why, a, b, b, a)):
            raise NoSuchPerson(given=f"{a}-{b}")
        store.next_generation(tx)
        sides = {person for person, *_ in store.of_subjects(tx, [a, b]).values()}
        near = [member[0] for person in sorted(sides) for member in store.members(tx, person)]
    fault.point("identity.revoked")
    return rebuild(home, only=near, reason="revoke")


def reveal(home: Home, who: Who, person_id: str, field: str, purpose: str, case: str) -> tuple[str, ...]:
    """Return the raw values of one field of a person, and write down who read them, for what and in which case.

    Parameters
    ----------
    field
        A namespace or a personal field: `phone`, `name`, `address`, ...

    Raises
    ------
    Invalid
        No purpose or no case is given.
    NoSuchPerson
        The id belongs to nobody.
    """
    who.need(Permission.REVEAL)
    for field_name, given in ((Text("用途", "the purpose"), purpose), (Text("工单", "the case"), case)):
        if not given.strip():
            why = Text(
                "要写明为什么、哪张没办完的工单需要原文",
                "say for what and in which open case the value is needed",
            )
            raise Invalid(field=field_name, given=given, why=why)
    person = reading.show(home, who, person_id)
    with home.state.write() as tx:
        subjects = [member[0] for member in store.members(tx, person.number)]
        sealed = {s: v for (s, f), v in store.vault_of(tx, subjects).items() if f == field}
        opened = [home.seal.open(v, store.where_vault(s, field)).decode() for s, v in sorted(sealed.items())]
        values = tuple(dict.fromkeys(opened))
        row = {
            "at": clock.micros(),
            "account": who.account,
            "name": who.name,
            "person": person.id,
            "field": field,
        }
        said = {"purpose": purpose.strip(), "case_id": case.strip(), "values_shown": len(values)}
        tx.execute(insert(store.identity_reveal).values(**row, **said))
    return values


def card(home: Home, who: Who, person_id: str) -> dict[str, str]:
    """Return the personal fields of a person as a page may show them: field -> masked latest value."""
    person = reading.show(home, who, person_id)
    sql = "select subject, field, at, value, origin from identity_vault where subject in {values}"
    with home.state.read() as tx:
        subjects = [member[0] for member in store.members(tx, person.number)]
        rows = sorted(bulk.among(tx, sql, subjects), key=lambda row: (row[1], row[2], row[0], row[4]))
    latest = {field: (subject, value) for subject, field, _, value, _ in rows if field not in rules.BY_KEY}
    return {
        field: rules.mask(field, home.seal.open(value, store.where_vault(subject, field)).decode())
        for field, (subject, value) in latest.items()
    }


def forget(home: Home, subjects: Sequence[int]) -> dict[str, int]:
    """Remove identifiers, evidence, vault, facts and changes of subjects; may be run again.

    That somebody read a value stays on record, without the person.

    Returns
    -------
    dict
        Table -> rows removed.
    """
    done: dict[str, int] = {
        "evidence_lake": archive.forget(home, subjects),
    }
    with home.state.write() as tx:
        done["identity_mention"] = mentions.forget(tx, home.seal, subjects)
    for start in range(0, len(subjects), _STEP):
        part = list(subjects[start : start + _STEP])
        ids = [home.seal.public_id("p", subject) for subject in part]
        with home.state.write() as tx:
            gone = store.remove(tx, part)
            settling.unsettle(tx, part)
            gone["identity_reveal"] = _unname_reveals(tx, ids)
            if any(gone.values()):
                store.next_generation(tx)
        for table, rows in gone.items():
            done[table] = done.get(table, 0) + rows
    done["matcher"] = index.forget(
        home, subjects
    )  # last: a pass that ends before it has them no more, or is wiped
    return done


def matcher(home: Home, subjects: Sequence[int]) -> Callable[[bytes], bool]:
    """Return the test whether raw bytes hold an identifier of these subjects; it knows what the vault holds now.

    A phone is found however it was spelled with spaces, dashes or a country code, an e-mail address in any case.
    """
    with home.state.read() as tx:
        sealed = store.vault_of(tx, subjects)
    patterns = set()
    for (subject, field), value in sealed.items():
        if field in rules.BY_KEY:
            patterns.add(_spellings(field, home.seal.open(value, store.where_vault(subject, field)).decode()))
    if not patterns:
        return lambda raw: False
    anything = re.compile("|".join(sorted(patterns)), re.IGNORECASE)
    return lambda raw: anything.search(raw.decode("utf-8", "replace")) is not None


def _spellings(field: str, value: str) -> str:
    if field == "phone":
        digits = value.lstrip("+")[-10:]
        return r"[\s\-().]*".join(digits)
    if field == "record":
        value = value.partition(":")[2]
    as_json = json.dumps(value)[1:-1]  # as a client may have written it: non-ASCII letters escaped
    either = "|".join(re.escape(v) for v in dict.fromkeys((value, as_json)))
    return rf"(?<![\w.@-])(?:{either})(?![\w@-])"


def expire_visitors(home: Home) -> int:
    """Remove the live state of visitors that were not seen for `visitor_days`; return how many subjects went."""
    before = clock.micros() - home.settings.visitor_days * clock.MICROS_PER_DAY
    sql = (
        "select number from subject where person >= ? and seen_at < ? and person not in "
        "(select person from subject where person >= ? and seen_at >= ?) and person not in (select s.person from subject s "
        "join identity_sighting i on i.subject = s.number where s.person >= ? and i.seen_at >= ?) limit ?"
    )
    total = 0
    while True:
        with home.state.write() as tx:
            bound = (*(VISITORS_FROM, before) * 3, _STEP)
            subjects = [row[0] for row in bulk.rows(tx, sql, bound)]
            if not subjects:
                return total
            fault.point("identity.expire")
            store.remove(tx, subjects)
            store.next_generation(tx)
        total += len(subjects)


PERSON_IDS = pa.schema([("subject", pa.int64()), ("person_id", pa.string())])


def export(home: Home, who: Who, path: Path) -> int:
    """Write `source,source_id,person_id` as CSV, one row per touch, for evaluation outside; return the number of rows.

    `source` is the source's key. An id that a spreadsheet would take for a formula has a `'` before it.
    A touch on which nothing points at anybody has an empty `person_id`.
    """
    ids = pa.RecordBatchReader.from_batches(PERSON_IDS, _ids(home))
    return exporting.write(home, who, path, _EXPORT, subject_person_id=ids)


_EXPORT = f"""
select
    {exporting.SOURCE},
    p.person_id
from touches t
join source_keys k on k.number = t.source
left join subject_person_id p on p.subject = t.subject
"""


def _ids(home: Home) -> Iterator[pa.RecordBatch]:
    """Yield subject -> public id of its person."""
    with home.state.read() as tx:
        names = {person: home.seal.public_id("p", gives) for person, gives in settling.renamed(tx).items()}
    for batch in subject_batches(home):
        ids = []
        for subject, person in zip(batch["subject"].to_pylist(), batch["person"].to_pylist(), strict=True):
            name = names.get(person)
            if name is None:
                name = names[person] = home.seal.public_id("p", subject)
            ids.append(name)
        yield pa.RecordBatch.from_arrays([batch["subject"], pa.array(ids)], schema=PERSON_IDS)


def known_reveals(tx: Connection, person_id: str) -> list[tuple[int, str, str, str, str]]:
    """Return (at, name, field, purpose, case) of every reveal of a person, the newest first."""
    sql = (
        "select at, name, field, purpose, case_id from identity_reveal where person = ? order by number desc"
    )
    return [(r[0], r[1], r[2], r[3], r[4]) for r in bulk.rows(tx, sql, (person_id,))]


def _unname_reveals(tx: Connection, person_ids: Sequence[str]) -> int:
    """Take these public ids out of the record of reveals; return how many rows."""
    sql = "update identity_reveal set person = '' where person = ?"
    return sum(bulk.run(tx, sql, (person_id,)) for person_id in person_ids)
