"""What accounts do about who may be written to: set limits, record and withdraw consent, keep lists of suppressed addresses, and look at it all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert

from zerodistance.core.brand import api as brand
from zerodistance.core.identity import api as identity
from zerodistance.core.identity.contracts import Identifier
from zerodistance.core.outreach import consent, store, suppression
from zerodistance.core.outreach.channels import opening
from zerodistance.core.outreach.consent import Word
from zerodistance.core.outreach.contracts import PURPOSES, Purpose
from zerodistance.core.outreach.policy import EACH, Policy, of_dict
from zerodistance.core.outreach.suppression import REASONS, Loaded
from zerodistance.kernel import bulk, clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Forbidden, Invalid, NotFound
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

MOST_BYTES = 64 << 20
"""Own value: of a list of suppressed addresses, some three million of them."""


class NotKnown(NotFound):
    """Nobody of this home has an address."""

    code = "address_not_known"
    text = Text(
        "没有人用这个{what}：{given}；先让它随触点进来，或把它加入禁发名单",
        "nobody is known by this {what}: {given}; let it come in with a touch first, or suppress it",
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits that hold; version 0: as they ship."""

    version: int
    policy: Policy
    made_by: str = ""
    made_at: int = 0


@dataclass(frozen=True, slots=True)
class Consents:
    """How consent stands, in counts of addresses.

    Attributes
    ----------
    given, withdrawn
        (purpose, channel) -> addresses of which that holds.
    suppressed
        Reason -> addresses, and those among them that somebody has.
    """

    given: Mapping[tuple[str, str], int]
    withdrawn: Mapping[tuple[str, str], int]
    suppressed: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Said:
    """One word of consent on the page of a person; the address is masked, times are microseconds UTC."""

    address: Identifier
    word: Word
    noted_at: int
    holds: bool


@dataclass(frozen=True, slots=True)
class Barred:
    """An address of a person that nothing is sent to; `purpose` empty: whatever for."""

    address: Identifier
    purpose: str
    reason: str
    at: int
    until: int | None
    source: str


def may_look(who: Who) -> None:
    """Raise Forbidden for an account that neither sends nor manages what is sent."""
    if not (who.may(Permission.SEND) or who.may(Permission.MANAGE_OUTREACH)):
        raise Forbidden(who=who.name, permission=Permission.SEND.value)


# -- limits


def limits_shown(home: Home, who: Who) -> Limits:
    """Return the limits that hold; needs SEND or MANAGE_OUTREACH."""
    return limits_history(home, who)[0]


def limits_history(home: Home, who: Who) -> Sequence[Limits]:
    """Return every version of the limits, the newest first; the last is what ships."""
    may_look(who)
    with home.state.read() as tx:
        rows = bulk.rows(
            tx, "select version, said, made_by, made_at from outreach_policy order by version desc"
        )
    made = [Limits(version, of_dict(json.loads(said)), by, at) for version, said, by, at in rows]
    return [*made, Limits(0, Policy())]


def set_limits(home: Home, who: Who, said: Mapping[str, Any]) -> Limits:
    """Set limits; what is not said stays as it is. Needs MANAGE_OUTREACH.

    Raises
    ------
    Invalid
        Names what can't be; also a unit that there is none of.
    """
    who.need(Permission.MANAGE_OUTREACH)
    before = limits_shown(home, who)
    policy = of_dict({**before.policy.as_dict(), **said})
    for cap in policy.caps:
        if cap.unit not in ("", EACH):
            brand.unit(home, cap.unit)
    if policy == before.policy:
        return before
    with home.state.write() as tx:
        last = int(bulk.value(tx, "select max(version) from outreach_policy") or 0)
        row = {"version": last + 1, "said": json.dumps(policy.as_dict(), ensure_ascii=False)}
        tx.execute(insert(store.policy).values(**row, made_by=who.name, made_at=clock.micros()))
    log("outreach").info("limits_set", who=who.name, version=last + 1)
    return limits_shown(home, who)


# -- consent


def say(
    home: Home,
    who: Who,
    namespace: str,
    value: str,
    *,
    given: bool,
    purpose: str,
    channel: str,
    at: int | None = None,
    place: str = "",
    text_version: str = "",
    proof: str = "",
) -> int:
    """Record that consent was given or withdrawn for an address; needs MANAGE_OUTREACH. Return how many words are new.

    Parameters
    ----------
    purpose, channel
        Empty for a withdrawal: every purpose but service; every channel that writes to such an address.
    at
        When it was said, microseconds UTC; None: now.
    proof
        What shows it, such as a ticket; needed for a yes.

    Raises
    ------
    NotAnIdentifier, NotKnown, Invalid
        It is no address; nobody has it; purpose, channel or proof can't be.
    """
    who.need(Permission.MANAGE_OUTREACH)
    now = clock.micros()
    at = now if at is None else at
    if at > now:
        raise Invalid(field="at", given=str(clock.from_micros(at)), why=Text("在将来", "it lies ahead"))
    purposes = _among("purpose", purpose, [*PURPOSES], [Purpose.MARKETING, Purpose.RESEARCH], given)
    fit = [name for name, some in opening.spaces(home).items() if namespace in some]
    channels = _among("channel", channel, fit, fit, given)
    if given and not proof.strip():
        why = Text(
            "写明凭什么：工单号、纸质表单的编号", "say what shows it: a ticket, the number of a paper form"
        )
        raise Invalid(field="proof", given=proof, why=why)
    subject = _subject(home, namespace, value)
    shown = f"{proof.strip()} ({who.name})"
    words = [
        Word(subject, of, by, given, at, place, text_version, "account", shown)
        for of in purposes
        for by in channels
    ]
    with home.state.write() as tx:
        return consent.keep(tx, words, now)


