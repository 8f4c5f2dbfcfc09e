"""Which files somebody means who names files, folders, patterns, or standard input."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from zerodistance.core.touchpoints.import_errors import NoFile
from zerodistance.kernel.text import Text

STDIN = "-"


def gather(given: Sequence[str]) -> list[Path | None]:
    """Return the files in the order given, each once; None is standard input.

    A folder means the files in it, by name, without hidden ones and without folders below it; a name with `*`, `?` or `[` means what it
    matches.

    Raises
    ------
    NoFile
        One of the names leads to nothing.
    """
    found: dict[Path | None, None] = {}
    for name in given:
        found |= dict.fromkeys([None] if name == STDIN else _files(name))
    if not found:
        raise NoFile(
            path="",
            why=Text("没有说是哪个；写文件名、文件夹，或 -", "none was named; name a file, a folder, or -"),
        )
    return list(found)


def _files(name: str) -> list[Path]:
    path = Path(name)
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
        if not files:
            raise NoFile(path=name, why=Text("文件夹里没有文件", "there is no file in the folder"))
        return files
    if path.exists() or not glob.has_magic(name):
        return [path]
    files = sorted(p for p in map(Path, glob.glob(name, recursive=True)) if p.is_file())
    if not files:
        raise NoFile(path=name, why=Text("没有名称相符的文件", "no file has such a name"))
    return files
