"""What Splink learns of equal values, for benchmarks/identity.py: PYTHON splink_levels.py FACES.parquet LEVELS.parquet.

Runs in the environment that `make splink` makes. LEVELS gets `part`, `same` and `other`: the chance that a value is equal between records of one person,
and between strangers, learned without labels.
"""

from __future__ import annotations

import sys

PARTS = ("surname", "given", "born", "id_number", "street", "house", "locality", "postcode")
_SEED, _PAIRS = 1, 1e6
_LEARNED = ("born", "postcode")  # each is learned from pairs that have the other in common


def main(faces_path: str, levels_path: str) -> None:
    """Train without labels on equal or not, and write the chances."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    import splink.comparison_library as library
    from splink import Linker, SettingsCreator, block_on
    from splink.backends.duckdb import DuckDBAPI

    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[library.ExactMatch(part) for part in PARTS],
        blocking_rules_to_generate_predictions=[block_on(part) for part in _LEARNED],
    )
    linker = Linker(DuckDBAPI().register(pq.read_table(faces_path)), settings)
    training = linker.training
    training.estimate_probability_two_random_records_match([block_on("id_number")], recall=0.8)
    training.estimate_u_using_random_sampling(max_pairs=_PAIRS, seed=_SEED)
    for part in _LEARNED:
        training.estimate_parameters_using_expectation_maximisation(block_on(part))
    found = linker.misc.save_model_to_json()
    levels = [
        next(level for level in one["comparison_levels"] if "m_probability" in level)
        for one in found["comparisons"]
    ]
    table = {
        "part": list(PARTS),
        "same": [level["m_probability"] for level in levels],
        "other": [level["u_probability"] for level in levels],
    }
    pq.write_table(pa.table(table), levels_path)


if __name__ == "__main__":
    main(*sys.argv[1:])
