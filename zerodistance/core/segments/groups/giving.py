"""Groups as tags: a grouping is a dimension of the tag tree, with a node for each group, whose values are given night by night."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import Layer, Values
from zerodistance.core.profiles.subjects import Earliest
from zerodistance.core.segments.groups.contracts import Grouping, Version
from zerodistance.core.segments.groups.features import Numbers
from zerodistance.core.segments.groups.kmeans import Places
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_LAYER = Layer.NEEDS  # own value: what kind of person somebody is stands beside needs and life stage
_AT_ONCE = 1 << 17  # own value: persons of a batch


def given(grouping: Grouping, version: Version, gone: Mapping[str, Text]) -> profiles.Given:
    """Return the dimension of a grouping, by the groups of a version.

    Parameters
    ----------
    gone
        Node -> name of groups of earlier versions that are no more: rules that ask for them can be read, and find nobody.
    """
    no_more = {node: Text(f"{name.zh}（已不存在）", f"{name.en} (no more)") for node, name in gone.items()}
    zh = f"{len(version.groups)} 群，第 {version.number} 版；每夜按同样的中心重新归群"
    en = f"{len(version.groups)} groups, version {version.number}; everybody is assigned anew each night by the same centres"
    labels = {group.node: group.name for group in version.groups} | no_more
    return profiles.Given(
        key=grouping.dimension,
        layer=_LAYER,
        label=grouping.name,
        meaning=Text(
            "最像哪一群：离谁的中心最近", "which group somebody is most like: whose centre is nearest"
        ),
        nodes=Values(labels=labels, closed=True, ordered=True),
        made=Text(zh, en),
        unit_id=grouping.unit,
        inferred=True,
    )


def values(here: profiles.Index, who: Numbers, places: Places, nodes: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield `subject` (int64) and `value` (string): the group of each person (ascending), under the earliest of their subjects."""
    subjects = Earliest(here).of(who)
    for start in range(0, len(who), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        coded = pa.DictionaryArray.from_arrays(pa.array(places[some].astype(np.int8)), pa.array(nodes))
        yield pa.record_batch({"subject": pa.array(subjects[some]), "value": coded.cast(pa.string())})


def give(home: Home, who: Who, dimension: profiles.Given, some: Iterator[pa.RecordBatch]) -> None:
    """Have profiles hold these groups in the place of those before."""
    profiles.give(home, who, dimension, some)
