"""Train the model of identity that ships: `python -m scripts.matching_default` writes zerodistance/core/identity/matching/default.json.

It is learned without labels from three cities of the world `base`, seeds 1 to 3; names that fewer than `LEAST` records have are left out of the file. What
it reaches is measured on a city that it has not seen, and stands in the file.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.identity import examined
from benchmarks.lib import persons
from benchmarks.lib.matching import answered
from zerodistance.core.identity.matching import fields, model, train
from zerodistance.sample import api

FILE = Path(model.__file__).with_name("default.json")
PEOPLE, SEEDS, UNSEEN, WORLD = 20_000, (1, 2, 3), 4, "base"
LEAST = 8  # records that have a name, own value


def main() -> None:
    """Make the cities, train, examine, write."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="zerodistance-default-") as folder:
        rows = pa.concat_tables([pq.read_table(_made(Path(folder), seed)[0]) for seed in SEEDS])
        found = train.train(fields.faces({name: rows[name] for name in rows.column_names}), least=LEAST)
        path, truth = _made(Path(folder), UNSEEN)
        figures = examined(
            truth, path, answered(pq.read_table(path), found, "CN"), Path(folder) / "said.parquet"
        )
    kept = ("precision", "recall", "f1", "b3_f1")
    done = dataclasses.replace(
        found,
        trained={**found.trained, "world": WORLD, "people": PEOPLE, "seeds": list(SEEDS)},
        evaluation={
            "world": WORLD,
            "people": PEOPLE,
            "seed": UNSEEN,
            **{name: round(figures[name], 4) for name in kept},
        },
    )
    FILE.write_text(model.dumped(done) + "\n", encoding="utf-8")


def _made(folder: Path, seed: int) -> tuple[Path, Path]:
    """Return rows and truth of a city."""
    root = folder / str(seed)
    api.generate(PEOPLE, seed, WORLD, root / "city", processes=1)
    return root / "rows.parquet", persons.of_city(root / "city", root / "rows.parquet")


if __name__ == "__main__":
    main()
