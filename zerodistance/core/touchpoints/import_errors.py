"""Why an import is not made, stopped or made again."""

from __future__ import annotations

from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text


class NoSuchSource(ZeroDistanceError):
    """A mapping names a source that does not exist, and does not say enough to make it."""

    code, status = "unknown_source", 404
    text = Text(
        "没有来源 {key}；先 `zerodistance sources create {key} --kind ...`，或在映射里写 [source] 的 name，导入时新建",
        "there is no source {key}; make it with `zerodistance sources create {key} --kind ...`, or give [source] a name in "
        "the mapping and it will be made",
    )


class SourceOff(ZeroDistanceError):
    """A source that is switched off takes nothing."""

    code, status = "source_off", 409
    text = Text("来源 {key} 已停用，不接收导入", "the source {key} is switched off and takes no import")


class NoFile(ZeroDistanceError):
    """A file can't be read."""

    code, status = "no_file", 404
    text = Text("读不到文件 {path}：{why}", "the file {path} can't be read: {why}")


class ImportEnded(ZeroDistanceError):
    """An import that has ended can't be stopped."""

    code, status = "import_ended", 409
    text = Text(
        "导入 {number} 已经结束（{state}），没有什么可停止的；要去掉它带来的一切：zerodistance import undo {number}",
        "import {number} has ended ({state}), there is nothing to stop; to take back all that it brought: "
        "zerodistance import undo {number}",
    )


class ImportUndoing(ZeroDistanceError):
    """The file can be imported again once its undoing is done."""

    code, status, retry = "import_undoing", 409, True
    text = Text(
        "这个文件的导入 {number} 正在撤销；等撤销完成后再导入",
        "import {number} of this file is being undone; import it again when that is done",
    )
