"""Questions to the tag index of a made town: as rules of the product, and as SQL over a long table of the same tags."""

from __future__ import annotations

from benchmarks.lib.tagged import NUMERIC, Town

SOME = range(1, 11)  # the ten largest nodes


def _has(town: Town, rank: int) -> str:
    dimension, node = town.name(rank)
    return f'Has("{dimension}", node="{node}")'


def rules(town: Town) -> dict[str, str]:
    """Return the questions, by name."""
    n = {rank: _has(town, rank) for rank in range(1, 201)}
    return {
        "and": f"AllOf({n[1]}, {n[2]})",
        "or": f"AnyOf({n[1]}, {n[2]})",
        "not": f"AllOf({n[1]}, NoneOf({n[2]}))",
        "five": f"AllOf({n[1]}, {n[2]}, NoneOf({n[3]}, {n[4]}, {n[5]}))",
        "three_of_ten": f"SomeOf(3, {', '.join(n[rank] for rank in SOME)})",
        "inner": f'Has("{town.name(1)[0]}")',
        "range": f'Has("{NUMERIC}", at_least=200, at_most=400)',
        "union_100": f"AnyOf({', '.join(n[rank] for rank in range(101, 201))})",
    }


def queries(town: Town) -> dict[str, str]:
    """Return the same questions as SQL over `tag(node, person)`, of which a pair stands there once, and `number(person, value)`."""

    def at(rank: int) -> str:
        return f"select person from tag where node = {rank}"

    inner = [rank for rank in range(1, town.nodes + 1) if town.name(rank)[0] == town.name(1)[0]]
    listed = ", ".join(map(str, inner))
    return {
        "and": f"select count(*) from ({at(1)} intersect {at(2)})",
        "or": "select count(distinct person) from tag where node in (1, 2)",
        "not": f"select count(*) from ({at(1)} except {at(2)})",
        "five": f"select count(*) from ({at(1)} intersect {at(2)} except ({at(3)} union {at(4)} union {at(5)}))",
        "three_of_ten": "select count(*) from (select person from tag where node between 1 and 10 group by person having count(*) >= 3)",
        "inner": f"select count(distinct person) from tag where node in ({listed})",
        "range": "select count(*) from number where value between 200 and 400",
        "union_100": "select count(distinct person) from tag where node between 101 and 200",
    }
