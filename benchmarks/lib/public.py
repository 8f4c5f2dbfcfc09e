"""Where the public data sets lie that come as a package or cannot be given on: in a named folder, beside the project, or in a package that is installed."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from benchmarks.lib.machine import arguments

SEEDS = 10
"""Seeds are the numbers from 0 on: none was chosen by what comes out."""


def options(text: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that every benchmark of a public set has."""
    parser = arguments(text)
    parser.add_argument("--data", type=Path, help="the folder in which the files of the set lie")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how often it is done anew")
    return parser


def found(data: Path | None, name: str, beside: str, package: str | None = None, origin: str = "") -> Path:
    """Return the path of a file: in `data`, else in a folder `shared/data` beside or above the project, else in an installed package, which is not run.

    Parameters
    ----------
    beside
        The folder of the set in `shared/data`.
    package
        Name of the package and folder in it, such as `lifetimes/datasets`.
    origin
        What somebody who has none of them is told.

    Raises
    ------
    SystemExit
        The file is in none of them.
    """
    for folder in [data] if data else [*_beside(beside), *_installed(package)]:
        if (folder / name).is_file():
            return folder / name
    raise SystemExit(
        f"{name} is not {f'in {data}' if data else 'here'}: {origin}, and name its folder with --data"
    )


def _beside(beside: str) -> list[Path]:
    return [up / "shared" / "data" / beside for up in Path(__file__).resolve().parents]


def _installed(package: str | None) -> list[Path]:
    name, _, inside = (package or "").partition("/")
    spec = importlib.util.find_spec(name) if name else None
    return [Path(spec.origin).parent / inside] if spec and spec.origin else []