def _among(name: str, said: str, allowed: Sequence[str], every: Sequence[str], given: bool) -> list[str]:
    if not said and not given:
        return [str(one) for one in every]
    if said not in allowed:
        there = ", ".join(allowed) or "–"
        raise Invalid(field=name, given=said, why=Text(f"可用：{there}", f"there are {there}"))
    return [said]


def _subject(home: Home, namespace: str, value: str) -> int:
    token = identity.token_of(home, namespace, value)
    with home.state.read() as tx:
        found = identity.subjects_named(tx, [token])
    if token not in found:
        raise NotKnown(what=Text(namespace, namespace), given=identity.mask(namespace, value.strip()))
    return found[token]


def figures(home: Home, who: Who) -> Consents:
    """Return how consent and suppression stand; needs MANAGE_OUTREACH, or SEND and the permission to see persons: the counts are exact."""
    if not who.may(Permission.MANAGE_OUTREACH):
        who.need(Permission.SEND)
        who.need(Permission.SEE_PERSONS)
    with home.state.read() as tx:
        rows, barred = consent.counts(tx), suppression.counts(tx)
    given = {(p, c): many for (p, c, state), many in rows.items() if state == consent.GIVEN}
    gone = {(p, c): many for (p, c, state), many in rows.items() if state == consent.WITHDRAWN}
    return Consents(given, gone, barred)


def of_person(home: Home, who: Who, person: str) -> tuple[list[Said], list[Barred]]:
    """Return what a person said of consent, the latest first, and which of their addresses are barred; needs SEE_PERSONS."""
    found = identity.show(home, who, person)
    masked = {one.subject: one for one in found.identifiers}
    with home.state.read() as tx:
        subjects = identity.subjects_of(tx, found.number)
        words = consent.of_subjects(tx, subjects)
        barred = suppression.of_subjects(tx, subjects)
    said, met = [], set()
    for noted_at, word in sorted(words, key=lambda one: (-one[1].at, one[1].given)):
        key = (word.subject, word.purpose, word.channel)
        if word.subject in masked:
            said.append(Said(masked[word.subject], word, noted_at, key not in met))
        met.add(key)
    now, shown = clock.micros(), []
    for subject, purpose, reason, at, until, source in barred:
        if subject in masked and (until is None or until > now):
            shown.append(Barred(masked[subject], purpose, reason, at, until, source))
    return said, shown


# -- suppression


def suppress(
    home: Home, who: Who, namespace: str, value: str, reason: str = "asked", purpose: str = ""
) -> None:
    """Let nothing be sent to an address, whether anybody has it or not; needs MANAGE_OUTREACH. Raises NotAnIdentifier, Invalid."""
    who.need(Permission.MANAGE_OUTREACH)
    _checked(reason, purpose)
    identity.token_of(home, namespace, value)
    suppression.load(home, [value], namespace, source=who.name, reason=reason, purpose=purpose)


def suppress_list(
    home: Home,
    who: Who,
    data: bytes,
    namespace: str,
    source: str,
    *,
    reason: str = "listed",
    purpose: str = "",
) -> Loaded:
    """Suppress every address of a list, one a line; needs MANAGE_OUTREACH. Raises Invalid for what is no list."""
    who.need(Permission.MANAGE_OUTREACH)
    _checked(reason, purpose)
    allowed = sorted({key for some in opening.spaces(home).values() for key in some})
    if namespace not in allowed:
        there = ", ".join(allowed)
        raise Invalid(field="namespace", given=namespace, why=Text(f"可用：{there}", f"there are {there}"))
    if len(data) > MOST_BYTES:
        why = Text(f"至多 {MOST_BYTES >> 20} MiB", f"at most {MOST_BYTES >> 20} MiB")
        raise Invalid(field="file", given=f"{len(data)} B", why=why)
    found = suppression.load(
        home,
        suppression.lines_of(data),
        namespace,
        source=f"{source} ({who.name})",
        reason=reason,
        purpose=purpose,
    )
    log("outreach").info("suppressed_list", who=who.name, rows=found.rows, added=found.added)
    return found


def lift(home: Home, who: Who, namespace: str, value: str) -> int:
    """Take an address from every list; needs MANAGE_OUTREACH. Return how many entries went: 0, it was on none."""
    who.need(Permission.MANAGE_OUTREACH)
    token = identity.token_of(home, namespace, value)
    with home.state.write() as tx:
        gone = suppression.lift(tx, home, token)
    log("outreach").info("suppression_lifted", who=who.name, entries=gone)
    return gone


def complained(home: Home, who: Who, namespace: str, value: str) -> None:
    """Record that somebody complained of a message: the address is suppressed, and its person hears of service alone for a while."""
    suppress(home, who, namespace, value, "complained")


def _checked(reason: str, purpose: str) -> None:
    if reason not in REASONS:
        there = ", ".join(REASONS)
        raise Invalid(field="reason", given=reason, why=Text(f"可用：{there}", f"there are {there}"))
    if purpose and purpose not in [*PURPOSES]:
        there = ", ".join(PURPOSES)
        raise Invalid(field="purpose", given=purpose, why=Text(f"可用：{there}，或空", f"{there} or nothing"))
