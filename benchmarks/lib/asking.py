"""Questions to the tag index of a made town: as rules of the product, and as SQL over a long table of the same tags."""

from __future__ import annotations

from benchmarks.lib.placed import MIDDLE, Placed
from benchmarks.lib.tagged import NUMERIC, Town

SOME = range(1, 11)  # the ten largest nodes


def _has(town: Town, rank: int) -> str:
    dimension, node = town.name(rank)
    return f'Has("{dimension}", node="{node}")'


def rules(town: Town) -> dict[str, str]:
    """Return the questions, by name."""
    n = {rank: _has(town, rank) for rank in range(1, 201)}
    near = f"Near(lat={MIDDLE[0]}, lon={MIDDLE[1]}, km=5)"
    return {
        "and": f"AllOf({n[1]}, {n[2]})",
        "or": f"AnyOf({n[1]}, {n[2]})",
        "not": f"AllOf({n[1]}, NoneOf({n[2]}))",
        "five": f"AllOf({n[1]}, {n[2]}, NoneOf({n[3]}, {n[4]}, {n[5]}))",
        "three_of_ten": f"SomeOf(3, {', '.join(n[rank] for rank in SOME)})",
        "inner": f'Has("{town.name(1)[0]}")',
        "range": f'Has("{NUMERIC}", at_least=200, at_most=400)',
        "union_100": f"AnyOf({', '.join(n[rank] for rank in range(101, 201))})",
        "within_5km": near,
        "within_5km_tag": f"AllOf({near}, {n[1]})",
        "within_5km_small": f"AllOf({near}, {n[200]})",
    }


def places(town: Town) -> dict[str, str]:
    """Return the questions about place as SQL over `home(person, community)`, which lies in the order of communities; which they are is said beforehand.

    What `communities` counts are the persons of all thirty together, since an answer is one number here.
    """
    placed = Placed(town.people)
    area, near = (", ".join(map(str, some.tolist())) for some in (placed.around(5), placed.nearest(30)))
    living = f"select person from home where community in ({area})"
    return {
        "within_5km": f"select count(*) from home where community in ({area})",
        **{
            f"within_5km_{name}": f"select count(*) from ({living}) h where h.person in (select person from tag where node = {rank})"
            for name, rank in (("tag", 1), ("small", 200))
        },
        "communities": f"select sum(n) from (select community, count(*) as n from home where community in ({near}) group by community) c",
    }


def _inner(town: Town) -> str:
    """Return the ranks of the nodes that stand under the inner node that is asked for."""
    dimension = town.name(1)[0]
    return ", ".join(str(rank) for rank in range(1, town.nodes + 1) if town.name(rank)[0] == dimension)


def bitmap_queries(town: Town) -> dict[str, str]:
    """Return the questions for ClickHouse, which has bitmaps: `node(node, who)` has a state of groupBitmap for each node.

    At least three of ten it can't ask of bitmaps: that goes to the long table.
    """

    def of(ranks: str) -> str:
        return f"(select groupBitmapMergeState(who) from b.node where node in ({ranks}))"

    return {
        "and": f"select bitmapAndCardinality({of('1')}, {of('2')})",
        "or": f"select bitmapOrCardinality({of('1')}, {of('2')})",
        "not": f"select bitmapAndnotCardinality({of('1')}, {of('2')})",
        "five": f"select bitmapAndnotCardinality(bitmapAnd({of('1')}, {of('2')}), {of('3, 4, 5')})",
        "three_of_ten": "select count() from (select person from b.tag where node between 1 and 10 group by person having count() >= 3)",
        "inner": f"select groupBitmapMerge(who) from b.node where node in ({_inner(town)})",
        "range": "select count() from b.number where value between 200 and 400",
        "union_100": "select groupBitmapMerge(who) from b.node where node between 101 and 200",
    }


def queries(town: Town) -> dict[str, str]:
    """Return the same questions as SQL over `tag(node, person)`, of which a pair stands there once, and `number(person, value)`."""

    def at(ranks: str) -> str:
        return f"(select person from tag where node in ({ranks}))"

    return {
        "and": f"select count(*) from {at('1')} semi join {at('2')} using (person)",
        "or": "select count(distinct person) from tag where node in (1, 2)",
        "not": f"select count(*) from {at('1')} anti join {at('2')} using (person)",
        "five": f"select count(*) from {at('1')} semi join {at('2')} using (person) anti join {at('3, 4, 5')} using (person)",
        "three_of_ten": "select count(*) from (select person from tag where node between 1 and 10 group by person having count(*) >= 3)",
        "inner": f"select count(distinct person) from tag where node in ({_inner(town)})",
        "range": "select count(*) from number where value between 200 and 400",
        "union_100": "select count(distinct person) from tag where node between 101 and 200",
    }
