"""The worker's loops: they back off, say why, and never end silently."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from zerodistance.doors import worker
from zerodistance.doors.worker import GIVE_UP, Loop, Work
from zerodistance.kernel.bus import Bus
from zerodistance.kernel.errors import NotFound, StateAway
from zerodistance.kernel.home import Home
from zerodistance.kernel.jobs import Jobs


class Stop(threading.Event):
    """Ends after some pauses and keeps how long each was."""

    def __init__(self, pauses: int) -> None:
        super().__init__()
        self.pauses: list[float] = []
        self._most = pauses

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses.append(timeout or 0.0)
        if len(self.pauses) == self._most:
            self.set()
        return self.is_set()


def steps(*results: object) -> Iterator[object]:
    yield from results


def one(results: Iterator[object]) -> object:
    result = next(results)
    if isinstance(result, Exception):
        raise result
    return result


def test_a_loop_goes_on_at_once_while_there_is_work_and_pauses_when_there_is_none() -> None:
    results, stop = steps(3, 3, 0, 1, 0), Stop(2)
    loop = Loop("digest", lambda: one(results), 0.02)
    loop.run(stop, threading.Event())
    assert stop.pauses == [0.02, 0.02]
    assert loop.pulse.turns == 5


def test_a_failing_step_waits_longer_each_time_and_recovers() -> None:
    results, stop = steps(ValueError(), ValueError(), ValueError(), 0), Stop(4)
    loop = Loop("digest", lambda: one(results), 0.02)
    loop.run(stop, threading.Event())
    assert stop.pauses == [0.2, 0.4, 0.8, 0.02]
    assert (loop.pulse.failures, loop.pulse.failed_ever) == (0, 3)
    assert (loop.pulse.error or "").startswith("ValueError at test_worker.py")


def test_after_too_many_failures_the_process_is_to_be_started_afresh() -> None:
    broken = threading.Event()
    loop = Loop("digest", lambda: one(steps(ValueError())), 0.02)
    loop.run(Stop(GIVE_UP + 5), broken)
    assert broken.is_set()
    assert loop.pulse.failures == GIVE_UP


def test_while_the_state_is_away_it_waits_and_does_not_give_up() -> None:
    broken, stop = threading.Event(), Stop(GIVE_UP + 5)
    loop = Loop("digest", lambda: one(steps(StateAway(where="there", why="gone"))), 0.02)
    loop.run(stop, broken)
    assert not broken.is_set()
    assert (loop.pulse.failures, max(stop.pauses)) == (GIVE_UP + 5, 5.0)


def test_an_error_is_told_without_what_may_be_personal() -> None:
    assert "13800138000" not in worker.told(ValueError("13800138000"))
    assert worker.told(NotFound(what="unit", given="x")) == "not_found: there is no unit x"


def test_run_goes_on_until_nothing_waits_anywhere(home: Home) -> None:
    rows, seals = steps(10, 5, 0, 2, 0, 0, 0), steps(True, False, False, False)
    work = Work(
        begin=lambda: None,
        digest=lambda: 0,
        digest_large=lambda: int(str(next(rows))),
        follow=lambda: False,
        move=lambda: False,
        seal=lambda: bool(next(seals)),
        seal_large=lambda: False,
        index=lambda: 0,
        errands=lambda: False,
        bus=Bus(home, {}),
        jobs=Jobs(home, []),
        facts=dict,
    )
    assert worker.once(work) == {"rows": 17, "events": 0, "jobs": 0}


@pytest.mark.parametrize("text", ["", "not json", "[]"])
def test_a_status_file_cut_in_half_is_as_if_there_were_none(home: Home, text: str) -> None:
    home.path("runs", worker.STATUS_FILE).write_text(text)
    assert worker.last_note(home) is None


def test_a_worker_whose_state_another_one_has_taken_ends_and_one_whose_server_is_away_does_not() -> None:
    answers = steps(True, StateAway(where="x", why="y"), True, False)
    stop, broken = Stop(10), threading.Event()
    worker._guard(lambda: bool(one(answers)), stop, broken)
    assert broken.is_set()
    assert len(stop.pauses) == 4, "it has looked four times"
