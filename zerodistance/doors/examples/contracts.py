"""What an example brand is, and the errors of holding one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text


class OtherHome(ZeroDistanceError):
    """A home that holds something else is not filled with an example."""

    code, status = "other_home", 409
    text = Text(
        "{path} 已有数据，不是示例 {example} 的目录，未作改动；用 --home 指定另一个文件夹",
        "{path} holds something else than the example {example}, nothing was changed; name another folder with --home",
    )


class NoExample(ZeroDistanceError):
    """The home holds no example, so none can be taken away."""

    code, status = "no_example", 409
    text = Text(
        "{path} 里没有示例数据；只有 `zerodistance demo` 建的目录可以一键清空",
        "{path} holds no example; only a home that `zerodistance demo` made can be emptied with one click",
    )


@dataclass(frozen=True)
class File:
    """A file of an example, and the mapping it is imported through."""

    path: Path
    mapping: str


@dataclass(frozen=True)
class Shopper:
    """Who browses the web site live: a member whom the files know.

    Attributes
    ----------
    member
        The value of `member_id`.
    account
        What the web site calls whoever is logged in: the value of `user_id`.
    looked_at
        Product, category and seconds of each page that was looked at.
    bought
        Properties of what was put into the cart.
    """

    member: str
    account: str
    looked_at: Sequence[tuple[str, str, int]]
    bought: Mapping[str, Any]


@dataclass(frozen=True)
class Example:
    """A brand to try the platform with.

    Attributes
    ----------
    settings
        The home's `zerodistance.toml`.
    brand
        Folder of `units.csv`, `categories.csv`, ...; taken in in the order of `kinds`.
    segments
        Key, name and rule of each.
    origin
        Where files, mappings, origin and licence are.
    lines
        More lines of the report: what this brand's data are known for.
    models
        Keys of the models that it is tried with, and the day to which its files go.
    sender
        Who messages come from, as each of them says; None: nobody has said it.
    """

    key: str
    name: Text
    settings: str
    brand: Path
    kinds: Sequence[str]
    files: Sequence[File]
    shopper: Shopper
    segments: Sequence[tuple[str, Text, str]]
    origin: Path
    lines: Callable[[Home, Who], Sequence[tuple[Text, str]]]
    models: Sequence[str] = ()
    until: date | None = None
    sender: Text | None = None


@dataclass(frozen=True)
class Held:
    """Which example a home holds.

    Attributes
    ----------
    key
        `city` or `retail`.
    name
        What it is called.
    people
        How many live in the sample city; 0 for a real shop.
    made_at
        Microseconds UTC.
    sources
        Keys of the touchpoints that came with it.
    person
        Public id of the person who browsed, as it was then; empty: nobody yet.
    folder
        Where the sample city lies, with its truth; empty for a real shop.
    """

    key: str
    name: Text
    people: int
    seed: int
    made_at: int
    sources: tuple[str, ...] = ()
    person: str = ""
    folder: str = ""
