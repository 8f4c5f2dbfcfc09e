"""Putting everybody into the nearest group: the statement of `spelled`, run by the engine over a stream of persons, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from zerodistance.core.profiles import api as profiles
from zerodistance.core.segments.groups import features, spelled
from zerodistance.core.segments.groups.contracts import Model
from zerodistance.core.segments.groups.features import SCALE, Numbers
from zerodistance.core.segments.groups.kmeans import Places, Points
from zerodistance.core.segments.groups.making import space_of
from zerodistance.kernel.home import Home

_ROWS = 1 << 17  # own value: persons of a batch that comes out
NODES = pa.dictionary(pa.int8(), pa.string())


class Assigned(NamedTuple):
    """Some persons, the place of the group of each among the centres, and how far they are from its centre, in spreads of one dimension."""

    who: Numbers
    places: Places
    distances: Points


def feature(here: profiles.Index, model: Model, who: Numbers) -> pa.RecordBatchReader:
    """Return where persons stand as Arrow: `number` (int64) and `x1`, `x2`, ... (int64), one row a person."""
    names = spelled.columns(len(model.base))
    schema = pa.schema([("number", pa.int64()), *((name, pa.int64()) for name in names)])

    def batches() -> Iterator[pa.RecordBatch]:
        for some, block in features.points(here, who, space_of(model)):
            arrays = [
                pa.array(some.astype(np.int64)),
                *(pa.array(block[:, n]) for n in range(block.shape[1])),
            ]
            yield pa.record_batch(arrays, schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def statement(model: Model) -> str:
    """Return the SQL of a model."""
    return spelled.sql(model.centres, SCALE)


def assigned(home: Home, here: profiles.Index, model: Model, who: Numbers) -> Iterator[Assigned]:
    """Yield the group of each of these persons (ascending), in no order of blocks."""
    place = pa.array(list(model.centres))
    with home.engine.connect() as connection:
        connection.register("feature", feature(here, model, who))
        for batch in connection.sql(statement(model)).to_arrow_reader(_ROWS):
            numbers = batch.column("number").to_numpy().astype(np.uint32)
            places = pa.compute.index_in(batch.column("node"), place).to_numpy().astype(np.intp)
            apart = batch.column("distance").cast(pa.int64()).to_numpy()
            yield Assigned(numbers, places, np.sqrt(apart) / SCALE)
