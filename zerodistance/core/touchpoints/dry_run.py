"""What an import would do, row by row, without doing it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from zerodistance.core.touchpoints import sources, staging
from zerodistance.core.touchpoints.batches import refuse
from zerodistance.core.touchpoints.contracts import Batch
from zerodistance.core.touchpoints.details import words
from zerodistance.core.touchpoints.import_errors import NoSuchSource, SourceOff
from zerodistance.core.touchpoints.import_jobs import open_file
from zerodistance.core.touchpoints.mapper import Mapper, Origin
from zerodistance.core.touchpoints.mapping import Mapping, parse
from zerodistance.core.touchpoints.quarantine import mask
from zerodistance.core.touchpoints.rows import open_rows
from zerodistance.core.touchpoints.rules import NOBODY
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home

_EXAMPLES, _FIRST = 5, 5  # own values
Usable = Callable[[str, str], bool]
"""Says whether a value of a namespace can be somebody's identifier."""

_MOST_DISTINCT = 2_000_000  # own value: identifiers that are told apart, about 100 MB


@dataclass
class Report:
    """What would become of a file.

    Attributes
    ----------
    source_made
        The source would be made.
    repeated
        Rows whose source id stands in the file more than once, where one is mapped: only the first would be taken.
    refused, examples
        By reason: how many rows, and up to five of them, masked.
    identifiers
        Namespace -> rows that carry one, distinct values (at most `_MOST_DISTINCT` are told apart).
    uncached_formulas
        Formulas of a workbook without a kept value, read as empty.
    nobody
        Good rows without any identifier.
    whole
        False: only the first rows were looked at, as many as `rows` says.
    first
        The first touches as they would stand in the log, without empty columns.
    earliest, latest
        Of `happened_at`, ISO 8601 UTC.
    """

    source: str
    source_made: bool
    rows: int = 0
    accepted: int = 0
    repeated: int = 0
    nobody: int = 0
    uncached_formulas: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    identifiers: dict[str, tuple[int, int]] = field(default_factory=dict)
    first: list[dict[str, Any]] = field(default_factory=list)
    earliest: str | None = None
    latest: str | None = None
    whole: bool = True


def dry_run(
    home: Home,
    who: Who,
    path: Path,
    mapping_text: str,
    source_key: str | None = None,
    usable: Usable | None = None,
) -> Report:
    """Read a whole file under a mapping and say what would become of it; nothing is kept.

    Parameters
    ----------
    usable
        Where the mapping wants somebody: which identifiers can be used. None: every one that is there.

    Raises
    ------
    MappingWrong, NoSuchSource, SourceOff, NoFile, Forbidden
        As the import itself would.
    """
    who.need(Permission.IMPORT)
    with open_file(path) as file:
        return dry_run_from(home, who, file, mapping_text, source_key, usable=usable)


def dry_run_from(
    home: Home,
    who: Who,
    stream: BinaryIO,
    mapping_text: str,
    source_key: str | None = None,
    most: int | None = None,
    usable: Usable | None = None,
) -> Report:
    """Say what would become of what a stream holds, or of its first `most` rows; see `dry_run`."""
    who.need(Permission.IMPORT)
    mapping = parse(mapping_text)
    report, event_bytes = _source(home, who, mapping, source_key)
    tally, limit = _Tally(report, bool(mapping.source_id)), home.settings.max_import_bytes
    with staging.seekable(home, stream) as file:
        rows = open_rows(file, mapping, limit=limit)
        origin = Origin(0, event_bytes, "0" * 64, clock.micros())
        mapper = Mapper(home, mapping, rows.schema, origin, rows.targets)
        try:
            size = home.settings.micro_batch_events
            while report.whole and (piece := rows.read(size)) is not None:
                batch = mapper.map(piece, "dry-run")
                if usable is not None:
                    _refuse_nobody(batch, usable)
                tally.add(batch)
                report.whole = most is None or report.rows < most or rows.read(1) is None
        finally:
            mapper.close()
    return report


def _source(home: Home, who: Who, mapping: Mapping, key: str | None) -> tuple[Report, int]:
    wanted = key or mapping.source.key
    try:
        found = sources.get_source(home, who, wanted)
    except sources.NoSource:
        if mapping.source.name is None or wanted != mapping.source.key:
            raise NoSuchSource(key=wanted) from None
        return Report(wanted, True), sources.EVENT_BYTES
    if found.off_at is not None:
        raise SourceOff(key=wanted)
    return Report(wanted, False), found.event_bytes


def _refuse_nobody(batch: Batch, usable: Usable) -> None:
    """Refuse the rows of which no identifier can be used, as digestion does; see `Batch.nobody`."""
    if not batch.nobody or batch.refuse is None:
        return
    signs, good = batch.signs, np.zeros(batch.touches.num_rows, np.bool_)
    fine = np.array([usable(*key) for key in signs.keys], np.bool_)
    good[signs.rows[fine[signs.key]]] = True
    bad = np.flatnonzero(~good).tolist()
    refuse(batch, bad, [batch.refuse(i, NOBODY, batch.nobody) for i in bad])


class _Tally:
    def __init__(self, report: Report, has_ids: bool) -> None:
        self._report, self._has_ids = report, has_ids
        self._ids: set[int] = set()
        self._seen: dict[str, set[int]] = {}

    def add(self, batch: Batch) -> None:
        report, n = self._report, batch.touches.num_rows
        report.rows += n + len(batch.refused)
        report.accepted += n
        report.uncached_formulas += sum(
            v for (_, name), v in batch.counts.items() if name == "uncached_formulas"
        )
        report.nobody += n - pc.count_distinct(pa.array(batch.signs.rows)).as_py()
        for entry in pc.value_counts(batch.touches["kind"]).to_pylist():
            report.kinds[entry["values"]] += entry["counts"]
        for refused in batch.refused:
            report.refused[refused.reason] += 1
            shown = report.examples.setdefault(refused.reason, [])
            if len(shown) < _EXAMPLES:
                shown.append(
                    {
                        "place": refused.place,
                        "detail": words(refused.detail),
                        "row": mask(msgspec.json.decode(refused.raw)),
                    }
                )
        if self._has_ids and len(self._ids) < _MOST_DISTINCT:
            before = len(self._ids)
            self._ids.update(batch.fingerprints.tolist())
            report.repeated += n - (len(self._ids) - before)
        self._people(batch)
        for row in (
            batch.touches.slice(0, _FIRST - len(report.first)).to_pylist()
            if len(report.first) < _FIRST
            else ()
        ):
            report.first.append(
                {k: v for k, v in row.items() if v is not None and k not in ("source", "source_id")}
            )
        if n:
            self._range(batch.touches["happened_at"])

    def _people(self, batch: Batch) -> None:
        _, names, values, _ = batch.signs.lists()
        counts = Counter(names)
        for namespace, value in zip(names, values, strict=True):
            seen = self._seen.setdefault(namespace, set())
            if len(seen) < _MOST_DISTINCT:
                seen.add(xxhash.xxh3_64_intdigest(value.encode()))
        for namespace, n in counts.items():
            before = self._report.identifiers.get(namespace, (0, 0))[0]
            self._report.identifiers[namespace] = before + n, len(self._seen[namespace])

    def _range(self, times: pa.ChunkedArray) -> None:
        report, ends = self._report, pc.min_max(times.cast(pa.int64())).as_py()
        first, last = (clock.from_micros(ends[end]).isoformat() for end in ("min", "max"))
        report.earliest = min(report.earliest or first, first)
        report.latest = max(report.latest or last, last)
