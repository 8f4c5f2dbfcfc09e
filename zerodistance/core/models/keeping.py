"""What models has a backup hold: every version and who is champion."""

from __future__ import annotations

from collections.abc import Sequence

from zerodistance.kernel.backups import Share
from zerodistance.kernel.home import Home


def _registry(home: Home) -> Sequence[str]:
    return sorted(str(path.relative_to(home.root)) for path in home.path("models").glob("*/*.json"))


SHARE = Share(before=_registry)
