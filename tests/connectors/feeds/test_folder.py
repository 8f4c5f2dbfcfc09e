"""Watched folders: a file is taken once, when it is whole; what can't be taken is said and keeps no other from it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from tests.connectors.feeds.places import MAPPING, everything_under, imports, taken, visits
from zerodistance.connectors.feeds import api, keeping, pulling, store, watched
from zerodistance.connectors.feeds.folder import LocalTree, NoFolder, NotMoved
from zerodistance.connectors.feeds.pulling import NoRoom
from zerodistance.connectors.feeds.watched import Entry, TooManyFiles
from zerodistance.core.touchpoints import sources
from zerodistance.core.touchpoints import store as touchpoints
from zerodistance.core.touchpoints.import_errors import NoFile, NoSuchSource, SourceOff
from zerodistance.core.touchpoints.mapping import MappingWrong
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import Forbidden
from zerodistance.kernel.home import Home

Drop = Callable[[str, str], Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "drop"
    made.mkdir()
    return made


@pytest.fixture
def drop(folder: Path) -> Drop:
    def put(name: str, text: str) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return put


def feed_file(folder: Path, more: str = "", head: str = "") -> str:
    inline = "\n[mapping]\n" + MAPPING
    return f'[feed]\nkind = "folder"\nname = "visits"\n{head}\n[folder]\npath = "{folder}"\nsettle = "0s"\n{more}\n{inline}'


def add(home: Home, admin: Who, folder: Path, more: str = "") -> api.Feed:
    return api.add_feed(home, admin, feed_file(folder, more))


def run(home: Home, admin: Who) -> api.Outcome:
    return api.run_feed(home, admin, "visits")


def test_each_file_is_taken_once_and_a_changed_one_again(
    home: Home, admin: Who, folder: Path, drop: Drop
) -> None:
    add(home, admin, folder)
    drop("a.csv", visits(range(5)))
    drop("b.csv", visits(range(5, 8)))
    assert len(run(home, admin).imports) == 2
    assert len(run(home, admin).imports) == 0
    drop("a.csv", visits(range(10)))
    assert len(run(home, admin).imports) == 1
    assert taken(home) == sorted(map(str, range(10)))
    feed = api.get_feed(home, admin, "visits")
    assert (feed.state, feed.taken, feed.failures, feed.source_key) == ("well", 3, 0, "visits")
    assert feed.next_at is not None and feed.next_at - (feed.last_finished_at or 0) == 900 * 1_000_000


def test_the_same_content_under_another_name_is_not_taken_again(
    home: Home, admin: Who, folder: Path, drop: Drop
) -> None:
    add(home, admin, folder)
    drop("a.csv", visits(range(5)))
    run(home, admin)
    drop("copy.csv", visits(range(5)))
    assert (run(home, admin).known, len(imports(home))) == (1, 1)


def test_a_file_that_is_being_written_waits(home: Home, admin: Who, folder: Path, drop: Drop) -> None:
    add(home, admin, folder, 'files = "*.csv"')
    row = pulling.kept.load(home, 1)
    spec = api.again(row["text"], "visits", row["mapping"]).spec
    drop("whole.csv", visits(range(3)))
    drop("growing.csv", visits(range(3, 4)))
    waited: list[float] = []

    def wait(seconds: float) -> None:
        if seconds:
            waited.append(seconds)
            drop("growing.csv", visits(range(3, 9)))

    this = watched.Run(home, Who.system("feed"), 1, "visits", spec.mapping, "visits", wait, lambda _: None)
    files = watched.Files(str(folder), ("*.csv",), settle=10)
    outcome = watched.take(this, LocalTree(files, home.root), files)
    assert (waited, outcome.left, [name for name, _ in imports(home)]) == ([10], 1, ["whole.csv"])


def test_a_file_that_changes_while_it_is_read_is_not_taken(
    home: Home, admin: Who, folder: Path, drop: Drop
) -> None:
    add(home, admin, folder)
    row = pulling.kept.load(home, 1)
    path = drop("a.csv", visits(range(3)))
    stale = Entry(path.stat().st_mtime_ns, "a.csv", path.stat().st_size)

    class Slow(LocalTree):
        def open(self, name: str):  # type: ignore[no-untyped-def]
            opened = super().open(name)
            drop("a.csv", visits(range(4)))
            return opened

    files = watched.Files(str(folder), settle=0)
    nothing = (lambda _: None, lambda _: None)
    this = watched.Run(home, Who.system("feed"), 1, "visits", row["mapping"], "visits", *nothing)
    outcome = watched.take(this, Slow(files, home.root), files)
    assert (outcome.left, imports(home), list(home.path("imports").iterdir())) == (1, [], [])
    assert stale.path == "a.csv"


def test_names_of_files_that_are_not_whole_are_left_alone(
    home: Home, admin: Who, folder: Path, drop: Drop
) -> None:
    add(home, admin, folder, 'files = ["*.csv", "*.csv.part"]')
    for name in (".a.csv", "b.csv.part", "c.csv~", "d.txt", "sub/e.csv"):
        drop(name, visits([1]))
    assert run(home, admin) == api.Outcome()


def test_a_marker_says_when_a_file_is_whole(home: Home, admin: Who, folder: Path, drop: Drop) -> None:
    add(home, admin, folder, 'marker = ".done"\nmove_to = "done"')
    drop("a.csv", visits([1]))
    drop("b.csv", visits([2]))
    drop("b.csv.done", "")
    run(home, admin)
    assert [name for name, _ in imports(home)] == ["b.csv"]
    assert sorted(p.name for p in (folder / "done").iterdir()) == ["b.csv", "b.csv.done"]


def test_what_is_taken_is_moved_away_and_nothing_is_overwritten(
    home: Home, admin: Who, folder: Path, drop: Drop
) -> None:
    add(home, admin, folder, 'files = "**/*.csv"\nmove_to = "done"')
    drop("day/a.csv", visits([1]))
    run(home, admin)
    drop("day/a.csv", visits([2]))
    assert len(run(home, admin).imports) == 1
    moved = sorted(str(p.relative_to(folder)) for p in folder.rglob("*.csv"))
    assert moved == ["done/day/a.2.csv", "done/day/a.csv"]
    assert run(home, admin) == api.Outcome()
    assert api.files_of(home, admin, "visits") == []


def test_a_move_that_was_interrupted_is_made_up_for(home: Home, admin: Who, folder: Path, drop: Drop) -> None:
    add(home, admin, folder, 'move_to = "done"')
    drop("a.csv", visits([1]))
    run(home, admin)
    back = folder / "done/a.csv"
    entry = back.stat()
    back.rename(folder / "a.csv")
    row = {
        "feed": 1,
        "path": "a.csv",
        "size": entry.st_size,
        "changed": entry.st_mtime_ns,
        "state": "taken",
        "at": 1,
    }
    with home.state.write() as tx:
        tx.execute(store.feed_file.insert().values(row))
    assert run(home, admin) == api.Outcome()
    assert back.exists() and not (folder / "a.csv").exists()


def test_a_refused_file_is_told_with_its_reason_and_tried_again_when_it_changes(
    home: Home, admin: Who, folder: Path, drop: Drop
) -> None:
    add(home, admin, folder)
    drop("bad.csv", "13912345678,2026-01-01\n13912345679,2026-01-02\n")
    drop("good.csv", visits([1]))
    assert (len((first := run(home, admin)).imports), first.refused) == (1, 1)
    assert run(home, admin).refused == 0
    (refused, _) = api.files_of(home, admin, "visits")
    assert refused.path == "bad.csv" and refused.why is not None and "times.happened_at" in refused.why.en
    feed = api.get_feed(home, admin, "visits")
    assert (feed.state, feed.refused, feed.failures) == ("refusing", 1, 0)
    assert b"13912345678" not in everything_under(home.root)
    drop("bad.csv", visits([2]))
    assert len(run(home, admin).imports) == 1
    assert api.get_feed(home, admin, "visits").state == "well"


def test_a_reason_goes_with_whom_it_quotes_and_with_time(
    home: Home, admin: Who, folder: Path, drop: Drop
) -> None:
    api.add_feed(home, admin, feed_file(folder).replace('happened_at = "at"', 'happened_at = "seen"'))
    drop("a.csv", "when,13912345678\n2026-01-01,x\n")
    run(home, admin)
    seen = api.files_of(home, admin, "visits")[0]
    assert seen.why is not None and "13912345678" in seen.why.en
    assert api.forget(home, lambda raw: b"13899999999" in raw) == {"feed_file": 0}
    assert api.forget(home, lambda raw: b"13912345678" in raw) == {"feed_file": 1}
    assert [(one.state, one.why) for one in api.files_of(home, admin, "visits")] == [("refused", None)]
    drop("a.csv", "when,13912345679\n2026-01-01,xx\n")
    run(home, admin)
    keeping.expire(home)
    assert api.files_of(home, admin, "visits")[0].why is not None
    with clock.freeze(clock.now() + timedelta(days=home.settings.quarantine_days + 1)):
        keeping.expire(home)
    assert api.files_of(home, admin, "visits")[0].why is None
    assert run(home, admin) == api.Outcome()


def test_a_better_mapping_takes_up_what_was_refused(home: Home, admin: Who, folder: Path, drop: Drop) -> None:
    add(home, admin, folder)
    drop("a.csv", visits([1]).replace("member", "card"))
    assert run(home, admin).refused == 1
    better = feed_file(folder).replace('member_id = "member"', 'member_id = "card"')
    with pytest.raises(api.FeedExists, match="--replace"):
        api.add_feed(home, admin, better)
    api.add_feed(home, admin, better, replacing=True)
    assert len(run(home, admin).imports) == 1


def test_a_long_run_over_many_files_lets_others_have_their_turn(
    home: Home, admin: Who, folder: Path, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched.contracts, "RUN_SECONDS", -1.0)
    add(home, admin, folder)
    drop("a.csv", visits([1]))
    drop("b.csv", visits([2]))
    assert [run(home, admin).more for _ in range(2)] == [True, False]
    assert taken(home) == ["1", "2"]


def test_links_pipes_and_the_home_itself_lead_nowhere(
    home: Home, admin: Who, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret.csv").write_text(visits([1]))
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    (folder / "below").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.csv")
    add(home, admin, folder, 'files = ["*.csv", "**/*.csv"]')
    assert run(home, admin) == api.Outcome()
    text = feed_file(home.path("imports"))
    api.add_feed(home, admin, text, replacing=True)
    with pytest.raises(NoFolder, match="outside of the home"):
        run(home, admin)


def test_a_name_in_another_encoding_is_taken_and_moved(home: Home, admin: Who, folder: Path) -> None:
    add(home, admin, folder, 'move_to = "done"\nfiles = "**/*.csv"')
    below = os.fsencode(folder) + b"/" + "店".encode("gbk")
    os.mkdir(below)
    with open(below + b"/" + "订单.csv".encode("gbk"), "w") as file:
        file.write(visits([1]))
    assert len(run(home, admin).imports) == 1
    assert imports(home)[0][0] == r"\xb5\xea/\xb6\xa9\xb5\xa5.csv"
    assert os.listdir(os.fsencode(folder) + b"/done/" + "店".encode("gbk")) == ["订单.csv".encode("gbk")]
    assert taken(home) == ["1"]


def test_a_folder_that_becomes_a_link_leads_nowhere(
    home: Home, admin: Who, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/a.csv").write_text(visits([1]))
    files = watched.Files(str(folder), ("**/*.csv",), settle=0)
    tree = LocalTree(files, home.root)
    (folder / "day").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NoFile, match="symbolic link"):
        tree.open("day/a.csv")
    (folder / "done").symlink_to(tmp_path / "elsewhere")
    (folder / "b.csv").write_text(visits([2]))
    with pytest.raises(NotMoved, match="leads elsewhere"):
        tree.move("b.csv", "done")


def test_what_was_undone_is_taken_when_the_feed_begins_anew(
    home: Home, admin: Who, folder: Path, drop: Drop
) -> None:
    add(home, admin, folder)
    drop("a.csv", visits([1]))
    drop("b.csv", visits([2]))
    run(home, admin)
    taken(home)
    with home.state.write() as tx:  # as an undo leaves it
        tx.execute(
            update(touchpoints.import_job).where(touchpoints.import_job.c.number == 1).values(state="undone")
        )
    assert run(home, admin) == api.Outcome()
    api.rewind_feed(home, admin, "visits")
    again = run(home, admin)
    assert (again.imports, again.known) == ([1], 1)


def test_a_feed_that_fails_says_why_and_waits_longer_each_time(home: Home, admin: Who, folder: Path) -> None:
    add(home, admin, folder)
    folder.rmdir()
    for failures, pause in ((1, 30), (2, 60), (3, 120)):
        with pytest.raises(NoFolder):
            run(home, admin)
        feed = api.get_feed(home, admin, "visits")
        assert (feed.state, feed.failures, feed.error_code) == ("failing", failures, "no_folder")
        assert ((feed.next_at or 0) - (feed.last_finished_at or 0)) == pause * 1_000_000
    assert feed.error is not None and "there is none" in feed.error.en
    folder.mkdir()
    run(home, admin)
    assert api.get_feed(home, admin, "visits").failures == 0


def test_a_file_that_can_not_be_read_keeps_no_other_from_it(
    home: Home, admin: Who, folder: Path, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(home, admin, folder)
    drop("a.csv", visits([1]))
    drop("b.csv", visits([2]))
    real = os.open

    def closed(path: os.PathLike[str] | str, *args: int, **kw: int) -> int:
        if str(path).endswith("a.csv"):
            raise PermissionError
        return real(path, *args, **kw)

    monkeypatch.setattr(os, "open", closed)
    with pytest.raises(NoFolder, match="can't be looked at: not permitted"):
        run(home, admin)
    monkeypatch.undo()
    assert [name for name, _ in imports(home)] == ["b.csv"]
    assert len(run(home, admin).imports) == 1


def test_a_source_that_is_off_fails_the_feed_and_refuses_no_file(
    home: Home, admin: Who, folder: Path, drop: Drop
) -> None:
    add(home, admin, folder)
    drop("a.csv", visits([1]))
    sources.switch_off(home, admin, "visits")
    with pytest.raises(SourceOff):
        run(home, admin)
    sources.switch_on(home, admin, "visits")
    assert len(run(home, admin).imports) == 1


def test_where_the_disk_is_short_nothing_is_taken(
    home: Home, admin: Who, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(home, admin, folder)
    monkeypatch.setattr(pulling.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1}))
    with pytest.raises(NoRoom):
        run(home, admin)


def test_a_folder_with_too_many_names_is_said(
    home: Home, admin: Who, folder: Path, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(home, admin, folder)
    monkeypatch.setattr(watched, "MOST", 1)
    drop("a.csv", "")
    drop("b.csv", "")
    with pytest.raises(TooManyFiles):
        run(home, admin)


def test_a_trial_shows_what_would_come_and_keeps_nothing(
    home: Home, admin: Who, folder: Path, drop: Drop
) -> None:
    add(home, admin, folder)
    assert api.try_feed(home, admin, "visits").found == 0
    drop("a.csv", visits([1, 2, 3]))
    trial = api.try_feed(home, admin, "visits")
    assert trial.report is not None
    assert (trial.found, trial.sample, trial.report.accepted) == (1, "a.csv", 3)
    assert imports(home) == [] and list(home.path("imports").iterdir()) == []


def test_feeds_are_for_those_who_manage_sources(
    home: Home, admin: Who, analyst: Who, folder: Path, drop: Drop
) -> None:
    with pytest.raises(Forbidden):
        api.add_feed(home, analyst, feed_file(folder))
    add(home, admin, folder)
    for verb in (api.run_feed, api.try_feed, api.pause_feed, api.resume_feed, api.remove_feed, api.files_of):
        with pytest.raises(Forbidden):
            verb(home, analyst, "visits")  # type: ignore[operator]
    (seen,) = api.list_feeds(home, analyst)
    assert (seen.name, seen.text, seen.mapping, seen.place) == ("visits", "", "", "")


def test_a_feed_is_paused_resumed_and_removed(home: Home, admin: Who, folder: Path, drop: Drop) -> None:
    add(home, admin, folder)
    drop("a.csv", visits([1]))
    assert api.pause_feed(home, admin, "visits").state == "paused"
    runner = api.Runner(home)
    assert runner.run_due() == 0
    api.resume_feed(home, admin, "visits")
    assert runner.run_due() == 1
    assert taken(home) == ["1"]
    api.remove_feed(home, admin, "visits")
    with pytest.raises(api.NoFeed):
        api.get_feed(home, admin, "visits")
    with home.state.read() as tx:
        assert tx.execute(select(store.feed_file)).all() == []
    assert taken(home) == ["1"]


def test_a_feed_that_fails_holds_up_no_other(
    home: Home, admin: Who, folder: Path, drop: Drop, tmp_path: Path
) -> None:
    add(home, admin, folder)
    broken = feed_file(tmp_path / "none").replace('name = "visits"', 'name = "broken"', 1)
    api.add_feed(home, admin, broken)
    drop("a.csv", visits([1]))
    runner = api.Runner(home)
    assert runner.run_due() == 2
    assert runner.start_due() == 0
    states = {feed.name: feed.state for feed in api.list_feeds(home, admin)}
    assert states == {"visits": "well", "broken": "failing"}
    assert runner.stop(1)


def test_a_run_that_waits_ends_with_its_process(home: Home, admin: Who, folder: Path, drop: Drop) -> None:
    api.add_feed(home, admin, feed_file(folder).replace('settle = "0s"', 'settle = "1h"'))
    drop("a.csv", visits([1]))
    runner = api.Runner(home)
    assert runner.start_due() == 1
    assert runner.stop(30)
    assert imports(home) == []
    assert pulling.kept.due(home) == [1]


def test_a_feed_is_never_run_twice_at_once(home: Home, admin: Who, folder: Path) -> None:
    feed = add(home, admin, folder)
    with pulling.sole(pulling.kept.lock_path(home, feed.number), AssertionError()):
        pulling.kept.change(home, feed.number, last_started_at=clock.micros(), progress=7)
        assert (api.get_feed(home, admin, "visits").state, api.get_feed(home, admin, "visits").progress) == (
            "running",
            7,
        )
        with pytest.raises(pulling.FeedBusy):
            run(home, admin)
        with pytest.raises(pulling.FeedBusy):
            api.remove_feed(home, admin, "visits")
        assert api.Runner(home).start_due() == 0


def test_a_process_that_ends_stops_a_run_and_the_next_one_goes_on(
    home: Home, admin: Who, folder: Path, drop: Drop
) -> None:
    add(home, admin, folder)
    drop("a.csv", visits([1]))
    stop = threading.Event()
    stop.set()
    with pytest.raises(pulling.Stopping):
        pulling.run(home, 1, stop=stop)
    feed = api.get_feed(home, admin, "visits")
    assert (imports(home), feed.failures, feed.last_finished_at) == ([], 0, None)
    assert api.Runner(home).run_due() == 1
    assert taken(home) == ["1"]


def test_a_run_that_was_killed_is_due_at_once(home: Home, admin: Who, folder: Path) -> None:
    feed = add(home, admin, folder)
    run(home, admin)
    assert pulling.kept.due(home) == []
    with home.state.write() as tx:
        tx.execute(update(store.source_feed).values(next_at=1, last_started_at=clock.micros()))
    assert pulling.kept.due(home) == [feed.number]


def test_what_a_feed_names_must_be_there(home: Home, admin: Who, folder: Path) -> None:
    text = feed_file(folder).replace('name = "Visits", ', "")
    with pytest.raises(NoSuchSource):
        api.add_feed(home, admin, text)
    with pytest.raises(MappingWrong):
        api.add_feed(home, admin, feed_file(folder).replace("store.visited", "store.dreamt_of"))
