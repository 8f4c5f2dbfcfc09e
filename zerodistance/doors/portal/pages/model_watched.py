"""*Watched*: what a champion's scores and features are like now, and how right it is by the outcomes known by now; a part of its card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from zerodistance.core.models import api as models
from zerodistance.core.models import cohorts, drift, examining, persons, watching
from zerodistance.core.models.contracts import Model
from zerodistance.core.models.watching import Watched
from zerodistance.doors.portal.shell import go, home_of, lang_of, page, table_file, who_of
from zerodistance.doors.portal.working import works_of
from zerodistance.kernel.access import Permission

router = APIRouter()
_WORK = "model_watch"
_MOVED = 8  # own value: features on the card


def every(request: Request) -> dict[str, Watched]:
    """Return the champions that are watched, by model."""
    return {one.model.key: one for one in watching.watched(home_of(request), who_of(request))}


def about(request: Request, model: Model) -> dict[str, Any]:
    """Return what the card shows of the last looks at the champion; nothing where there is none."""
    found = every(request).get(model.key)
    said = found.scores.said if found and found.scores else None
    moved = watching.worst(said, _MOVED) if said else []
    return {
        "watched": found,
        "signs": drift.SIGNS,
        "bounds": watching.bounds(home_of(request)),
        "moved": [(persons.general(model, name), one) for name, one in moved],
        "cohorts": _cohorts(model, found.outcomes.said if found and found.outcomes else {}),
    }


def _cohorts(model: Model, said: Mapping[str, Any]) -> list[tuple[Any, list[tuple[Any, Mapping[str, Any]]]]]:
    return [
        (cohorts.NAMES[kind], [(cohorts.label(model, kind, one), figures) for one, figures in each.items()])
        for kind, each in said.get("cohorts", {}).items()
    ]


@router.post("/models/{key}/watch")
def look(request: Request, key: str) -> Response:
    """Look at scores and features of the champion now."""
    watching.look(home_of(request), who_of(request), [models.model(key).key])
    return go(f"/models/{key}#watched")


@router.post("/models/{key}/examine")
def examine(request: Request, key: str) -> Response:
    """Look how right the champion is by the outcomes known by now: in the background, since it may take a past index."""
    home, who = home_of(request), who_of(request)
    who.need(Permission.OPERATE)
    models.champion(home, key)
    work = works_of(request).begin(_WORK, key, lambda told: examining.examine(home, who, key, told=told))
    work.wait()
    return go(f"/models/{key}/examined/{work.key}")


@router.get("/models/{key}/examined/{number}")
def examined(request: Request, key: str, number: str) -> Response:
    """Show how far it is, or lead to what came of it."""
    who_of(request).need(Permission.OPERATE)
    part, model = request.headers.get("HX-Request") == "true", models.model(key)
    work = works_of(request).get(number)
    if work is None or work.kind != _WORK or (work.done and work.error is None):
        path = f"/models/{model.key}#watched"
        return Response(headers={"HX-Redirect": path}) if part else go(path)
    problem = work.error.message(lang_of(request)) if work.error is not None else ""
    shown: dict[str, Any] = {
        "model": model,
        "w": work,
        "problem": problem,
        "at": f"/models/{key}/examined/{number}",
    }
    return page(request, "model_work_state.html" if part else "model_work.html", here="models", **shown)


@router.get("/models/{key}/watched.csv")
def table(request: Request, key: str) -> Response:
    """Give the last looks as a CSV file."""
    model = models.model(key)
    found = every(request).get(model.key)
    head = ("part", "name", "of", "value", "before")
    return table_file(f"{model.key}-watched", head, _rows(found) if found else ())


def _rows(found: Watched) -> Iterator[tuple[object, ...]]:
    if found.scores:
        said = found.scores.said
        yield "scores", "psi", "", said["psi"], ""
        for node, one in said["bands"].items():
            yield "band", node, "share", one["now"], one["before"]
        for name, one in said["features"].items():
            yield "feature", name, "psi", "" if one["psi"] is None else one["psi"], ""
            yield "feature", name, "nulls", one["nulls"], one["nulls_before"]
    if found.outcomes:
        said = found.outcomes.said
        for name, one in said["figures"].items():
            yield "measure", name, "", one["value"], said["before"].get(name, {}).get("value", "")
        for kind, each in said.get("cohorts", {}).items():
            for node, one in each.items():
                for figure in ("rows", "came", "said", "ece", "auc"):
                    yield f"cohort {kind}", node, figure, "" if one[figure] is None else one[figure], ""
