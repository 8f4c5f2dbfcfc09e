"""Static files, named by their content: kept in memory, gzipped once, cached by browsers for a year."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Asset:
    """One file as it is sent."""

    body: bytes
    packed: bytes
    type: str


@lru_cache(maxsize=1)
def _all() -> tuple[dict[str, str], dict[str, Asset]]:
    urls, assets = {}, {}
    for file in (files(__package__) / "static").iterdir():
        stem, _, kind = file.name.rpartition(".")
        if kind not in TYPES:
            continue
        body = file.read_bytes()
        named = f"{stem}.{hashlib.sha256(body).hexdigest()[:10]}.{kind}"
        urls[file.name] = f"/static/{named}"
        assets[named] = Asset(body, gzip.compress(body, 9, mtime=0), TYPES[kind])
    return urls, assets


def url(name: str) -> str:
    """Return the address of a static file, which changes with its content."""
    return _all()[0][name]


def find(named: str) -> Asset | None:
    """Return the file behind an address made by `url`."""
    return _all()[1].get(named)
