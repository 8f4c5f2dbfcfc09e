"""A world: the settings a city is made by, each with its origin; read strictly from the files that ship in `worlds/`."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any, get_type_hints

from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

WORLDS = ("base", "shifted")


class WorldWrong(ZeroDistanceError):
    """The settings of a world do not fit what a city needs."""

    code, status = "world_wrong", 500
    text = Text("世界 {world} 的设置 {setting}：{zh}", "world {world}, setting {setting}: {en}")


class NoWorld(ZeroDistanceError):
    """There is no world of that name."""

    code, status = "no_world", 404
    text = Text("没有世界 {world}；可用：{allowed}", "there is no world {world}; there are {allowed}")


@dataclass(frozen=True)
class City:
    """Settings of the section `city`; worlds/base.toml says what each is, its unit and its origin."""

    province: str
    city: str
    area: str
    district_codes: tuple[str, ...]
    district_names: tuple[str, ...]
    district_names_en: tuple[str, ...]
    district_lat: tuple[float, ...]
    district_lon: tuple[float, ...]
    district_share: tuple[float, ...]
    spread_km: float
    homes_median: float
    homes_sigma: float
    homes_least: float
    homes_most: float
    built_before: float


@dataclass(frozen=True)
class Household:
    """Settings of the section `household`; worlds/base.toml says what each is, its unit and its origin."""

    size: tuple[float, ...]
    move: float
    renovation: float
    old_heads: tuple[float, ...]
    young_heads: tuple[float, ...]
    tablet: float
    friends: int


@dataclass(frozen=True)
class Person:
    """Settings of the section `person`; worlds/base.toml says what each is, its unit and its origin."""

    rare_name: float
    foreign: float
    single_given: float
    temperament: tuple[float, ...]
    phone_change: float
    phone_recycled: float
    second_phone: float
    email_change: float


@dataclass(frozen=True)
class Appliance:
    """Settings of the section `appliance`; worlds/base.toml says what each is, its unit and its origin."""

    categories: tuple[str, ...]
    owned: tuple[float, ...]
    late: tuple[float, ...]
    life_shape: tuple[float, ...]
    life_years: tuple[float, ...]
    repair: float
    repair_age: float
    deteriorating: int
    repair_late: float
    early_defect: float


@dataclass(frozen=True)
class Need:
    """Settings of the section `need`; worlds/base.toml says what each is, its unit and its origin."""

    death: float
    deterioration: float
    move: float
    renovation: float
    upgrade: float
    newborn: float
    newborn_categories: tuple[str, ...]
    purchase: float
    purchase_early: float
    purchase_dead: float
    sure: float
    lost: float
    influence: float


@dataclass(frozen=True)
class Brand:
    """Settings of the section `brand`; worlds/base.toml says what each is, its unit and its origin."""

    share: float
    repeat: float
    considers: float
    considers_owner: float
    considers_lift: float
    online_first: float
    online_last: float
    connected_first: float
    connected_last: float
    stays_online: float


@dataclass(frozen=True)
class Message:
    """Settings of the section `message`; worlds/base.toml says what each is, its unit and its origin."""

    share: float
    held_out: float
    persuadable: float
    annoyed: float
    delivered: float
    opened: float
    clicked: float
    unsubscribed: float
    annoyed_unsubscribes: float


@dataclass(frozen=True)
class Silo:
    """Settings of the section `silo`; worlds/base.toml says what each is, its unit and its origin."""

    check_in: float
    redeem: float
    crm_from: str
    pos_from: str
    shop_from: str
    club_from: str
    calls_from: str
    web_from: str
    social_from: str
    devices_from: str
    telemetry_from: str
    messages_from: str
    in_crm: tuple[float, ...]
    duplicate: float
    pos_seen: float
    pos_share: tuple[float, ...]
    told: float
    visited: float
    installation_call: float
    move_call: float
    question_call: float
    satisfied: float
    cancelled: float
    returned: float
    missed: float
    wrong_reason: float
    member: float
    registers: float
    posts: float
    poster: float
    sentences: float
    post_spam: float
    post_off_topic: float
    post_competitor: float
    post_tone: tuple[float, ...]
    complaint_post: float


@dataclass(frozen=True)
class Web:
    """Settings of the section `web`; worlds/base.toml says what each is, its unit and its origin."""

    sessions_need: float
    sessions_idle: float
    events: float
    login_web: float
    login_app: float
    app_user: float
    cookie_reset: float
    heavy: float
    heavy_factor: float
    app_reset: float
    kiosk: float
    identify_phone: float
    bound: float
    bought_logged_in: float
    clicked_session: float


@dataclass(frozen=True)
class Dirt:
    """Settings of the section `dirt`; worlds/base.toml says what each is, its unit and its origin."""

    second_phone: float
    broken_date: float
    typing: float
    typing_kind: tuple[float, ...]
    digits: tuple[float, ...]
    romanised: float
    titled: float
    family_phone: float
    old_phone: float
    old_address: float
    crm_missing: tuple[float, ...]
    club_missing: tuple[float, ...]
    pos_missing: tuple[float, ...]
    shop_missing: tuple[float, ...]
    call_missing: tuple[float, ...]
    visit_missing: tuple[float, ...]
    product_missing: float
    device_missing: tuple[float, ...]
    sex_missing: tuple[float, ...]
    district_missing: float
    rough_birthday: float
    no_address: float
    dealer_phone: float
    dealers: int
    installer_phone: float
    test_value: float
    for_another: float


@dataclass(frozen=True)
class World:
    """Every setting of a city. `number` goes into the seed, so that no two worlds share their luck."""

    name: str
    version: int
    number: int
    city: City
    household: Household
    person: Person
    appliance: Appliance
    need: Need
    brand: Brand
    message: Message
    silo: Silo
    web: Web
    dirt: Dirt


def load(name: str) -> World:
    """Return a world that ships.

    Raises
    ------
    NoWorld
        None is called so.
    """
    if name not in WORLDS:
        raise NoWorld(world=name, allowed=", ".join(WORLDS))
    return parse(text_of(name))


def text_of(name: str) -> str:
    """Return the settings file of a world that ships."""
    return (resources.files(__package__) / "worlds" / f"{name}.toml").read_text(encoding="utf-8")


def parse(text: str) -> World:
    """Return the world that a settings file describes; every parameter is a table of `value` and `origin`.

    Raises
    ------
    WorldWrong
        A setting is missing, unknown, of another type, or has no origin.
    """
    given = tomllib.loads(text)
    name = str(given.get("name", "?"))
    hints = get_type_hints(World)
    parts: dict[str, Any] = {}
    _same(name, "", set(given), set(hints))
    for key, kind in hints.items():
        parts[key] = _section(name, key, kind, given[key]) if dataclasses.is_dataclass(kind) else given[key]
    return World(**parts)


def _section(world: str, section: str, kind: Any, given: dict[str, Any]) -> Any:
    hints = get_type_hints(kind)
    _same(world, f"{section}.", set(given), set(hints))
    return kind(
        **{key: _value(world, f"{section}.{key}", str(hint), given[key]) for key, hint in hints.items()}
    )


def _value(world: str, key: str, hint: str, given: dict[str, Any]) -> Any:
    if set(given) != {"value", "origin"} or not given["origin"]:
        raise WorldWrong(
            world=world, setting=key, zh="写成 { value, origin }", en="write it as { value, origin }"
        )
    value = given["value"]
    of = next(t for t in (str, int, float) if t.__name__ in hint)
    many = value if isinstance(value, list) else [value]
    if hint.startswith("tuple") != isinstance(value, list) or not all(type(one) is of for one in many):
        raise WorldWrong(world=world, setting=key, zh=f"要 {hint}", en=f"wants {hint}")
    return tuple(value) if isinstance(value, list) else value


def _same(world: str, prefix: str, given: set[str], wanted: set[str]) -> None:
    for key in sorted(given ^ wanted):
        missing = key in wanted
        raise WorldWrong(
            world=world,
            setting=prefix + key,
            zh="缺少" if missing else "没有这个设置",
            en="is missing" if missing else "is unknown",
        )
