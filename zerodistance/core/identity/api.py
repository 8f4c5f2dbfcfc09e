"""The door of identity: who somebody is, why, and what other rooms may know of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from zerodistance.core.identity import mentions
from zerodistance.core.identity.acts import (
    card,
    expire_visitors,
    export,
    forget,
    known_reveals,
    matcher,
    restore,
    reveal,
    revoke,
)
from zerodistance.core.identity.contracts import Decision, Matched, NoSuchPerson, Person, Rebuilt, Verdict
from zerodistance.core.identity.deciding import decide, decisions, withdraw
from zerodistance.core.identity.explaining import explain, path, subject_of
from zerodistance.core.identity.figures import Health
from zerodistance.core.identity.health import health
from zerodistance.core.identity.households import rebuild as _households
from zerodistance.core.identity.households.contracts import Household, NoSuchHousehold, Settled
from zerodistance.core.identity.households.exporting import export_households
from zerodistance.core.identity.households.reading import (
    household_of,
    households_made_at,
    households_of_person,
    show_household,
)
from zerodistance.core.identity.people import (
    SUBJECT_MAP,
    People,
    changes_since,
    everybody,
    last_change,
    person_of,
    subject_batches,
    subject_map,
    subjects_of,
    subjects_with,
    tokens_of,
    were_since,
)
from zerodistance.core.identity.reaching import (
    CONTACTS,
    contacts,
    identifiers_said,
    known_since,
    subjects_named,
    subjects_of_all,
    tokens_named,
    tokens_since,
)
from zerodistance.core.identity.reading import (
    guards,
    lookup,
    numbers_of_ids,
    of_number,
    public_ids,
    search,
    show,
    token_of,
    usable,
)
from zerodistance.core.identity.rebuild import rebuild as _rebuild
from zerodistance.core.identity.recogniser import Recognition
from zerodistance.core.identity.releasing import release, share
from zerodistance.core.identity.reviewing import judge, reveal_pair, review, reviews
from zerodistance.core.identity.rules import mask
from zerodistance.core.identity.ruling.applying import apply as rules_apply
from zerodistance.core.identity.ruling.applying import check as rules_check
from zerodistance.core.identity.ruling.applying import undo as rules_undo
from zerodistance.core.identity.ruling.contracts import Epoch, Example, InForce, Learned, Side, Trial, Version
from zerodistance.core.identity.ruling.models import models
from zerodistance.core.identity.ruling.trying import attempt as rules_try
from zerodistance.core.identity.ruling.versions import show as rules
from zerodistance.core.identity.then import spans
from zerodistance.core.identity.told import Told, nobody
from zerodistance.core.identity.undo import brought, let_go, undo, undo_counts
from zerodistance.core.identity.weighed import Asked, Place, Review, Reviews
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home

if TYPE_CHECKING:
    from zerodistance.core.identity.placing.asking import Alike

__all__ = [
    # somebody
    "Person",
    "NoSuchPerson",
    "lookup",
    "search",
    "show",
    "alike",
    "of_number",
    "public_ids",
    "numbers_of_ids",
    "explain",
    "path",
    "subject_of",
    "card",
    "reveal",
    "known_reveals",
    "mask",
    # everybody
    "rebuild",
    "match",
    "Matched",
    "revoke",
    "restore",
    "guards",
    "Decision",
    "Verdict",
    "decide",
    "withdraw",
    "decisions",
    "Asked",
    "Place",
    "Review",
    "Reviews",
    "reviews",
    "review",
    "reveal_pair",
    "judge",
    "Health",
    "health",
    "release",
    "share",
    "export",
    "forget",
    "matcher",
    "expire_visitors",
    "undo",
    "undo_counts",
    "let_go",
    # by which rules
    "InForce",
    "Version",
    "Epoch",
    "Trial",
    "Side",
    "Example",
    "Learned",
    "rules",
    "rules_check",
    "rules_try",
    "rules_apply",
    "rules_undo",
    "models",
    "train",
    # households
    "Household",
    "NoSuchHousehold",
    "show_household",
    "households_of_person",
    "household_of",
    "households_made_at",
    "rebuild_households",
    "export_households",
    # for the rooms around
    "Recognition",
    "placer",
    "People",
    "brought",
    "SUBJECT_MAP",
    "spans",
    "subject_map",
    "subject_batches",
    "everybody",
    "person_of",
    "subjects_of",
    "subjects_with",
    "tokens_of",
    "usable",
    # for whoever writes to people
    "CONTACTS",
    "contacts",
    "identifiers_said",
    "known_since",
    "subjects_named",
    "subjects_of_all",
    "tokens_named",
    "tokens_since",
    "token_of",
    "changes_since",
    "were_since",
    "last_change",
]


def rebuild(home: Home, who: Who) -> Rebuilt:
    """Compute all persons anew from the evidence, begin a new epoch, and return the difference."""
    who.need(Permission.OPERATE)
    return _rebuild(home)


def rebuild_households(home: Home, who: Who) -> Settled:
    """Compute all households anew from addresses, phones and devices, and return the difference."""
    who.need(Permission.OPERATE)
    return _households.rebuild(home)


def match(home: Home, who: Who) -> tuple[Matched, Rebuilt]:
    """Compare all that was said of people in words, and compute all persons anew with what was found."""
    who.need(Permission.OPERATE)
    from zerodistance.core.identity.match import (
        match as _match,  # its libraries are large, and few commands need them
    )

    found = _match(home)
    return found, _rebuild(home)


def alike(home: Home, who: Who, said: Mapping[str, str], limit: int = 5) -> list[Alike]:
    """Return the persons that a record is likely about, the likeliest first, see `placing.asking`."""
    from zerodistance.core.identity.placing.asking import alike as _alike  # its libraries are large

    return _alike(home, who, said, limit)


_LOOK = 0.2  # seconds between two looks when nothing was ever said, own value


def placer(home: Home, recognition: Recognition) -> Callable[[float], int]:
    """Return what places mentions for so many seconds, and says how many were; to be called between two batches, on the thread that recognises them."""
    step: Callable[[float], int] | None = None
    looked_at = 0.0

    def placing(seconds: float) -> int:
        nonlocal step, looked_at
        if step is None:
            if not home.settings.placing or time.monotonic() - looked_at < _LOOK:
                return 0
            looked_at = time.monotonic()
            if not mentions.any_waits(home):
                return 0
            from zerodistance.core.identity.placing.place import Placer  # its libraries are large

            step = Placer(home, recognition.moved).step
        return step(seconds)

    return placing


def train(home: Home, who: Who, *, seed: int = 1, told: Told = nobody) -> Learned:
    """Learn weights of the matcher from what was said of people in this home; nothing uses them until `rules_apply` names them."""
    from zerodistance.core.identity.ruling.training import learn  # as above

    return learn(home, who, seed=seed, told=told)
