"""The description of an API in which every name may also be one that a home has: a generator of requests then comes past `there is no such thing`."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Ask = Callable[[str, str, Any], Any]
"""Method, path and body of a request -> its answer, read; of an account that sees everything."""
Names = Mapping[str, Sequence[Any]]
"""A word -> what a home has of it."""

LISTS = {
    "segment": ("/v1/segments", "", "key"),
    "tag": ("/v1/segments/tags", "", "key"),
    "group": ("/v1/segments/groups", "", "key"),
    "model": ("/v1/models", "models", "key"),
    "experiment": ("/v1/experiments", "experiments", "key"),
    "template": ("/v1/outreach/templates", "", "key"),
    "words": ("/v1/outreach/words", "", "key"),
    "send": ("/v1/outreach/sends", "", "number"),
    "campaign": ("/v1/marketing/campaigns", "campaigns", "key"),
    "play": ("/v1/marketing/plays", "plays", "key"),
}
"""Word -> the path of a list, the field in which it stands (empty: the whole answer), and what names one of it."""
RULES = (
    "AllOf()", 'Did("order.*")', 'Did("order.line", at_least=2, within_days=365, category="fridge")', 'Has("demo.gender")', "Household(AllOf())",
    'AllOf(Did("order.*"), NoneOf(Did("service.*", within_days=90)))', 'Has("value.spend_365d", at_least=100)', 'In("{segment}")', "AnyOf()",
    "Near(lat=36.07, lon=120.38, km=5)", 'Within(cells=["8831a53905fffff"])', "Within(polygon=[[120, 36], [121, 36], [121, 37]])",
    'SomeOf(2, Did("order.*"), Did("service.*"), Has("demo.gender"))', 'OthersAtHome(2, Did("order.*"))', 'Did("order.*", last_at_most=30)',
    'Lives(territory="1")', 'Has("{dimension}")', "Near(lat=91, lon=0, km=5)",
)  # fmt: skip
FIXED: dict[str, Sequence[Any]] = {
    "namespace": ("phone", "email", "member_id", "user_id", "openid", "device_id", "anonymous_id"),
    "moment": ("2026-01-31", "2020-02-29T12:00:00Z", "1999-01-01", "2026-10-01T00:00:00+08:00"),
    "kind": ("order.*", "order.line", "*", "service.called", "product.viewed"),
    "category": ("fridge", "washer", "air_conditioner"),
    "channel": ("email", "sms", "inbox", "webhook"),
    "purpose": ("marketing", "service", "research"),
    "change": ("phone.limit = 4/365", "phone.records = 10", "email.cap = 6/1095", "member_id.limit = 1/ever"),
    "of": ("given", "vault.salutation", "value.spend_365d", "geo.place"),
    "edges": (0, 1, 2, 10, 1_000),
    "sql": ("select subject, count(*) as value from touches group by subject", "select subject, kind as value from touches"),
    "word": ("category", "product", "place", "fault"),
    "feature": ("usage.active_days_90d",),
    "cell": ("8831a53905fffff", "8931a539063ffff"),
    "lang": ("zh", "en"),
    "text": ("{name}，您好。https://shop.example.com/filters", "{product}", "{", "{}"),
}  # fmt: skip
PATHS = (
    (r"/v1/segments/tags/", "key", "tag"), (r"/v1/segments/groups/", "key", "group"), (r"/v1/segments/groups/", "node", "node"),
    (r"/v1/segments/\{key", "key", "segment"), (r"/v1/models/", "key", "model"), (r"/v1/experiments/", "key", "experiment"),
    (r"/v1/outreach/templates/", "key", "template"), (r"/v1/outreach/words/", "key", "words"), (r"/v1/outreach/sends", "number", "send"),
    (r"/v1/outreach/sends", "experiment", "experiment"), (r"/v1/outreach/channels/", "name", "channel"), (r"/v1/marketing/plays/", "key", "play"),
    (r"/v1/marketing/campaigns/", "key", "campaign"), (r"/v1/marketing/map/", "cell", "cell"), (r"/v1/marketing/map/", "place", "place"),
    (r"/v1/marketing/map/", "audience", "segment"), (r"/v1/marketing/map/", "need", "model"), (r"", "as_of", "moment"), (r"", "until", "moment"),
    (r"", "version", "version"), (r"", "after", "version"), (r"/v1/models/", "about", "segment"), (r"", "lang", "lang"),
    (r"/v1/segments/\{key\}/changes", "number", "version"),
)  # fmt: skip
"""Beginning of a path, a parameter of it, the word."""
FIELDS = {
    "rule": "rule", "against": "rule", "as_of": "moment", "namespace": "namespace", "value": "value", "ids": "person", "id": "person",
    "segments": "segment", "segment": "segment", "audience": "segment", "models": "model", "model": "model", "score": "dimension",
    "dimension": "dimension", "dimensions": "dimension", "numbers": "dimension", "stratify": "dimension", "node": "node", "place": "place",
    "category": "category", "product": "product", "kind": "kind", "kinds": "kind", "channel": "channel", "channels": "channel", "purpose": "purpose",
    "changes": "change", "experiment": "experiment", "templates": "template", "assignment": "version", "version": "version", "need": "model",
    "territory": "place", "communities": "place", "cells": "cell", "play": "play", "of": "of", "edges": "edges", "sql": "sql", "word": "word",
    "lang": "lang", "values": "value", "layers": "layer", "key": "key", "text": "text", "unit": "version",
}  # fmt: skip
"""Field of a body -> the word."""


def names_of(ask: Ask) -> dict[str, list[Any]]:
    """Return what a home has, as its API tells an account that sees everything."""
    found = {word: list(values) for word, values in FIXED.items()}
    for word, (path, field, name) in LISTS.items():
        said = ask("GET", path, None)
        found[word] = [one[name] for one in (said[field] if field else said)]
    members = [ask("GET", f"/v1/segments/{key}/members?limit=5", None)["ids"] for key in found["segment"]]
    found["person"] = sorted({one for ids in members for one in ids})
    tree = ask("POST", "/v1/segments/profile", {"rule": "AllOf()"})["dimensions"]
    found["dimension"] = sorted(tree)
    found["node"] = sorted({one["node"] for nodes in tree.values() for one in nodes[:3]})
    found["place"] = [one["node"] for one in tree.get("geo.place", ())][:10]
    found["product"] = [one["node"] for one in tree.get("interest.product", ())][:10]
    found["version"], found["value"] = [1, 2, 3], ["13800002207", "M-700031"]
    found["key"] = [one for word in LISTS for one in found[word][:3] if isinstance(one, str)]
    found["rule"] = [
        rule.replace("{segment}", found["segment"][0]).replace("{dimension}", found["dimension"][0])
        for rule in RULES
    ]
    return found


def taught(said: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """Return a description with those names beside what it allows anyway."""
    out: dict[str, Any] = copy.deepcopy(dict(said))
    for path, item in out["paths"].items():
        for told in item.values():
            for given in told.get("parameters", ()):
                words = [w for begins, name, w in PATHS if name == given["name"] and re.match(begins, path)]
                if words:
                    given["schema"] = _or(given["schema"], names.get(words[0], ()))
    for schema in _asked(out):
        for field, one in schema.get("properties", {}).items():
            if field in FIELDS and "enum" not in one:
                schema["properties"][field] = _filled(one, names.get(FIELDS[field], ()))
    return out


def _asked(said: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the shapes that stand in bodies of requests and nowhere else."""
    shapes = said["components"]["schemas"]

    def within(part: Any) -> set[str]:
        names, new = set[str](), _names(part)
        while new:
            names |= new
            new = {more for name in new for more in _names(shapes[name])} - names
        return names

    operations = [told for item in said["paths"].values() for told in item.values()]
    answers = within([told["responses"] for told in operations])
    return [shapes[name] for name in within([told.get("requestBody") for told in operations]) - answers]


def _names(part: Any) -> set[str]:
    return set(re.findall(r"'#/components/schemas/([\w.-]+)'", str(part)))


def _filled(schema: dict[str, Any], values: Sequence[Any]) -> dict[str, Any]:
    """Put values where a field has one, or several."""
    if schema.get("type") == "array":
        return {**schema, "items": _or(schema.get("items", {}), values)}
    if "anyOf" in schema and any(one.get("type") == "array" for one in schema["anyOf"]):
        return {
            **schema,
            "anyOf": [_filled(one, values) if one.get("type") == "array" else one for one in schema["anyOf"]],
        }
    if schema.get("type") == "object":
        return schema
    return _or(schema, values)


def _or(schema: dict[str, Any], values: Sequence[Any]) -> dict[str, Any]:
    kinds = {schema.get("type"), *(one.get("type") for one in schema.get("anyOf", ()))}
    fits = [
        v
        for v in values
        if {str: "string", int: "integer"}.get(type(v)) in kinds or ("number" in kinds and isinstance(v, int))
    ]
    return {"anyOf": [{"enum": fits}, schema]} if fits else schema
