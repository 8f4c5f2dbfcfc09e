"""SQL expressions of mapping files: checked before anything runs, so that a mapping can compute from a row and do nothing else."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb

from zerodistance.core.touchpoints.mapping import near, wrong
from zerodistance.core.touchpoints.toml_values import MappingWrong

_CLASSES = frozenset(
    (
        "CONSTANT",
        "COLUMN_REF",
        "FUNCTION",
        "CAST",
        "TYPE",
        "CASE",
        "COMPARISON",
        "CONJUNCTION",
        "OPERATOR",
        "BETWEEN",
        "COLLATE",
    )
)
_DECIDE = frozenset(("COMPARISON", "CONJUNCTION", "BETWEEN"))
_TESTS = frozenset(
    ("OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "OPERATOR_NOT", "COMPARE_IN", "COMPARE_NOT_IN")
)
"""What gives true or false, whatever goes in."""
_CLAUSES = ("where_clause", "having", "qualify", "sample", "group_expressions", "group_sets", "modifiers")


def quoted(name: str) -> str:
    """Return a column name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """Return a text as SQL."""
    return "'" + value.replace("'", "''") + "'"


@functools.cache
def _functions() -> dict[str, str]:
    """Return what each function of the engine is: `scalar` if an import may call it."""
    with duckdb.connect(":memory:") as connection:
        rows = connection.execute(
            "select function_name, function_type, coalesce(stability, 'CONSISTENT') from duckdb_functions()"
        ).fetchall()
    found: dict[str, str] = {}
    for name, kind, stability in rows:
        fine = kind in ("scalar", "macro") and stability == "CONSISTENT"
        is_scalar = fine and found.get(name, "scalar") == "scalar"
        found[name] = "scalar" if is_scalar else "unsteady" if kind in ("scalar", "macro") else kind
    return found


def check(
    connection: duckdb.DuckDBPyConnection,
    key: str,
    expression: str,
    columns: Sequence[str],
    *,
    neighbours: bool = False,
) -> str:
    """Return an expression of a mapping as SQL over the file's columns; a text that is a column's name means that column.

    Parameters
    ----------
    neighbours
        Whether it may look at other rows through a window (`... over (...)`).

    Raises
    ------
    MappingWrong
        It can't be read, names a column that the file does not have, or does more than compute from one row.
    """
    if expression in columns:
        return quoted(expression)
    node = _tree(connection, key, expression)
    small = {c.lower() for c in columns}
    for part in _parts(node):
        kind = part["class"]
        if kind not in _CLASSES and not (neighbours and kind == "WINDOW"):
            raise wrong(
                key,
                f"{expression!r} 里不能有 {part.get('type', kind).lower()}；只能用本行的列计算",
                f"{expression!r} may not hold a {part.get('type', kind).lower()}: it computes from the columns of one row",
            )
        if kind == "COLUMN_REF":
            name = ".".join(part["column_names"])
            if len(part["column_names"]) > 1 and name.lower() in small:
                raise wrong(
                    key,
                    f'在表达式里，列 {name} 要写在双引号里："{name}"',
                    f'in an expression the column {name} is written in double quotes: "{name}"',
                )
            if name.lower() not in small:
                hint = near(name, columns)
                raise wrong(
                    key,
                    f"文件没有列 {name}；{hint.zh}。固定的文字写成 \"'{name}'\"",
                    f"the file has no column {name}; {hint.en}. A fixed text is written \"'{name}'\"",
                )
        if kind == "FUNCTION":
            _check_function(key, part["function_name"])
    return f"({expression}\n)"


def names_in(expressions: Sequence[str]) -> set[str] | None:
    """Return the columns, in lower case, that expressions of a mapping name, whether there are such or not; None if one can't be read."""
    if not expressions:
        return set()
    with duckdb.connect(":memory:") as connection:
        try:
            trees = [_tree(connection, "", expression) for expression in expressions]
        except MappingWrong:
            return None
    parts = (part for tree in trees for part in _parts(tree) if part["class"] == "COLUMN_REF")
    return {".".join(part["column_names"]).lower() for part in parts}


def columns_in(
    connection: duckdb.DuckDBPyConnection, key: str, expression: str, columns: Sequence[str]
) -> set[str]:
    """Return the columns, in lower case, whose values an expression of a mapping may carry on.

    A column that only decides, in a comparison, a test for null or the condition of a case, is not among them.
    """
    if expression in columns:
        return {expression.lower()}
    return set(_carried(_tree(connection, key, expression)))


def _carried(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for value in node:
            yield from _carried(value)
    if not isinstance(node, dict) or node.get("class") in _DECIDE or node.get("type") in _TESTS:
        return
    if node.get("class") == "COLUMN_REF":
        yield ".".join(node["column_names"]).lower()
    for name, value in node.items():
        if name != "when_expr":
            yield from _carried(value)


def _check_function(key: str, name: str) -> None:
    kind = _functions().get(name.lower())
    if kind == "scalar":
        return
    if kind is None:
        hint = near(
            name,
            [
                n
                for n, k in _functions().items()
                if k == "scalar" and n[0] == name[0].lower() and n.isidentifier()
            ],
        )
        raise wrong(key, f"没有函数 {name}；{hint.zh}", f"there is no function {name}; {hint.en}")
    if kind == "unsteady":
        raise wrong(
            key,
            f"函数 {name} 每次结果不同，而导入每次都要得到同样的行",
            f"the function {name} answers differently each time, and an import must give the same rows each time",
        )
    raise wrong(
        key,
        f"函数 {name}（{kind}）看的不止一行；只能用本行的列计算",
        f"the function {name} ({kind}) looks at more than one row; only the columns of one row may be used",
    )


def _tree(connection: duckdb.DuckDBPyConnection, key: str, expression: str) -> Any:
    rows = connection.execute("select json_serialize_sql(?)", [f"select (\n{expression}\n)"]).fetchall()
    found = json.loads(rows[0][0])
    if found["error"]:
        said = str(found.get("error_message", ""))
        raise wrong(
            key, f"{expression!r} 不是 SQL 表达式：{said}", f"{expression!r} is not an SQL expression: {said}"
        )
    node = found["statements"][0]["node"]
    alone = len(found["statements"]) == 1 and node["type"] == "SELECT_NODE" and len(node["select_list"]) == 1
    bare = alone and node["from_table"]["type"] == "EMPTY" and not any(node[clause] for clause in _CLAUSES)
    if not bare or node["cte_map"]["map"]:
        raise wrong(key, f"{expression!r} 不是单个表达式", f"{expression!r} is not one expression")
    return node["select_list"][0]


def _parts(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "class" in node:
            yield node
        for value in node.values():
            yield from _parts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _parts(value)
