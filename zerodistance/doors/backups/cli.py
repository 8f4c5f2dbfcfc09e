"""`zerodistance backup`, `backup list`, `backup verify`, and `zerodistance restore`."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from zerodistance.kernel import command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.doors.backups.making import Progress
    from zerodistance.kernel.frozen import Tick
    from zerodistance.kernel.manifest import Manifest
    from zerodistance.kernel.repository import Repository

app = App(name="backup", help=words("备份：做、列出、校验", "back up, list and verify backups"))

_To = Annotated[
    Path | None,
    Parameter(
        help=words(
            "备份目录；不写就用设置 backup_to", "the folder of backups; by default the setting backup_to"
        )
    ),
]
_Folder = Annotated[
    Path | None,
    Parameter(
        help=words(
            "备份目录；不写就用设置 backup_to", "the folder of backups; by default the setting backup_to"
        )
    ),
]
_WithKey = Annotated[
    bool,
    Parameter(
        negative="",
        help=words(
            "连密钥文件一起备份；谁拿到这个备份就能读一切",
            "the key file too: whoever gets hold of the backup can then read everything",
        ),
    ),
]
_Days = Annotated[
    int | None,
    Parameter(
        help=words(
            "保留天数；不写就用设置 backup_keep_days",
            "days it is kept; by default the setting backup_keep_days",
        )
    ),
]
_AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]
_At = Annotated[
    str | None,
    Parameter(
        help=words(
            "备份名，见 backup list；不写就是最新的", "its name, see backup list; by default the newest"
        )
    ),
]
_Key = Annotated[
    Path | None,
    Parameter(
        help=words(
            "当时的密钥文件，备份里没有时要给", "the key of its time, where the backup does not hold it"
        )
    ),
]
_NICE = 19  # own value: whoever collects and digests goes first
_STEPS = {
    "databases": Text("复制并检查数据库", "copying and checking databases"),
    "verify": Text("校验", "verifying"),
    "restore": Text("写回", "writing"),
    "state": Text("填入数据库", "filling the database"),
}
_SOUND = Text("{name} 完好", "{name} is sound")
_DAMAGED = Text(
    "{name} 已损坏：{files}；损坏的内容已移到 damaged/，下一次备份会重新存它还能读到的",
    "{name} is damaged: {files}; what is damaged was moved into damaged/, and the next backup stores anew what it still finds",
)
_WITHOUT_KEY = Text(
    "注意：备份里没有密钥文件 {key}。没有它，封存的个人数据打不开，备份也无法恢复；请另外妥善保管，或用 --with-key",
    "MIND: the key file {key} is not in the backup. Without it the sealed personal data are lost and the backup can't be restored; "
    "keep a copy of it somewhere else, or use --with-key",
)
_WITH_KEY = Text(
    "注意：备份里有密钥。谁拿到它就能读出全部个人数据；请像保管密钥一样保管它",
    "MIND: the key is in the backup. Whoever gets hold of it can read all personal data; guard it as you guard the key",
)


@app.default
def backup(
    *, to: _To = None, with_key: _WithKey = False, keep_days: _Days = None, as_json: _AsJson = False
) -> None:
    """Back the home up while it runs: verified, and only what no earlier backup holds is stored."""
    from zerodistance.doors.backups import making
    from zerodistance.kernel import priority

    home = command.home()
    behind = ThreadPoolExecutor(1, initializer=priority.thread_gives_way, initargs=(_NICE,))
    with _bar() as progress, behind:
        make = partial(making.make, with_key=with_key, keep_days=keep_days, progress=progress)
        made = behind.submit(make, home, command.who(), _folder(to)).result()
    m = made.manifest
    if as_json:
        figures = {
            "still_ms": round(made.still_ms, 1),
            "seconds": round(made.seconds, 2),
            "removed": list(made.removed),
        }
        command.say_json({**_plain(m), **figures})
    else:
        said = Text(
            "备份 {name}：{size}，其中新存 {new}，用时 {seconds:.1f} 秒；截至 {at}，第 {batch} 批，日志第 {row} 行；{day} 到期",
            "backup {name}: {size}, {new} of it new, in {seconds:.1f} s; holds everything up to {at}, batch {batch}, journal row "
            "{row}; expires on {day}",
        )
        size, new = _size(m.size), _size(m.new_bytes)
        mark = {"at": _time(m.mark["at"]), "batch": m.mark["batch"], "row": m.mark["journal_last"]}
        day = _time(m.expires_at)[:10]
        command.tell(said, name=m.name, size=size, new=new, seconds=made.seconds, day=day, **mark)
    warning = _WITH_KEY if with_key else _WITHOUT_KEY
    command.errors.print(
        warning.format(key=home.seal.path).get(command.lang()), markup=False, style="bold yellow"
    )


@app.command(name="list", help=words("列出一个目录里的备份", "list the backups in a folder"))
def list_(folder: _Folder = None, *, as_json: _AsJson = False) -> None:
    """List the backups in a folder, the oldest first."""
    repository = _repository(folder)
    found = sorted(repository.sound(), key=lambda m: m.name)
    if as_json:
        command.say_json([_plain(m) for m in found])
        return
    from rich.table import Table

    table = Table(box=None)
    for head in (
        Text("备份", "backup"), Text("截至", "holds up to"), Text("批次", "batch"), Text("大小", "size"), Text("新存", "new"),
        Text("到期", "expires"), Text("密钥", "key"),
    ):  # fmt: skip
        table.add_column(head.get(command.lang()))
    for m in found:
        key = Text("有", "yes") if m.with_key else Text("无", "no")
        row = (m.name, _time(m.mark["at"]), str(m.mark["batch"]), _size(m.size), _size(m.new_bytes))
        table.add_row(*row, _time(m.expires_at)[:10], key.get(command.lang()))
    command.show(table)
    damaged = len(repository.names()) - len(found)
    if damaged:
        command.tell(Text("另有 {n} 个备份的清单已损坏", "{n} more have a damaged manifest"), n=damaged)


@app.command(help=words("逐字节校验备份", "read every byte of a backup and hold it against its manifest"))
def verify(folder: _Folder = None, *, at: _At = None, as_json: _AsJson = False) -> int:
    """Read every byte of one backup, or of all, and say what is not as it was written; exit code 1 then."""
    repository = _repository(folder)
    names = [at] if at is not None else repository.names()
    found: dict[str, list[str]] = {}
    with repository.locked():
        for name in names:
            manifest = repository.manifest(name)
            with _bar() as progress:
                wrong = repository.verify(manifest, _counting(progress, manifest))
            repository.drop_damaged(wrong)
            found[name] = sorted({one.path for one in wrong})
    if as_json:
        command.say_json(
            [{"name": name, "sound": not files, "files": files} for name, files in found.items()]
        )
    for name, files in () if as_json else found.items():
        command.tell(_DAMAGED if files else _SOUND, name=name, files=", ".join(files))
    return int(any(found.values()))


def restore(
    source: Annotated[Path, Parameter(help=words("备份目录", "the folder of backups"))],
    *,
    at: _At = None,
    key: _Key = None,
) -> int:
    """Restore a backup into the empty folder that --home names, then check it; exit code 1 if the check finds damage."""
    from zerodistance.doors import parts as handed
    from zerodistance.doors.backups import restoring
    from zerodistance.kernel.findings import Level

    settings = command.settings()
    with _bar() as progress:
        done = restoring.restore(settings, command.who(), source, at=at, key=key, progress=progress)
    m = done.manifest
    said = Text(
        "已恢复备份 {name} 到 {root}：{files} 个文件，{size}；截至 {at}，第 {batch} 批，日志第 {row} 行（之后的不在备份里）",
        "restored the backup {name} into {root}: {files} files, {size}; everything up to {at}, batch {batch}, journal row {row} "
        "(what came later is not in it)",
    )
    mark = {"at": _time(m.mark["at"]), "batch": m.mark["batch"], "row": m.mark["journal_last"]}
    command.tell(said, name=m.name, root=done.home.root, files=len(m.files), size=_size(m.size), **mark)
    if done.again:
        again = Text(
            "其中 {n} 人在备份之后被要求遗忘，已再次遗忘",
            "{n} people were forgotten after it, and were forgotten again",
        )
        command.tell(again, n=done.again)
    if done.resting:
        rest = Text(
            "{n} 个取数已暂停，免得副本取走给原来那一个的东西；要接着取：zerodistance feeds resume 名称",
            "{n} feeds rest, so that a copy does not fetch what is meant for the home it is a copy of; to go on: zerodistance feeds resume NAME",
        )
        command.tell(rest, n=done.resting)
    damage = [f for f in handed.parts().checks(done.home, False) if f.level is Level.DAMAGE]
    for finding in damage:
        command.tell(finding.text)
    done.home.close()
    if not damage:
        command.tell(
            Text(
                "检查过了，一切完好；下一步：zerodistance serve",
                "checked and sound; next: zerodistance serve",
            )
        )
    return int(bool(damage))


def _folder(given: Path | None) -> Path:
    from zerodistance.kernel.errors import Invalid

    found = given or command.settings().backup_to
    if found is None:
        why = Text("写出备份目录，或设置 backup_to", "name the folder of backups, or set backup_to")
        raise Invalid(field="--to", given="", why=why)
    return found


def _repository(given: Path | None) -> Repository:
    from zerodistance.kernel.repository import Repository

    return Repository.at(_folder(given))


def _counting(progress: Progress, manifest: Manifest) -> Tick:
    done = 0

    def tick(n: int) -> None:
        nonlocal done
        done += n
        progress("verify", done, manifest.size)

    return tick


@contextmanager
def _bar() -> Iterator[Progress]:
    """Show how far it is, on a terminal only."""
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Bar(*columns, console=command.errors, transient=True, disable=not command.errors.is_terminal) as bar:
        task = bar.add_task("", total=None)

        def progress(step: str, done: int, total: int) -> None:
            bar.update(
                task, description=_STEPS[step].get(command.lang()), completed=done, total=max(total, done)
            )

        yield progress


def _plain(m: Manifest) -> dict[str, object]:
    from zerodistance.kernel import clock

    times = {n: clock.from_micros(getattr(m, n)).isoformat() for n in ("began_at", "ended_at", "expires_at")}
    more = {"bytes": m.size, "new_bytes": m.new_bytes, "files": len(m.files), "with_key": m.with_key}
    return {
        "name": m.name,
        "mark": dict(m.mark),
        **times,
        **more,
        "revision": m.revision,
        "program": m.program,
    }


def _time(at: int) -> str:
    from zerodistance.kernel import clock

    return clock.from_micros(at).astimezone(command.settings().tz).strftime("%Y-%m-%d %H:%M:%S")


def _size(n: int) -> str:
    return f"{n / 1e6:,.1f} MB"
