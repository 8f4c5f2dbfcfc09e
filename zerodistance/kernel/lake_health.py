"""What may be wrong with a table of the lake: its log, its files, and what lies beside them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from zerodistance.kernel.home import Home


@dataclass(frozen=True)
class Hurt:
    """One data file that is not what the log says.

    Attributes
    ----------
    kind
        missing, size, footer, rows, content.
    rows
        How many rows the log says are in it.
    """

    path: Path
    kind: str
    size: int
    rows: int


@dataclass(frozen=True)
class Health:
    """How a table is.

    Attributes
    ----------
    log
        Why the log can't be read; empty if it can.
    hurt
        Data files that are not what the log says.
    strays
        Data files that no version names: an interruption left them. Looked for only while nobody writes.
    """

    log: str
    hurt: Sequence[Hurt] = ()
    strays: Sequence[Path] = ()


def look(home: Home, table: str, *, content: bool = False, strays: bool = False) -> Health:
    """Look at every file of a table: that it is there, its size, its footer and rows; with `content` every page of it too."""
    root = home.lake.path(table)
    if not any((root / "_delta_log").glob("*.json")):  # or none yet: the disk was full at the first commit
        return Health("" if not root.exists() or not any(root.rglob("*.parquet")) else "there is none")
    try:
        opened = DeltaTable(root)
        actions = pa.table(opened.get_add_actions(flatten=True)).to_pylist()
    except Exception as error:  # delta-rs raises its own kinds for a damaged log
        return Health(type(error).__name__)
    hurt = [found for action in actions if (found := _hurt(root, action, content)) is not None]
    return Health("", hurt, _strays(root, actions) if strays else ())


def _hurt(root: Path, action: dict[str, Any], content: bool) -> Hurt | None:
    path = root / unquote(action["path"])
    size, rows = int(action["size_bytes"]), int(action.get("num_records") or 0)
    kind = ""
    if not path.exists():
        kind = "missing"
    elif path.stat().st_size != size:
        kind = "size"
    else:
        try:
            with pq.ParquetFile(path, page_checksum_verification=content) as file:
                if rows and file.metadata.num_rows != rows:
                    kind = "rows"
                for group in range(file.num_row_groups) if content else ():
                    file.read_row_group(group, use_threads=False).validate(full=True)
        except OSError as error:
            kind = (
                "content" if content and "agic" not in str(error) and "footer" not in str(error) else "footer"
            )
        except pa.ArrowException:
            kind = "content" if content else "footer"
    return Hurt(path, kind, size, rows) if kind else None


def _strays(root: Path, actions: Sequence[dict[str, Any]]) -> list[Path]:
    """Return data files that the newest version does not name and no commit in the log has removed: readers may hold those."""
    named = {root / unquote(action["path"]) for action in actions}
    for log in (root / "_delta_log").glob("*.json"):
        for line in log.read_text().splitlines():
            for word in ("add", "remove"):
                if line.startswith(f'{{"{word}"'):
                    named.add(root / unquote(json.loads(line)[word]["path"]))
    return sorted(
        path for path in root.rglob("*.parquet") if path not in named and "_delta_log" not in path.parts
    )
