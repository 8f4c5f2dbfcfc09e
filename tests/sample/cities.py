"""Small cities for tests, and ways to read what is in them."""

from __future__ import annotations

import csv
import gzip
import io
import json
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from zerodistance.sample import places, world
from zerodistance.sample.files import FILES
from zerodistance.sample.town import Town

SILOS = tuple(file.silo for file in FILES)


@cache
def town(people: int, seed: int, name: str = "base") -> Town:
    """Return the first block of a city, in memory."""
    settings = world.load(name)
    estates, spans = places.plan(people, seed, settings)
    first, last = spans[0]
    return Town(settings, seed, places.Block(0, first, estates.slice(first, last)), people)


def path_of(root: Path, silo: str) -> Path:
    (path,) = (root / "silos" / file.name for file in FILES if file.silo == silo)
    return path


def text_of(root: Path, silo: str) -> str:
    path = path_of(root, silo)
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return raw.decode("gbk" if silo in ("crm", "pos_baiju") else "utf-8-sig")


def rows_of(root: Path, silo: str) -> list[dict[str, Any]]:
    """Return the rows of a silo file as a program outside would read them."""
    if silo == "club":
        return list(pq.read_table(path_of(root, silo)).to_pylist())
    text = text_of(root, silo)
    if silo == "social":
        return list(json.loads(text)["data"]["posts"])
    if ".ndjson" in path_of(root, silo).name:
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(io.StringIO(text), delimiter="\t" if silo == "pos_linan" else ","))


def truth(root: Path, name: str) -> Any:
    """Return a table of the truth."""
    return pq.read_table(root / "truth" / f"{name}.parquet")
