"""What machines ask the door: alive, ready, measures; who may, and that the figures are those of what happened."""

from __future__ import annotations

import json
import sqlite3

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as older

from tests.doors import world
from tests.doors.operations.conftest import Machine
from tests.patience import until
from zerodistance import compose
from zerodistance.core.touchpoints import sources
from zerodistance.doors.operations import disk
from zerodistance.doors.operations.metrics import METRICS
from zerodistance.doors.portal import sessions
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.jobs import Jobs
from zerodistance.kernel.locks import worker_lock

MODERN = {"Accept": "application/openmetrics-text; version=1.0.0"}


def set_to(home: Home, **values: object) -> None:
    object.__setattr__(home, "settings", home.settings.model_copy(update=values))


def measures(machine: Machine) -> dict[tuple[str, tuple[str, ...]], float]:
    answer = machine.get("/metrics", **MODERN)
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.text)
    return {
        (s.name.removeprefix("zerodistance_"), tuple(s.labels.values())): s.value
        for f in families
        for s in f.samples
    }


def send(machine: Machine, key: str, *events: dict[str, object]) -> int:
    source = sources.get_source(machine.home, Who.system(), key)
    body = json.dumps({"batch": list(events)})
    return int(machine.client.post("/v1/batch", content=body, auth=(source.write_key, "")).status_code)


def test_alive_says_nothing_but_that(machine: Machine) -> None:
    answer = machine.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_are_read_only_and_answer_head(machine: Machine, path: str) -> None:
    assert machine.client.post(path).status_code == 405
    head = machine.client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["cache-control"] == "no-store"


def test_a_door_without_a_worker_is_ready_and_says_that_digestion_is_down(machine: Machine) -> None:
    said = machine.get("/readyz").json()
    assert (said["status"], said["reason"]) == ("ready", None)
    assert said["digestion"] == {"status": "down", "worker": "not_running", "lag_seconds": 0.0}


def test_digestion_that_runs_and_is_behind_is_late_but_the_door_is_ready(machine: Machine) -> None:
    set_to(machine.home, alert_lag_seconds=0)
    assert send(machine, "web", {"type": "track", "event": "x", "anonymousId": "a"}) == 200
    with worker_lock(machine.home.lock_path):
        answer = machine.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["digestion"]["status"] == "late"
    assert answer.json()["digestion"]["lag_seconds"] > 0


@pytest.mark.parametrize(
    ("bound", "code"), [("_min_free_bytes", "disk_short"), ("_max_bytes", "journal_full")]
)
def test_a_door_that_would_answer_429_is_not_ready(machine: Machine, bound: str, code: str) -> None:
    writer = machine.collector.writer
    setattr(writer, bound, 1 << 62 if bound == "_min_free_bytes" else -1)
    writer._looked_at = 0.0
    until(lambda: machine.get("/readyz").status_code != 200)
    answer = machine.get("/readyz")
    assert (answer.status_code, answer.json()["reason"]) == (503, code)
    assert answer.headers["retry-after"] == "5"
    assert ("door_ready", ()) in measures(machine)


def test_a_door_whose_memory_is_full_is_not_ready(machine: Machine) -> None:
    machine.collector.inflight = machine.home.settings.max_inflight_bytes
    assert machine.get("/readyz").json()["reason"] == "busy"
    machine.collector.inflight = 0
    assert machine.get("/readyz").status_code == 200


def test_a_journal_that_can_not_be_written_makes_the_door_unready_until_it_can_again(
    machine: Machine,
) -> None:
    other = sqlite3.connect(machine.home.path("journal.db"), isolation_level=None)
    writer = machine.collector.writer
    writer.failing = True
    other.execute("begin immediate")  # the writer's own probe waits for this and then succeeds
    assert (machine.get("/readyz").status_code, machine.get("/readyz").json()["reason"]) == (
        503,
        "journal_failed",
    )
    other.execute("rollback")
    other.close()
    until(lambda: machine.get("/readyz").status_code == 200)
    assert not writer.failing


def test_a_group_that_fails_is_noted_and_a_probe_that_can_not_write_says_so(machine: Machine) -> None:
    writer = machine.collector.writer
    reader = sqlite3.connect(f"file:{machine.home.path('journal.db')}?mode=ro", uri=True)
    assert not writer._can_write(reader)
    assert not reader.in_transaction
    reader.close()


def test_the_door_that_has_ended_is_not_ready(home: Home) -> None:
    assert Machine(home).collector.trouble() == "journal_failed"


