"""`zerodistance segments tags import`: a list in a file becomes a tag."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from zerodistance.kernel import command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.core.segments.tags.contracts import Said
    from zerodistance.core.touchpoints.import_jobs import Job
    from zerodistance.kernel.access import Who
    from zerodistance.kernel.home import Home

_SPACES = ("phone", "email", "member_id", "user_id", "openid")


def import_(
    key: Annotated[str, Parameter(help=words("标签的键，如 own.vip", "key of the tag, like own.vip"))],
    file: Annotated[
        Path, Parameter(help=words("文件，格式同 import", "file, in any format that `import` reads"))
    ],
    *,
    phone: Annotated[
        str,
        Parameter(
            help=words(
                "手机号的列；标识都不写则按列名猜",
                "column of phones; identifiers are guessed by the names of columns unless one is given",
            )
        ),
    ] = "",
    email: Annotated[str, Parameter(help=words("邮箱的列", "column of e-mail addresses"))] = "",
    member_id: Annotated[str, Parameter(help=words("会员号的列", "column of member ids"))] = "",
    user_id: Annotated[str, Parameter(help=words("用户号的列", "column of user ids"))] = "",
    openid: Annotated[str, Parameter(help=words("OpenID 的列", "column of OpenIDs"))] = "",
    value: Annotated[
        str,
        Parameter(help=words("说这个人是什么的列，如 等级", "column that says what somebody is, like level")),
    ] = "",
    word: Annotated[
        str,
        Parameter(
            help=words(
                "没有那一列时，名单说的词", "what the list says of everybody where there is no such column"
            )
        ),
    ] = "",
    at: Annotated[
        str,
        Parameter(help=words("从何时起的列；不写则从现在起", "column of dates since when; now unless given")),
    ] = "",
    replace: Annotated[
        bool,
        Parameter(
            negative="",
            help=words(
                "名单就是这个文件：收下后撤销以前的导入",
                "the list is this file: earlier imports are undone once it is in",
            ),
        ),
    ] = False,
    layer: Annotated[
        str,
        Parameter(
            help=words(
                "标签还没有时：层级，如 value", "where the tag is not there yet: its layer, like value"
            )
        ),
    ] = "",
    zh: Annotated[
        str,
        Parameter(help=words("标签还没有时：中文名", "where the tag is not there yet: its name in Chinese")),
    ] = "",
    en: Annotated[
        str,
        Parameter(help=words("标签还没有时：英文名", "where the tag is not there yet: its name in English")),
    ] = "",
    dry_run: Annotated[
        bool, Parameter(negative="", help=words("只看会怎样，不写入", "say what would happen, keep nothing"))
    ] = False,
    as_json: Annotated[
        bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))
    ] = False,
) -> int:
    """Import the file of a list; the tag is made where it is not there."""
    from zerodistance.core.segments.tags import api
    from zerodistance.core.segments.tags.contracts import Columns
    from zerodistance.core.touchpoints.import_cli import follow, tell_end, tell_report

    home, who = command.home(), command.who()
    given = dict(zip(_SPACES, (phone, email, member_id, user_id, openid), strict=True))
    columns = Columns(
        {space: name for space, name in given.items() if name}, value or None, word or None, at or None
    )
    said = _said(home, who, key, layer, zh, en)
    if dry_run:
        report = api.try_list(home, who, said, file, columns)
        if as_json:
            command.say_json(vars(report))
        else:
            tell_report(report)
        return 0
    if not _there(home, who, key):
        api.save(home, who, said)
        if not as_json:
            command.tell(Text("新建了标签 {key}", "made the tag {key}"), key=key)
    made = api.enter(home, who, key, file, columns, instead=replace)
    job = follow(home, made.job, quiet=as_json)
    undone = [*api.only(home, who, key, job.number, _WHY)] if replace and job.state == "done" else []
    for number in undone:
        _undone(home, who, number)
    if as_json:
        command.say_json(_plain(job, new=made.new, undone=undone))
    else:
        if made.new:
            tell_end(job)
        else:
            command.tell(
                Text("这个文件已在名单上（导入 {n}）", "this file is on the list already (import {n})"),
                n=job.number,
            )
        if undone:
            said_so = Text("已撤销以前的导入：{numbers}", "undone: the earlier imports {numbers}")
            command.tell(said_so, numbers=", ".join(map(str, undone)))
    return 1 if job.state == "failed" else 0


_WHY = "another file has taken its place"


def _plain(job: Job, **more: Any) -> dict[str, Any]:
    counts = ("number", "file_name", "state", "error", "rows", "accepted", "duplicates", "refused")
    return {name: getattr(job, name) for name in counts} | more


def _there(home: Home, who: Who, key: str) -> bool:
    from zerodistance.core.segments.tags import api

    return any(one.said.key == key for one in api.tags(home, who))


def _said(home: Home, who: Who, key: str, layer: str, zh: str, en: str) -> Said:
    """Return what is said of the tag that is there, or of one that would be made."""
    from zerodistance.core.segments.tags import api
    from zerodistance.core.segments.tags.contracts import NoSuchList

    if _there(home, who, key):
        return api.tag(home, who, key).said
    if not layer or not (zh or en):
        raise NoSuchList(given=key)
    label, nothing = {"zh": zh, "en": en}, {"zh": "", "en": ""}
    return api.read(
        home, {"key": key, "layer": layer, "label": label, "meaning": nothing, "how": {"list": {}}}
    )


def _undone(home: Home, who: Who, number: int) -> None:
    from zerodistance.core.touchpoints.undo import undo_of
    from zerodistance.core.touchpoints.undo_cli import work

    while (asked := undo_of(home, who, number)) is not None and asked.done_at is None:
        work(home)
