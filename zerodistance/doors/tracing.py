"""`zerodistance trace`: the flow behind an id, from the request to the events it caused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Any

from cyclopts import Parameter

from zerodistance.doors import parts as handed
from zerodistance.kernel import clock, command, spans
from zerodistance.kernel.bus import Said, said
from zerodistance.kernel.command import words
from zerodistance.kernel.errors import NotFound
from zerodistance.kernel.flow import Step
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_MOST = 200  # own value: events shown of one flow
_WHAT = {
    "journal": Text("请求", "request"),
    "batch": Text("批次", "batch"),
    "touch": Text("触点", "touch"),
    "quarantine": Text("隔离", "quarantine"),
    "import": Text("导入", "import"),
    "subject": Text("主体", "subject"),
    "person": Text("用户", "person"),
    "event": Text("消息", "event"),
}


def trace(
    id: Annotated[
        str,
        Parameter(
            help=words(
                "消息号、12:0（批次:行）、b12、p_…、e12 或 import:3",
                "a message id, 12:0 (batch:row), b12, p_..., e12 or import:3",
            )
        ),
    ],
    *,
    as_json: Annotated[
        bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))
    ] = False,
) -> None:
    """Print the flow behind an id: request, batch, touch, subject, person, and the events they caused.

    Raises
    ------
    NotFound
        Nothing has this id.
    """
    home = command.home()
    steps = (
        list(_event(home, int(id[1:])))
        if id[:1] == "e" and id[1:].isdigit()
        else list(handed.parts().trace(home, command.who(), id))
    )
    steps += caused_by(home, [step.id for step in steps if step.kind in ("batch", "event")])
    if not steps:
        raise NotFound(what=Text("这个编号的记录", "record of"), given=id)
    traces = {s.id: spans.trace_id(home.seal, s.id) for s in steps if s.kind in ("batch", "event")}
    if not home.settings.otel_endpoint:
        traces = {}
    if as_json:
        command.say_json([{**asdict(step), "trace_id": traces.get(step.id)} for step in steps])
        return
    lang, zone = command.lang(), home.settings.tz
    for step in steps:
        when = (
            f"{clock.from_micros(step.at).astimezone(zone):%Y-%m-%d %H:%M:%S}" if step.at is not None else ""
        )
        what = _WHAT[step.kind].get(lang)
        line = f"{when:19}  {'  ' * step.depth}{what} {step.id}  {step.text.get(lang)}"
        if step.id in traces:
            line += Text("；追踪号 {id}", "; trace {id}").format(id=traces[step.id]).get(lang)
        command.console.print(line, markup=False, highlight=False)


def _event(home: Home, number: int) -> Iterable[Step]:
    """Yield an event after what caused it, from the first cause on."""
    chain: list[Said] = []
    with home.state.read() as tx:
        here: int | None = number
        while here is not None:
            found = said(tx, "id = :id", id=here)
            chain += found
            cause = found[0].cause if found else None
            here = int(cause[1:]) if cause and cause[0] == "e" and cause[1:].isdigit() else None
    for depth, event in enumerate(reversed(chain)):
        yield _step(event, depth)


def caused_by(home: Home, causes: list[str]) -> list[Step]:
    """Return every event that these caused, and what those caused, in the order they were said."""
    out: list[Step] = []
    known, depth = set(causes), 1
    with home.state.read() as tx:
        while causes and len(out) < _MOST:
            found = [
                event for cause in causes for event in said(tx, "cause = :cause", limit=_MOST, cause=cause)
            ]
            fresh = [event for event in found if f"e{event.id}" not in known]
            out += [_step(event, depth) for event in fresh]
            causes = [f"e{event.id}" for event in fresh]
            known.update(causes)
            depth += 1
    return out


def _step(event: Said, depth: int) -> Step:
    waits = Text("送达失败，会再试", "failed, tried again") if event.tries else Text("等待送达", "waits")
    state = Text("已送达", "delivered") if event.delivered_at else waits
    body: dict[str, Any] = event.body
    carried = ", ".join(f"{name}={value}" for name, value in body.items())
    text = Text(
        "{topic} v{version}（{carried}），因 {cause}，{state}",
        "{topic} v{version} ({carried}), because of {cause}, {state}",
    )
    return Step(
        "event",
        f"e{event.id}",
        text.format(
            topic=event.topic, version=event.version, carried=carried, cause=event.cause or "-", state=state
        ),
        event.said_at,
        depth,
    )
