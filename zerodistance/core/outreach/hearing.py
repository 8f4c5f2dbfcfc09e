"""Hears consent among the touches that are digested, and keeps it in their own commit: a withdrawal holds from the moment it is taken in.

A yes belongs to the addresses that stand on its touch; where an account alone says it, to the one address of the channel that its person has, and to none
where there are several. It counts only from sources whose key is in nobody else's hands (servers, call centres, shops,
imports): a web page's write key is known to everybody, and who knows an address of somebody could agree in their name. A no is heard from anywhere; one
that names no address holds for every address of its person. Purpose, channel and text stand in the properties `purpose`, `channel`, `text_version`; where
they do not, in the columns `category`, `channel`, `campaign`.
"""

from __future__ import annotations

import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from zerodistance.core.identity import api as identity
from zerodistance.core.outreach import consent, suppression
from zerodistance.core.outreach.channels import opening
from zerodistance.core.outreach.consent import Word
from zerodistance.core.outreach.contracts import ChannelName, Purpose
from zerodistance.core.touchpoints import sources
from zerodistance.core.touchpoints.contracts import OWN_SOURCE, Batch, Recognised, Recogniser
from zerodistance.kernel import clock
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log

GIVEN, WITHDRAWN, REFUSED = "consent.given", "consent.withdrawn", "message.refused"
_KINDS = pa.array([GIVEN, WITHDRAWN, REFUSED])
_TRUSTED = frozenset(("server", "call", "store", "import"))
_COLUMNS = ("source", "source_id", "kind", "name", "channel", "category", "campaign", "page", "place", "body")
_SPAM = "spam"
_CALLED = {
    "mail": "email",
    "e-mail": "email",
    "text": "sms",
    "phone": "sms",
    "app": "inbox",
    "push": "webhook",
}
_WRITTEN = frozenset(("email", "phone", "openid"))
"""Identifiers that are an address and nothing else: one that refuses by it means that channel."""
_Spaces = Mapping[str, tuple[str, ...]]
_Addresses = set[tuple[str, int]]
_SOLD = (Purpose.MARKETING, Purpose.RESEARCH)


@dataclass(frozen=True, slots=True)
class _Heard:
    """One touch that says something of consent."""

    row: int
    at: int
    said: dict[str, Any]
    identifiers: tuple[tuple[str, str], ...]
    origin: int


class Hearing:
    """Stands before recognition and hears what it recognises: the `Recogniser` that digestion is given.

    Parameters
    ----------
    inner
        Recognition.
    """

    def __init__(self, home: Home, inner: Recogniser) -> None:
        self._home, self._inner = home, inner
        self._heard: list[_Heard] = []
        self._spaces: _Spaces = {}

    def recognise(self, batch: Batch) -> Recognised:
        """Look up or number the subjects of a batch; writes nothing."""
        self._heard = _picked(batch)
        if self._heard:
            self._spaces = opening.spaces(self._home)
        return self._inner.recognise(batch)

    def write(self, tx: Connection, found: Recognised, batch: int) -> None:
        """Write who the touches are about, and what they say of consent."""
        self._inner.write(tx, found, batch)
        if self._heard:
            self._keep(tx, found)

    def reset(self) -> None:
        """Forget what was kept in memory."""
        self._heard = []
        self._inner.reset()

    def _keep(self, tx: Connection, found: Recognised) -> None:
        every = [
            pair
            for heard in self._heard
            for pair in heard.identifiers
            if pair[0] in _wanted(heard, self._spaces)
        ]
        subjects = identity.identifiers_said(self._home, tx, every)
        every_source = sources.every(self._home)
        trusted = {one.number for one in every_source if one.kind in _TRUSTED}
        ours = {one.number for one in every_source if one.key == OWN_SOURCE}
        words: list[Word] = []
        complained: list[tuple[list[int], int]] = []
        unheard = 0
        theirs = _Theirs(tx, [int(found.subjects[one.row]) for one in self._heard], self._spaces)
        for one in self._heard:
            if one.said["kind"] == REFUSED and one.said["source"] in ours:
                continue  # `receipts` has withdrawn in the transaction that said so
            mine = {
                (namespace, subjects[namespace, value])
                for namespace, value in one.identifiers
                if (namespace, value) in subjects
            }
            subject = int(found.subjects[one.row])
            given = one.said["kind"] == GIVEN
            if given and not (one.origin or one.said["source"] in trusted):
                unheard += 1
                continue
            heard = _agreed(one, mine, subject, theirs) if given else _refused(one, mine, subject, theirs)
            unheard += given and not heard
            words += heard
            if one.said["kind"] == REFUSED and _SPAM in str(one.said["name"] or "").lower():
                complained.append((sorted({word.subject for word in heard}), one.at))
        consent.keep(tx, words, clock.micros())
        for who, at in complained:
            suppression.add(tx, self._home, who, "complained", at=at, source="touch")
        if unheard:
            log("outreach").info("consent_unheard", touches=unheard)


