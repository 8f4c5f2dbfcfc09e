"""What profiles has a backup hold: the tag index as it stands, so that a restored home need not make it anew."""

from __future__ import annotations

from collections.abc import Sequence

from zerodistance.core.profiles import parts
from zerodistance.core.profiles.contracts import IndexDamaged
from zerodistance.kernel.backups import Share
from zerodistance.kernel.home import Home


def _index(home: Home) -> Sequence[str]:
    """Return pointer and parts; nothing where they are damaged: what is made anew needs no copy."""
    folder = home.path("index")
    try:
        names = parts.pointed(folder)[1]
    except IndexDamaged:
        return ()
    return [f"index/{name}" for name in (parts.POINTER, *names)] if names else ()


SHARE = Share(before=_index)
