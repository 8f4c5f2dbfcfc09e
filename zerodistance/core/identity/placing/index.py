"""All faces of a home as the last pass of the matcher knew them, to be found by the keys of their blocks.

A sealed copy: faces lie encrypted, those of one person together; keys and parts of keys are hashed with a key of the home. It is made anew by every pass, in
a folder of its own that the state names, and changed in place only to forget somebody.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from zerodistance.core.identity import store
from zerodistance.core.identity.contracts import MatchRunning
from zerodistance.core.identity.matching.blocks import RULES
from zerodistance.core.identity.matching.columns import Columns, Ints, mixed
from zerodistance.core.identity.matching.fields import PARTS, Face
from zerodistance.core.identity.matching.hashed import Hash, column_keys
from zerodistance.kernel import bulk, fault
from zerodistance.kernel.errors import WrongKey
from zerodistance.kernel.files import replace_file, sync
from zerodistance.kernel.home import Home
from zerodistance.kernel.locks import sole
from zerodistance.kernel.seal import Seal

FOLDER: Final = "matcher"
FORM: Final = 2
"""Version of the form of the files and of the faces in them, so that another way of cleaning is another form; an index of another form is not read, the
next pass makes it anew."""
_LOCK: Final = "lock"
_NUMBER: Final = "placing"  # which folder is in force, in identity_number
_PERSONS: Final = 100_000  # persons whose faces are sealed at a time, own value
_FACE, _PART = "\x1e", "\x1f"  # between faces, between parts


@dataclass(frozen=True, slots=True)
class Kept:
    """One way in which a subject was written, and on how many records of its person."""

    subject: int
    times: int
    face: Face


def hashing(seal: Seal) -> Hash:
    """Return the function that hashes parts of keys for this home."""
    key = seal.token("matcher", "blocks")
    blake = hashlib.blake2b

    def hashed(part: str, value: str) -> int:
        said = f"{part}\0{value}".encode()
        return int.from_bytes(blake(said, digest_size=8, key=key).digest(), "little")

    return hashed


@contextmanager
def alone(home: Home, seconds: float = 0.0) -> Iterator[None]:
    """Let one pass of the matcher at a time make an index; wait so long for another to end.

    Raises
    ------
    MatchRunning
        Another process does.
    """
    home.path(FOLDER).mkdir(mode=0o700, exist_ok=True)
    with sole(home.path(FOLDER, _LOCK), MatchRunning(path=home.root), seconds):
        yield


# -- making


@dataclass(frozen=True)
class Compared:
    """What a pass of the matcher compared.

    Attributes
    ----------
    faces
        A row for each mention.
    subject, person
        Subject of each row; whose it is as the pass found, any number that is the same for one person.
    records
        Among how many a pair is weighed.
    """

    faces: Columns
    subject: Ints
    person: Ints
    records: int


def write(home: Home, compared: Compared, *, model: str, batch: int) -> int:
    """Write an index of faces beside the one in force, and return its number: `put` lets it come into force.

    Parameters
    ----------
    model
        Name of what weighs them.
    batch
        The last batch whose mentions are in it.
    """
    faces, subject = compared.faces, compared.subject
    with home.state.read() as tx:
        number = 1 + (in_force(tx) or 0)
    root = home.path(FOLDER)
    root.mkdir(mode=0o700, exist_ok=True)
    folder = root / str(number)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    rows, block, times = _distinct(faces, compared.person)
    _write_faces(home.seal, folder, faces.take(rows), subject[rows], block, times)
    del times
    _write_keys(home.seal, folder, faces.take(rows), block)
    said = {"form": FORM, "model": model, "records": compared.records, "batch": batch, "faces": len(rows)}
    replace_file(folder / "index.json", json.dumps(said).encode())
    for path in folder.iterdir():
        sync(path)
    sync(folder)
    sync(root)
    fault.point("identity.placing.written")
    return number


def put(tx: Connection, number: int) -> None:
    """Let an index come into force, in the transaction that writes what its pass found."""
    store.set_numbers(tx, {_NUMBER: number})


def tidy(home: Home) -> None:
    """Remove every index but the one in force."""
    with home.state.read() as tx:
        number = in_force(tx)
    root = home.path(FOLDER)
    if root.is_dir():
        for path in root.iterdir():
            if path.is_dir() and path.name != str(number):
                shutil.rmtree(path, ignore_errors=True)


def _distinct(faces: Columns, person: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the first row of each face of each person, in order of persons, with the number of the person's block and how many rows say it."""
    key = mixed(*(faces.code[part] for part in PARTS if part in faces.filled), person, rows=faces.rows)
    _, first, times = np.unique(key, return_index=True, return_counts=True)
    order = np.lexsort((first, person[first]))
    first, times = first[order].astype(np.int64), times[order].astype(np.int64)
    whose = person[first]
    block = np.cumsum(np.r_[False, whose[1:] != whose[:-1]]) if len(first) else first
    return first, block.astype(np.int64), times


