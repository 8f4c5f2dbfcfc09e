"""Households in a file, for evaluation outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from zerodistance.core.identity import exporting, people
from zerodistance.core.identity.households import store
from zerodistance.core.identity.people import subject_batches
from zerodistance.kernel import bulk
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

_SUBJECTS = pa.schema([("subject", pa.int64()), ("person", pa.int64()), ("person_id", pa.string())])
_MEMBERS = pa.schema([("person", pa.int64()), ("since", pa.int64()), ("household_id", pa.string())])
_EVER = -(1 << 62)

# Grain: one row per touch. Of a person's households that of the time of the touch; before the first is known, the first.
_EXPORT = f"""
select
    {exporting.SOURCE},
    coalesce(m.household_id, p.person_id) as household_id
from touches t
join source_keys k on k.number = t.source
left join subject_person p on p.subject = t.subject
asof left join member m on m.person = p.person and epoch_us(t.happened_at) >= m.since
"""


def export_households(home: Home, who: Who, path: Path) -> int:
    """Write `source,source_id,household_id` as CSV, one row per touch, for evaluation outside; return the number of rows.

    The household is that of the time of the touch. Who is in no known household stands alone, under the own public id; a touch on which
    nothing points at anybody has an empty `household_id`.
    """
    people = pa.RecordBatchReader.from_batches(_SUBJECTS, _people(home))
    return exporting.write(home, who, path, _EXPORT, subject_person=people, member=_members(home))


def _people(home: Home) -> Iterator[pa.RecordBatch]:
    """Yield each subject with its person."""
    with home.state.read() as tx:
        names = {person: home.seal.public_id("p", gives) for person, gives in people.renamed(tx).items()}
    for batch in subject_batches(home):
        persons = batch["person"].cast(pa.int64())
        ids = [
            names.get(person) or names.setdefault(person, home.seal.public_id("p", subject))
            for subject, person in zip(batch["subject"].to_pylist(), persons.to_pylist(), strict=True)
        ]
        yield pa.RecordBatch.from_arrays([batch["subject"], persons, pa.array(ids)], schema=_SUBJECTS)


def _members(home: Home) -> pa.Table:
    """Return since when each person is of which household; the first of each since ever."""
    with home.state.read() as tx:
        rows = store.member_rows(tx)
        of: dict[int, int] = dict(
            bulk.among(
                tx, "select number, person from subject where number in {values}", [r[1] for r in rows]
            )
        )
    told = sorted((of[subject], since, household) for household, subject, since, _ in rows if subject in of)
    first = [n == 0 or told[n - 1][0] != person for n, (person, _, _) in enumerate(told)]
    since = [_EVER if one else row[1] for one, row in zip(first, told, strict=True)]
    ids = [home.seal.public_id("h", household) for _, _, household in told]
    return pa.table([[person for person, _, _ in told], since, ids], schema=_MEMBERS)
