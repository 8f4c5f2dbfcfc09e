"""What the demo shows has a name in both languages, and says of the shop what its books say."""

from __future__ import annotations

import re
import tomllib

from zerodistance.core.brand import api as brand
from zerodistance.doors import demo
from zerodistance.doors.examples.retail import SETTINGS, retail
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

MAPPING = retail().files[0].mapping


def test_every_category_and_country_of_the_shop_has_a_name_in_both_languages(home: Home, admin: Who) -> None:
    demo._brand(home, retail())
    demo._brand(home, retail())
    columns = tomllib.loads(MAPPING)["columns"]
    categories = {c.key: c.name for c in brand.categories(home, admin)}
    assert set(categories) == set(re.findall(r"(?:then|else) '(\w+)'", columns["category"]))
    places = {p.code: p.name for p in brand.places(home, admin)}
    assert set(places) == set(re.findall(r": '([A-Z]{2})'", columns["place"]))
    for name in (*categories.values(), *places.values()):
        assert re.search("[一-鿿]", name.zh)
        assert re.fullmatch(r"[A-Z][\w ]+", name.en)


def test_the_shop_of_the_demo_keeps_london_time_and_pounds() -> None:
    settings = tomllib.loads(SETTINGS)
    assert (settings["zone"], settings["currency"]) == ("Europe/London", "GBP")
