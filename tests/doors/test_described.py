"""The API as OpenAPI 3.1, and everything that a generator of bad requests makes of it."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import threading
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from annotated_types import Le
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo
from starlette.testclient import TestClient

import zerodistance.compose as compose
from tests import needs
from tests.doors import full, known, routed
from tests.doors.conftest import Visitor
from tests.doors.test_serving import Served, run
from tests.patience import PATIENCE
from zerodistance.core.segments import api, contracts
from zerodistance.core.segments.contracts import AllOf
from zerodistance.core.touchpoints import routes
from zerodistance.doors.portal import sessions
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text


def _said(home: Home) -> dict[str, dict[str, dict[str, object]]]:
    with TestClient(compose.door(home)) as client:
        said: dict[str, dict[str, dict[str, object]]] = client.get("/v1/openapi.json").json()
        return said


def test_every_path_of_collection_is_described_with_its_methods(home: Home) -> None:
    paths = _said(home)["paths"]
    for path, route in routes.table():
        assert [method.lower() for method in route.methods if method != "HEAD"] == list(paths[path]), path


def test_rooms_and_probes_are_described_and_no_name_of_an_operation_twice(home: Home) -> None:
    paths = _said(home)["paths"]
    assert {"/v1/persons/lookup", "/v1/segments/count", "/healthz", "/readyz", "/metrics"} <= set(paths)
    names = [operation["operationId"] for item in paths.values() for operation in item.values()]
    assert len(names) == len(set(names))


def test_every_shape_that_is_named_is_there(home: Home) -> None:
    said = _said(home)
    text = json.dumps(said)
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named <= set(said["components"]["schemas"])


def test_the_api_asks_who_before_it_asks_whence_and_names_every_method(home: Home) -> None:
    with TestClient(compose.door(home)) as client:
        assert client.post("/v1/segments/count", json={"rule": "x"}).status_code == 401
        refused = client.put("/v1/segments")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, POST")


def test_every_whole_number_in_an_address_has_bounds_that_the_stores_can_hold(home: Home) -> None:
    """A number of more than 64 bits once ended in the state store."""
    asked = [
        (route.path, field)
        for route in routed.everything(home)
        if hasattr(route, "dependant")
        for field in (*route.dependant.path_params, *route.dependant.query_params)
        if int in {field.field_info.annotation, *typing.get_args(field.field_info.annotation)}
    ]
    assert len(asked) > 60
    assert [(path, f.name) for path, f in asked if not _bounded(f.field_info)] == []


def test_no_segment_is_called_like_an_address_of_another_page(home: Home, admin: Who) -> None:
    """A segment `exact` once could not be read over HTTP."""
    paths = [route.path or "" for route in routed.everything(home)]
    found = {name[1] for path in paths if (name := re.match(r"(?:/v1)?/segments/([a-z]+)", path))}
    assert found >= {"new", "count", "released", "exact", "overlap"}
    assert found <= contracts.TAKEN
    for key in sorted(found):
        with pytest.raises(Invalid, match="stand for something else"):
            api.create(home, admin, key, Text("", ""), AllOf(()))


def _bounded(info: FieldInfo) -> bool:
    """Say whether a bound stands at the parameter, or inside `int | None`."""
    said = TypeAdapter(info.annotation).json_schema()
    inside = any("maximum" in kind for kind in (said, *said.get("anyOf", ())))
    return inside or any(isinstance(rule, Le) for rule in info.metadata)


@pytest.mark.parametrize(
    "path", ["/v1/segments/x?version={n}", "/imports/{n}", "/quarantine/rows/{n}", "/?days={n}"]
)
@pytest.mark.parametrize("number", [2**63, -(2**70), 10**400], ids=["large", "below", "endless"])
def test_a_number_that_no_store_can_hold_is_refused_and_breaks_nothing(
    boss: Visitor, path: str, number: int
) -> None:
    assert boss.get(path.format(n=number)).status_code in (400, 404, 422)


LATER = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,"
    "missing_required_header,unsupported_method,use_after_free,ensure_resource_availability,ignored_auth"
)
"""Not `positive_data_acceptance`: a rule or an identifier has a grammar that JSON Schema can't say. Nor that a wrong event is refused: it is
answered 200, kept, and stands in the quarantine with its reason."""
AT_ONCE = f"{LATER},negative_data_rejection"


SHORT = "4"
FUZZ = os.environ.get("ZERODISTANCE_FUZZ", SHORT)
"""Examples of each operation; a long run takes a hundred and more."""
STAYS = """[[operations]]
include-path = "/v1/outreach/channels/{name}"
checks.use_after_free.enabled = false
"""
"""What DELETE takes away is the description of a channel: there are always the same four."""


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """Serve a home; its address."""
    program = Served(home)
    assert program.process.stderr is not None
    threading.Thread(
        target=program.process.stderr.readlines, daemon=True
    ).start()  # so that it never waits for a reader
    try:
        yield program.address
    finally:
        program.process.terminate()
        program.process.wait(PATIENCE)


def finds_nothing(folder: Path, *words: str, many: str = FUZZ) -> None:
    """Let the generator look for requests that are answered as they should not be."""
    (folder / "schemathesis.toml").write_text(STAYS)
    command = [needs.fuzzer(), "run", *words, "--max-examples", many, "--continue-on-failure"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


@pytest.mark.fuzz
@pytest.mark.slow
@pytest.mark.parametrize(
    ("which", "checks", "key"),
    [("--include-tag", LATER, 0), ("--exclude-tag", AT_ONCE, 1)],
    ids=["collection", "rooms"],
)
def test_schemathesis_finds_nothing_in_a_full_run(tmp_path: Path, which: str, checks: str, key: int) -> None:
    home = tmp_path / "home"
    assert run(home, "init").returncode == 0
    source = json.loads(run(home, "sources", "create", "web", "--kind", "server", "--json").stdout)
    basic = base64.b64encode(f"{source['write_key']}:".encode()).decode()
    bearer = run(home, "accounts", "key", "fuzz", "--role", "admin").stdout.split()[-1]
    who = f"Authorization: {(f'Basic {basic}', f'Bearer {bearer}')[key]}"
    with serving(home) as address:
        url = f"{address}/v1/openapi.json"
        finds_nothing(tmp_path, url, which, "collection", "--checks", checks, "--header", who)


@pytest.mark.fuzz
@pytest.mark.slow
def test_schemathesis_finds_nothing_in_a_home_that_is_full(home: Home, tmp_path: Path) -> None:
    """Half of the names that it says are ones that the home has. Hand-picked borders of each field are asked in the empty home, and in long runs."""
    full.fill(home, tmp_path)
    bearer = {"Authorization": f"Bearer {sessions.create_key(home, Who.system(), 'fuzz', Role.ADMIN)}"}
    with TestClient(compose.door(home), headers=bearer) as client:
        names = known.names_of(lambda method, path, body: client.request(method, path, json=body).json())
        said = known.taught(client.get("/v1/openapi.json").json(), names)
    (tmp_path / "taught.json").write_text(json.dumps(said))
    home.close()
    many, phases = ("3", "fuzzing") if FUZZ == SHORT else (FUZZ, "examples,coverage,fuzzing,stateful")
    with serving(home.root) as address:
        words = ["--exclude-tag", "collection", "--checks", AT_ONCE, "--phases", phases, "--url", address]
        who = ["--header", f"Authorization: {bearer['Authorization']}"]
        finds_nothing(tmp_path, "taught.json", *words, *who, many=many)
