"""Pairs of rows that Splink joins, for benchmarks/difficulty.py: PYTHON splink_pairs.py ROWS.parquet PAIRS.parquet raw|stock|febrl.

Runs in the environment that `make splink` makes, where nothing of ours is. `raw` compares the columns as they come, with the library's own
comparisons. `stock` does what Splink's guide asks for: the columns are cleaned first (names by sound, surname and given name apart, parts of addresses),
comparisons are put together from the library's own levels, with term frequencies where a value may be common, and pairs are looked for by several rules.
`febrl` is set up as its example for these sets is.
"""

from __future__ import annotations

import sys
from typing import Any

_SEED = 1
_PAIRS = 2e6  # that chances of chance agreement are learned from
_LEAST = 0.5  # probability of the pairs that are kept
_TITLES = ("先生", "女士", "小姐")
_NOBODY = ("测试", "test", "顾客", "无", *_TITLES)
_FOUND = {  # what pairs have in common that are looked at; a comma: both
    "raw": ("phone", "email", "member", "account", "ticket", "name,address"),
    "stock": (
        "phone", "email", "member", "account", "ticket", "sound,room", "sound,born", "surname,estate,building,room", "surname,road,building,room",
    ),
    "febrl": ("id_number", "given_name", "surname", "birth_date", "postcode"),
}  # fmt: skip
_LEARNED = {  # what pairs have in common that chances of agreement are learned from; a family has a phone in common, but hardly an e-mail address
    "raw": ("phone", "name,address", "member"),
    "stock": ("email", "phone,sound", "sound,born"),
    "febrl": ("birth_date", "postcode"),
}

_SURE = {  # what only one person's have in common, and of how many of their pairs
    "raw": (("phone,name",), 0.4),
    "stock": (("phone,sound",), 0.4),
    "febrl": (("id_number", "given_name,surname,birth_date"), 0.9),
}


def main(rows_path: str, pairs_path: str, mode: str) -> None:
    """Train without labels, and write the pairs with their probability."""
    import pyarrow.parquet as pq
    from splink import Linker, SettingsCreator, block_on
    from splink.backends.duckdb import DuckDBAPI

    rows = pq.read_table(rows_path)
    if mode == "stock":
        for name, column in _names(rows["name"].to_pylist()).items():
            rows = rows.append_column(name, column)
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons={"raw": _raw, "stock": _stock, "febrl": _febrl}[mode](),
        blocking_rules_to_generate_predictions=[block_on(*rule.split(",")) for rule in _FOUND[mode]],
    )
    linker = Linker(DuckDBAPI().register(rows), settings)
    sure, recall = _SURE[mode]
    rules = [block_on(*rule.split(",")) for rule in sure]
    linker.training.estimate_probability_two_random_records_match(rules, recall=recall)
    linker.training.estimate_u_using_random_sampling(max_pairs=_PAIRS, seed=_SEED)
    for rule in _LEARNED[mode]:
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*rule.split(",")))
    found = linker.inference.predict(threshold_match_probability=_LEAST).as_duckdbpyrelation()
    found.select("unique_id_l as a, unique_id_r as b, match_probability as p").write_parquet(pairs_path)


def _names(names: list[str | None]) -> dict[str, Any]:
    """Return surname, given name and both by their sound, in Latin letters, and the name as it is written if it is a whole one in characters."""
    import pyarrow as pa

    families = {_sound(name[0]) for name in names if name and not name.isascii()}
    found = [_parts(name, families) if name and name not in _NOBODY else (None, None, None) for name in names]
    table = [
        (family, given, family + given if family and given else None, written)
        for family, given, written in found
    ]
    kinds = ("surname", "given", "sound", "written")
    return {kind: pa.array([row[n] for row in table], pa.string()) for n, kind in enumerate(kinds)}


def _parts(name: str, families: set[str]) -> tuple[str, str | None, str | None]:
    """Return surname and given name by their sound, and a whole name in characters as it is written."""
    if name.isascii():
        first, *rest = name.lower().split()
        after = "".join(rest)
        turned = after in families and first not in families
        return (after, first, None) if turned else (first, after or None, None)
    whole = name[:-2] if name.endswith(_TITLES) else name
    cut = 2 if len(whole) == 4 else 1  # a surname of two characters
    given = _sound(whole[cut:])
    return _sound(whole[:cut]), given or None, whole if given else None


def _sound(text: str) -> str:
    from pypinyin import lazy_pinyin

    return "".join(lazy_pinyin(text))


def _raw() -> list[Any]:
    import splink.comparison_library as library

    exact = [library.ExactMatch(key) for key in ("phone", "member", "account", "ticket")]
    address = library.JaroWinklerAtThresholds("address", [0.92, 0.8])
    return [library.NameComparison("name"), library.EmailComparison("email"), address, *exact]


def _stock() -> list[Any]:
    import splink.comparison_level_library as levels
    import splink.comparison_library as library

    name = library.CustomComparison(
        output_column_name="name",
        comparison_levels=[
            levels.NullLevel("surname"),
            levels.ExactMatchLevel("written").configure(tf_adjustment_column="written"),
            levels.ExactMatchLevel("sound").configure(tf_adjustment_column="sound"),
            levels.LevenshteinLevel("sound", 1),
            levels.CustomLevel("surname_l = surname_r and (given_l is null or given_r is null)"),
            levels.Or(levels.ExactMatchLevel("given"), levels.ExactMatchLevel("surname")),
            levels.ElseLevel(),
        ],
    )
    where = "(estate_l = estate_r or road_l = road_r)"
    home = library.CustomComparison(
        output_column_name="home",
        comparison_levels=[
            levels.CustomLevel(
                "coalesce(estate_l, road_l) is null or coalesce(estate_r, road_r) is null"
            ).configure(is_null_level=True),
            levels.CustomLevel(f"building_l = building_r and room_l = room_r and {where}"),
            levels.CustomLevel(f"(building_l is null or building_r is null) and {where}"),
            levels.CustomLevel("building_l = building_r and room_l = room_r"),
            levels.CustomLevel(where),
            levels.ElseLevel(),
        ],
    )
    return [
        name, home,
        library.DamerauLevenshteinAtThresholds("phone", [1]).configure(term_frequency_adjustments=True),
        library.EmailComparison("email"),
        library.DateOfBirthComparison("born", input_is_string=True),
        library.ExactMatch("sex"),
        library.ExactMatch("member"), library.ExactMatch("account"),
    ]  # fmt: skip


def _febrl() -> list[Any]:
    import splink.comparison_library as library

    return [
        library.NameComparison("given_name"), library.NameComparison("surname"),
        library.DateOfBirthComparison("birth_date", input_is_string=True, datetime_format="%Y%m%d"),
        library.DamerauLevenshteinAtThresholds("id_number", [2]),
        library.ExactMatch("house_number").configure(term_frequency_adjustments=True),
        library.ExactMatch("postcode").configure(term_frequency_adjustments=True),
    ]  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
