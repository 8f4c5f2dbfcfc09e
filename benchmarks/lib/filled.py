"""A home that holds a sample city: the one that `--root` names, or one made now."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.lib import machine
from benchmarks.lib.house import House
from benchmarks.lib.machine import say, workspace
from zerodistance.sample import api as sample

_BRAND = ("units", "categories", "products", "places", "territories")


def arguments(text: str | None, people: int = 1_000_000) -> argparse.ArgumentParser:
    """Return a parser of the options of every benchmark, and of those that say which city."""
    parser = machine.arguments(text)
    parser.add_argument("--people", type=int, default=people)
    parser.add_argument("--seed", type=int, default=4, help="1 to 3 are those that values were chosen with")
    parser.add_argument("--root", type=Path, help="a folder with `city` and a `home` that holds it; it stays")
    return parser


@contextmanager
def given(options: argparse.Namespace, *champions: str) -> Iterator[Path]:
    """Give the folder with `city` and `home` that the options name, or one that is made now, with champions of these models, and gone afterwards."""
    with workspace(options.folder) as own:
        if options.root:
            yield options.root.resolve()
            return
        house = made(own, options.people, options.seed)
        for model in champions:
            house.run("models", "train", model)
            house.run("models", "promote", model, "1")
        if champions:
            house.run("models", "score")
        yield own


def made(root: Path, people: int, seed: int, world: str = "base", *, processes: int = 2) -> House:
    """Make a city and a home that holds it, persons matched and households computed."""
    sample.generate(people, seed, world, root / "city", processes=processes)
    house = House(root)
    taken_in(house, root / "city")
    house.run("identity", "match")
    house.run("identity", "households", "rebuild")
    return house


def taken_in(house: House, city: Path) -> int:
    """Take every silo of a city into a home; return the number of touches."""
    for kind in _BRAND:
        house.run("brand", "import", kind, str(city / "brand" / f"{kind}.csv"))
    rows = 0
    for path in sorted((city / "silos").iterdir()):
        mapping = city / "mappings" / f"{path.name.split('.')[0]}.toml"
        rows += json.loads(house.run("import", str(path), "--mapping", str(mapping), "--json"))["accepted"]
    say(f"{rows:,} touches")
    return rows
