"""Freeze the worlds of the sample city: `python -m scripts.sample_frozen` writes what a new version of a world is into its list of versions.

A version that is on the list stays what it is. Three hashes say what it is: of the settings (values only, so that an origin can be put better), of the
files in `data/` that every city is made from, and of what comes of them, a small city, which sees what changes in the program or in numpy. A test
compares them, so that whoever changes one has to raise `version` in the world's file, run this, and tell of it in CHANGELOG.md.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from zerodistance.sample import api, world

ROOT = Path(__file__).resolve().parent.parent
ROOM = ROOT / "zerodistance" / "sample"
LIST = ROOM / "worlds" / "versions.toml"
PEOPLE, SEED = 200, 1  # of the small city
KINDS = ("settings", "data", "city")


def known() -> dict[str, dict[str, dict[str, str]]]:
    """Return world -> version -> kind -> hash, of all versions there ever were."""
    return tomllib.loads(LIST.read_text(encoding="utf-8"))


def found(name: str) -> dict[str, str]:
    """Return kind -> hash of a world as it is now."""
    return {"settings": settings(world.text_of(name)), "data": data(), "city": city(name)}


def settings(text: str) -> str:
    """Return the hash of the values in a settings file."""
    values = {
        section: {key: one["value"] for key, one in given.items()} if isinstance(given, dict) else given
        for section, given in tomllib.loads(text).items()
        if section != "version"
    }
    return _hash(json.dumps(values, sort_keys=True, ensure_ascii=False).encode())


def data() -> str:
    """Return the hash of the files that every city is made from."""
    paths = sorted(path for path in (ROOM / "data").iterdir() if path.is_file())
    return _hash(*(part for path in paths for part in (path.name.encode(), path.read_bytes())))


def city(name: str) -> str:
    """Return the hash of what a small city holds, whatever it is packed with; fractions in its truth are left out."""
    with tempfile.TemporaryDirectory(prefix="zerodistance-frozen-") as folder:
        root = Path(folder) / "city"
        api.generate(PEOPLE, SEED, name, root, processes=1)
        return _hash(*_content(root))


def _content(root: Path) -> Iterator[bytes]:
    for part in ("brand", "silos", "truth"):
        for path in sorted(path for path in (root / part).rglob("*") if path.is_file()):
            yield path.name.encode()
            if path.suffix == ".parquet":
                table = pq.read_table(path)
                whole = [field.name for field in table.schema if not pa.types.is_floating(field.type)]
                yield repr(table.select(whole).to_pydict()).encode()
            else:
                yield gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def _hash(*parts: bytes) -> str:
    out = hashlib.sha256()
    for part in parts:
        out.update(len(part).to_bytes(8, "big") + part)
    return out.hexdigest()


def main() -> None:
    """Write the versions that are not on the list; refuse a world that is no longer what its version was."""
    versions = known() if LIST.exists() else {}
    lines = LIST.read_text(encoding="utf-8").rstrip("\n") if LIST.exists() else ""
    for name in world.WORLDS:
        version, now = str(world.load(name).version), found(name)
        frozen = versions.get(name, {}).get(version)
        if frozen is None:
            lines += f"\n\n[{name}.{version}]\n" + "\n".join(f'{kind} = "{now[kind]}"' for kind in KINDS)
        elif frozen != now:
            changed = ", ".join(kind for kind in KINDS if frozen[kind] != now[kind])
            todo = f"raise version in worlds/{name}.toml, run this again, and say so in CHANGELOG.md"
            raise SystemExit(f"{name} version {version} is frozen, and another now ({changed}): {todo}")
    LIST.write_text(lines.lstrip("\n") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
