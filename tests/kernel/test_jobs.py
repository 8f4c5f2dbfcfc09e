"""When recurring work has its turn."""

from __future__ import annotations

from datetime import timedelta

from zerodistance.kernel import clock
from zerodistance.kernel.home import Home
from zerodistance.kernel.jobs import Job, Jobs
from zerodistance.kernel.text import Text

HOUR = timedelta(hours=1)


def test_what_tidies_up_has_its_first_turn_a_period_after_the_home_was_made(home: Home) -> None:
    done: list[str] = []
    jobs = Jobs(
        home,
        [
            Job("test.now", HOUR, lambda _: done.append("now"), Text("试", "test")),
            Job("test.later", HOUR, lambda _: done.append("later"), Text("试", "test"), at_once=False),
        ],
    )
    made = clock.from_micros(home.made_at)
    for minutes, ran in ((1, ["now"]), (59, []), (62, ["now", "later"]), (119, []), (123, ["now", "later"])):
        done.clear()
        with clock.freeze(made + timedelta(minutes=minutes)):
            jobs.run_due()
        assert done == ran, minutes
