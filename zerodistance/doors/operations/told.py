"""What `zerodistance status` tells of operations: stages, when the disk will be short, open alerts, slow statements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from zerodistance.doors.operations import alerts, disk
from zerodistance.doors.operations.stages import NAMES, ON_TIME, UNKNOWN, WORDS, stages
from zerodistance.kernel import slow
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

SHOWN = 30  # own value: slow statements listed


def said(home: Home, who: Who) -> dict[str, Any]:
    """Return the sections `stages`, `forecast` and `alerts`, times in microseconds UTC."""
    found = disk.disk(home, who)
    return {
        "stages": [
            {"key": s.key, "state": s.state, "lag_seconds": s.lag, "usual_seconds": s.usual, "late_seconds": s.bound}
            for s in stages(home, who)
        ],
        "forecast": {**asdict(found.forecast), "text": asdict(disk.words(found.forecast)), "as_of_at": found.as_of},
        "alerts": [
            {
                "id": a.id,
                "kind": a.kind,
                "about": a.about,
                "severity": a.severity,
                "opened_at": a.opened_at,
                "acknowledged_by": a.acknowledged_by,
                "text": asdict(a.text),
            }
            for a in alerts.alerts(home, who)
        ],
    }  # fmt: skip


def lines(sections: Mapping[str, Any], lang: str) -> list[str]:
    """Return these sections as lines that a person reads; calm when all is on time."""
    out = [_stages(sections["stages"], lang)]
    forecast = Text(**sections["forecast"]["text"]).get(lang)
    out.append(Text(f"磁盘预测：{forecast}", f"disk: {forecast}").get(lang))
    for alert in sections["alerts"]:
        text = Text(**alert["text"]).get(lang)
        by = alert["acknowledged_by"]
        known = Text(f"（{by} 在处理）", f" ({by} looks after it)").get(lang) if by else ""
        out.append(f"  ! a{alert['id']} {text}{known}")
    return out


def _stages(found: list[Mapping[str, Any]], lang: str) -> str:
    known = [s for s in found if s["state"] != UNKNOWN]
    parts = []
    for stage in known:
        name = NAMES[stage["key"]].get(lang)
        word = "" if stage["state"] == ON_TIME else f" {WORDS[stage['state']].get(lang)}"
        parts.append(f"{name} {stage['lag_seconds']:.1f} s{word}")
    calm = all(s["state"] == ON_TIME for s in known)
    head = Text("各步都准时", "every stage is on time") if calm else Text("有的步骤落后", "a stage is behind")
    return head.get(lang) + Text("：", ": ").get(lang) + Text("，", ", ").get(lang).join(parts)


def slow_rows(home: Home) -> list[slow.Slow]:
    """Return the slow statements that door and worker have written down, the newest first."""
    return slow.kept(home.path("runs"))[:SHOWN]
