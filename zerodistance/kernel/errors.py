"""The one tree of errors: a stable code, an HTTP status, whether a retry can help, and words in both languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from zerodistance.kernel.text import Text

_EMPTY = Text("", "")


class ZeroDistanceError(Exception):
    """An error that a person or a client will read.

    A subclass sets `code`, `status`, `retry` and `text`; the data given when it is raised fill the fields of
    the text and stay readable in `data`.

    Examples
    --------
    >>> class NoSuchUnit(ZeroDistanceError):
    ...     code, status = "no_such_unit", 404
    ...     text = Text("没有小微 {unit}", "there is no unit {unit}")
    >>> str(NoSuchUnit(unit="fridge"))
    'there is no unit fridge'
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    retry: ClassVar[bool] = False
    text: ClassVar[Text] = Text("出错了", "something went wrong")

    def __init__(self, **data: Any) -> None:
        self.data = data
        super().__init__(self.message("en"))

    def message(self, lang: str) -> str:
        """Return what was given, what is allowed and what to do next, in `lang`."""
        return self.text.format(**self.data).get(lang)

    def as_dict(self, lang: str = "en") -> dict[str, Any]:
        """Return the error as an API answers it: `code`, `message`, `retry`."""
        return {"code": self.code, "message": self.message(lang), "retry": self.retry}


class WrongSetting(ZeroDistanceError):
    """A setting has a value that it may not have."""

    code, status = "wrong_setting", 500
    text = Text(
        "设置 {setting} 的值 {given!r} 不对：{why}",
        "the setting {setting} has the value {given!r}: {why}",
    )


class NoHome(ZeroDistanceError):
    """There is no home folder where one was expected."""

    code, status = "no_home", 500
    text = Text(
        "{path} 里还没有数据目录；先运行 `zerodistance init`，或用 --home 指定",
        "there is no home at {path}; run `zerodistance init` first, or name one with --home",
    )


class HomeEmptying(ZeroDistanceError):
    """Somebody asked for the home to be emptied, and that is not done yet."""

    code, status = "home_emptying", 409
    text = Text(
        "{path} 正在清空；运行 `zerodistance serve` 会把它做完",
        "{path} is being emptied; `zerodistance serve` finishes that",
    )


class RestoreUnfinished(ZeroDistanceError):
    """A restore into the folder was interrupted."""

    code, status = "restore_unfinished", 409
    text = Text(
        "{path} 里的恢复没有做完；用同样的参数再运行一次 `zerodistance restore`，它会接着做",
        "a restore into {path} was interrupted; run the same `zerodistance restore` again, it goes on where it stopped",
    )


class HomeExists(ZeroDistanceError):
    """`init` was asked to make a home where one stands."""

    code, status = "home_exists", 409
    text = Text("{path} 里已经有数据目录，未作改动", "a home already stands at {path}; nothing was changed")


class HomeNewer(ZeroDistanceError):
    """The state was written by a later version of the program."""

    code, status = "home_newer", 500
    text = Text(
        "{path} 是由更新版本的程序写的（数据表版本 {revision}），这个版本读不了；请升级程序",
        "{path} was written by a later version of the program (tables {revision}), which this one can't read; upgrade the program",
    )


class StateAway(ZeroDistanceError):
    """The server of the state store does not answer."""

    code, status, retry = "state_away", 503, True
    text = Text(
        "状态库 {where} 连不上：{why}；已收下的数据不会丢，稍后再试；检查数据库服务和设置 state_url",
        "the state store {where} can't be reached: {why}; nothing that was taken in is lost, try again later; look at the database "
        "server and the setting state_url",
    )


class StateBusy(ZeroDistanceError):
    """Somebody else has been writing the state for too long, or all connections are in use."""

    code, status, retry = "state_busy", 503, True
    text = Text(
        "状态库 {where} 正忙，等了太久；稍后再试",
        "the state store {where} is busy and was waited for too long; try again later",
    )


class WrongKey(ZeroDistanceError):
    """Sealed bytes can't be opened with this home's key."""

    code, status = "wrong_key", 500
    text = Text(
        "密文打不开：密钥文件 {path} 与写入时不是同一把，或数据已损坏",
        "the sealed bytes can't be opened: {path} is not the key they were written with, or they are damaged",
    )


