"""The dimensions of the tag tree, layer by layer: data, not code."""

from __future__ import annotations

from zerodistance.core.profiles.contracts import Dimension, Layer
from zerodistance.core.profiles.dimensions.about import DEMOGRAPHICS, GEOGRAPHY, INTERESTS
from zerodistance.core.profiles.dimensions.buying import BRANDS
from zerodistance.core.profiles.dimensions.families import FAMILIES
from zerodistance.core.profiles.dimensions.living import LIVING
from zerodistance.core.profiles.dimensions.looking import LOOKING
from zerodistance.core.profiles.dimensions.needing import NEEDING
from zerodistance.core.profiles.dimensions.paying import WORTH
from zerodistance.core.profiles.dimensions.serving import SERVICE
from zerodistance.core.profiles.dimensions.unseen import HOUSEHOLD
from zerodistance.core.profiles.dimensions.use import BRAND, USAGE
from zerodistance.core.profiles.dimensions.using import APPLIANCES, TOUCH
from zerodistance.core.profiles.dimensions.worth import NEEDS, VALUE

_ALL = (
    *GEOGRAPHY, *DEMOGRAPHICS, *LIVING, *INTERESTS, *LOOKING, *USAGE, *TOUCH, *SERVICE, *APPLIANCES, *BRAND, *BRANDS, *VALUE, *WORTH,
    *NEEDS, *NEEDING, *FAMILIES,
)  # fmt: skip
DIMENSIONS: tuple[Dimension, ...] = tuple(one for layer in Layer for one in _ALL if one.layer is layer)
"""Every dimension that is shipped, in the order pages show them."""
INDEXED: tuple[Dimension, ...] = (*DIMENSIONS, HOUSEHOLD)
"""What the tag index is made of: those, and what it keeps beside them."""
