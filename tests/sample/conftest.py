"""A small city that all tests of the room read."""

from __future__ import annotations

from pathlib import Path

import pytest

from zerodistance.sample import api


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("city") / "small"
    api.generate(500, 3, "base", root, processes=1)
    return root
