"""Looking back at a version: how right it is of those whose outcome is known by now, by cohort; and what the night does."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from zerodistance.core.models import api, cohorts, drift, features, registry, store, training, watching
from zerodistance.core.models.contracts import UPLIFT, Model, ModelOutdated, Version
from zerodistance.core.models.ladder.hazard import Hazard
from zerodistance.core.models.ladder.kept import Model as Kept
from zerodistance.core.models.ladder.uplift import Uplift
from zerodistance.core.models.store import OUTCOMES, Look
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home

_AGAIN = (
    28 * clock.MICROS_PER_DAY
)  # own value: between looks at outcomes, which take an index of an earlier moment
_KEPT_DAYS = 800  # own value: of looks


def examine(
    home: Home,
    who: Who,
    key: str,
    number: int | None = None,
    *,
    until: date | None = None,
    told: api.Told = lambda stage, done, of: None,
) -> Look:
    """Look how right a version is of those whose outcome is known by now: with the features of one horizon ago. Keep and return it; needs OPERATE.

    Parameters
    ----------
    number
        Of the version; None: the champion.
    until
        Outcomes are known up to the beginning of this local day; None: today.

    Returns
    -------
    Look
        `as_of` (microseconds UTC), `rows`, `came`, `figures` as `training.figures` has them, `before` (the same when it was trained), `cohorts`, `calibration`.

    Raises
    ------
    NoSuchModel, NoChampion, ModelOutdated
        There is none; or it looks at what is there no more.
    """
    who.need(Permission.OPERATE)
    model = watching.known(key)
    version, kept = registry.champion(home, key) if number is None else registry.read(home, key, number)
    if lost := features.lacking(model, kept):
        raise ModelOutdated(model=key, version=version.number, features=", ".join(lost))
    at = api.moments(home, model, version.kind, until)[1]
    view = api.view_of(home, who, model, at, told)
    some = training.rows(view, model, at, seed=1, kind=version.kind)
    rival = _rival(home, who, model, version, told) if version.kind == UPLIFT else None
    found = training.figures(model, kept, some, None, rival)
    said: dict[str, Any] = {
        "as_of": at,
        "rows": len(some.who),
        "came": int((some.came > 0).sum()),
        "figures": found,
        "before": dict(version.figures),
    }
    if not isinstance(kept, Uplift):
        came = (some.came > 0).astype(np.float64)  # of a value: whether anything was bought
        if isinstance(kept, Hazard):
            came *= some.more["days"] <= kept.ahead
        chances = kept.chances(some.columns)
        said["cohorts"] = cohorts.figures(chances, came, cohorts.cohorts(view, model, some))
        said["calibration"] = drift.calibrated(chances, came)
    signs = drift.signs_of_outcomes(found, version.figures, watching.bounds(home))
    return watching.keep(home, version, OUTCOMES, signs, said)


def _rival(home: Home, who: Who, model: Model, version: Version, told: api.Told) -> Kept:
    """Return the model of the response that an uplift is compared with, made of the rows it was trained on."""
    at = version.trained_as_of
    return training.response(
        training.rows(api.view_of(home, who, model, at, told), model, at, kind=version.kind)
    )


def night(home: Home) -> None:
    """Look at every champion, and at its outcomes where some came that it was never looked at with."""
    who = Who.system("models")
    watching.look(home, who)
    now = clock.micros()
    for one in watching.watched(home, who):
        version, kept = registry.read(home, one.model.key, one.version)
        known = api.moments(home, one.model, version.kind)[1]
        waits = one.outcomes is not None and now - one.outcomes.looked_at < _AGAIN
        due = known >= version.evaluated_as_of + _AGAIN and not waits
        if due and not features.lacking(one.model, kept):
            examine(home, who, one.model.key)
    with home.state.write() as tx:
        store.forget_before(tx, now - _KEPT_DAYS * clock.MICROS_PER_DAY)
