"""In which language somebody is written to: the one that they have set themselves, else that of the country where they live."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from zerodistance.core.profiles import api as profiles

LANGUAGE = "demo.language"
"""The dimension of what people have set."""
_READ_CHINESE = frozenset(("CN", "HK", "MO", "TW"))


def of_country(country: str) -> str:
    """Return the language in which somebody who lives somewhere is written to as long as they have set none.

    Examples
    --------
    >>> of_country("HK"), of_country("DE")
    ('zh', 'en')
    """
    return "zh" if country in _READ_CHINESE else "en"


def of(index: profiles.Index, persons: npt.NDArray[np.int64], countries: Sequence[str]) -> list[str]:
    """Return `zh` or `en` for each of these persons, who live in these countries: who has set another language reads English."""
    mine = BitMap(persons.astype(np.uint32))
    chinese, other = BitMap(), BitMap()
    for node in index.nodes(LANGUAGE):
        here = index.split(("node", LANGUAGE, node)).persons & mine
        if node == "zh":
            chinese |= here
        else:
            other |= here
    return [
        "zh" if person in chinese else "en" if person in other else of_country(country)
        for person, country in zip(persons.tolist(), countries, strict=True)
    ]
