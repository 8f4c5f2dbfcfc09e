"""*Operations*: how far behind each stage is, the disk, alerts, slow statements, what recurs, what the guards hold."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import Response

from zerodistance.core.identity import api as identity
from zerodistance.core.identity.rules import GUARDS
from zerodistance.core.touchpoints import progress
from zerodistance.core.touchpoints.api import forget
from zerodistance.doors.operations import alerts, disk
from zerodistance.doors.operations.alerts import Alert
from zerodistance.doors.operations.disk import STORES
from zerodistance.doors.operations.stages import Stage, stages
from zerodistance.doors.operations.webhook import place
from zerodistance.doors.portal.evidence import label
from zerodistance.doors.portal.readings import alert_path
from zerodistance.doors.portal.registry import Menu, job_name, register
from zerodistance.doors.portal.shell import formats_of, go, home_of, lang_of, page, table_file, who_of
from zerodistance.kernel import slow
from zerodistance.kernel.access import Permission
from zerodistance.kernel.jobs import Jobs
from zerodistance.kernel.locks import worker_pid
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import Number

router = APIRouter()
MENU = Menu(
    "operations", "/operations", "ops", Text("运行", "Operations"), 60, group=1, need=Permission.OPERATE
)
_FEW = 5  # own value: slow statements on the first page


def _guards(counters: dict[str, tuple[int, int]]) -> list[tuple[Text, Text, int, int]]:
    """Return (guard, kind of identifier, how often, last time) of counters named `identity.<guard>.<namespace>`."""
    out = []
    for name, (count, at) in sorted(counters.items(), key=lambda item: -item[1][0]):
        parts = name.split(".")
        guard, namespace = parts[-2], parts[-1]
        out.append((GUARDS.get(guard, Text(guard, guard)), label(namespace), count, at))
    return out


def stages_of(request: Request) -> tuple[Stage, ...]:
    """Return every stage as this door sees it."""
    writing = request.app.state.collector.writing_seconds()
    return stages(home_of(request), who_of(request), writing)


def worst(found: Sequence[Stage]) -> Stage:
    """Return the stage that is furthest beyond what is usual for it."""
    return max(found, key=lambda stage: (stage.lag or 0.0) / stage.usual)


@router.get("/operations")
def operations(request: Request) -> Response:
    """Show the state of the program."""
    home, who = home_of(request), who_of(request)
    who.need(Permission.OPERATE)
    guards, found, on_disk = identity.guards(home, who), stages_of(request), disk.disk(home, who)
    return page(
        request,
        "operations.html",
        here="operations",
        alert_path=alert_path,
        here_now=progress.progress(home, who),
        pid=worker_pid(home.lock_path),
        stages=found,
        worst=worst(found),
        disk=on_disk,
        disk_words=disk.words(on_disk.forecast),
        stores=STORES,
        alerts=alerts.alerts(home, who),
        slow=_slow(request)[:_FEW],
        limit=home.settings.slow_query_ms,
        jobs=sorted(Jobs(home, ()).states().values(), key=lambda job: job.key),
        guards=_guards(guards.counters),
        shared=guards.shared,
        shared_total=guards.shared_total,
        forgets=forget.requests(home, who),
        label=label,
        job_name=job_name,
    )


@router.get("/operations/alerts")
def all_alerts(request: Request) -> Response:
    """Show open and past alerts."""
    home, who = home_of(request), who_of(request)
    return page(
        request,
        "operations_alerts.html",
        here="operations",
        alert_path=alert_path,
        alerts=alerts.alerts(home, who),
        past=alerts.alerts(home, who, closed=True),
        receiver=place(home.settings.alert_webhook) if home.settings.alert_webhook else "",
        signed=bool(home.settings.alert_secret.get_secret_value()),
    )


@router.get("/operations/alerts.csv")
def alerts_table(request: Request) -> Response:
    """Give open and past alerts as a table."""
    home, who, lang = home_of(request), who_of(request), lang_of(request)
    found: list[Alert] = [*alerts.alerts(home, who), *alerts.alerts(home, who, closed=True)]
    head = ("id", "kind", "about", "severity", "text", "opened_at", "closed_at", "acknowledged_by")
    f = formats_of(request)
    rows = [
        (
            a.id, a.kind, a.about, a.severity, a.text.get(lang), f.when(a.opened_at), f.when(a.closed_at),
            a.acknowledged_by or "",
        )
        for a in found
    ]  # fmt: skip
    return table_file("alerts", head, rows)


@router.post("/operations/alerts/{number}/acknowledge")
def acknowledge(request: Request, number: Number) -> Response:
    """Note that this account looks after an alert."""
    alerts.acknowledge(home_of(request), who_of(request), number)
    return go("/operations/alerts")


@router.get("/operations/slow")
def slow_statements(request: Request) -> Response:
    """Show slow statements."""
    home, who = home_of(request), who_of(request)
    who.need(Permission.OPERATE)
    return page(
        request,
        "operations_slow.html",
        here="operations",
        slow=_slow(request),
        limit=home.settings.slow_query_ms,
    )


def _slow(request: Request) -> list[slow.Slow]:
    return slow.kept(home_of(request).path("runs"))


register("operations", router, MENU)
