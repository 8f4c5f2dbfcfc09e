"""What may be said when a send is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zerodistance.core.measurement.contracts import Experiment
from zerodistance.core.outreach import templates
from zerodistance.core.outreach.contracts import PURPOSES, Purpose
from zerodistance.core.outreach.templates import Template
from zerodistance.kernel import clock
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.text import Text

_LONGEST_KEY = 100  # own value


def key_of(given: str) -> str:
    """Return the key of a send; raises Invalid."""
    key = given.strip()
    if not 0 < len(key) <= _LONGEST_KEY:
        why = Text(f"1 到 {_LONGEST_KEY} 个字", f"1 to {_LONGEST_KEY} characters")
        raise Invalid(field="send_key", given=given, why=why)
    return key


def check(
    found: Experiment, purpose: str, not_before: int | None, not_after: int | None, again: bool
) -> None:
    """Raise Invalid for a send that an experiment, or the clock, does not allow."""
    if found.purpose != purpose:
        said = PURPOSES[Purpose(found.purpose)]
        why = Text(f"实验 {found.key} 的目的是{said.zh}", f"the experiment {found.key} is for {said.en}")
        raise Invalid(field="purpose", given=str(purpose), why=why)
    if again and purpose != Purpose.SERVICE:
        why = Text("只有服务消息可以重发", "only what is about service may go twice")
        raise Invalid(field="again", given=True, why=why)
    if not_after is not None and not_after <= max(not_before or 0, clock.micros()):
        why = Text("要在开始之后，也要在现在之后", "it has to lie after the beginning, and after now")
        raise Invalid(field="not_after", given=clock.from_micros(not_after).isoformat(), why=why)


def checked(used: Sequence[Template], values: Mapping[str, str]) -> dict[str, str]:
    """Return what is given of variables; raises Invalid for one that no template asks for, or that is too long."""
    longest: dict[str, int] = {}
    for one in used:
        for variable in one.variables:
            if variable.of == templates.GIVEN:
                longest[variable.key] = min(variable.longest, longest.get(variable.key, variable.longest))
    for key, value in values.items():
        if key not in longest:
            there = "、".join(sorted(longest)) or "–"
            why = Text(f"可给：{there}", f"there are {', '.join(sorted(longest)) or 'none'}")
            raise Invalid(field="values", given=key, why=why)
        if len(value) > longest[key]:
            why = Text(f"最多 {longest[key]} 个字", f"{longest[key]} characters at most")
            raise Invalid(field=f"values.{key}", given=value, why=why)
    return dict(values)
