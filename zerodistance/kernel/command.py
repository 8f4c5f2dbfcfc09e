"""What every command of the command line shares: the home that was named, the console, who asks, the language.

Quick to import: nothing heavy is loaded until a command needs it, so that `--help` answers at once.
"""

from __future__ import annotations

import json
import os
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from rich.table import Table

    from zerodistance.kernel.access import Who
    from zerodistance.kernel.home import Home
    from zerodistance.kernel.settings import Settings

_WIDEST = 1_000_000  # characters of a line that is not for a screen
console = Console(soft_wrap=True)
errors = Console(stderr=True, soft_wrap=True)
_UPGRADED = Text(
    "数据表已升级到这个版本；升级前的状态库存为 {copy}。要退回：停止服务，删掉 {state}-wal 和 {state}-shm，用这份副本换掉 {state}，装回旧版程序；"
    "升级之后才收下的数据会因此不可用，那时请改用完整备份",
    "the tables were upgraded to this version; the state of before is {copy}. To go back: stop the service, remove {state}-wal and "
    "{state}-shm, put the copy in the place of {state}, install the older program. If anything was taken in since, restore a "
    "whole backup instead",
)
_flags: dict[str, Any] = {}
_home: Home | None = None


def set_flags(**flags: Any) -> None:
    """Keep the global flags (`--home`, `--lang`, ...) for the command that follows."""
    close()
    _flags.clear()
    _flags.update({k: v for k, v in flags.items() if v is not None})


def close() -> None:
    """Give the home back, if one was opened."""
    global _home
    if _home is not None:
        _home.close()
    _home = None


def flags() -> dict[str, Any]:
    """Return the global flags that were given, for a child process."""
    return dict(_flags)


def settings() -> Settings:
    """Return the settings with the global flags applied."""
    from zerodistance.kernel.settings import load

    return load(**_flags)


def home() -> Home:
    """Open the home that the settings name, once per process."""
    global _home
    if _home is None:
        from zerodistance.kernel.home import open_home

        _home = open_home(settings())
        for copy in _home.before_upgrade:
            errors.print(_UPGRADED.format(copy=copy, state=_home.state.path).get(lang()), markup=False)
    return _home


def who() -> Who:
    """Return the person at the command line: whoever can read the home's key may do everything in it."""
    from zerodistance.kernel.access import Who

    return Who.system("cli")


def lang() -> str:
    """Return the language of this command line, without reading the other settings: flag, environment, file."""
    words = sys.argv[1:]
    for index, word in enumerate(words):
        if word == "--lang" and index + 1 < len(words):
            return words[index + 1]
        if word.startswith("--lang="):
            return word.removeprefix("--lang=")
    given = _flags.get("lang") or os.environ.get("ZERODISTANCE_LANG")
    return str(given or _lang_of_file())


def _lang_of_file() -> str:
    home = Path(_flags.get("home") or os.environ.get("ZERODISTANCE_HOME") or "zerodistance-data")
    for file in (home / "zerodistance.toml", Path("zerodistance.toml")):
        if file.exists():
            try:
                return str(tomllib.loads(file.read_text(encoding="utf-8")).get("lang", "zh"))
            except (tomllib.TOMLDecodeError, UnicodeDecodeError):  # `settings` will say what is wrong with it
                return "zh"
    return "zh"


def words(zh: str, en: str) -> str:
    """Return the help of a command or a flag in the language of this command line."""
    return Text(zh, en).get(lang())


def tell(text: Text, **values: object) -> None:
    """Print one line in the language of this command line."""
    console.print(text.format(**values).get(lang()), markup=False, highlight=False)


def show(table: Table) -> None:
    """Print a table with every cell whole: folded on a terminal that is too narrow, one line a row for a file or a pipe."""
    for column in table.columns:
        column.no_wrap, column.overflow = False, "fold"
    if not console.is_terminal:
        table.width = console.measure(
            table, options=console.options.update(width=_WIDEST, markup=False)
        ).maximum
    console.print(table, markup=False, highlight=False)


@contextmanager
def stages(title: Text) -> Iterator[Callable[[Text, int, int], None]]:
    """Show a bar for each stage of some work while the block runs; what is given hears (stage, done, of).

    Parameters
    ----------
    title
        What a bar is called; `{stage}` stands for the stage.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    tasks: dict[Text, TaskID] = {}
    with Progress(*columns, console=errors, transient=True) as bar:

        def hear(stage: Text, done: int, of: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(title.format(stage=stage).get(lang()), total=of)
            bar.update(tasks[stage], completed=done)

        yield hear


def say_json(value: Any) -> None:
    """Print a value as JSON, for programs that read the output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=_plain) + "\n")


def _plain(value: object) -> object:
    return {"zh": value.zh, "en": value.en} if isinstance(value, Text) else str(value)


_work_here: list[Callable[[Home], None]] = []


def use_work_here(work: Callable[[Home], None]) -> None:
    """Keep what compose hands in: how the worker's work is done in this process."""
    _work_here[:] = [work]


def work_here(home: Home) -> None:
    """Do everything that waits in this process; for commands that find no worker running.

    Raises
    ------
    WorkerRunning
        One has started meanwhile.
    """
    _work_here[0](home)
