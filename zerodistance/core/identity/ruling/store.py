"""Tables of rules, epochs and learned weights in the state store. Private to the room. Times are microseconds UTC; nobody is named in them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table, Text

from zerodistance.kernel.state import Number, metadata

identity_rules = Table(
    "identity_rules",
    metadata,
    Column("version", Number, primary_key=True, autoincrement=True),  # 0, which has no row: as shipped
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("changes", Text, nullable=False),  # JSON: rules that are not as shipped, see changes.dumped
    Column("undone_at", BigInteger),  # null: it holds, unless a later one does
    Column("undone_by", Text),
    sqlite_autoincrement=True,
)

identity_epoch = Table(
    "identity_epoch",
    metadata,
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("rules", BigInteger, nullable=False),  # version that it was computed with
    Column("reason", Text, nullable=False),  # rebuild, rules, undo (of an import)
    Column("merged", BigInteger, nullable=False),
    Column("split", BigInteger, nullable=False),
    Column("moved", BigInteger, nullable=False),
)

identity_model = Table(
    "identity_model",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("faces", BigInteger, nullable=False),  # ways of writing somebody that it was learned from
    Column("about", Text, nullable=False),  # JSON: how it was trained, and what it reaches
    Column("sealed", LargeBinary, nullable=False),  # the weights as JSON: they know how frequent names are
)


def where_model(name: str) -> bytes:
    """Return the place that weights are sealed for."""
    return f"model/{name}".encode()
