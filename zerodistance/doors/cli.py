"""The command line `zerodistance`: global flags, the commands, and errors as one readable line."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Group, Parameter

import zerodistance
from zerodistance.doors import parts as handed
from zerodistance.doors.parts import Parts
from zerodistance.kernel import command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

_HERE = "zerodistance.doors"
_OWN: tuple[tuple[str, str, Text], ...] = (
    ("init", f"{_HERE}.starting:init", Text("建立数据目录：密钥、数据表、示例品牌、首次登录链接", "make a home: key, tables, default brand, first login")),
    ("serve", f"{_HERE}.starting:serve", Text("启动：采集接口、门户和处理进程", "start the door (API, portal) and the worker")),
    ("door", f"{_HERE}.starting:door", Text("再开一扇门：同一目录、另一个端口", "one more door on the same home, on a port of its own")),
    ("run", f"{_HERE}.starting:run", Text("把等待中的事全部处理一遍后退出", "do everything that waits, once, and exit")),
    ("import", "zerodistance.core.touchpoints.import_cli:app", Text("按映射导入 CSV 或 Parquet 文件", "import a CSV or Parquet file through a mapping")),
    ("demo", f"{_HERE}.demo:demo", Text("样例城市或真实门店，走完全程", "a sample city or a real shop through the whole house")),
    ("forget", f"{_HERE}.forgetting:forget", Text("在每个存储里忘记一个人，给出证书", "forget a person in every store, with a certificate")),
    ("status", f"{_HERE}.status:status", Text("各存储、来源、任务的现状", "stores, sources, jobs as they are now")),
    ("trace", f"{_HERE}.tracing:trace", Text("一个编号的来龙去脉", "the flow behind an id")),
    ("doctor", f"{_HERE}.doctor:doctor", Text("检查每个存储，说明问题和办法", "check every store; say what is wrong and what to do")),
    ("migrate-state", f"{_HERE}.moving:migrate_state", Text("把状态库从 SQLite 搬到 PostgreSQL，或搬回来", "move the state to PostgreSQL, or back to SQLite")),
    ("backup", f"{_HERE}.backups.cli:app", Text("备份：做、列出、校验；运行中也可以", "back up while it runs; list and verify backups")),
    ("restore", f"{_HERE}.backups.cli:restore", Text("把备份恢复到空目录", "restore a backup into an empty folder")),
    ("bus", f"{_HERE}.hearing:app", Text("谁听到什么消息", "who hears what")),
)  # fmt: skip


def build(given: Parts) -> App:
    """Return the command line over what compose hands in; quick: nothing is loaded before it is used."""
    handed.use(given)
    command.use_work_here(given.work_here)
    app = App(
        name="zerodistance",
        help=words(
            "零距离：把一个品牌的每个触点汇成一个人。从 `zerodistance init` 和 `zerodistance serve` 开始。",
            "Zero Distance joins every touchpoint of a brand into one person. Begin with `zerodistance init` and `zerodistance serve`.",
        ),
        version=zerodistance.__version__,
        result_action="return_value",
        exit_on_error=False,
        group_commands=Group(words("命令", "Commands"), sort_key=1),
        group_parameters=Group(words("参数", "Parameters"), sort_key=2),
    )
    for name, where, text in _OWN:
        app.command(where, name=name, help=text.get(command.lang()))
    for room in given.rooms:
        app.command(room.app, name=room.name, help=room.text.get(command.lang()))
    app.command(f"{_HERE}.starting:worker", name="worker", show=False)

    @app.meta.default
    def _launch(
        *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
        home: _Home = None,
        lang: _Lang = None,
        host: _Host = None,
        port: _Port = None,
        setting: _Setting = None,
        debug: _Debug = False,
    ) -> object:
        command.set_flags(**_more(setting or []), home=home, lang=lang, host=host, port=port)
        return app(tokens)

    return app


_FLAGS = Group(words("对所有命令都有效", "For every command"), sort_key=3)
_Home = Annotated[Path | None, Parameter(group=_FLAGS, help=words("数据目录", "the home folder"))]
_Lang = Annotated[Literal["zh", "en"] | None, Parameter(group=_FLAGS, help=words("语言", "language"))]
_Host = Annotated[str | None, Parameter(group=_FLAGS, help=words("监听地址", "address to listen on"))]
_Port = Annotated[
    int | None,
    Parameter(group=_FLAGS, help=words("监听端口，0 为任意空闲端口", "port to listen on, 0: a free one")),
]
_SET = words("任一设置，如 --set seal_seconds=10", "any setting, like --set seal_seconds=10")
_Setting = Annotated[list[str] | None, Parameter("--set", group=_FLAGS, negative="", help=_SET)]
_Debug = Annotated[
    bool, Parameter(group=_FLAGS, negative="", help=words("出错时显示堆栈", "show a traceback with an error"))
]


def _more(given: Sequence[str]) -> dict[str, str]:
    from zerodistance.kernel.errors import Invalid

    out: dict[str, str] = {}
    for pair in given:
        name, sign, value = pair.partition("=")
        if not sign or name in ("home", "lang", "host", "port"):
            raise Invalid(
                field="--set",
                given=pair,
                why=Text("写作 名称=值，名称见文档“设置”", "write NAME=VALUE; see the settings in the docs"),
            )
        out[name] = value
    return out


def main(given: Parts, arguments: Sequence[str] | None = None) -> int:
    """Run one command line; return the exit code: 0, 1 with one line that says what was wrong, 2 for wrong usage."""
    from cyclopts import CycloptsError

    words_given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        result = build(given).meta(words_given)
        return result if isinstance(result, int) and not isinstance(result, bool) else 0
    except CycloptsError:
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if "--debug" in words_given:
            traceback.print_exc()
        return _say(error)


def _say(error: Exception) -> int:
    from zerodistance.kernel.errors import ZeroDistanceError

    lang = command.lang()
    if isinstance(error, ZeroDistanceError):
        said, code = error.message(lang), error.code
    elif isinstance(error, OSError) and error.strerror:
        said, code = f"{error.filename or ''} {error.strerror}".strip(), "system"
    else:
        unknown = Text(
            "没料到的错误 {kind}：{said}；加 --debug 看堆栈",
            "unexpected {kind}: {said}; add --debug for a traceback",
        )
        said, code = unknown.format(kind=type(error).__name__, said=error).get(lang), "unexpected"
    head = Text("错误", "error").get(lang)
    command.errors.print(f"{head} [{code}] {said}", markup=False, highlight=False)
    return 1
