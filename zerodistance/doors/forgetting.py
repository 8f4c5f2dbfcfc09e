"""`forget`: a person or one subject is forgotten in every store, and the certificate is printed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from zerodistance.core.identity import api as identity
from zerodistance.core.touchpoints import forget as forgetting
from zerodistance.doors import worker
from zerodistance.kernel import command
from zerodistance.kernel.command import words
from zerodistance.kernel.errors import Invalid, NotFound, WorkerRunning
from zerodistance.kernel.home import Home
from zerodistance.kernel.locks import worker_pid
from zerodistance.kernel.text import Text

_POLL = 0.2
_Given = Annotated[
    str, Parameter(help=words("用户编号 p_…，或 subject:<编号>", "public id p_..., or subject:<number>"))
]
_Purpose = Annotated[
    str, Parameter(help=words("为什么、哪张工单；写进证书", "why, which case; goes into the certificate"))
]
_To = Annotated[Path | None, Parameter(help=words("证书存为文件", "write the certificate to a file"))]


def forget(given: _Given, *, purpose: _Purpose, certificate: _To = None) -> int:
    """Forget a person or one subject in every store; prints the certificate. It can't be undone."""
    home, who = command.home(), command.who()
    what, subjects = _subjects(home, given)
    request = forgetting.ask(home, who, what, subjects, purpose)
    said = Text("要忘记 {what}：{n} 个主体，请求 {id}", "forgetting {what}: {n} subjects, request {id}")
    command.tell(said, what=what, n=len(subjects), id=request.id)
    trouble = ""
    while request.done_at is None:
        if worker_pid(home.lock_path) is None:
            _work_here(home)
        else:
            time.sleep(_POLL)
            trouble = _tell_trouble(home, trouble)
        request = forgetting.get(home, who, request.id)
    text = json.dumps(request.certificate, ensure_ascii=False, indent=2)
    if certificate is None:
        command.console.print(text, markup=False, highlight=False)
    else:
        certificate.write_text(text + "\n")
        command.tell(Text("已忘记；证书在 {path}", "forgotten; the certificate is {path}"), path=certificate)
    return 0


def _subjects(home: Home, given: str) -> tuple[str, list[int]]:
    kind, colon, number = given.partition(":")
    if colon and kind == "subject" and number.isdigit():
        with home.state.read() as tx:
            known = identity.person_of(tx, [int(number)])[0] > 0
        if not known and not forgetting.is_on_touches(
            home, int(number)
        ):  # a visitor who expired is on touches only
            raise NotFound(what=Text("主体", "subject"), given=number)
        return f"subject {number}", [int(number)]
    if colon:
        raise Invalid(
            field="given",
            given=given,
            why=Text("写作 p_… 或 subject:<编号>", "write p_... or subject:<number>"),
        )
    person = identity.show(home, command.who(), given)
    with home.state.read() as tx:
        return person.id, identity.subjects_of(tx, person.number)


def _tell_trouble(home: Home, told: str) -> str:
    """Say once what the worker fails at; it tries again by itself. Returns what was said last."""
    pulse = (worker.last_note(home) or {}).get("loops", {}).get("digest", {})
    failing = str(pulse.get("error") or "") if pulse.get("failures") else ""
    if failing and failing != told:
        text = Text(
            "处理进程还没能完成，会自动重试：{error}",
            "the worker has not managed yet and tries again by itself: {error}",
        )
        command.tell(text, error=failing)
    return failing


def _work_here(home: Home) -> None:
    try:
        command.work_here(home)
    except WorkerRunning:  # one has started meanwhile and will do it
        return
