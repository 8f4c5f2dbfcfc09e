"""Pairs of rows that Splink joins, for benchmarks/difficulty.py: PYTHON splink_pairs.py ROWS.parquet PAIRS.parquet stock|tuned.

Runs in the environment that `make splink` makes, where nothing of ours is. `stock` takes the library's own comparisons as they come; `tuned` has
levels that know that a name sounds like another (pinyin) or has the same surname, and that a home is an estate or road and a room, and looks for
pairs of the same sound and room as well.
"""

from __future__ import annotations

import sys
from typing import Any

_SEED = 1
_PAIRS = 1e6  # that chances of chance agreement are learned from
_LEAST = 0.5  # probability of the pairs that are kept


def main(rows_path: str, pairs_path: str, mode: str) -> None:
    """Train without labels, and write the pairs with their probability."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pypinyin import lazy_pinyin
    from splink import Linker, SettingsCreator, block_on
    from splink.backends.duckdb import DuckDBAPI

    rows = pq.read_table(rows_path)
    names = rows["name"].to_pylist()
    rows = rows.append_column(
        "sound", pa.array(["".join(lazy_pinyin(n)).lower() if n else None for n in names])
    )
    rows = rows.append_column("surname", pa.array([n[0] if n else None for n in names]))
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=_comparisons(mode),
        blocking_rules_to_generate_predictions=[
            block_on(key) for key in ("phone", "email", "member", "account", "ticket")
        ]
        + [_home(block_on, mode)],
    )
    linker = Linker(DuckDBAPI().register(rows), settings)
    linker.training.estimate_probability_two_random_records_match([block_on("phone", "name")], recall=0.4)
    linker.training.estimate_u_using_random_sampling(max_pairs=_PAIRS, seed=_SEED)
    for rule in (block_on("phone"), _home(block_on, mode), block_on("member")):
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    found = linker.inference.predict(threshold_match_probability=_LEAST).as_duckdbpyrelation()
    found.select("unique_id_l as a, unique_id_r as b, match_probability as p").write_parquet(pairs_path)


def _home(block_on: Any, mode: str) -> Any:
    return block_on("name", "address") if mode == "stock" else block_on("sound", "room")


def _comparisons(mode: str) -> list[Any]:
    import splink.comparison_level_library as levels
    import splink.comparison_library as library

    exact = [library.ExactMatch(key) for key in ("phone", "member", "account", "ticket")]
    if mode == "stock":
        address = library.JaroWinklerAtThresholds("address", [0.92, 0.8])
        return [library.NameComparison("name"), library.EmailComparison("email"), address, *exact]
    name = library.CustomComparison(
        output_column_name="name",
        comparison_levels=[
            levels.NullLevel("name"),
            levels.ExactMatchLevel("name").configure(tf_adjustment_column="name"),
            levels.ExactMatchLevel("sound"),
            levels.ExactMatchLevel("surname"),
            levels.ElseLevel(),
        ],
    )
    where = "(estate_l is null and road_l is null) or (estate_r is null and road_r is null)"
    home = library.CustomComparison(
        output_column_name="home",
        comparison_levels=[
            levels.CustomLevel(f"room_l is null or room_r is null or {where}").configure(is_null_level=True),
            levels.CustomLevel("room_l = room_r and (estate_l = estate_r or road_l = road_r)"),
            levels.CustomLevel("estate_l = estate_r or road_l = road_r"),
            levels.ElseLevel(),
        ],
    )
    return [name, library.ExactMatch("email"), home, *exact]


if __name__ == "__main__":
    main(*sys.argv[1:])
