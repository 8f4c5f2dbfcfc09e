"""The category of a touch that names only its product: what the brand says the product is."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from zerodistance.core.brand import api as brand
from zerodistance.kernel.home import Home


def filled(home: Home, touches: pa.Table) -> pa.Table:
    """Return touches with `category` filled in where a row names a product of the brand and no category.

    The brand's products are those that hold now; touches that are in the log already stay as they are.
    """
    product, category = (touches[name].combine_chunks().cast(pa.string()) for name in ("product", "category"))
    bare = pc.and_(pc.is_null(category), pc.is_valid(product))
    codes = pc.unique(product.filter(bare))
    known = brand.resolve_categories(home, codes.to_pylist()) if len(codes) else {}
    if not known:
        return touches
    place = pc.index_in(product, pa.array(list(known), pa.string()))
    found = pc.take(pa.array(list(known.values()), pa.string()), place)
    at = touches.schema.get_field_index("category")
    whole = pc.coalesce(category, found).cast(touches.schema.field(at).type)
    return touches.set_column(at, touches.schema.field(at), whole)