def _write_faces(seal: Seal, folder: Path, faces: Columns, subject: Ints, block: Ints, times: Ints) -> None:
    """Write the faces, sealed by block; where each block lies; and which subjects are in which."""
    blocks = int(block[-1]) + 1 if len(block) else 0
    start = np.searchsorted(block, np.arange(blocks + 1))
    ends, at = [np.zeros(1, dtype=np.int64)], 0
    values = {part: pa.array(_plain(faces.value[part]), pa.string()) for part in PARTS}
    with (folder / "faces").open("wb") as file:
        for first in range(0, blocks, _PERSONS):
            last = min(first + _PERSONS, blocks)
            sealed = _sealed_faces(seal, faces, values, subject, times, start[first : last + 1], first)
            ends.append(at + np.cumsum([len(one) for one in sealed]))
            at = int(ends[-1][-1])
            file.writelines(sealed)
    np.concatenate(ends).astype(np.int64).tofile(folder / "ends")
    pairs = (
        np.unique(np.stack([subject, block], axis=1), axis=0) if len(block) else np.empty((0, 2), np.int64)
    )
    pairs[:, 0].astype(np.int64).tofile(folder / "subjects")
    pairs[:, 1].astype(np.uint32).tofile(folder / "subject-blocks")


def _plain(values: npt.NDArray[np.object_]) -> list[str]:
    return [value.replace(_FACE, " ").replace(_PART, " ") for value in values]


def _sealed_faces(
    seal: Seal,
    faces: Columns,
    values: Mapping[str, pa.StringArray],
    subject: Ints,
    times: Ints,
    start: Ints,
    first: int,
) -> list[bytes]:
    cut = slice(int(start[0]), int(start[-1]))
    columns = [pa.array(subject[cut]).cast(pa.string()), pa.array(times[cut]).cast(pa.string())]
    for part in PARTS:
        code = faces.code[part][cut]
        columns.append(
            pc.fill_null(values[part].take(pa.array(code, mask=code < 0)), "")
            if len(values[part])
            else pa.array([""] * len(code))
        )
    each = pc.binary_join_element_wise(*columns, _PART)
    listed = pa.ListArray.from_arrays(pa.array(start - start[0], pa.int32()), each)
    joined = pc.binary_join(listed, _FACE)
    where = [_where(first + n) for n in range(len(joined))]
    return seal.seal_all([one.encode() for one in joined.to_pylist()], where)


def _where(block: int) -> bytes:
    return f"faces/{block}".encode()


def _write_keys(seal: Seal, folder: Path, faces: Columns, block: Ints) -> None:
    """Write the keys of each rule in order, with the block of each; blocks that are too large for the batch are left out here too."""
    for n, rule, rows, key in column_keys(faces, hashing(seal)):
        order = np.argsort(key, kind="stable")
        key, of = key[order], block[rows[order]]
        begins = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
        many = np.diff(np.r_[begins, len(key)])
        once = np.repeat(many <= rule.most, many)
        once[1:] &= (key[1:] != key[:-1]) | (of[1:] != of[:-1])  # faces of one person lie together
        key[once].tofile(folder / f"keys-{n}")
        of[once].astype(np.uint32).tofile(folder / f"blocks-{n}")


# -- reading


