"""The states of a few people at once: what was laid together, and what came after that from memory, or from the table where it is not there."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zerodistance.core.profiles import blocks, states
from zerodistance.core.profiles.recent import MOST, Recent
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log

Ints = npt.NDArray[np.int64]


class Near:
    """What one turn of the index reads.

    Parameters
    ----------
    connection
        Has the view `profile_state`.
    batch
        The last batch that is in the view.
    """

    def __init__(self, home: Home, connection: duckdb.DuckDBPyConnection, recent: Recent, batch: int) -> None:
        self._home, self._connection, self._recent, self._batch = home, connection, recent, batch
        self._laid = blocks.opened(home.path("index"))
        recent.of_states(blocks.times_gone(home.path("index")))
        recent.let_go(self._laid.batch)
        if (
            not recent.holds(self._laid.batch, batch)
            and home.lake.count(states.TABLE) - self._laid.rows <= MOST
        ):
            recent.fill(self._later("true", self._laid.batch), self._laid.batch, batch)

    def _later(self, which: str, after: int) -> pa.Table:
        names = ", ".join(states.STATES.names)
        query = f"select {names} from profile_state where batch > $after and batch <= $upto and {which}"
        values = {"after": after, "upto": self._batch}
        return self._connection.sql(query, params=values).to_arrow_table().cast(states.STATES)

    def of(self, subjects: Ints, columns: Sequence[str]) -> list[pa.Table] | None:
        """Return the states of some subjects (ascending, distinct), `blocks.schema` of these columns, those of a subject together in each table.

        None where everything has to be read from the table: nothing was laid, or what was is damaged and has been let go of.
        """
        try:
            found = self._laid.of(subjects, columns)
        except blocks.Broken:
            log("profiles").error("blocks_damaged", path=str(self._laid.folder))
            blocks.let_go(self._laid.folder)
            return None
        later = self._recent.of(subjects, columns, self._laid.batch, self._batch)
        if later is None and not self._laid.files:
            return None
        if later is None:
            self._connection.register("near_subject", pa.table({"subject": subjects}))
            rows = self._later("subject in (from near_subject)", self._laid.batch)
            later = [
                rows.sort_by("subject").select(blocks.schema(columns).names).cast(blocks.schema(columns))
            ]
        return [*found, *later]

    def came(self, after: int) -> Ints:
        """Return whose states came after a batch, ascending, and perhaps some more."""
        found = self._recent.subjects(after, self._batch)
        if found is not None:
            return found
        return states.subjects(self._connection, "batch > $batch", {"batch": after})
