"""Groups as SQL: one statement that says which centre is nearest to each person. The program itself runs it over everybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

HEAD = """-- Which group each person is in: the one whose centre is nearest.
-- Key: number; grain: one row a person; unit: {scale} of x are the spread of one dimension, distance is its square.
-- Source: feature(number, {columns}), one row a person: base plus what each of their nodes adds (weights.csv)."""


def sql(centres: Mapping[str, Sequence[int]], scale: int) -> str:
    """Return the statement; its result is `number`, `node` (the group; of several as near the first) and `distance`, squared.

    All are whole numbers, so that the answer is exact in any order and by any engine.

    Examples
    --------
    >>> print(sql({"g1": (0, 5), "g2": (7, -1)}, 10_000).partition("with ")[2])
    apart as (
        select
            number,
            (x1 - 0) * (x1 - 0) + (x2 - 5) * (x2 - 5) as g1,
            (x1 - 7) * (x1 - 7) + (x2 + 1) * (x2 + 1) as g2
        from feature
    )
    select
        number,
        case least(g1, g2)
            when g1 then 'g1'
            when g2 then 'g2'
        end as node,
        least(g1, g2) as distance
    from apart
    <BLANKLINE>
    """
    each = ",\n        ".join(f"{_squared(centre)} as {node}" for node, centre in centres.items())
    named = ", ".join(centres)
    least = f"least({named})"
    cases = "\n".join(f"        when {node} then '{node}'" for node in centres)
    head = HEAD.format(scale=scale, columns=", ".join(columns(len(next(iter(centres.values()))))))
    return (
        f"{head}\nwith apart as (\n    select\n        number,\n        {each}\n    from feature\n)\n"
        f"select\n    number,\n    case {least}\n{cases}\n    end as node,\n    {least} as distance\nfrom apart\n"
    )


def columns(many: int) -> list[str]:
    """Return the names of the components: `x1`, `x2`, ..."""
    return [f"x{n}" for n in range(1, many + 1)]


def _squared(centre: Sequence[int]) -> str:
    parts = []
    for name, number in zip(columns(len(centre)), centre, strict=True):
        less = f"({name} {'+' if number < 0 else '-'} {abs(number)})"
        parts.append(f"{less} * {less}")
    return " + ".join(parts)
