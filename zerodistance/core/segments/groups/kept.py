"""Groupings as rows and back: what stands in the state store, in words of the room."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection

from zerodistance.core.profiles.contracts import Layer
from zerodistance.core.segments import rules
from zerodistance.core.segments.conditions import Words
from zerodistance.core.segments.groups import store
from zerodistance.core.segments.groups.contracts import (
    Asked,
    Group,
    Grouping,
    Model,
    NoSuchGrouping,
    Run,
    Trait,
    Tried,
    Version,
)
from zerodistance.kernel.access import Who
from zerodistance.kernel.text import Text

EPOCH = date(1970, 1, 1)
_RUNS = 90  # own value: assignments that a page looks back on


def row_of(tx: Connection, who: Who, key: str) -> Mapping[str, Any]:
    """Return the row of a grouping that this account sees; raises NoSuchGrouping."""
    for row in store.living(tx, key):
        if who.sees_unit(row["unit_id"]):
            return row
    seen = [str(row["key"]) for row in store.living(tx) if who.sees_unit(row["unit_id"])]
    raise NoSuchGrouping(given=key, near=", ".join(seen[:10]) or "–")


def grouping(tx: Connection, row: Mapping[str, Any], words: Words) -> Grouping:
    """Return a grouping from its row."""
    number = row["number"]
    last, holds = store.version(tx, number), store.version(tx, number, with_groups=True)
    trouble = None if row["trouble_en"] is None else Text(row["trouble_zh"], row["trouble_en"])
    latest = None if last is None else version(tx, last, words)
    same = holds is not None and last is not None and holds["version"] == last["version"]
    return Grouping(
        key=row["key"],
        name=Text(row["name_zh"], row["name_en"]),
        unit=row["unit_id"],
        asked=asked(row["asked"], words),
        versions=0 if last is None else last["version"],
        latest=latest,
        holds=latest if same else None if holds is None else version(tx, holds, words),
        runs=tuple(_run(one) for one in store.runs(tx, number, _RUNS)),
        made_by=row["made_by"],
        made_at=row["made_at"],
        wanted_at=row["wanted_at"],
        wanted_by=row["wanted_by"],
        trouble=trouble,
    )


def version(tx: Connection, row: Mapping[str, Any], words: Words) -> Version:
    """Return a version from its row."""
    found = store.groups(tx, row["grouping"], row["version"])
    return Version(
        number=row["version"],
        asked=asked(row["asked"], words),
        model=None if row["model"] is None else model(row["model"]),
        tried=tuple(Tried(*one) for one in json.loads(row["tried"])),
        groups=tuple(_group(one) for one in found),
        sample=row["sample"],
        persons=row["persons"],
        left_out=json.loads(row["left_out"]),
        batch=row["batch"],
        made_by=row["made_by"],
        made_at=row["made_at"],
    )


def _group(row: Mapping[str, Any]) -> Group:
    return Group(
        node=row["node"],
        name=Text(row["name_zh"], row["name_en"]),
        named_by=row["named_by"],
        share=row["share"],
        distance=row["distance"],
        traits=tuple(Trait(*one) for one in json.loads(row["traits"])),
    )


def _run(row: Mapping[str, Any]) -> Run:
    return Run(
        day=EPOCH + timedelta(days=row["day"]),
        version=row["version"],
        persons=row["persons"],
        sizes=json.loads(row["sizes"]),
        known=row["known"],
        moved=row["moved"],
        distance=row["distance"],
        batch=row["batch"],
        made_at=row["made_at"],
    )


def asked(text: str, words: Words) -> Asked:
    """Read what is asked for."""
    given = json.loads(text)
    return Asked(
        layers=tuple(Layer(one) for one in given["layers"]),
        dimensions=tuple(given["dimensions"]),
        rule=None if given["rule"] is None else rules.read_json(given["rule"], words),
        groups=given["groups"],
        seed=given["seed"],
    )


def asked_text(some: Asked) -> str:
    """Write what is asked for."""
    return json.dumps(
        {
            "layers": [one.value for one in some.layers],
            "dimensions": list(some.dimensions),
            "rule": None if some.rule is None else rules.write_json(some.rule),
            "groups": some.groups,
            "seed": some.seed,
        }
    )


def model(text: str) -> Model:
    """Read a model."""
    given = json.loads(text)
    return Model(
        names=tuple((dimension, node) for dimension, node, _ in given["nodes"]),
        weights=tuple(tuple(numbers) for _, _, numbers in given["nodes"]),
        base=tuple(given["base"]),
        centres={node: tuple(centre) for node, centre in given["centres"].items()},
        explained=tuple(given["explained"]),
    )


def model_text(some: Model) -> str:
    """Write a model."""
    nodes = [[*name, numbers] for name, numbers in zip(some.names, some.weights, strict=True)]
    about = {"base": some.base, "centres": some.centres, "explained": some.explained}
    return json.dumps({"nodes": nodes, **about}, ensure_ascii=False)


def tried_text(some: Sequence[Tried]) -> str:
    """Write how stable each number of groups is."""
    return json.dumps([astuple(one) for one in some])


def traits_text(some: Sequence[Trait]) -> str:
    """Write traits without their labels, which are looked up when they are shown."""
    return json.dumps(
        [(t.dimension, t.node, t.share, t.share_others, t.low, t.high) for t in some], ensure_ascii=False
    )


def group_row(one: Group, place: int) -> dict[str, Any]:
    """Return the row of a group; a name that somebody gave goes on to be one."""
    return {
        "node": one.node,
        "place": place,
        "name_zh": one.name.zh,
        "name_en": one.name.en,
        "named_by": one.named_by,
        "share": one.share,
        "distance": one.distance,
        "traits": traits_text(one.traits),
    }


def json_text(some: Mapping[str, Any]) -> str:
    """Write a mapping."""
    return json.dumps(some, ensure_ascii=False)
