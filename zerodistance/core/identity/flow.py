"""Who the touches of a flow are about. What `trace` asks identity."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from zerodistance.core.identity import people, reading
from zerodistance.core.identity.contracts import VISITORS_FROM
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.flow import Step
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text


def subjects_behind(home: Home, who: Who, person_id: str) -> list[int]:
    """Return the subjects of a person, by any public id that was ever theirs; raises NoSuchPerson."""
    found = reading.show(home, who, person_id)
    with home.state.read() as tx:
        return people.subjects_of(tx, found.number)


def with_persons(home: Home, who: Who, steps: Iterable[Step]) -> list[Step]:
    """Return the steps, each touch followed by its subject and the person to whom that belongs today."""
    who.need(Permission.SEE_PERSONS)
    given = list(steps)
    subjects = sorted({int(step.more["subject"]) for step in given if step.more.get("subject") is not None})
    with home.state.read() as tx:
        person = dict(zip(subjects, people.person_of(tx, subjects).tolist(), strict=True)) if subjects else {}
    public = reading.public_ids(home, sorted({number for number in person.values() if number}))
    out: list[Step] = []
    for step in given:
        out.append(step)
        if step.kind == "touch":
            out += _about(step, person, public)
    return out


def _about(step: Step, person: dict[int, Any], public: dict[int, str]) -> list[Step]:
    subject = step.more.get("subject")
    if subject is None:
        return [
            Step(
                "subject",
                "-",
                Text("上面没有任何标识指向谁", "nothing on it points at anybody"),
                None,
                step.depth + 1,
            )
        ]
    number = person.get(subject, 0)
    said = Text("属于 {person}", "belongs to {person}").format(person=public.get(number, "-"))
    steps = [Step("subject", f"subject:{subject}", said, None, step.depth + 1)]
    if number in public:
        kind = Text("访客", "visitor") if number >= VISITORS_FROM else Text("用户", "person")
        steps.append(Step("person", public[number], kind, None, step.depth + 2))
    return steps
