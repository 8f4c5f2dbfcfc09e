"""How two subjects are written, as far as it is likest: read by subject, so that it costs the same in a home of any size.

The vault has the latest of everything said, and the batch in which a subject came first says how it was written then.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from zerodistance.core.identity import cleaning, kept, mentions, rules, store
from zerodistance.core.identity.matching import fields
from zerodistance.core.identity.matching.score import Scorer
from zerodistance.core.identity.ruling import models, versions
from zerodistance.kernel import bulk
from zerodistance.kernel.home import Home

_MOST = 200_000  # own value: mentions of a batch beyond which it is not opened for one pair
_CONTACT = tuple(n.key for n in rules.NAMESPACES if n.records is not None)
Way = Mapping[str, str]
"""Field -> value: one way in which somebody was written."""


@dataclass(frozen=True, slots=True)
class Written:
    """One way in which somebody was written, as it was said (dates, gender and contact data as they were read), and as it is compared."""

    way: Way
    face: fields.Face


def likest(home: Home, tx: Connection, a: int, b: int) -> tuple[Written, Written, Scorer]:
    """Return of two subjects the ways in which they were written that are likest each other, and what weighs them."""
    matched = kept.figure(tx, "matched")  # a pair is weighed among as many as there were when it was found
    records = (
        matched[1]["mentions"] if matched else bulk.value(tx, "select sum(mentions) from identity_mention")
    )
    weights = models.of_name(home.seal, tx, versions.in_force(tx)[1].model)
    scorer = Scorer(weights, int(records or 0))
    left, right = ([written(home, way) for way in _ways(home, tx, one)] for one in (a, b))
    x, y = max(
        ((x, y) for x in left for y in right), key=lambda pair: scorer.pair(pair[0].face, pair[1].face)
    )
    return x, y, scorer


def written(home: Home, way: Way) -> Written:
    """Return what was said as it is shown and as it is compared."""
    country = home.settings.country
    given: dict[str, str] = {}
    for name, value in way.items():
        clean = cleaning.cleaner(name, country)(value) if name in _CONTACT else value
        if isinstance(clean, str):
            given[mentions.ALIAS.get(name, name)] = clean
    face = fields.face(given, country)
    read = {"gender": face.sex, "birthday": face.born, **{name: given.get(name, "") for name in _CONTACT}}
    return Written({**way, **{name: value for name, value in read.items() if value and name in way}}, face)


def without(face: fields.Face, crowded: Collection[tuple[str, str]]) -> fields.Face:
    """Return a face without contact data that is among some (namespace, value)."""
    gone = {name: "" for name in _CONTACT if (name, getattr(face, name)) in crowded}
    return replace(face, **gone) if gone else face


def _ways(home: Home, tx: Connection, subject: int) -> list[Way]:
    """Return how a subject is written: with the latest of everything, and as it was in the batch that it came by."""
    latest = _latest(home, tx, subject)
    found = {tuple(sorted(way.items())): way for way in (latest, *_first(home, tx, subject))}
    return list(found.values())


def _latest(home: Home, tx: Connection, subject: int) -> dict[str, str]:
    out = {
        field: home.seal.open(value, store.where_vault(subject, field)).decode()
        for (_, field), value in sorted(store.vault_of(tx, [subject]).items())
        if field in mentions.FIELDS
    }
    sql = (
        f"select s.namespace, s.number from evidence e join subject s on s.number = e.b where e.a = ? and s.namespace in ({_ranks()}) "
        "and e.revoked_at is null order by e.at, s.number"
    )
    contact = {rules.NAMESPACES[rank].key: number for rank, number in bulk.rows(tx, sql, (subject,))}
    for (number, field), value in store.vault_of(tx, list(contact.values())).items():
        if contact.get(field) == number:
            out.setdefault(field, home.seal.open(value, store.where_vault(number, field)).decode())
    return out


def _ranks() -> str:
    return ", ".join(str(rules.RANKS[key]) for key in _CONTACT)


def _first(home: Home, tx: Connection, subject: int) -> list[Way]:
    batch = bulk.value(
        tx,
        "select m.batch from subject s join identity_mention m on m.batch = s.batch where s.number = ? and m.mentions <= ?",
        (subject, _MOST),
    )
    if batch is None:
        return []
    table = mentions.in_words(mentions.of_batch(tx, home.seal, batch))
    mine = table.filter(pc.equal(table["subject"], pa.scalar(subject)))
    return [
        {name: row[name] for name in mentions.FIELDS if row[name] is not None} for row in mine.to_pylist()
    ]
