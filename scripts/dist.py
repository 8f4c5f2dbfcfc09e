"""Build the wheel and the source archive into `dist/`, and say their sizes and checksums: `python -m scripts.dist`.

The same commit gives the same bytes: every time inside is that of the commit (`SOURCE_DATE_EPOCH`, if it is set). The build backend packs
every file below `zerodistance/`, so nothing is built while files lie there that the repository does not know.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

from flit_core import buildapi

import zerodistance

ROOT = Path(__file__).resolve().parent.parent
_HEADING = re.compile(r"^## (?:Unreleased \((\S+)\)|(\S+) \((\d{4}-\d\d-\d\d)\))$", re.MULTILINE)


def releases() -> list[tuple[str, str | None]]:
    """Return the versions of `CHANGELOG.md` with the day of each, the newest first; None: it is not released."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    return [(coming or version, day or None) for coming, version, day in _HEADING.findall(text)]


def strays() -> list[str]:
    """Return the files below `zerodistance/` that would be packed and that the repository does not know; bytecode is never packed."""
    words = ["git", "ls-files", "--others", "-z", "zerodistance"]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and not name.endswith(".pyc")]


def moment() -> str:
    """Return the time that the files in the archives carry, seconds since 1970: that of the commit."""
    words = ["git", "log", "-1", "--format=%ct"]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def build(into: Path) -> list[Path]:
    """Build wheel and source archive; return their paths."""
    os.environ.setdefault("SOURCE_DATE_EPOCH", moment())
    into.mkdir(parents=True, exist_ok=True)
    with contextlib.chdir(ROOT):  # the backend builds what lies in the current folder
        names = buildapi.build_wheel(str(into.resolve())), buildapi.build_sdist(str(into.resolve()))
    return [into / name for name in names]


def main() -> None:
    """Build them and print a line for each; not if the changelog names another version, or files lie in the package by accident."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=ROOT / "dist", help="the folder that they go to")
    options = parser.parse_args()
    if releases()[0][0] != zerodistance.__version__:
        sys.exit(
            f"version {zerodistance.__version__} is not the newest one of CHANGELOG.md, {releases()[0][0]}"
        )
    if found := strays():
        sys.exit("files in the package that the repository does not know: " + ", ".join(found))
    for path in build(options.into):
        print(
            f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}  {path.stat().st_size / 1e6:.1f} MB"
        )


if __name__ == "__main__":
    main()
