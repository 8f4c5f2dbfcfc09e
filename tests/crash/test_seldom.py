"""What no round of seconds reaches — imports, jobs of the night, commands — killed at each of its crash points, then taken up again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import zerodistance.compose as compose
from tests.core.identity.steps import subject as number_of
from tests.patience import PATIENCE
from tests.prepared import make_old
from zerodistance.core.identity import api as identity
from zerodistance.core.identity import archive
from zerodistance.core.touchpoints import journal, sources, tail
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home, create_home, open_home
from zerodistance.kernel.settings import Settings, load
from zerodistance.kernel.text import Text

ROOT = Path(__file__).parents[2]
WHO = Who.system("crash")
BATCHES = 10  # as many small files as make the lake join them
EVENTS = 23 * BATCHES
MAPPING = """
kind = "store.visited"
source = { key = "visits", name = "Visits", kind = "store" }
[times]
happened_at = "at"
zone = "UTC"
lag = "1 day"
[identifiers]
user_id = "user"
member_id = "member"
"""
DESK = """
kind = "profile.updated"
source = { key = "desk", name = "Desk", kind = "store" }
[times]
happened_at = "at"
zone = "UTC"
known_at = "at"
[identifiers]
record = "no"
[facts]
name = "name"
address = "address"
"""
NIGHT = (
    *("identity.archive", "identity.match.found", "identity.placing.written", "identity.match.removed"),
    *("identity.rebuild.solved", "identity.rebuild.moved", "identity.rebuild.settled", "identity.expire"),
    *("identity.households.solved", "identity.households.removed"),
)
JOINING = ("lake.settle.written", "lake.settle.after", "lake.settle.after:2")
PLACING = ("identity.placing.matched", "identity.placing.moved")
IMPORTING = ("import.staged", "import.named", "import.finished")


def zd(root: Path, *words: str, point: str = "") -> subprocess.CompletedProcess[str]:
    """Run the program on a home, killed at `point`."""
    return subprocess.run(
        [sys.executable, "-m", "zerodistance", f"--home={root}", "--lang=en", *words],
        cwd=ROOT,
        env={**os.environ, "ZERODISTANCE_FAULT": point, "ZERODISTANCE_VISITOR_DAYS": "30"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def settings_of(root: Path) -> Settings:
    return load(home=root, visitor_days=30)


def accept(home: Home, events: Sequence[dict[str, Any]]) -> None:
    connection, now = journal.connect(home.path("journal.db")), clock.micros()
    sealed = home.seal.seal(json.dumps({"batch": events}).encode(), journal.where(1, "batch", now))
    connection.execute(
        "insert into row (source, route, received_at, events, encoding, body) values (1, 'batch', ?, ?, '', ?)",
        (now, len(events), sealed),
    )
    connection.close()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home before its first night: ten sealed batches, two people who are one only by late evidence, visitors long gone."""
    root = tmp_path_factory.mktemp("base") / "home"
    home = create_home(settings_of(root))
    make_old(home)
    sources.create_source(home, WHO, key="web", name=Text("官网", "web"), kind="web")
    work = compose.work(home)
    for batch in range(BATCHES):
        events = [
            {
                "type": "track",
                "event": "x",
                "messageId": f"{batch}-{n}",
                "anonymousId": f"a{n}",
                "userId": f"u{n}",
            }
            for n in range(20)
        ]
        events += [{"type": "page", "messageId": f"{batch}-v", "anonymousId": f"gone{batch}"}]
        # one tablet that two users share: live, the first evidence linked; the rebuild weighs them all
        events += [
            {
                "type": "track",
                "event": "x",
                "messageId": f"{batch}-s",
                "anonymousId": "tablet",
                "userId": f"u{batch % 3}",
            }
        ]
        # one person who is written in two ways, for the matcher
        spelled = ("欧阳晓辰", "欧阳晓晨")[batch % 2]
        events += [
            {
                "type": "identify",
                "messageId": f"{batch}-i",
                "userId": f"w{batch % 2}",
                "traits": {"name": spelled, "birthday": "1987-03-02", "address": "双桥城4号楼2单元201"},
            }
        ]
        accept(home, events)
        work.digest()
        work.seal()
    with home.state.write() as tx:  # as if months had gone by
        tx.exec_driver_sql("update subject set seen_at = 0 where person >= 2147483648")
    home.close()
    return root


