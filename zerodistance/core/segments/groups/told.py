"""How groups are told to people and programs: one form for the command line and the API."""

from __future__ import annotations

from typing import Any

from zerodistance.core.segments import rules
from zerodistance.core.segments.groups.contracts import Group, Grouping, Run, Trait, Version
from zerodistance.kernel.text import Text

NOTHING_STABLE = Text(
    "没有稳定的群：同样的人换一批来分，分出来的就不一样。可以换层级，或用 --groups 指定几群",
    "no groups are stable: drawn again from the same people, they come out otherwise. Choose other layers, or ask for a number",
)


def trait(one: Trait, lang: str) -> str:
    """Return a trait in words: its node, its share and that of the others."""
    return f"{one.label.get(lang)}: {one.node_label.get(lang)} {one.share:.0%} / {one.share_others:.0%}"


def plain(found: Grouping, lang: str) -> dict[str, Any]:
    """Return a grouping as JSON; see `http.GroupingAnswer`."""
    holds, latest = found.holds, found.latest
    run = found.runs[-1] if found.runs else None
    return {
        "key": found.key,
        "name_zh": found.name.zh,
        "name_en": found.name.en,
        "dimension": found.dimension,
        "version": None if holds is None else holds.number,
        "versions": found.versions,
        "groups": [] if holds is None else [_group(one, run, lang) for one in holds.groups],
        "stable": None if holds is None else holds.stable,
        "tried": [] if latest is None else [_tried(one) for one in latest.tried],
        "asked": _asked(found),
        "left_out": [] if latest is None else sorted(latest.left_out),
        "made_of": [] if holds is None or holds.model is None else list(holds.model.dimensions),
        "sample": None if holds is None else holds.sample,
        "runs": [_run(one) for one in found.runs],
        "made_by": found.made_by,
        "made_at": found.made_at,
        "fitted_at": None if holds is None else holds.made_at,
        "wanted_at": found.wanted_at,
        "trouble": None if found.trouble is None else found.trouble.get(lang),
    }


def _asked(found: Grouping) -> dict[str, Any]:
    asked = found.asked
    return {
        "layers": [one.value for one in asked.layers],
        "dimensions": list(asked.dimensions),
        "rule": None if asked.rule is None else rules.write_text(asked.rule),
        "groups": asked.groups,
        "seed": asked.seed,
    }


def _group(one: Group, run: Run | None, lang: str) -> dict[str, Any]:
    return {
        "node": one.node,
        "name_zh": one.name.zh,
        "name_en": one.name.en,
        "named": one.named_by is not None,
        "persons": None if run is None else run.sizes.get(one.node, 0),
        "share": one.share if run is None else run.share(one.node),
        "share_when_made": one.share,
        "distance": one.distance,
        "traits": [
            {
                "dimension": t.dimension,
                "dimension_label": t.label.get(lang),
                "node": t.node,
                "label": t.node_label.get(lang),
                "share": t.share,
                "share_others": t.share_others,
                "low": t.low,
                "high": t.high,
            }
            for t in one.traits
        ],
    }


def _tried(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in type(one).__slots__}


def _run(one: Run) -> dict[str, Any]:
    return {
        "day": one.day.isoformat(),
        "version": one.version,
        "persons": one.persons,
        "sizes": dict(one.sizes),
        "known": one.known,
        "moved": one.moved,
        "distance": one.distance,
    }


def drift(found: Grouping, version: Version) -> list[tuple[Group, float, float]]:
    """Return each group with its share when it was made, and now."""
    run = found.runs[-1] if found.runs else None
    return [(one, one.share, one.share if run is None else run.share(one.node)) for one in version.groups]
