"""*Tag tree*: its seven layers, dimension by dimension, with who is at each node, how it is made and how fresh it is; and a search."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles import lineage
from zerodistance.core.profiles.contracts import DimensionCount, Layer, NodeCount
from zerodistance.doors.portal.registry import Menu, register
from zerodistance.doors.portal.shell import home_of, lang_of, page, table_file, who_of
from zerodistance.kernel.access import Permission
from zerodistance.kernel.text import Text

router = APIRouter()
MENU = Menu("profiles", "/profiles", "tags", Text("标签树", "Tag tree"), 25, need=Permission.SEE_PERSONS)
FOUND = 60  # nodes that a search lists


@router.get("/profiles")
def tree(request: Request, layer: str = "") -> Response:
    """Show the dimensions of one layer; their nodes come when one is opened."""
    chosen = next((one for one in Layer if one.value == layer), Layer.GEOGRAPHY)
    return page(request, "profiles.html", here="profiles", **_tree(request, chosen), found=None, asked="")


@router.post("/profiles")
def search(request: Request, asked: Annotated[str, Form(max_length=100)] = "") -> Response:
    """Show what the words stand in; a POST, since somebody may type an identifier. While somebody types, only the tree itself."""
    home, who = home_of(request), who_of(request)
    found = profiles.search(home, who, asked, FOUND) if asked.strip() else None
    shown = {**_tree(request, Layer.GEOGRAPHY), "found": found, "asked": asked}
    whole = request.headers.get("HX-Request") != "true"
    return page(request, "profiles.html" if whole else "profiles_tree.html", here="profiles", **shown)


@router.get("/profiles/{key}")
def dimension(request: Request, key: str) -> Response:
    """Show one dimension: how it is made, and its nodes. For a page that opens it in place, without what is around it."""
    part = request.headers.get("HX-Request") == "true"
    shown = about(request, key)
    return page(
        request, "profiles_nodes.html" if part else "profiles_dimension.html", here="profiles", **shown
    )


@router.get("/profiles/{key}/nodes.csv")
def nodes_file(request: Request, key: str) -> Response:
    """Give the nodes of a dimension with their counts as a CSV file."""
    lang, counted = lang_of(request), profiles.counted(home_of(request), who_of(request), key)
    heads = (
        Text("节点", "node"),
        Text("名称", "name"),
        Text("上级", "inside"),
        Text("用户", "persons"),
        Text("访客", "visitors"),
    )
    rows = ((n.node, n.label.get(lang), n.parent, n.persons, n.visitors) for n in counted.nodes)
    return table_file(key, [head.get(lang) for head in heads], rows)


def _tree(request: Request, chosen: Layer) -> dict[str, Any]:
    lines = profiles.outlines(home_of(request), who_of(request))
    return {
        "chosen": chosen,
        "layers": [(one, sum(line.dimension.layer is one for line in lines)) for one in Layer],
        "lines": [line for line in lines if line.dimension.layer is chosen],
        "dimensions": len(lines),
        "nodes": sum(line.nodes + line.inner for line in lines),
        "state": profiles.state(home_of(request)),
    }


def about(request: Request, key: str, *, empty: bool = False) -> dict[str, Any]:
    """Return what a template shows of one dimension and its nodes, with `empty` those too that nobody is at; raises as `profiles.counted`."""
    home, who = home_of(request), who_of(request)
    counted = profiles.counted(home, who, key)
    one = counted.dimension
    return {
        "counted": counted,
        "one": one,
        "unit": profiles.unit_of(home, one),
        "owner": profiles.owner_of(home, one),
        "made": lineage.said(one),
        "sources": lineage.sources(one),
        "fresh": lineage.freshness(one),
        "readers": lineage.readers(one),
        "inside": _inside(counted, empty),
        "most": max((n.persons for n in counted.nodes if not n.depth), default=0),
        "visitors": any(n.visitors for n in counted.nodes),
        "state": profiles.state(home),
    }


def _inside(counted: DimensionCount, empty: bool) -> dict[str, list[NodeCount]]:
    """Return the nodes that each node holds; those at the top under ``; nodes that nobody is at are left out unless `empty`."""
    found: dict[str, list[NodeCount]] = {}
    for node in counted.nodes:
        if empty or node.persons or node.visitors:
            found.setdefault(node.parent, []).append(node)
    return found


register("profiles", router, MENU)