def test_measures_are_for_this_machine_unless_said_otherwise(machine: Machine) -> None:
    assert machine.get("/metrics").status_code == 200
    assert machine.get("/metrics", "::1").status_code == 200
    for headers in ({"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}, {"Via": "1.1 proxy"}):
        assert machine.get("/metrics", **headers).status_code == 403
    answer = machine.get("/metrics", "203.0.113.5")
    assert (answer.status_code, answer.json()["code"]) == (403, "metrics_local")


def test_measures_can_be_off(machine: Machine) -> None:
    set_to(machine.home, metrics="off")
    answer = machine.get("/metrics")
    assert (answer.status_code, answer.json()["code"]) == (404, "metrics_off")


def test_measures_can_be_read_from_elsewhere_with_a_key_only(machine: Machine) -> None:
    set_to(machine.home, metrics="key")
    key = sessions.create_key(machine.home, Who.system(), "prometheus", Role.ANALYST)
    far = "203.0.113.5"
    for headers in ({}, {"Authorization": "Bearer zd_wrong"}, {"Authorization": f"Basic {key}"}):
        answer = machine.get("/metrics", far, **headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert machine.get("/metrics", far, Authorization=f"Bearer {key}").status_code == 200
    assert machine.get("/metrics").status_code == 401


def test_an_older_prometheus_gets_the_older_format(machine: Machine) -> None:
    answer = machine.get("/metrics", Accept="text/plain;version=0.0.4")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    names = {s.name for family in older(answer.text) for s in family.samples}
    assert "zerodistance_accept_seconds_bucket" in names
    assert "zerodistance_build_info" in names


def test_measures_count_what_happened(machine: Machine) -> None:
    home = machine.home
    event = {"type": "track", "event": "Product Viewed", "userId": "M-1", "messageId": "m-1"}
    assert (
        send(machine, "web", event, {**event, "messageId": "m-2"}, {"type": "dance", "messageId": "m-3"})
        == 200
    )
    assert send(machine, "web", event) == 200
    assert (
        machine.client.post("/v1/batch", content='{"batch": []}', auth=("no such key", "")).status_code == 401
    )
    waiting = measures(machine)
    machine.collector.tally.flush()
    world.digest(home)
    disk.sample(home)
    machine.door._quick[0]._meter._shared.clear()
    found = measures(machine)
    assert waiting["journal_rows", ()] == 2
    assert waiting["stage_lag_seconds", ("digest",)] > 0
    assert found["requests_total", ("web", "200")] == 2
    assert found["requests_total", ("none", "401")] == 1
    assert found["events_accepted_total", ("web",)] == 4
    outcomes = {o: found["rows_total", ("web", o)] for o in ("taken", "repeated", "refused")}
    assert outcomes == {"taken": 2, "repeated": 1, "refused": 1}
    assert found["rows_recognised_total", ("web",)] == 2
    assert found["accept_seconds_count", ()] == 2
    assert 0 < found["accept_seconds_sum", ()] < 10
    assert found["quarantine_rows", ("unknown_type",)] == 1
    assert (found["journal_rows", ()], found["journal_oldest_age_seconds", ()]) == (0, 0)
    assert found["lake_touches", ()] == 2
    assert found["store_bytes", ("lake",)] > 0
    assert found["batches_total", ()] == 1
    assert found["stage_lag_seconds", ("lake",)] == 0
    assert found["process_resident_memory_bytes", ("door",)] > 1e6
    assert found["worker_up", ()] == 0


def test_totals_stay_right_when_hours_settle(machine: Machine) -> None:
    made = {s.key: s for s in sources.list_sources(machine.home, Who.system())}
    world.history(machine.home, made)
    totals = machine.door._quick[0]._meter._totals
    first, second = totals(Who.system()), totals(Who.system())
    assert first == second
    assert totals._settled
    assert first[made["web"].number, "accepted"] > 1_000_000


def test_every_measure_has_a_value_on_a_home_that_lives(machine: Machine) -> None:
    """The note of a worker is written by hand here; test_serving sees a real one."""
    home = machine.home
    send(machine, "web", {"type": "track", "event": "x", "userId": "M-1"})
    send(machine, "web", {"type": "dance", "userId": "M-1"})
    machine.collector.tally.flush()
    world.digest(home)
    Jobs(home, compose.jobs()).run_due()
    seen = {name for name, _ in measures(machine)}
    only_a_worker_tells = {
        "digest_rows",
        "digest_seconds",
        "dedup_ids",
        "dedup_window_seconds",
        "worker_step_failures",
    }
    not_here = only_a_worker_tells | {"disk_short_in_seconds", "imports"}
    missing = {
        key
        for key, metric in METRICS.items()
        if not {metric.written.removeprefix("zerodistance_"), f"{key}_bucket"} & seen
    }
    assert missing == not_here
