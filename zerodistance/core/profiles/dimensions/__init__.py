"""The dimensions of the tag tree, layer by layer: data, not code."""

from __future__ import annotations

from zerodistance.core.profiles.contracts import Dimension
from zerodistance.core.profiles.dimensions.about import DEMOGRAPHICS, GEOGRAPHY, INTERESTS
from zerodistance.core.profiles.dimensions.use import BRAND, USAGE
from zerodistance.core.profiles.dimensions.worth import NEEDS, VALUE

DIMENSIONS: tuple[Dimension, ...] = (*GEOGRAPHY, *DEMOGRAPHICS, *INTERESTS, *USAGE, *BRAND, *VALUE, *NEEDS)
"""Every dimension that is shipped, in the order pages show them."""