class Index:
    """The index in force, opened: its files are mapped, no more of them is in memory than is looked at.

    Attributes
    ----------
    number
        Which one it is.
    model, records, batch
        See `write`.
    """

    def __init__(self, home: Home, number: int) -> None:
        self._seal, self.number = home.seal, number
        self._folder = home.path(FOLDER, str(number))
        said = json.loads((self._folder / "index.json").read_text())
        if said["form"] != FORM:
            raise FileNotFoundError(self._folder)
        self.model: str = said["model"]
        self.records: int = said["records"]
        self.batch: int = said["batch"]
        self._faces = self._mapped("faces", np.uint8)
        self._ends = self._mapped("ends", np.int64)
        self._subjects = self._mapped("subjects", np.int64)
        self._of = self._mapped("subject-blocks", np.uint32)
        self._keys = {
            n: (self._mapped(f"keys-{n}", np.uint64), self._mapped(f"blocks-{n}", np.uint32))
            for n in range(len(RULES))
            if (self._folder / f"keys-{n}").exists()
        }

    def _mapped(self, name: str, dtype: Any) -> npt.NDArray[Any]:
        path = self._folder / name
        if not path.stat().st_size:
            return np.empty(0, dtype=dtype)
        return np.asarray(np.memmap(path, dtype=dtype, mode="r"))

    def blocks(self, rule: int, key: int) -> list[int]:
        """Return the blocks with a face that has this key."""
        if rule not in self._keys:
            return []
        keys, blocks = self._keys[rule]
        asked = np.uint64(key)
        low, high = np.searchsorted(keys, asked), np.searchsorted(keys, asked, side="right")
        found: list[int] = blocks[low:high].tolist()
        return found

    def faces(self, block: int) -> list[Kept]:
        """Return the faces of a block, none if it was forgotten."""
        sealed = self._faces[self._ends[block] : self._ends[block + 1]].tobytes()
        if not sealed.strip(b"\0"):
            return []
        try:
            said = self._seal.open(sealed, _where(block)).decode()
        except WrongKey:  # it was being wiped when the machine stopped
            return []
        out = []
        for one in said.split(_FACE):
            subject, times, *parts = one.split(_PART)
            out.append(Kept(int(subject), int(times), Face(*parts)))
        return out

    def blocks_of(self, subjects: Collection[int]) -> list[int]:
        """Return the blocks with a face of some subjects."""
        asked = np.array(sorted(subjects), dtype=np.int64)
        low, high = (
            np.searchsorted(self._subjects, asked),
            np.searchsorted(self._subjects, asked, side="right"),
        )
        found = {int(b) for x, y in zip(low.tolist(), high.tolist(), strict=True) for b in self._of[x:y]}
        return sorted(found)


def in_force(tx: Connection) -> int | None:
    """Return the number of the index in force, None before the first."""
    number = bulk.value(tx, "select value from identity_number where key = ?", (_NUMBER,))
    return None if number is None else int(number)


def opened(home: Home, number: int | None) -> Index | None:
    """Return an index, None if its files are not there."""
    if number is not None:
        with suppress(FileNotFoundError):
            return Index(home, number)
    return None


# -- forgetting


def forget(home: Home, subjects: Sequence[int]) -> int:
    """Wipe the faces of whoever shares a block with some subjects, in every index that lies there; return how many blocks went.

    What others of the same person said goes with it; the next pass finds it again. What a pass that was killed left half written goes whole.
    """
    gone = 0
    with suppress(MatchRunning), alone(home):  # whoever makes one just now looks who is gone when it is done
        tidy(home)
    for folder in _folders(home):
        number = np.fromfile(folder / "subjects", dtype=np.int64)
        block = np.fromfile(folder / "subject-blocks", dtype=np.uint32)
        ends = np.fromfile(folder / "ends", dtype=np.int64)
        these = np.unique(block[np.isin(number, np.array(subjects, dtype=np.int64))]).tolist()
        if these:
            with (folder / "faces").open("r+b") as file:
                for one in these:
                    file.seek(int(ends[one]))
                    file.write(bytes(int(ends[one + 1] - ends[one])))
                file.flush()
                os.fsync(file.fileno())
        gone += len(these)
    return gone


def forget_missing(home: Home) -> None:
    """Wipe the faces of subjects that the state no longer has: somebody was forgotten while an index was being written."""
    with home.state.read() as tx:
        known = bulk.columns(tx, "select number from subject order by number", 1)[0]
    for folder in _folders(home):
        number = np.unique(np.fromfile(folder / "subjects", dtype=np.int64))
        forget(home, number[~np.isin(number, known)].tolist())


def drop(home: Home) -> None:
    """Remove every index: nobody is placed until the next pass."""
    with home.state.write() as tx:
        put(tx, 1 + (in_force(tx) or 0))
    root = home.path(FOLDER)
    for path in root.iterdir() if root.is_dir() else ():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)


def _folders(home: Home) -> Iterator[Path]:
    root = home.path(FOLDER)
    if root.is_dir():
        yield from (path for path in root.iterdir() if (path / "subjects").exists())
