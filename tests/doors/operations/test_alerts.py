"""Alerts: opened once, closed once, never in storms; and what opens them in a real home."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select, update

from tests.doors import world
from zerodistance.connectors.feeds import api as feeds
from zerodistance.core.touchpoints import sources
from zerodistance.core.touchpoints import store as touchpoints
from zerodistance.doors.operations import alerts, conditions, jobs, store
from zerodistance.doors.operations.alerts import CLOSED, OPENED, Desk
from zerodistance.doors.operations.conditions import HOUR, KINDS, Condition, Verdict
from zerodistance.doors.operations.watch import Watch
from zerodistance.kernel import backups, clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import Forbidden, NotFound, ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.jobs import Job, Jobs
from zerodistance.kernel.locks import worker_lock
from zerodistance.kernel.text import Text

START = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
WHO = Who.system()
GOOD, BETWEEN, BAD = Verdict.GOOD, Verdict.BETWEEN, Verdict.BAD


@contextmanager
def after(seconds: float) -> Iterator[None]:
    with clock.freeze(START + timedelta(seconds=seconds)):
        yield


def play(
    desk: Desk, verdicts: Sequence[tuple[float, Verdict]], kind: str = "worker_down"
) -> list[tuple[float, str]]:
    """Judge one condition at each moment; return when what changed."""
    out = []
    for at, verdict in verdicts:
        with after(at):
            out += [(at, change) for _, change in desk.judge(kind, [Condition(kind, "", verdict)])]
    return out


def test_a_worker_that_stays_down_is_one_alert_and_its_end_is_one_too(home: Home) -> None:
    down = [(float(t), BAD) for t in range(0, 300, 10)]
    up = [(float(t), GOOD) for t in range(300, 900, 10)]
    assert play(Desk(home, sends=True), [*down, *up]) == [(30.0, OPENED), (420.0, CLOSED)]


def test_a_restart_that_takes_a_moment_is_none(home: Home) -> None:
    assert play(Desk(home, sends=True), [(0, BAD), (20, BAD), (25, GOOD), (30, BAD), (50, BAD)]) == []


def test_in_the_middle_ground_nothing_opens_and_nothing_closes(home: Home) -> None:
    desk = Desk(home, sends=True)
    assert play(desk, [(float(t), BETWEEN) for t in range(0, 1_000, 100)]) == []
    assert play(desk, [(1_000.0, BAD), (1_040.0, BAD)]) == [(1_040.0, OPENED)]
    assert play(desk, [(float(t), BETWEEN) for t in range(1_050, 9_000, 300)]) == []
    assert play(desk, [(9_000.0, GOOD), (9_050.0, BETWEEN), (9_060.0, GOOD), (9_150.0, GOOD)]) == []
    assert play(desk, [(9_180.0, GOOD)]) == [(9_180.0, CLOSED)]


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 60), st.sampled_from(Verdict)), min_size=1, max_size=60))
def test_openings_and_closings_take_turns_and_each_is_sent_once(
    home: Home, moves: list[tuple[int, Verdict]]
) -> None:
    with home.state.write() as tx:
        tx.execute(delete(store.alert))
        tx.execute(delete(store.delivery))
    at, moments = 0, []
    for seconds, verdict in moves:
        at += seconds
        moments.append((float(at), verdict))
    changes = [change for _, change in play(Desk(home, sends=True), moments)]
    assert changes == ([OPENED, CLOSED] * len(changes))[: len(changes)]
    with home.state.read() as tx:
        waiting = tx.execute(select(store.delivery.c.change).order_by(store.delivery.c.id)).scalars().all()
        still = tx.execute(select(func.count()).where(store.alert.c.closed_at.is_(None))).scalar_one()
    assert waiting == changes
    assert still == len(changes) % 2


def test_what_flaps_all_day_is_told_a_few_times_not_hundreds(home: Home) -> None:
    desk, moments = Desk(home, sends=True), []
    for at in range(0, 18_000, 60):
        moments.append((float(at), BAD if at // 180 % 2 else GOOD))  # three minutes down, three minutes up
    assert len(play(desk, moments)) <= 4
    with home.state.read() as tx:
        assert tx.execute(select(func.count()).select_from(store.alert)).scalar_one() <= 2


def test_another_door_does_not_open_it_again_and_a_new_one_closes_it(home: Home) -> None:
    first, second = Desk(home, sends=True), Desk(home, sends=True)
    assert play(first, [(0, BAD), (40, BAD)]) == [(40, OPENED)]
    assert play(second, [(0, BAD), (40, BAD), (80, BAD)]) == []
    assert play(Desk(home, sends=True), [(100, GOOD), (300, GOOD)]) == [(300, CLOSED)]
    assert play(first, [(301, GOOD), (600, GOOD)]) == []


def test_without_a_receiver_nothing_waits_to_be_sent(home: Home) -> None:
    play(Desk(home, sends=False), [(0, BAD), (40, BAD)])
    (alert,) = alerts.alerts(home, WHO)
    assert (alert.waiting, alert.delivered_at) == (0, None)


def test_a_source_that_is_gone_is_good(home: Home) -> None:
    desk = Desk(home, sends=True)
    for at in (0, 90):
        with after(at):
            desk.judge(
                "source_silent",
                [Condition("source_silent", "web", BAD, figures={"source": "web", "minutes": 9, "limit": 1})],
            )
    for at in (100, 200):
        with after(at):
            changed = desk.judge("source_silent", [])
    assert [change for _, change in changed] == [CLOSED]


def test_who_looks_after_it_is_noted_and_only_who_may_can(home: Home, analyst: Who, admin: Who) -> None:
    play(Desk(home, sends=True), [(0, BAD), (40, BAD)])
    (alert,) = alerts.alerts(home, WHO)
    with pytest.raises(Forbidden):
        alerts.acknowledge(home, analyst, alert.id)
    alerts.acknowledge(home, admin, alert.id)
    assert alerts.alerts(home, WHO)[0].acknowledged_by == "admin"
    with pytest.raises(NotFound):
        alerts.acknowledge(home, admin, alert.id + 1)


def test_alerts_of_long_ago_go_with_what_was_sent_of_them(home: Home) -> None:
    with clock.freeze(datetime(2024, 1, 1, tzinfo=UTC)):
        desk = Desk(home, sends=True)
        desk.judge("job_failing", [Condition("job_failing", "a", BAD, figures={"job": "a", "error": "E"})])
    with home.state.write() as tx:
        tx.execute(update(store.alert).values(closed_at=1))
    jobs.expire(home)
    with home.state.read() as tx:
        assert tx.execute(select(store.alert)).all() == []
        assert tx.execute(select(store.delivery)).all() == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_words_in_both_languages(kind: str) -> None:
    figures = {
        "stage": ["处理", "digestion"], "lag": 1, "bound": 1, "free_gb": 1.5, "least_gb": 1.0, "forecast": ["短", "short"],
        "source": "web", "now": 1, "before": 1, "refused": 1, "rows": 1, "minutes": 1, "limit": 1, "job": "j", "error": "E",
        "feed": "f", "failures": 3,
        "hours": 60, "every": "24", "model": ["换新", "Replacement"], "key": "n1", "version": 1, "signs": ["变了", "moved"],
    }  # fmt: skip
    text = alerts.sentence(kind, figures)
    assert "{" not in text.zh + text.en
    assert text.zh != text.en


def found(watch: Watch, kind: str) -> dict[str, Verdict]:
    return {c.about: c.verdict for c in watch._found(kind)}


def test_a_home_where_all_is_well_has_no_alert(home: Home) -> None:
    world.points(home)
    watch = Watch(home)
    with worker_lock(home.lock_path):
        changed = [change for at in (0.0, 100.0, 1_000.0) for change in watch.look(now=at)]
    assert changed == []
    assert watch.send() == 0


def test_a_home_without_a_worker_is_an_alert(home: Home) -> None:
    watch = Watch(home)
    assert found(watch, "worker_down") == {"": BAD}
    with worker_lock(home.lock_path):
        assert found(watch, "worker_down") == {"": GOOD}


def test_the_small_world_shows_its_silent_sources_and_no_other(home: Home) -> None:
    world.history(home, world.points(home))
    bad = {key for key, verdict in found(Watch(home), "source_silent").items() if verdict is BAD}
    assert bad == {"calls", "lockers"}


def test_a_source_whose_refusals_jump_is_an_alert_until_it_is_mended(home: Home) -> None:
    made = world.points(home)
    web = made["web"].number
    world.history(home, made)
    watch = Watch(home)
    assert BAD not in found(watch, "refusals_moved").values()
    now = clock.micros()
    this = now - now % HOUR
    with home.state.write() as tx:
        t = touchpoints.source_hour
        hit = (t.c.source == web, t.c.hour >= this - HOUR)
        tx.execute(delete(t).where(*hit))
        rows = [
            {"source": web, "hour": this, "counter": counter, "value": n}
            for counter, n in (("accepted", 700), ("refused", 300))
        ]
        tx.execute(insert(t), rows)
    ((_, change),) = watch._desk.judge("refusals_moved", list(watch._found("refusals_moved")))
    assert change == OPENED
    (alert,) = alerts.alerts(home, WHO)
    assert (alert.about, alert.figures["now"]) == ("web", 30.0)
    assert "30.0% refused" in alert.text.en
    with home.state.write() as tx:
        tx.execute(update(t).where(*hit, t.c.counter == "refused").values(value=0))
    assert found(watch, "refusals_moved")["web"] is GOOD


def test_a_job_that_fails_is_an_alert_without_the_words_of_its_error(home: Home) -> None:
    def fails(_: Home) -> None:
        raise ValueError("13800138000 is no number")

    job = Job("test.fails", timedelta(hours=1), fails, Text("试", "try"))
    Jobs(home, [job]).run_due()
    ((_, change),) = Watch(home).look(now=0.0)
    (alert,) = alerts.alerts(home, WHO)
    assert (change, alert.kind, alert.figures) == (
        OPENED,
        "job_failing",
        {"job": "test.fails", "error": "ValueError"},
    )


def test_a_feed_that_fails_again_and_again_is_an_alert(home: Home, tmp_path: Path) -> None:
    mapping = 'kind = "store.visited"\nsource = { key = "v", name = "V" }\ntimes = { happened_at = "at", lag = "1 h" }'
    text = (
        f'[feed]\nkind = "folder"\nname = "visits"\n[folder]\npath = "{tmp_path}/none"\n[mapping]\n{mapping}'
    )
    feeds.add_feed(home, WHO, text)
    watch = Watch(home)
    assert found(watch, "feed_failing") == {"visits": GOOD}
    for verdict in (BETWEEN, BETWEEN, BAD):
        with pytest.raises(ZeroDistanceError):
            feeds.run_feed(home, WHO, "visits")
        assert found(watch, "feed_failing") == {"visits": verdict}
    ((_, change),) = watch._desk.judge("feed_failing", list(watch._found("feed_failing")))
    (alert,) = alerts.alerts(home, WHO)
    assert (
        change == OPENED
        and "has failed 3 times in a row" in alert.text.en
        and "there is none" in alert.text.en
    )
    feeds.pause_feed(home, WHO, "visits")
    assert found(watch, "feed_failing") == {"visits": GOOD}


def test_a_backup_that_is_not_made_is_an_alert_where_backups_are_set_up(home: Home, tmp_path: Path) -> None:
    watch = Watch(home)
    with clock.freeze(clock.now() + timedelta(days=400)):
        assert found(watch, "backup_late") == {"": GOOD}, "nobody has asked for backups"
    asked = home.settings.model_copy(update={"backup_to": tmp_path / "backups", "backup_hours": 24.0})
    object.__setattr__(home, "settings", asked)
    assert found(watch, "backup_late") == {"": GOOD}, "a new home has none yet"
    with clock.freeze(clock.now() + timedelta(hours=49)):
        assert found(watch, "backup_late") == {"": BAD}, "none was ever made"
    now, folder = clock.micros(), (tmp_path / "backups").resolve()
    with home.state.write() as tx:
        backups.begin(tx, "b", folder, at=now, expires_at=now, with_key=False)
    with clock.freeze(clock.now() + timedelta(hours=49)):
        assert found(watch, "backup_late") == {"": BAD}, "one that was begun is none"
    with home.state.write() as tx:
        backups.end(tx, "b", folder, at=now, size=1, new_bytes=1)
    later = [clock.now() + timedelta(hours=hours) for hours in (24, 40, 49)]
    verdicts = []
    for at in later:
        with clock.freeze(at):
            verdicts.append(found(watch, "backup_late")[""])
    assert verdicts == [GOOD, Verdict.BETWEEN, BAD]


def test_a_disk_below_its_bound_and_one_that_fills_are_two_alerts(home: Home) -> None:
    watch = Watch(home)
    assert found(watch, "disk_short") == {"": GOOD}
    object.__setattr__(home, "settings", home.settings.model_copy(update={"min_free_bytes": 1 << 60}))
    assert found(watch, "disk_short") == {"": BAD}
    now = clock.micros()
    with home.state.write() as tx:
        tx.execute(
            insert(store.store_size),
            [
                {"at": now - back * clock.MICROS_PER_DAY, "store": "lake", "bytes": (20 - back) << 30}
                for back in range(1, 12)
            ],
        )
    assert found(watch, "disk_filling") == {"": BAD}


def test_a_stage_that_is_late_is_an_alert(home: Home) -> None:
    with home.state.write() as tx:
        tx.execute(
            insert(touchpoints.batch).values(
                number=1, feed="journal", position=1, touches=1, committed_at=clock.micros() - 10**9
            )
        )
    late = {key for key, verdict in found(Watch(home), "stage_late").items() if verdict is BAD}
    assert late == {"profiles", "index"}


def test_one_condition_that_can_not_be_judged_does_not_silence_the_others(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(conditions, "stage_late", breaks)
    watch = Watch(home)
    with after(0):
        watch.look(now=0.0)
    with after(40):
        assert [change for _, change in watch.look(now=40.0)] == [OPENED]


def test_sources_that_are_off_are_not_watched(home: Home) -> None:
    world.history(home, world.points(home))
    sources.switch_off(home, WHO, "calls")
    assert "calls" not in found(Watch(home), "source_silent")
