"""The weights of the matcher that there are: those that ship, and those that this home has learned, sealed in its state."""

from __future__ import annotations

import json

from sqlalchemy import Connection, select

from zerodistance.core.identity.matching.model import Model, NotAModel, default, loaded
from zerodistance.core.identity.rules import SHIPPED
from zerodistance.core.identity.ruling import versions
from zerodistance.core.identity.ruling.contracts import Learned, ModelTooOld, NoSuchModel
from zerodistance.core.identity.ruling.store import identity_model, where_model
from zerodistance.kernel import bulk
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.seal import Seal


def of_name(seal: Seal, tx: Connection, name: str) -> Model:
    """Return weights by their name.

    Raises
    ------
    NoSuchModel, ModelTooOld
        There are none of that name, or another version learned them.
    """
    if name == SHIPPED:
        return default()
    sealed = bulk.value(tx, "select sealed from identity_model where name = ?", (name,))
    if sealed is None:
        there = [row[0] for row in bulk.rows(tx, "select name from identity_model order by at desc")]
        raise NoSuchModel(given=name, allowed=", ".join([SHIPPED, *there]))
    try:
        return loaded(seal.open(sealed, where_model(name)).decode())
    except NotAModel as error:
        raise ModelTooOld(given=name, why=str(error)) from error


def models(home: Home, who: Who) -> tuple[Learned, ...]:
    """Return the weights there are, the newest first; those that ship stand last."""
    who.need(Permission.OPERATE)
    t = identity_model.c
    with home.state.read() as tx:
        used = versions.in_force(tx)[1].model
        rows = tx.execute(select(t.name, t.at, t.who, t.faces, t.about).order_by(t.at.desc())).all()
    shipped = default()
    return (
        *(Learned(r.name, r.at, r.who, r.faces, r.name == used, json.loads(r.about)) for r in rows),
        Learned(
            SHIPPED,
            None,
            "",
            shipped.records,
            used == SHIPPED,
            {"trained": dict(shipped.trained), "evaluation": dict(shipped.evaluation)},
        ),
    )
