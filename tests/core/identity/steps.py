"""Steps that tests of identity share: take touches in, and look at who is who."""

from __future__ import annotations

from collections.abc import Iterable

from tests.factory import Touch, touches_batch
from zerodistance.core.identity import cleaning, store
from zerodistance.core.identity.recogniser import Recognition
from zerodistance.core.touchpoints.contracts import Recognised
from zerodistance.kernel import bulk
from zerodistance.kernel.home import Home

Id = tuple[str, str]


def take_in(home: Home, *touches: Touch, with_: Recognition | None = None) -> Recognised:
    """Recognise and commit these touches as one batch."""
    recognition = with_ or Recognition(home)
    with home.state.read() as tx:
        number = store.numbers(tx)["batch"] + 1
    found = recognition.recognise(touches_batch(*touches))
    with home.state.write() as tx:
        recognition.write(tx, found, number)
    return found


def touch(at: float = 0, **ids: str) -> Touch:
    """Return a touch with one identifier of each namespace given."""
    return Touch(ids, at)


def partition(home: Home, ids: Iterable[Id]) -> set[frozenset[Id]]:
    """Return which of these identifiers are one person; those that are not known are left out."""
    by_person: dict[int, set[Id]] = {}
    with home.state.read() as tx:
        for namespace, value in ids:
            clean = cleaning.cleaner(namespace, "CN")(value)
            if isinstance(clean, cleaning.Dropped):
                continue
            token = home.seal.token(namespace, clean)
            person = bulk.value(tx, "select person from subject where token = ?", (token,))
            if person is not None:
                by_person.setdefault(person, set()).add((namespace, value))
    return {frozenset(members) for members in by_person.values()}


def together(home: Home, *ids: Id) -> bool:
    """Say whether these identifiers are all known and one person."""
    return partition(home, ids) == {frozenset(ids)}


def subject(home: Home, namespace: str, value: str) -> int:
    """Return the subject number of an identifier."""
    clean = cleaning.cleaner(namespace, "CN")(value)
    assert isinstance(clean, str)
    with home.state.read() as tx:
        sql = "select number from subject where token = ?"
        return int(bulk.value(tx, sql, (home.seal.token(namespace, clean),)))