def content(root: Path) -> dict[str, Any]:
    """Return what the stores say, in words that do not depend on how they got there."""
    home = open_home(settings_of(root))
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        touches = connection.execute("select source_id, subject from touches order by 1, 2").fetchall()
        files = home.lake.files(archive.TABLE)
        sealed = (
            connection.execute("select a, b, rule from read_parquet(?) order by all", [files]).fetchall()
            if files
            else []
        )
    with home.state.read() as tx:
        evidence = tx.exec_driver_sql("select a, b, rule, at from evidence order by 1, 2, 3, 4").all()
        members = tx.exec_driver_sql(
            "select household, subject, since, until from household_member order by 1, 2, 3"
        ).all()
        matches = tx.exec_driver_sql("select a, b, bits, linked from identity_match order by 1, 2").all()
    persons = sorted(
        zip(*(identity.subject_map(home)[name].to_pylist() for name in ("subject", "person")), strict=True)
    )
    findings = [f"{f.store}: {f.text.en}" for f in compose.checks(home) if f.level.name == "DAMAGE"]
    home.close()
    return {
        "touches": touches,
        "sealed": sealed,
        "evidence": evidence,
        "matches": matches,
        "persons": persons,
        "members": members,
        "damage": findings,
    }


@pytest.fixture(scope="module")
def undisturbed(base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the home says after a night in which nothing happened."""
    root = tmp_path_factory.mktemp("calm") / "home"
    shutil.copytree(base, root)
    assert zd(root, "run").returncode == 0
    said = content(root)
    assert said["damage"] == [] and said["sealed"] and len(said["touches"]) == EVENTS
    assert len({household for household, *_ in said["members"]}) == 2, "who share the tablet, and a flat"
    assert len(said["matches"]) == 1
    return said


@pytest.mark.slow
@pytest.mark.parametrize("point", [*NIGHT, *JOINING])
def test_a_kill_in_the_night_changes_nothing_of_what_the_night_leaves(
    base: Path, undisturbed: dict[str, Any], tmp_path: Path, point: str
) -> None:
    root = tmp_path / "home"
    shutil.copytree(base, root)
    assert zd(root, "run", point=point).returncode == -signal.SIGKILL, "the crash point was not met"
    assert zd(root, "run").returncode == 0
    assert content(root) == undisturbed


@pytest.mark.slow
@pytest.mark.parametrize("point", IMPORTING)
def test_a_kill_during_an_import_takes_every_row_in_once(base: Path, tmp_path: Path, point: str) -> None:
    root, file, mapping = tmp_path / "home", tmp_path / "visits.csv", tmp_path / "visits.toml"
    shutil.copytree(base, root)
    file.write_text("at,user,member\n" + "".join(f"2026-01-{1 + n % 28:02},u{n},m{n}\n" for n in range(300)))
    mapping.write_text(MAPPING)
    words = ("import", str(file), "--mapping", str(mapping))
    assert zd(root, *words, point=point).returncode == -signal.SIGKILL, "the crash point was not met"
    assert zd(root, *words).returncode == 0
    assert zd(root, "run").returncode == 0
    said = content(root)
    assert said["damage"] == [] and len(said["touches"]) == EVENTS + 300
    assert len({source_id for source_id, _ in said["touches"]}) == len(said["touches"])
    assert not list((root / "imports").glob("*.sealed")), "what a kill left half staged goes a day later"


@pytest.fixture(scope="module")
def after_night(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an index of faces, and a file of one row that no identifier joins with anybody."""
    root = tmp_path_factory.mktemp("placing") / "home"
    shutil.copytree(base, root)
    assert zd(root, "run").returncode == 0
    (root.parent / "desk.csv").write_text("no,at,name,address\nd1,2026-01-01,欧阳晓辰先生,双桥城4-2-201\n")
    (root.parent / "desk.toml").write_text(DESK)
    return root


@pytest.mark.slow
@pytest.mark.parametrize("point", PLACING)
def test_a_kill_while_somebody_is_placed_leaves_nothing_half(
    after_night: Path, tmp_path: Path, point: str
) -> None:
    words = (
        "import",
        str(after_night.parent / "desk.csv"),
        "--mapping",
        str(after_night.parent / "desk.toml"),
    )
    roots = [tmp_path / "calm", tmp_path / "killed"]
    for root in roots:
        shutil.copytree(after_night, root)
    before = groups(roots[0])
    assert zd(roots[0], *words).returncode == 0
    assert zd(roots[1], *words, point=point).returncode == -signal.SIGKILL, "the crash point was not met"
    halfway = groups(roots[1])
    assert zd(roots[1], *words).returncode == 0 and zd(roots[1], "run").returncode == 0
    assert groups(roots[0]) == groups(roots[1])
    assert all(one in halfway for one in before), "nobody is half joined"
    assert not all(one in groups(roots[0]) for one in before), "somebody was joined"


@pytest.mark.slow
def test_a_kill_after_evidence_was_revoked_is_made_good_by_the_next_rebuild(
    base: Path, tmp_path: Path
) -> None:
    roots = [tmp_path / "calm", tmp_path / "killed"]
    for root in roots:
        shutil.copytree(base, root)
        assert zd(root, "run").returncode == 0
    a, b, *_ = content(roots[0])["evidence"][0]
    words = ("identity", "revoke", str(a), str(b), "--why", "two people at one desk")
    assert zd(roots[0], *words).returncode == 0
    assert zd(roots[1], *words, point="identity.revoked").returncode == -signal.SIGKILL
    assert zd(roots[1], "identity", "rebuild").returncode == 0
    assert groups(roots[0]) == groups(roots[1])


def groups(root: Path) -> list[list[int]]:
    """Return which subjects are one person."""
    return groups_of(content(root))


def groups_of(said: dict[str, Any]) -> list[list[int]]:
    """Return the same of what a home says."""
    assert said["damage"] == []
    found: dict[int, list[int]] = {}
    for subject, person in said["persons"]:
        found.setdefault(person, []).append(subject)
    return sorted(found.values())


@pytest.mark.slow
def test_a_kill_after_a_release_is_made_good_by_the_next_rebuild(tmp_path: Path) -> None:
    home = create_home(settings_of(tmp_path / "calm"))
    sources.create_source(home, WHO, key="web", name=Text("官网", "web"), kind="web")
    event = {"type": "track", "event": "x", "anonymousId": "kiosk"}
    accept(home, [{**event, "messageId": f"m{n}", "userId": f"u{n}"} for n in range(10)])
    home.close()
    assert zd(tmp_path / "calm", "run").returncode == 0
    assert zd(tmp_path / "calm", "identity", "rebuild").returncode == 0
    home = open_home(settings_of(tmp_path / "calm"))
    words = ("identity", "release", str(number_of(home, "anonymous_id", "kiosk")))
    home.close()
    shutil.copytree(tmp_path / "calm", tmp_path / "killed")
    before = groups(tmp_path / "calm")
    assert zd(tmp_path / "calm", *words).returncode == 0
    assert groups(tmp_path / "calm") != before
    assert zd(tmp_path / "killed", *words, point="identity.released").returncode == -signal.SIGKILL
    assert groups(tmp_path / "killed") == before
    assert zd(tmp_path / "killed", "identity", "rebuild").returncode == 0
    assert groups(tmp_path / "calm") == groups(tmp_path / "killed")


@pytest.mark.slow
@pytest.mark.parametrize(
    "point",
    (
        *("identity.match.found", "identity.match.removed", "identity.rules.written"),
        *("identity.rebuild.solved", "identity.rebuild.moved"),
    ),
)
def test_a_kill_while_rules_change_leaves_the_rules_and_the_persons_of_before(
    base: Path, tmp_path: Path, point: str
) -> None:
    roots = [tmp_path / "calm", tmp_path / "killed"]
    assert zd_copy(base, roots[0]).returncode == 0
    shutil.copytree(roots[0], roots[1])
    before = content(roots[1])
    changed = ("device_id.limit=1/30", "anonymous_id.limit=1/30", "match.join=60", "match.doubt=20")
    words = ("identity", "rules", "apply", *changed, "--reason", "one each")
    assert zd(roots[0], *words).returncode == 0
    after = content(roots[0])
    assert groups(roots[0]) != groups(roots[1]) and after["matches"] != before["matches"]
    assert zd(roots[1], *words, point=point).returncode == -signal.SIGKILL, "the crash point was not met"
    assert content(roots[1]) == before and versions(roots[1]) == []
    assert zd(roots[1], *words).returncode == 0
    assert content(roots[1]) == after and versions(roots[1]) == versions(roots[0])
    taken = ("identity", "rules", "undo")
    assert zd(roots[1], *taken, point=point).returncode == -signal.SIGKILL, "the crash point was not met"
    assert content(roots[1]) == after and versions(roots[1]) == versions(roots[0])
    assert zd(roots[1], *taken).returncode == 0
    assert content(roots[1])["matches"] == before["matches"] and groups(roots[1]) == groups_of(before)


def zd_copy(base: Path, root: Path) -> subprocess.CompletedProcess[str]:
    """Copy a home, and let its night pass."""
    shutil.copytree(base, root)
    return zd(root, "run")


def versions(root: Path) -> list[tuple[int, str]]:
    """Return the versions of the rules that hold."""
    home = open_home(settings_of(root))
    found = [(v.version, str(v.changes)) for v in identity.rules(home, WHO).history if v.undone_at is None]
    home.close()
    return found


@pytest.mark.slow
def test_a_kill_after_a_decision_is_made_good_by_the_next_rebuild(base: Path, tmp_path: Path) -> None:
    roots = [tmp_path / "calm", tmp_path / "killed"]
    for root in roots:
        shutil.copytree(base, root)
        assert zd(root, "run").returncode == 0
    a, b, *_ = content(roots[0])["matches"][0]
    words = ("identity", "decide", str(a), str(b), "different", "--why", "two sisters")
    assert zd(roots[0], *words).returncode == 0
    assert zd(roots[1], *words, point="identity.decided").returncode == -signal.SIGKILL
    assert zd(roots[1], "identity", "rebuild").returncode == 0
    assert groups(roots[0]) == groups(roots[1])
