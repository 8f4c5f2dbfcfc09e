"""What pages say of the small world: tables, timelines, redirects, look-ups."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.doors import world
from tests.doors.conftest import Visitor
from zerodistance import compose
from zerodistance.core.identity import api as identity
from zerodistance.core.identity import store as identity_store
from zerodistance.core.touchpoints import columns, sources
from zerodistance.core.touchpoints.api import log
from zerodistance.core.touchpoints.snippets import snippets
from zerodistance.doors.portal import evidence, registry
from zerodistance.doors.portal.pages.touchpoints import IN_BROWSERS
from zerodistance.kernel.access import Permission, Role, Who
from zerodistance.kernel.errors import Forbidden
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text


@pytest.fixture
def filled(home: Home) -> Iterator[Visitor]:
    """An admin in the small world."""
    world.fill(home)
    with TestClient(compose.door(home)) as client:
        someone = Visitor(client)
        someone.log_in()
        yield someone


def test_pages_of_the_small_world(home: Home, filled: Visitor) -> None:
    who = Who.system()
    star = identity.lookup(home, who, "user_id", world.STAR)
    subjects = [i.subject for i in identity.show(home, who, star.id).identifiers]

    # a timeline holds every touch once, latest first, page by page
    seen: list[tuple[int, int]] = []
    before, times = None, []
    while True:
        part = log.timeline(home, who, subjects, before=before, limit=3)
        seen += [(t.batch, t.row) for t in part.touches]
        times += [t.happened_at for t in part.touches]
        before = part.before
        if before is None:
            break
    journey = log.journey(home, who, subjects)
    assert len(seen) == len(set(seen)) == journey.touches == sum(journey.sources.values())
    assert times == sorted(times, reverse=True)
    assert (journey.first_at, journey.last_at) == (times[-1], times[0])

    # the look-up is a POST, finds by any identifier, and keeps it out of the address
    for given in (
        world.STAR,
        "13800002207",
        "+86 138 0000 2207",
        "WANG31@example.com",
        star.id,
        "D-91C40001",
    ):
        answer = filled.post("/people", "/people", given=given)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/people/{star.id}"), given
    assert filled.post("/people", "/people", given="13711112222").status_code == 404

    # an id that was theirs before leads to the one of today
    cookie = next(i for i in identity.show(home, who, star.id).identifiers if i.subject != min(subjects))
    old = home.seal.public_id("p", cookie.subject)
    answer = filled.get(f"/people/{old}")
    assert (answer.status_code, answer.headers["location"]) == (308, f"/people/{star.id}")

    # nothing raw stands on the pages
    for path in ("/", f"/people/{star.id}", "/operations", "/touchpoints/lockers", "/segments/new"):
        text = filled.get(path).text
        assert not any(raw in text for raw in ("13800002207", "wang31", "王小明", "13900001111")), path

    # a place in the timeline that nobody gave is refused, not stumbled over
    answer = filled.get(f"/people/{star.id}/timeline?before=abc&lang=en")
    assert answer.status_code == 400
    assert "abc" in answer.text

    # a source that takes no browsers shows first what works, and no key stands in what is shown
    device = sources.get_source(home, who, "devices")
    page = filled.get("/touchpoints/devices?lang=en").text
    shown = re.findall(r'<pre tabindex="0">(.*?)</pre>', page, re.S)
    assert shown
    assert not any(device.write_key in code for code in shown)
    assert page.count(device.write_key) == len(shown) + 1  # to be copied, and where it is revealed
    assert page.index("analytics-next") > page.index("curl -u")
    assert "refuses browsers" in page
    assert "zerodistance sources origins devices" in page
    assert "refuses browsers" not in filled.get("/touchpoints/web?lang=en").text

    # a refused row is explained in Chinese to whoever reads Chinese
    page = filled.get("/touchpoints/lockers?lang=zh").text
    assert "userId 和 anonymousId 都没有" in page
    assert "第 0 条" in page
    assert "allowed are" not in page

    # tables behind the charts
    rows = list(csv.reader(io.StringIO(filled.get("/today/touchpoints.csv?lang=en").text.lstrip("\ufeff"))))
    assert rows[0][:3] == ["key", "name", "state"]
    assert {row[0] for row in rows[1:]} == {p[0] for p in world.POINTS}
    assert filled.get("/today/figures.csv").status_code == 200

    # a rule is counted and given as ids only
    filled.post("/segments", "/segments/new", name="Callers", key="callers", rule='Did("service.called")')
    members = filled.get("/segments/callers/members.csv").text.split()
    assert members[0] == "person_id"
    assert len(members) == 14  # twelve who called, the one of everything, and the head
    assert all(member.startswith("p_") for member in members[1:])
    filled.post("/segments", "/segments/new", name="Lookers", key="lookers", rule='Did("page.viewed")')
    link = re.search(
        r'href="([^"]+members.csv[^"]*)"', filled.get("/segments/lookers/members?visitors=true").text
    )
    assert link is not None
    visitors = filled.get(link[1])
    assert "visitors.csv" in visitors.headers["content-disposition"]
    assert visitors.text.split()[0] == "visitor_id"
    assert len(visitors.text.split()) == 41  # forty who looked, and the head

    # forgetting is certified in words
    work = compose.work(home)
    filled.post(f"/people/{star.id}/forget", f"/people/{star.id}", purpose="test")
    work.errands()
    certificate = filled.get("/people/forgotten/1?lang=zh").text
    stores = re.findall(r"<dt[^>]*>(.*?)</dt>", certificate)
    assert "湖里的证据" in stores
    assert not [name for name in stores if re.search("[a-z]", name)]


def test_only_those_who_may_see_persons_read_the_log(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = Who(9, "nobody", Role.ANALYST)
    monkeypatch.setattr(Who, "may", lambda self, permission: permission is not Permission.SEE_PERSONS)
    for verb in (lambda: log.timeline(home, nobody, [1]), lambda: log.journey(home, nobody, [1])):
        with pytest.raises(Forbidden):
            verb()


def test_everything_that_is_taken_in_about_a_person_has_a_name_on_the_page() -> None:
    for field in {*columns._FIELDS.values(), *columns._IDENTIFIERS.values()}:
        assert evidence.label(field).zh != field, field
    for table, _ in identity_store.OWN:
        assert f"identity.{table}" in evidence.STORES


def test_every_job_has_a_name_on_operations(home: Home) -> None:
    with TestClient(compose.door(home)):
        assert [job.key for job in compose.jobs() if registry.job_name(job.key).zh == job.key] == []


def test_snippets_that_run_in_a_browser_are_known_as_such(home: Home) -> None:
    source = sources.create_source(home, Who.system(), key="s", name=Text("甲", "a"), kind="web")
    browsers = {s.key for s in snippets(source, "http://x") if s.label.zh.startswith("网页")}
    assert browsers <= IN_BROWSERS
    assert "browser" in browsers
