"""What the product has to know of the brand before it reads a silo: units, categories, products, places, territories."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from zerodistance.sample import names, places
from zerodistance.sample.places import Estates
from zerodistance.sample.world import World

UNITS = (
    ("kitchen", "厨房小微", "Kitchen unit", "", ""),
    ("cooling", "制冷小微", "Cooling unit", "", "fridge freezer"),
    ("laundry", "洗护小微", "Laundry unit", "", "washer dryer"),
    ("air", "空气小微", "Air unit", "", "air_conditioner air_purifier"),
    ("water", "用水小微", "Water unit", "", "water_heater water_purifier"),
    ("cooking", "厨电小微", "Cooking unit", "kitchen", "range_hood stove dishwasher"),
    ("living", "起居小微", "Living room unit", "", "tv"),
)
CATEGORY_NAMES = {
    "fridge": ("冰箱", "Fridge"), "freezer": ("冷柜", "Freezer"), "washer": ("洗衣机", "Washing machine"),
    "dryer": ("干衣机", "Tumble dryer"), "air_conditioner": ("空调", "Air conditioner"),
    "air_purifier": ("空气净化器", "Air purifier"), "water_heater": ("热水器", "Water heater"),
    "water_purifier": ("净水器", "Water purifier"), "range_hood": ("油烟机", "Range hood"), "stove": ("燃气灶", "Gas stove"),
    "dishwasher": ("洗碗机", "Dishwasher"), "tv": ("电视", "Television"),
}  # fmt: skip
SAFE_YEARS = {
    "fridge": 10, "freezer": 10, "air_conditioner": 10, "washer": 8, "dryer": 8, "range_hood": 8, "stove": 8, "water_heater": 8,
}  # fmt: skip
"""Safe-use years of the China Household Electrical Appliances Association (2020) and GB 17905-2008: what a brand knows of lifetimes."""


def brand_files(world: World, estates: Estates) -> Iterator[tuple[str, str]]:
    """Yield name and text of each file, as `zerodistance brand import` takes them; in the order in which they are to be imported."""
    city, districts = world.city, world.city.district_codes
    named = zip(districts, city.district_names, city.district_names_en, strict=True)
    areas = [(f"D{code}", name, english) for code, name, english in named]
    units = [(key, zh, en, parent) for key, zh, en, parent, _ in UNITS]
    units += [
        (_unit_of(code), f"{zh}小微", f"{en} unit", "")
        for code, (_, zh, en) in zip(districts, areas, strict=True)
    ]
    yield "units.csv", _csv(("key", "name_zh", "name_en", "parent"), units)
    yield "categories.csv", _categories(world)
    head = ("code", "name_zh", "name_en", "category")
    yield (
        "products.csv",
        _csv(head, (tuple(row[name] for name in head) for row in names.rows("products.csv"))),
    )
    yield "places.csv", _places(world, estates, areas)
    held = [(_unit_of(code), f"D{code}") for code in districts]
    held += [
        (_unit_of(districts[int(district)]), places.code(n)) for n, district in enumerate(estates.district)
    ]
    yield "territories.csv", _csv(("unit", "place"), held)


def _unit_of(district: str) -> str:
    return f"area_{district}"


def _categories(world: World) -> str:
    of_unit = {category: key for key, _, _, _, held in UNITS for category in held.split()}
    origin = "safe-use years, CHEAA 2020 / GB 17905-2008"
    rows = (
        (
            key,
            "",
            *CATEGORY_NAMES[key],
            SAFE_YEARS.get(key, ""),
            origin if key in SAFE_YEARS else "",
            of_unit[key],
        )
        for key in world.appliance.categories
    )
    return _csv(("key", "parent", "name_zh", "name_en", "lifetime_years", "origin", "unit"), rows)


def _places(world: World, estates: Estates, areas: Sequence[tuple[str, str, str]]) -> str:
    city = world.city
    mean = float(np.dot(world.household.size, np.arange(1, len(world.household.size) + 1)))
    head = [
        (
            "CITY",
            city.city,
            "The sample city",
            "city",
            f"{city.district_lat[0]:.4f}",
            f"{city.district_lon[0]:.4f}",
            city.area,
            "",
            "",
        )
    ]
    head += [
        (code, zh, en, "district", f"{lat:.4f}", f"{lon:.4f}", area, "", "")
        for (code, zh, en), lat, lon, area in zip(
            areas, city.district_lat, city.district_lon, city.district_codes, strict=True
        )
    ]
    estates_rows = (
        (
            places.code(n),
            places.name_of(estates, n),
            f"Estate {n + 1} (made up)",
            "community",
            f"{estates.lat[n]:.6f}",
            f"{estates.lon[n]:.6f}",
            city.district_codes[int(estates.district[n])],
            places.GRADES[int(estates.grade[n])],
            max(1, round(int(estates.people[n]) / mean)),
        )
        for n in range(len(estates.people))
    )
    head_names = ("code", "name_zh", "name_en", "kind", "lat", "lon", "area", "grade", "households")
    return _csv(head_names, (*head, *estates_rows))


def _csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return out.getvalue()