class Forbidden(ZeroDistanceError):
    """The person who asks may not do this."""

    code, status = "forbidden", 403
    text = Text("{who} 没有“{permission}”的权限", "{who} does not have the permission {permission}")


class WorkerRunning(ZeroDistanceError):
    """Another worker holds this home."""

    code, status, retry = "worker_running", 409, True
    text = Text(
        "已有一个处理进程（pid {pid}）在用 {path}；同一目录只能有一个",
        "another worker (pid {pid}) holds {path}; one home has one worker",
    )


class WorkerElsewhere(ZeroDistanceError):
    """A worker of another folder works on the same state store."""

    code, status, retry = "worker_elsewhere", 409, True
    text = Text(
        "状态库 {where} 上已有另一个处理进程：这个数据目录的拷贝正在别处运行；停掉其中一个，只留一个目录",
        "another worker works on the state store {where}: a copy of this home runs somewhere else; stop one of them, and keep one folder only",
    )


class DoorOpen(ZeroDistanceError):
    """A door is open on this home."""

    code, status, retry = "door_open", 409, True
    text = Text(
        "{path} 还有打开着的门（serve 或 door）；先把它们停下",
        "a door (serve or door) is open on {path}; stop it first",
    )


class StateMoving(ZeroDistanceError):
    """The state of this home is being moved to another store."""

    code, status, retry = "state_moving", 409, True
    text = Text(
        "{path} 的状态库正在搬迁；等 migrate-state 做完再启动",
        "the state of {path} is being moved; start again when migrate-state is done",
    )


class StateMoved(ZeroDistanceError):
    """The state that the setting names has moved to another store."""

    code, status = "state_moved", 500
    text = Text(
        "{where} 里的状态已搬到 {to}；把设置 state_url 改过去，或再运行一次 zerodistance migrate-state",
        "the state in {where} has moved to {to}; let the setting state_url name it, or run zerodistance migrate-state once more",
    )


class StateComing(ZeroDistanceError):
    """A move to this store was not finished."""

    code, status = "state_coming", 500
    text = Text(
        "往 {where} 的搬迁没有做完，状态还在 {source}；把设置 state_url 改回去，再运行一次 zerodistance migrate-state",
        "the move to {where} was not finished, the state is still in {source}; let the setting state_url name that, and run "
        "zerodistance migrate-state once more",
    )


class StoreBehind(ZeroDistanceError):
    """A store is ahead of the state: the folder was put together from copies of different times."""

    code, status = "store_ahead", 500
    text = Text(
        "{store} 里已有第 {held} 批，而状态库只到第 {committed} 批；这个目录像是由不同时间的备份拼成的，请恢复同一时间的完整备份",
        "{store} holds batch {held} but the state ends at batch {committed}: this folder seems to be put together "
        "from copies of different times; restore one whole backup",
    )


class NotFound(ZeroDistanceError):
    """Something named does not exist.

    `what` is read by a person, so it is a `Text`; `given` is what was asked for.
    """

    code, status = "not_found", 404
    text = Text("找不到{what}：{given}", "there is no {what} {given}")

    def __init__(self, *, given: object, what: Text = _EMPTY, **more: Any) -> None:
        super().__init__(what=what, given=given, **more)


class Invalid(ZeroDistanceError):
    """A value that a person gave is not allowed.

    `why` is read by a person, so it is a `Text`; `field` is one too, unless it is the name of a flag or of a field of the API.
    """

    code, status = "invalid", 400
    text = Text("{field} 的值 {given!r} 不对：{why}", "{field} is {given!r}: {why}")

    def __init__(
        self, *, field: str | Text = _EMPTY, given: object = None, why: Text = _EMPTY, **more: Any
    ) -> None:
        super().__init__(field=field, given=given, why=why, **more)


def told(error: BaseException) -> str:
    """Return an error as it may stand in logs and status: its own words if it is one of ours, else its kind and place only."""
    if isinstance(error, ZeroDistanceError):
        return f"{error.code}: {error.message('en')}"
    where = frames(error)
    return type(error).__name__ + (f" at {where[-1].partition(' ')[0]}" if where else "")


def frames(error: BaseException) -> list[str]:
    """Return where an error came from, `file:line function`, outermost first; its words stay out: they may hold a value."""
    found, trace = list[str](), error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        found.append(f"{Path(code.co_filename).name}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return found
