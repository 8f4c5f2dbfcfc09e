"""Whether dimensions count is measured on the people of a home."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zerodistance.core.brand import api as brand
from zerodistance.core.profiles import assay, publishing
from zerodistance.core.profiles.contracts import OWNERS, Bands, Dimension, Input
from zerodistance.core.profiles.dimensions import DIMENSIONS
from zerodistance.core.profiles.dimensions.families import STANDARD
from zerodistance.core.profiles.dimensions.readers import READERS
from zerodistance.core.profiles.dimensions.shared import LAYERS, tell
from zerodistance.core.profiles.index import Index
from zerodistance.core.profiles.parts import Part
from zerodistance.core.profiles.splits import Split
from zerodistance.core.touchpoints.kinds import KINDS
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_TEXT = Text("试", "test")
_BANDS = Bands(tuple((n, f"n{n}", _TEXT) for n in range(10)))


def _dimension(key: str, read_by: str = "N1") -> Dimension:
    return tell(f"usage.{key}", _TEXT, _TEXT, Input(), "count(*)", _BANDS, read_by)


def _index(folder: Path, people: int, codes: dict[str, np.ndarray]) -> Index:
    """Return an index in which person n is at node `codes[key][n]`; below 0 at none."""
    numbers = np.arange(1, people + 1, dtype=np.uint32)
    nodes = {
        key: {f"n{code}": Split.of_sorted(numbers[some == code]) for code in np.unique(some[some >= 0])}
        for key, some in codes.items()
    }
    part = Part(1, 1, 1, "", 1, None, Split.of_sorted(numbers), nodes)
    return publishing.publish(folder, Index(), part)


def _found(folder: Path, people: int, codes: dict[str, np.ndarray], **read_by: str) -> dict[str, str]:
    dimensions = [
        _dimension(key.partition(".")[2], read_by.get(key.partition(".")[2], "N1")) for key in codes
    ]
    return {one.key: one.why_not for one in assay.assay(_index(folder, people, codes), dimensions).dimensions}


def test_a_dimension_counts_by_two_large_nodes_something_of_its_own_and_a_reader(tmp_path: Path) -> None:
    n = np.arange(4000)
    codes = {
        "usage.months": n % 10,
        "usage.years": n % 10 // 5,  # told from the months
        "usage.other": n // 400,
        "usage.one": np.where(n < 3, 1, 0),  # one node of three: 0.1 % are four
        "usage.two": np.where(n < 4, 1, 0),
        "usage.few": np.where(n < 4, 1, -1),
        "usage.nobody": n // 7 % 4,
        "usage.stranger": n // 11 % 3,
    }
    found = _found(tmp_path, 4000, codes, nobody="", stranger="N1 X9")
    assert found == {
        "usage.months": "", "usage.years": "same", "usage.other": "", "usage.one": "small", "usage.two": "", "usage.few": "small",
        "usage.nobody": "unread", "usage.stranger": "unread",
    }  # fmt: skip


def test_of_a_home_without_persons_nothing_counts() -> None:
    some = assay.assay(Index(), DIMENSIONS)
    assert (some.persons, some.counting, some.nodes) == (0, 0, 0)


def test_many_persons_are_compared_by_some_of_them(tmp_path: Path) -> None:
    n = np.arange(3000)
    codes = {"usage.a": n % 2, "usage.b": n % 2, "usage.c": n // 2 % 2}
    dimensions = [_dimension(key[6:]) for key in codes]
    some = assay.assay(_index(tmp_path, 3000, codes), dimensions, sample=1000)
    assert (some.persons, some.sample, some.counting) == (3000, 1000, 2)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=60))
def test_likeness_is_that_of_the_table_of_both(pairs: list[tuple[int, int]]) -> None:
    one, other = (np.unique(np.array(side), return_inverse=True)[1] for side in zip(*pairs, strict=True))
    table = np.zeros((one.max() + 1, other.max() + 1))
    np.add.at(table, (one, other), 1)
    expected = np.outer(table.sum(1), table.sum(0)) / len(pairs)
    least = min(table.shape) - 1
    slow = np.sqrt(((table - expected) ** 2 / expected).sum() / len(pairs) / least) if least else 0.0
    assert assay.likeness(one, other) == pytest.approx(slow, abs=2e-3)
    assert assay.likeness(one, other) == pytest.approx(assay.likeness(other, one), abs=1e-9)


def test_the_tree_is_as_large_as_the_reference_says_and_each_dimension_is_whole() -> None:
    assert len(DIMENSIONS) >= 143
    for one in DIMENSIONS:
        assert one.read_by and set(one.read_by) <= set(READERS), one.key
        assert one.owner in OWNERS and one.purpose in ("marketing", "service", "analysis"), one.key
        assert LAYERS[one.key.partition(".")[0]] is one.layer, one.key
        kinds = [k for k in (*one.of.kinds, *one.of.without) if not k.endswith(".*")]
        assert set(kinds) <= set(KINDS), one.key
        assert one.meaning.zh != one.label.zh and one.meaning.en != one.label.en, one.key
        groups = one.nodes.groups if isinstance(one.nodes, Bands) else ()
        lows = [low for low, _, _ in groups]
        assert lows == sorted(lows) and set(lows) <= {low for low, _, _ in getattr(one.nodes, "bands", ())}, (
            one.key
        )


def test_families_are_of_the_categories_of_the_brand_that_comes_with_the_program(home: Home) -> None:
    brand.load_default(home, Who.system())
    known = brand.categories(home, Who.system())
    above = {one.parent for one in known}
    assert {key for key, _, _ in STANDARD} == {one.key for one in known if one.key not in above}
