"""What the index keeps of persons beside the tag tree."""

from __future__ import annotations

from zerodistance.core.profiles.contracts import Bands, Dimension, Input, Layer
from zerodistance.kernel.text import Text

HOUSEHOLD = Dimension(
    key="home.household",
    layer=Layer.DEMOGRAPHICS,
    label=Text("家庭编号", "Household number"),
    meaning=Text(
        "用户属于哪个家庭；只用来找同住的人", "Of which household somebody is; only to find who shares a home"
    ),
    of=Input("facts"),
    value="number(household)",
    nodes=Bands(()),
    sensitive=True,
)
"""It has no nodes and is not of the tag tree; the index keeps its numbers."""
