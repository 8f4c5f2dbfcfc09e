"""did.sql: rows in, rows out."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pyarrow as pa

from zerodistance.core.profiles import states
from zerodistance.kernel.home import Home

EMPTY: dict[str, Any] = dict.fromkeys(states.STATES.names)


def rows_of(home: Home, **changes: Any) -> list[dict[str, Any]]:
    line = {
        **EMPTY,
        "batch": 1,
        "family": "order",
        "subject": 1,
        "day": 10,
        "kind": "order.line",
        "n": 2,
        "amount": 5,
    }
    rows = [
        line,
        {
            **line,
            "subject": 2,
            "n": 1,
            "amount": None,
            "product": "W1",
            "category": "washer",
            "place": "QD",
            "quantity": 3,
        },
        {**line, "kind": "order.returned", "subject": 3, "amount": -5},
        {**line, "day": 9},
        {**line, "day": 12},
        {**line, "batch": 2},
        {**line, "subject": 9},
    ]
    values = {
        "family": "order", "low": "order.line", "high": "order.line", "first_day": 10, "last_day": 11, "batch": 1,
        "product": None, "category": None, "place": None,
    }  # fmt: skip
    text = (files("zerodistance.core.segments") / "sql" / "did.sql").read_text()
    with home.engine.connect() as connection:
        connection.register("profile_state", pa.Table.from_pylist(rows, schema=states.STATES))
        connection.register("person_map", pa.table({"subject": [1, 2, 3], "number": [7, 7, 8]}))
        return (
            connection.sql(text, params={**values, **changes}).to_arrow_table().sort_by("number").to_pylist()
        )


def test_did_sql_adds_up_the_subjects_of_a_person_within_the_days(home: Home) -> None:
    days = {"began": 10, "ended": 10}
    assert rows_of(home) == [{"number": 7, "times": 3.0, "amount": 5.0, "quantity": 3.0, **days}]
    assert rows_of(home, first_day=0)[0]["times"] == 5.0
    assert [rows_of(home, first_day=0, last_day=12)[0][edge] for edge in days] == [9, 12]
    assert rows_of(home, batch=2)[0]["times"] == 5.0


def test_did_sql_reads_a_family_and_keeps_to_codes(home: Home) -> None:
    assert [r["number"] for r in rows_of(home, low="order.", high="order.\U0010ffff")] == [7, 8]
    for code in ({"product": "W1"}, {"category": "washer"}, {"place": "QD"}):
        assert rows_of(home, **code) == [
            {"number": 7, "times": 1.0, "amount": 0.0, "quantity": 3.0, "began": 10, "ended": 10}
        ]
    assert rows_of(home, product="W2") == []
