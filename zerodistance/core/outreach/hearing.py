"""Hears consent among the touches that are digested, and keeps it in their own commit: a withdrawal holds from the moment it is taken in.

A yes belongs to the addresses that stand on its touch; where an account alone says it, to the one address of the channel that its person has, and to none
where there are several. It counts only from sources whose key is in nobody else's hands (servers, call centres, shops,
imports): a web page's write key is known to everybody, and who knows an address of somebody could agree in their name. A no is heard from anywhere; one
that names no address holds for every address of its person. Purpose, channel and text stand in the properties `purpose`, `channel`, `text_version`; where
they do not, in the columns `category`, `channel`, `campaign`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from zerodistance.core.identity import api as identity
from zerodistance.core.outreach import consent, suppression
from zerodistance.core.outreach.consent import Word
from zerodistance.core.outreach.contracts import NAMESPACES, ChannelName, Purpose
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
_ADDRESSES = frozenset(namespace for some in NAMESPACES.values() for namespace in some)
_WRITTEN = frozenset(("email", "phone", "openid"))
"""Identifiers that are an address and nothing else: one that refuses by it means that channel."""
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

    def recognise(self, batch: Batch) -> Recognised:
        """Look up or number the subjects of a batch; writes nothing."""
        self._heard = _picked(batch)
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
        every = [one for heard in self._heard for one in heard.identifiers]
        subjects = identity.identifiers_said(self._home, tx, every)
        every_source = sources.every(self._home)
        trusted = {one.number for one in every_source if one.kind in _TRUSTED}
        ours = {one.number for one in every_source if one.key == OWN_SOURCE}
        words: list[Word] = []
        complained: list[tuple[list[int], int]] = []
        unheard = 0
        for one in self._heard:
            if one.said["kind"] == REFUSED and one.said["source"] in ours:
                continue  # `receipts` has withdrawn in the transaction that said so
            mine = {said: subjects[said] for said in one.identifiers if said in subjects}
            subject = int(found.subjects[one.row])
            given = one.said["kind"] == GIVEN
            if given and not (one.origin or one.said["source"] in trusted):
                unheard += 1
                continue
            heard = (self._given if given else self._withdrawn)(tx, one, mine, subject)
            unheard += given and not heard
            words += heard
            if one.said["kind"] == REFUSED and _SPAM in str(one.said["name"] or "").lower():
                complained.append((sorted({word.subject for word in heard}), one.at))
        consent.keep(tx, words, clock.micros())
        for who, at in complained:
            suppression.add(tx, self._home, who, "complained", at=at, source="touch")
        if unheard:
            log("outreach").info("consent_unheard", touches=unheard)

    def _given(
        self, tx: Connection, one: _Heard, mine: dict[tuple[str, str], int], subject: int
    ) -> list[Word]:
        """Return the yes of a touch, to one purpose and channel; nothing where it does not say which, or of which address."""
        channel, purpose = _channel(one.said), _purpose(one.said)
        if not channel or not purpose:
            return []
        wanted = NAMESPACES[ChannelName(channel)]
        addresses = {number for (namespace, _), number in mine.items() if namespace in wanted}
        if not addresses and subject:
            theirs = {number for namespace, number in self._all_of(tx, subject) if namespace in wanted}
            addresses = theirs if len(theirs) == 1 else set()
        return [_word(one, number, purpose, channel, given=True) for number in sorted(addresses)]

    def _withdrawn(
        self, tx: Connection, one: _Heard, mine: dict[tuple[str, str], int], subject: int
    ) -> list[Word]:
        channel = _channel(one.said)
        named = {(namespace, number) for (namespace, _), number in mine.items()}
        if not one.identifiers and subject:  # a touch of our own names the address itself
            named = {(namespace, subject) for _, namespace in identity.tokens_named(tx, [subject]).values()}
        channels: list[str] = [channel] if channel else [*ChannelName]
        if not channel and any(namespace in _WRITTEN for namespace, _ in named):
            channels = [one for one in ChannelName if any(ns in NAMESPACES[one] for ns, _ in named)]
        purpose = _purpose(one.said)
        purposes = [purpose] if purpose and one.said["kind"] == WITHDRAWN else [*_SOLD]
        words, every = [], self._all_of(tx, subject) if subject else named
        for name in channels:
            wanted = NAMESPACES[ChannelName(name)]
            addresses = {number for namespace, number in named if namespace in wanted}
            addresses = addresses or {number for namespace, number in every if namespace in wanted}
            words += [
                _word(one, number, of, name, given=False) for of in purposes for number in sorted(addresses)
            ]
        return words

    @staticmethod
    def _all_of(tx: Connection, subject: int) -> set[tuple[str, int]]:
        """Return every address of the person of a subject."""
        persons = identity.person_of(tx, [subject])
        keys = sorted(_ADDRESSES)
        found = identity.contacts(tx, persons[persons > 0], keys)
        pairs = zip(found["namespace"].to_pylist(), found["subject"].to_pylist(), strict=True)
        return {(keys[namespace], number) for namespace, number in pairs}


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
