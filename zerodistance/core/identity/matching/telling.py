"""What a pair of faces says, comparison by comparison, in words and bits; and how frequent the names in it are. Pure."""

from __future__ import annotations

from zerodistance.core.identity.contracts import Weight
from zerodistance.core.identity.matching.compare import COMPARISONS, levels
from zerodistance.core.identity.matching.fields import Face
from zerodistance.core.identity.matching.score import Scorer
from zerodistance.core.identity.matching.words import LABELS, LEVELS


def weights(scorer: Scorer, x: Face, y: Face) -> tuple[Weight, ...]:
    """Return what each comparison says of two faces, those that weigh most first, for or against."""
    reached = {one.key: level for one, level in zip(COMPARISONS, levels(x, y), strict=True)}
    telling = {one.key: one.frequency for one in COMPARISONS}
    out = []
    for part in scorer.parts(x, y):
        share, common = _share(scorer, telling[part.comparison].get(reached[part.comparison], ""), x)
        words = LABELS[part.comparison], LEVELS[part.comparison, part.level]
        out.append(Weight(part.comparison, *words, part.same, share, common))
    return tuple(sorted(out, key=lambda one: -abs(one.bits)))


def _share(scorer: Scorer, part: str, face: Face) -> tuple[float | None, bool]:
    known = scorer.model.frequency.get(part)
    if not part or known is None:
        return None, True
    value = getattr(face, part)
    return known.get(value, scorer.model.floor[part]), value in known
