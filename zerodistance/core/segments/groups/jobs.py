"""What the worker does about groups: makes those that were asked for, and assigns everybody anew each night."""

from __future__ import annotations

from collections.abc import Callable

from zerodistance.core.segments.groups import api, kept, store
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

_SYSTEM = Who.system("segments")


def _silent(stage: Text, done: int, of: int) -> None:
    """Hear of progress and say nothing."""


def wanted(home: Home) -> None:
    """Make the groups that were asked for, and assign everybody by groups that are new; a job.

    What can't be made is noted with its reason, and not tried again.
    """
    with home.state.read() as tx:
        asked = [str(row["key"]) for row in store.living(tx) if row["wanted_at"] is not None]
    for key in asked:
        _tried(home, key, lambda key=key: api.make(home, _SYSTEM, key, _silent))  # type: ignore[misc]
    with home.state.read() as tx:
        behind = store.behind(tx)
    for key in behind:
        _tried(home, key, lambda key=key: api.assign(home, _SYSTEM, key))  # type: ignore[misc]


def _tried(home: Home, key: str, work: Callable[[], object]) -> None:
    try:
        work()
    except ZeroDistanceError as error:
        if error.retry:
            raise
        trouble = {"trouble_zh": error.message("zh"), "trouble_en": error.message("en")}
        with home.state.write() as tx:
            number = kept.row_of(tx, _SYSTEM, key)["number"]
            store.change(tx, number, wanted_by=None, wanted_at=None, **trouble)
        log("segments").warning("groups_not_made", grouping=key, why=error.code)


def nightly(home: Home) -> None:
    """Assign everybody anew in every grouping, by the centres it has; a job."""
    with home.state.read() as tx:
        keys = [
            str(row["key"]) for row in store.living(tx) if store.version(tx, row["number"], with_groups=True)
        ]
    for key in keys:
        _tried(home, key, lambda key=key: api.assign(home, _SYSTEM, key))  # type: ignore[misc]
