"""The registry: a folder a model, a file a version, each with the hash of what it says, and one that names the champion.

`models/KEY/0001.json` and so on below the home; `models/KEY/champion.json` is replaced whole, and keeps who was champion before.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import msgspec

from zerodistance.core.models.contracts import ModelDamaged, NoChampion, NoSuchModel, Version
from zerodistance.core.models.ladder import kept
from zerodistance.core.models.ladder.kept import Model as Kept
from zerodistance.kernel import clock, fault, files
from zerodistance.kernel.home import Home

_CHAMPION = "champion.json"


def versions(home: Home, key: str) -> list[Version]:
    """Return the versions of a model, the newest first, without the models themselves."""
    paths = sorted(home.path("models", key).glob("[0-9]*.json"), reverse=True)
    return [_said(path)[0] for path in paths]


def read(home: Home, key: str, number: int) -> tuple[Version, Kept]:
    """Return a version and what it scores with.

    Raises
    ------
    NoSuchModel, ModelDamaged
        There is no such version; or its file is not what was written.
    """
    path = _path(home, key, number)
    if not path.exists():
        raise NoSuchModel(given=f"{key} {number}")
    version, data = _said(path)
    try:
        model = kept.read(data)
    except msgspec.ValidationError as error:
        raise ModelDamaged(path=path, why=str(error)) from None
    return version, model


def add(home: Home, version: Version, model: Kept) -> Version:
    """Keep a new version durably, under the next number; return it with number and fingerprint."""
    folder = home.path("models", version.model)
    folder.mkdir(parents=True, exist_ok=True)
    numbers = [int(path.stem) for path in folder.glob("[0-9]*.json")]
    data = kept.plain(model)
    given = replace(version, number=max(numbers, default=0) + 1, fingerprint=_hash(data))
    body = json.dumps({"version": asdict(given), "model": data}, ensure_ascii=False, sort_keys=True)
    _write(_path(home, version.model, given.number), body)
    return given


def champion(home: Home, key: str) -> tuple[Version, Kept]:
    """Return the version that scores; raises NoChampion."""
    said = history(home, key)
    if not said:
        raise NoChampion(model=key)
    return read(home, key, said[-1]["number"])


def history(home: Home, key: str) -> list[dict[str, Any]]:
    """Return who was champion since when, `number`, `since` (microseconds UTC) and `who`; the last is it now."""
    path = home.path("models", key, _CHAMPION)
    if not path.exists():
        return []
    found: list[dict[str, Any]] = _body(path)["history"]
    return found


def crown(home: Home, key: str, number: int, who: str) -> None:
    """Make a version the champion."""
    then = [*history(home, key), {"number": number, "since": clock.micros(), "who": who}]
    _write(home.path("models", key, _CHAMPION), json.dumps({"history": then}))


def _path(home: Home, key: str, number: int) -> Path:
    return home.path("models", key, f"{number:04d}.json")


def _hash(data: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _write(path: Path, body: str) -> None:
    text = json.dumps({"body": body, "sha256": hashlib.sha256(body.encode()).hexdigest()})
    draft = path.with_suffix(".new")
    with draft.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fault.point("models.kept")
    os.replace(draft, path)
    files.sync(path.parent)


def _body(path: Path) -> dict[str, Any]:
    try:
        outer = json.loads(path.read_text())
        body = outer["body"]
        if hashlib.sha256(body.encode()).hexdigest() != outer["sha256"]:
            raise ModelDamaged(path=path, why="the hash differs")
        found: dict[str, Any] = json.loads(body)
        return found
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ModelDamaged(path=path, why="it can't be read") from None


def _said(path: Path) -> tuple[Version, dict[str, Any]]:
    body = _body(path)
    try:
        return msgspec.convert(body["version"], Version, str_keys=True), body["model"]
    except (KeyError, msgspec.ValidationError) as error:
        raise ModelDamaged(path=path, why=str(error)) from None
