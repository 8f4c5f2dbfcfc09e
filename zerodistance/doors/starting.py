"""The commands that start things: `init`, `serve`, `run`, and the worker that `serve` starts."""

from __future__ import annotations

from zerodistance.doors import parts as handed
from zerodistance.kernel import command, spans
from zerodistance.kernel.text import Text

_ONCE = Text("首次登录（24 小时内有效，只能用一次）：{url}", "first login, good once within 24 hours: {url}")


def init() -> None:
    """Make a home: key, tables, the default brand, and a one-time login for the first admin."""
    from zerodistance.kernel.home import create_home

    settings = command.settings()
    home = create_home(settings)
    handed.parts().begin(home, command.who())
    path = handed.parts().invite(home, True)
    command.tell(Text("数据目录已建好：{root}", "the home is ready: {root}"), root=home.root)
    command.tell(
        Text(
            "请妥善备份密钥文件 {key}：没有它，封存的个人数据就打不开",
            "keep a copy of the key file {key}: without it the sealed personal data are lost",
        ),
        key=home.seal.path,
    )
    command.tell(Text("下一步：zerodistance serve", "next: zerodistance serve"))
    command.tell(_ONCE, url=f"http://{settings.host}:{settings.port}{path}")
    home.close()


def serve() -> int:
    """Start the door and the worker, until Ctrl-C or SIGTERM."""
    from zerodistance.doors import serving

    parts = handed.parts()
    parts.empty(command.settings())
    home, here = command.home(), ""

    def ready(address: str) -> None:
        nonlocal here
        here = address
        command.tell(Text("零距离已启动：{url}", "Zero Distance is running: {url}"), url=address)
        path = parts.invite(home, False)
        if path is not None:
            command.tell(_ONCE, url=address + path)
        command.console.file.flush()

    return or_anew(serving.serve(home, parts.door, command.flags(), ready), here)


def or_anew(code: int | None, address: str, word: str = "serve") -> int:
    """Return the exit code; if there is none the home is to be emptied: do that, or wait for it, and go on with `word` at the same address."""
    from zerodistance.doors import serving

    if code is not None:
        return code
    command.close()
    handed.parts().empty(command.settings())
    serving.anew(command.flags(), address, word)


def door() -> int:
    """Open one more door on this home, beside `serve`: collection, portal and API, on a port of its own."""
    from zerodistance.doors import serving

    here = ""

    def ready(address: str) -> None:
        nonlocal here
        here = address
        command.tell(Text("又一扇门已打开：{url}", "one more door is open: {url}"), url=address)
        command.console.file.flush()

    return or_anew(serving.another(command.home(), handed.parts().door, ready), here, "door")


def worker() -> int:
    """Digest, seal, deliver and do jobs until standard input ends; started by `serve`."""
    from zerodistance.doors import worker as working

    return working.run(command.home(), handed.parts().work)


def run() -> None:
    """Do everything that waits, once: run feeds that are due, digest, index, seal, deliver events, jobs that are due."""
    from zerodistance.doors.worker import once

    home = command.home()
    with home.worked():
        spans.begin(home.settings, home.seal, "run")
        try:
            work = handed.parts().work(home)
            if work.feeds is not None:
                work.feeds.run_due()
            done = once(work)
        finally:
            spans.end()
    command.tell(
        Text(
            "处理了 {rows} 行，送达 {events} 条消息，执行 {jobs} 个任务",
            "took in {rows} rows, delivered {events} events, did {jobs} jobs",
        ),
        **done,
    )
