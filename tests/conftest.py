"""Fixtures that every test may use."""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import zerodistance.apps
import zerodistance.connectors
import zerodistance.core
from tests import postgres
from tests.prepared import Prepared
from zerodistance.kernel import home as homes
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.settings import load
from zerodistance.kernel.state import metadata


def _declare_tables() -> None:
    for floor in (zerodistance.core, zerodistance.connectors, zerodistance.apps):
        for found in pkgutil.walk_packages(floor.__path__, f"{floor.__name__}."):
            if found.name.endswith(".store"):
                importlib.import_module(found.name)


EXAMPLES = (
    15
    if os.environ.get("ZERODISTANCE_TEST_STATE")
    else 100
    if os.environ.get("ZERODISTANCE_TEST_SLOW") == "1"
    else 50
)
"""Of a law that names no number; `make test-full` looks at more, and on another state store it is the store that is looked at."""
# A shared machine may stop for a second anywhere: laws are about results, not about time.
settings.register_profile(
    "calm",
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("calm")


def pytest_configure(config: pytest.Config) -> None:
    """Prepare what new homes begin with; with `ZERODISTANCE_TEST_STATE=postgres` a database instead of a file."""
    if os.environ.get("ZERODISTANCE_TEST_STATE") == "postgres":
        config.stash[ALL_HOMES] = postgres.Homes(postgres.Server())
        config.stash[ALL_HOMES].take_over()
    else:
        config.stash[PREPARED] = Prepared()
        config.stash[PREPARED].take_over()


LONGEST = (
    "tests/crash/test_trouble.py",
    "tests/doors/test_pages.py",
    "tests/crash/test_kill.py",
    "tests/doors/test_bad_input.py",
    "tests/doors/test_described.py",
    "tests/crash/test_seldom.py",
    "tests/doors/test_demo.py",
    "tests/doors/test_several_doors.py",
    "tests/doors/test_serving.py",
    "tests/doors/backups/test_backup.py",
    "tests/crash/test_feeds.py",
    "tests/crash/test_undo.py",
    "tests/core/touchpoints/test_undo.py",
    "tests/core/touchpoints/test_forget.py",
    "tests/doors/test_moving.py",
    "tests/core/profiles/test_keeper.py",
    "tests/core/segments/test_answers.py",
    "tests/crash/test_drill.py",
)
"""Files that take ten seconds and more, each of which runs in one process: were one of them the last, the other process would wait."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest files run first; `--no-loadscope-reorder` keeps several processes from sorting them otherwise."""
    places = {path: place for place, path in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.location[0], len(places)))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the server, or the file."""
    if ALL_HOMES in config.stash:
        config.stash[ALL_HOMES].server.remove()
    if PREPARED in config.stash:
        config.stash[PREPARED].remove()


ALL_HOMES = pytest.StashKey[postgres.Homes]()
PREPARED = pytest.StashKey[Prepared]()


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest) -> Iterator[postgres.Homes]:
    """A maker of databases with all tables, on a server of the tests' own."""
    if ALL_HOMES in request.config.stash:
        yield request.config.stash[ALL_HOMES]
        return
    server = postgres.Server()
    yield postgres.Homes(server)
    server.remove()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A fresh, empty home."""
    _declare_tables()
    made = homes.create_home(load(home=tmp_path / "home"))
    metadata.create_all(made.state.engine)
    yield made
    made.close()


@pytest.fixture
def admin() -> Who:
    """An account that may do everything."""
    return Who(1, "admin", Role.ADMIN)


@pytest.fixture
def analyst() -> Who:
    """An account that may look and make segments."""
    return Who(2, "analyst", Role.ANALYST)
