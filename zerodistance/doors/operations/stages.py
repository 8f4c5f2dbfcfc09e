"""Stages: how far behind each step of a touch's way is, in seconds: door, digestion, profiles, index, lake."""

from __future__ import annotations

from dataclasses import dataclass

from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import IndexDamaged
from zerodistance.core.touchpoints import progress
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

ON_TIME, BEHIND, LATE, UNKNOWN = "on_time", "behind", "late", "unknown"
NAMES = {
    "journal": Text("写入日志箱", "door to journal"),
    "digest": Text("处理", "digestion"),
    "profiles": Text("画像", "profiles"),
    "index": Text("标签索引", "tag index"),
    "lake": Text("入湖", "lake"),
}
"""Every stage, in the order a touch passes them."""
WORDS = {
    ON_TIME: Text("准时", "on time"),
    BEHIND: Text("落后", "behind"),
    LATE: Text("太慢", "late"),
    UNKNOWN: Text("未知", "unknown"),
}
_USUAL = {"journal": 1.0, "digest": 10.0, "profiles": 30.0, "index": 90.0, "lake": 30.0}
"""Own values, seconds: what is calm. The settings of a stage are added: `index_seconds`, `seal_seconds`."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One step.

    Attributes
    ----------
    lag
        Seconds since the oldest thing came in that has not passed it; 0 if nothing waits, None if not known here.
    usual
        Seconds up to which it is on time.
    bound
        Seconds from which on it is late.
    """

    key: str
    lag: float | None
    usual: float
    bound: float

    @property
    def name(self) -> Text:
        """Its name."""
        return NAMES[self.key]

    @property
    def state(self) -> str:
        """`on_time`, `behind`, `late` or `unknown`."""
        if self.lag is None:
            return UNKNOWN
        return ON_TIME if self.lag <= self.usual else BEHIND if self.lag <= self.bound else LATE


def stages(home: Home, who: Who, writing_seconds: float | None = None) -> tuple[Stage, ...]:
    """Return every stage as it is now. Every account may ask: it says how old figures are, not what they are.

    Parameters
    ----------
    writing_seconds
        How long the door has been waiting for the disk; None where there is no door, as on the command line.
    """
    now, here = clock.micros(), progress.progress(home, who)
    lags: dict[str, float | None] = {
        "journal": writing_seconds,
        "digest": _seconds(now, here.waiting_since),
        "lake": _seconds(now, here.tail_since),
        "profiles": None,
        "index": None,
    }
    try:
        held = profiles.state(home)
    except IndexDamaged:
        held = None
    if held is not None:
        for key, batch in (("profiles", held.states_batch), ("index", held.batch)):
            behind = here.last_batch > batch
            lags[key] = _seconds(now, progress.committed_after(home, who, batch)) if behind else 0.0
    return tuple(Stage(key, lags[key], *_bounds(home, key)) for key in NAMES)


def digest_lag(home: Home, who: Who) -> float:
    """Return how far digestion alone is behind, seconds."""
    return _seconds(clock.micros(), progress.progress(home, who).waiting_since)


def _seconds(now: int, since: int | None) -> float:
    return 0.0 if since is None else max(0.0, (now - since) / clock.MICROS_PER_SECOND)


def _bounds(home: Home, key: str) -> tuple[float, float]:
    settings = home.settings
    more = {
        "profiles": settings.index_seconds,
        "index": settings.index_seconds,
        "lake": settings.seal_seconds,
    }
    usual = _USUAL[key] + more.get(key, 0.0)
    return usual, usual + settings.alert_lag_seconds
