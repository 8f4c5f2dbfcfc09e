"""Who a face is likely, out of the index and of what was said since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection

from zerodistance.core.identity.matching.batch import ALIKE, OFTEN, TWO
from zerodistance.core.identity.matching.blocks import RULES
from zerodistance.core.identity.matching.compare import GIVEN
from zerodistance.core.identity.matching.fields import Face
from zerodistance.core.identity.matching.hashed import Hash, face_keys
from zerodistance.core.identity.matching.model import default
from zerodistance.core.identity.matching.score import Scorer
from zerodistance.core.identity.placing.index import Index, Kept
from zerodistance.core.identity.rules import RuleSet
from zerodistance.kernel import bulk

CANDIDATES: Final = 400
"""Faces that are compared with one at most, own value: those of the rarest keys first. Blocks of the batch are no larger than 60."""


@dataclass
class Fresh:
    """Faces that were said since the index was made, in memory: at most so many as whoever fills it allows."""

    keys: dict[tuple[int, int], list[int]] = field(default_factory=lambda: defaultdict(list))
    kept: list[Kept] = field(default_factory=list)
    of: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    def add(self, subject: int, face: Face, keys: Iterable[tuple[int, int]]) -> None:
        """Take in what a subject said; the same once."""
        for n in self.of.get(subject, ()):
            if self.kept[n].face == face:
                return
        number = len(self.kept)
        self.kept.append(Kept(subject, 1, face))
        self.of[subject].append(number)
        for key in keys:
            self.keys[key].append(number)

    def keep(self, subjects: Container[int]) -> None:
        """Let go what was said of anybody but some."""
        gone = {n for n, one in enumerate(self.kept) if one.subject not in subjects}
        if gone:
            for where in (self.keys, self.of):
                for key, numbers in list(where.items()):
                    where[key] = [n for n in numbers if n not in gone]  # type: ignore[index]
            for n in gone:
                self.kept[n] = Kept(0, 0, Face())


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody a face may be: the likeliest of their faces.

    Attributes
    ----------
    person
        Number of the person now.
    subject
        Whose face is likest.
    weight
        Bits of that pair.
    faces
        All that is known of the person's faces here.
    """

    person: int
    subject: int
    weight: float
    faces: tuple[Kept, ...]


@dataclass(frozen=True)
class Known:
    """What a face is looked up in.

    Attributes
    ----------
    index
        None: no pass has left one yet.
    """

    index: Index | None
    fresh: Fresh
    hashed: Hash
    scorer: Scorer = field(default_factory=lambda: Scorer(default(), 0))
    by: RuleSet = field(default_factory=RuleSet)

    def candidates(self, tx: Connection, face: Face, least: float, but: int = 0) -> list[Candidate]:
        """Return the persons that a face is likely, the likeliest first.

        Parameters
        ----------
        least
            Bits that one of their faces weighs at least.
        but
            A person that is not asked about: whose the face is.
        """
        faces = self._near(face)
        persons = _persons(tx, {kept.subject for kept in faces})
        best: dict[int, tuple[float, int]] = {}
        theirs: dict[int, list[Kept]] = defaultdict(list)
        for kept in faces:
            person = persons.get(kept.subject)
            if person is None or person == but:
                continue
            theirs[person].append(kept)
            weight = self.scorer.pair(face, kept.face)
            if weight >= least and weight > best.get(person, (least - 1, 0))[0]:
                best[person] = weight, kept.subject
        found = [Candidate(who, one, weight, tuple(theirs[who])) for who, (weight, one) in best.items()]
        return sorted(found, key=lambda one: (-one.weight, one.subject))

    def of(self, subjects: Sequence[int]) -> list[Kept]:
        """Return all faces of some subjects."""
        mine = set(subjects)
        out = [self.fresh.kept[n] for one in subjects for n in self.fresh.of.get(one, ())]
        if self.index is not None:
            for block in self.index.blocks_of(mine):
                out += [kept for kept in self.index.faces(block) if kept.subject in mine]
        return out

    def _near(self, face: Face) -> list[Kept]:
        """Return the faces of whoever shares a block with one, those of rare keys first."""
        blocks: list[list[int]] = []
        fresh: set[int] = set()
        for rule, key in face_keys(face, self.hashed):
            if self.index is not None:
                blocks.append(self.index.blocks(rule, key))
            said = self.fresh.keys.get((rule, key), [])
            if len(said) <= RULES[rule].most:
                fresh.update(said)
        out = [self.fresh.kept[n] for n in sorted(fresh)]
        done: set[int] = set()
        for some in sorted(blocks, key=len):
            for block in some:
                if block not in done and len(out) < CANDIDATES and self.index is not None:
                    done.add(block)
                    out += self.index.faces(block)
        return out


def _persons(tx: Connection, subjects: set[int]) -> Mapping[int, int]:
    return dict(
        bulk.among(tx, "select number, person from subject where number in {values}", sorted(subjects))
    )


def speaks(known: Known, mine: Sequence[Kept], theirs: Sequence[Kept]) -> float:
    """Return what two groups of faces say of their being one person: the sum over all their pairs, as the batch adds them; above 0 they are joined."""
    if len(mine) + len(theirs) > known.by.most:
        return -1.0
    often = _often(mine) | _often(theirs)
    total = 0.0
    for one in mine:
        for other in theirs:
            if _two_names(one.face, other.face, often):
                total += TWO
            else:
                total += known.scorer.judged(one.face, other.face, known.by.join)[1]
    return total


def _often(faces: Sequence[Kept]) -> set[tuple[str, str]]:
    """Return the whole names that stand on several records."""
    count: dict[tuple[str, str], int] = defaultdict(int)
    for one in faces:
        if one.face.surname and one.face.given:
            count[one.face.surname, one.face.given] += one.times
    return {name for name, times in count.items() if times >= OFTEN}


def _two_names(x: Face, y: Face, often: set[tuple[str, str]]) -> bool:
    if x.given == y.given or x.surname != y.surname:
        return False
    if (x.surname, x.given) not in often or (y.surname, y.given) not in often:
        return False
    return GIVEN.one(x, y) in ALIKE


def forbidden(tx: Connection, by: RuleSet, one: int, other: int) -> bool:
    """Say whether two persons may never be one: each has an identifier of which a person has one only."""
    ranks = ", ".join(map(str, sorted(by.unique)))
    rows = bulk.rows(
        tx,
        f"select distinct person, namespace from subject where person in (?, ?) and namespace in ({ranks})",
        (one, other),
    )
    mine, theirs = ({rank for person, rank in rows if person == which} for which in (one, other))
    return not mine.isdisjoint(theirs)


__all__ = ["CANDIDATES", "Candidate", "Fresh", "Known", "forbidden", "speaks"]