class _Theirs:
    """Every address of the persons of some subjects; looked up once for all of them, when the first is asked for."""

    def __init__(self, tx: Connection, subjects: Sequence[int], spaces: _Spaces) -> None:
        self._tx, self.spaces = tx, spaces
        self._keys = sorted({namespace for some in spaces.values() for namespace in some})
        self._subjects = np.unique(np.array([one for one in subjects if one], np.int64))
        self._of: dict[int, _Addresses] = {}
        self._whose: dict[int, int] = {}

    def of(self, subject: int) -> _Addresses:
        """Return (namespace, subject) of every address of the person of a subject."""
        if not self._whose:
            persons = identity.person_of(self._tx, self._subjects)
            self._whose = dict(zip(self._subjects.tolist(), persons.tolist(), strict=True))
            found = identity.contacts(self._tx, persons[persons > 0], self._keys)
            columns = (found[name].to_pylist() for name in ("person", "namespace", "subject"))
            for person, namespace, number in zip(*columns, strict=True):
                self._of.setdefault(person, set()).add((self._keys[namespace], number))
        return self._of.get(self._whose.get(subject, 0), set())

    def named(self, subject: int) -> _Addresses:
        """Return a subject as an address: what a touch of our own names."""
        found = identity.tokens_named(self._tx, [subject]).values()
        return {(namespace, subject) for _, namespace in found}


def _wanted(one: _Heard, spaces: _Spaces) -> Container[str]:
    """Return the namespaces of addresses that a touch may be about."""
    channel = _channel(one.said)
    return spaces[channel] if channel else {namespace for some in spaces.values() for namespace in some}


def _agreed(one: _Heard, mine: _Addresses, subject: int, theirs: _Theirs) -> list[Word]:
    """Return the yes of a touch, to one purpose and channel; nothing where it does not say which, or of which address."""
    channel, purpose = _channel(one.said), _purpose(one.said)
    if not channel or not purpose:
        return []
    wanted = theirs.spaces[channel]
    addresses = {number for namespace, number in mine if namespace in wanted}
    if not addresses and subject:
        known = {number for namespace, number in theirs.of(subject) if namespace in wanted}
        addresses = known if len(known) == 1 else set()
    return [_word(one, number, purpose, channel, given=True) for number in sorted(addresses)]


def _refused(one: _Heard, mine: _Addresses, subject: int, theirs: _Theirs) -> list[Word]:
    """Return the no of a touch: for the addresses on it, of a channel of which there are none for all that their person has."""
    channel, named = _channel(one.said), mine
    if not one.identifiers and subject:
        named = theirs.named(subject)
    channels: list[str] = [channel] if channel else [*ChannelName]
    if not channel and any(namespace in _WRITTEN for namespace, _ in named):
        channels = [
            way for way in ChannelName if any(namespace in theirs.spaces[way] for namespace, _ in named)
        ]
    purpose = _purpose(one.said)
    purposes = [purpose] if purpose and one.said["kind"] == WITHDRAWN else [*_SOLD]
    words = []
    for way in channels:
        wanted = theirs.spaces[way]
        addresses = {number for namespace, number in named if namespace in wanted}
        if not addresses and subject:
            addresses = {number for namespace, number in theirs.of(subject) if namespace in wanted}
        words += [_word(one, number, of, way, given=False) for of in purposes for number in sorted(addresses)]
    return words


def _picked(batch: Batch) -> list[_Heard]:
    if not batch.touches.num_rows:
        return []
    rows = np.flatnonzero(
        pc.is_in(batch.touches["kind"], value_set=_KINDS).combine_chunks().to_numpy(zero_copy_only=False)
    )
    if not len(rows):
        return []
    touches = batch.touches.take(pa.array(rows))
    said = touches.select(_COLUMNS).to_pylist()
    at = touches["happened_at"].cast(pa.int64()).to_pylist()
    mine: dict[int, list[tuple[str, str]]] = {row: [] for row in rows.tolist()}
    entries = np.flatnonzero(np.isin(batch.signs.rows, rows))
    for row, key in zip(batch.signs.rows[entries].tolist(), batch.signs.key[entries].tolist(), strict=True):
        mine[row].append(batch.signs.keys[key])
    return [
        _Heard(row, when, {**one, **_body(one["body"])}, tuple(mine[row]), batch.origin)
        for row, when, one in zip(rows.tolist(), at, said, strict=True)
    ]


def _body(text: str | None) -> dict[str, Any]:
    """Return what the properties say of consent."""
    try:
        said = json.loads(text) if text else {}
    except ValueError:
        return {}
    if not isinstance(said, dict):
        return {}
    return {
        key: said[key] for key in ("purpose", "channel", "text_version") if isinstance(said.get(key), str)
    }


def _channel(said: dict[str, Any]) -> str:
    name = str(said.get("channel") or "").strip().lower()
    name = _CALLED.get(name, name)
    return name if name in [*ChannelName] else ""


def _purpose(said: dict[str, Any]) -> str:
    name = str(said.get("purpose") or said.get("category") or "").strip().lower()
    return name if name in [*Purpose] else ""


def _word(one: _Heard, subject: int, purpose: str, channel: str, *, given: bool) -> Word:
    said = one.said
    version = str(said.get("text_version") or said.get("campaign") or "")
    proof = f"{said['source']}:{said['source_id']}"
    place = str(said.get("page") or said.get("place") or "")
    return Word(
        subject, str(purpose), str(channel), given, one.at, place, version, "touch", proof, one.origin
    )
