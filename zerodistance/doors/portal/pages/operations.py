"""*Operations*: whether digestion keeps up, what recurs, what the guards hold, what was asked to be forgotten."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from zerodistance.core.identity import api as identity
from zerodistance.core.identity.rules import GUARDS
from zerodistance.core.profiles import api as profiles
from zerodistance.core.touchpoints.api import forget, overview
from zerodistance.doors.portal.evidence import label
from zerodistance.doors.portal.readings import worker
from zerodistance.doors.portal.registry import Menu, job_name, register
from zerodistance.doors.portal.shell import home_of, page, who_of
from zerodistance.kernel.access import Permission
from zerodistance.kernel.jobs import Jobs
from zerodistance.kernel.locks import worker_pid
from zerodistance.kernel.text import Text

router = APIRouter()
MENU = Menu(
    "operations", "/operations", "ops", Text("运行", "Operations"), 60, group=1, need=Permission.OPERATE
)


def _guards(counters: dict[str, tuple[int, int]]) -> list[tuple[Text, Text, int, int]]:
    """Return (guard, kind of identifier, how often, last time) of counters named `identity.<guard>.<namespace>`."""
    out = []
    for name, (count, at) in sorted(counters.items(), key=lambda item: -item[1][0]):
        parts = name.split(".")
        guard, namespace = parts[-2], parts[-1]
        out.append((GUARDS.get(guard, Text(guard, guard)), label(namespace), count, at))
    return out


@router.get("/operations")
def operations(request: Request) -> Response:
    """Show the state of the program."""
    home, who = home_of(request), who_of(request)
    who.need(Permission.OPERATE)
    found, guards = overview.today(home, who), identity.guards(home, who)
    return page(
        request,
        "operations.html",
        here="operations",
        o=found,
        worker=worker(home, found),
        pid=worker_pid(home.lock_path),
        index=profiles.state(home),
        jobs=sorted(Jobs(home, ()).states().values(), key=lambda job: job.key),
        guards=_guards(guards.counters),
        shared=guards.shared,
        shared_total=guards.shared_total,
        forgets=forget.requests(home, who),
        label=label,
        job_name=job_name,
    )


register("operations", router, MENU)
