"""The door of the sample room: make a city."""

from __future__ import annotations

import json
import shutil
from importlib import metadata, resources
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

import zerodistance
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.text import Text
from zerodistance.sample import making, places, truth
from zerodistance.sample.brand_files import brand_files
from zerodistance.sample.calendar import TRUTH_UNTIL, UNTIL, ZONE
from zerodistance.sample.contracts import FEWEST, MOST, City, FileFact, NotEmpty
from zerodistance.sample.files import FILES
from zerodistance.sample.making import Job, Tell
from zerodistance.sample.world import WORLDS, World, load

__all__ = ["MANIFEST", "WORLDS", "City", "FileFact", "NotEmpty", "generate"]

MANIFEST = "city.json"
_MAKING = ".making"


def generate(
    people: int, seed: int, world: str, out: Path, *, processes: int = 2, tell: Tell | None = None
) -> City:
    """Make a city in a folder: what the systems of a brand export, and the truth.

    Parameters
    ----------
    people
        How many live in it at the end.
    processes
        In how many it is made; what comes of it is the same.
    tell
        Hears how far it is.

    Raises
    ------
    Invalid
        A number is not allowed.
    NoWorld
        There is no such world.
    NotEmpty
        The folder holds something.
    """
    _allowed("--people", people, FEWEST, MOST)
    _allowed("--seed", seed, 0, 2**31 - 1)
    _allowed("--processes", processes, 1, 64)
    settings = load(world)
    folder = _made_ready(out)
    estates, spans = places.plan(people, seed, settings)
    blocks = [places.Block(n, first, estates.slice(first, last)) for n, (first, last) in enumerate(spans)]
    jobs = [Job(world, seed, people, block, folder) for block in blocks]
    rows = _beside(out, settings, estates)
    told = tell or (lambda *_: None)
    with making.workers(min(processes, len(jobs) * 2)) as pool:
        households, truths = making.blocks_of(pool, jobs, out, told)
        rows |= truths | making.silos_of(pool, len(jobs), folder, out, told)
    folder.rmdir()
    facts = tuple(making.fact(out, path, many) for path, many in sorted(rows.items()))
    city = _city(settings, seed, people, households, facts)
    text = json.dumps(city.as_dict(), ensure_ascii=False, indent=1) + "\n"
    (out / MANIFEST).write_text(text, encoding="utf-8")
    return city


def _city(settings: World, seed: int, people: int, households: int, facts: tuple[FileFact, ...]) -> City:
    return City(
        world=settings.name,
        version=settings.version,
        seed=seed,
        people=people,
        households=households,
        until=_day(UNTIL),
        truth_until=_day(TRUTH_UNTIL),
        zone=ZONE,
        records=sum(fact.rows for fact in facts if fact.path.startswith("silos/")),
        files=facts,
        made_with={
            "zerodistance": zerodistance.__version__,
            **{name: metadata.version(name) for name in ("numpy", "pyarrow", "isal")},
        },
    )


def _allowed(flag: str, given: int, least: int, most: int) -> None:
    if not least <= given <= most:
        why = Text("要在 {least} 和 {most} 之间", "it has to be from {least} to {most}")
        raise Invalid(field=flag, given=given, why=why.format(least=least, most=most))


def _made_ready(out: Path) -> Path:
    """Return the folder in `out` to work in; what a city that was never finished left there is gone."""
    folder = out / _MAKING
    unfinished = folder.is_dir() and not (out / MANIFEST).exists()
    if out.exists() and any(out.iterdir()) and not unfinished:
        raise NotEmpty(path=out)
    for name in ("silos", "truth", "brand", "mappings", _MAKING):
        shutil.rmtree(out / name, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _beside(out: Path, settings: World, estates: places.Estates) -> dict[str, int]:
    """Write what stands beside the silos: the brand, the mappings, the campaigns; return rows by path."""
    rows: dict[str, int] = {}
    (out / "brand").mkdir()
    for name, text in brand_files(settings, estates):
        (out / "brand" / name).write_text(text, encoding="utf-8")
        rows[f"brand/{name}"] = text.count("\n") - 1
    (out / "mappings").mkdir()
    for file in FILES:
        name = f"mappings/{file.silo}.toml"
        text = (resources.files(__package__) / name).read_text(encoding="utf-8")
        (out / name).write_text(text, encoding="utf-8")
        rows[name] = text.count("\n")
    (out / "truth").mkdir()
    campaigns = truth.campaign_table(settings)
    pq.write_table(campaigns, out / "truth" / "campaigns.parquet")
    rows["truth/campaigns.parquet"] = len(campaigns)
    return rows


def _day(seconds: int) -> str:
    return str(np.datetime64(seconds, "s").astype("datetime64[D]"))
