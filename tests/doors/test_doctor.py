"""The damage bench: one store is broken in one way; doctor names it, says what holds and what is lost, and mends what can be mended."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import zerodistance.compose as compose
from tests.doors.backups import world
from tests.doors.backups.world import ME
from tests.prepared import make_old
from zerodistance.core.touchpoints import import_jobs, sources, tail
from zerodistance.core.touchpoints.import_jobs import create
from zerodistance.doors.backups import making, restoring
from zerodistance.doors.cli import main
from zerodistance.doors.worker import once
from zerodistance.kernel import command
from zerodistance.kernel.home import Home, create_home, open_home
from zerodistance.kernel.locks import worker_lock
from zerodistance.kernel.postgres import StateOfAnother
from zerodistance.kernel.settings import load
from zerodistance.kernel.text import Text

pytestmark = pytest.mark.sqlite
MAPPING = """
kind = "store.visited"
source = { key = "visits", name = "Visits", kind = "store" }
[times]
happened_at = "at"
zone = "UTC"
lag = "1 day"
[identifiers]
member_id = "member"
[columns]
place = "store"
"""
LAKE = ["li-1", "wei-0", "wei-1"]
TAIL = ["li-2", "wei-2"]
WAITING = ["li-3", "li-4", "wei-3"]
VISITS = 2
EVERY = sorted(LAKE + TAIL + WAITING)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with something in every store, and beside it a backup that holds it."""
    root = tmp_path_factory.mktemp("bench")
    home = create_home(load(home=root / "home"))
    make_old(home)
    world.hand_over()
    sources.create_source(home, ME, key="web", name=Text("官网", "web"), kind="web")
    work = compose.work(home)
    known = {"traits": {"email": "wei@example.cn", "name": "Wei"}, "anonymousId": "cookie"}
    refused = [{**world.bought("wei", n), "timestamp": "never"} for n in (8, 9)]
    world.accept(home, {"type": "identify", "messageId": "wei-0", "userId": "wei", **known}, *refused)
    world.accept(home, world.bought("wei", 1), world.bought("li", 1))
    once(work)
    world.accept(home, world.bought("wei", 2), world.bought("li", 2))
    work.digest()
    for who, n in (("wei", 3), ("li", 3), ("li", 4)):
        world.accept(home, world.bought(who, n))
    (root / "visits.csv").write_text("at,member,store\n2026-01-01,m1,s1\n2026-01-02,m2,s2\n")
    create(home, ME, root / "visits.csv", MAPPING)
    making.make(home, ME, root / "backups", with_key=True)
    home.close()
    for name in ("state.db", "journal.db"):
        with closing(sqlite3.connect(home.path(name))) as connection:
            connection.execute("pragma wal_checkpoint(truncate)").fetchone()
    return root


@dataclass
class Bench:
    """One broken home."""

    root: Path
    capsys: pytest.CaptureFixture[str]
    flags: list[str] = field(default_factory=list)

    def doctor(self, *words: str, lang: str = "en") -> tuple[int, list[dict[str, Any]]]:
        command.close()
        code = main(
            compose.PARTS, [f"--home={self.root}", f"--lang={lang}", *self.flags, "doctor", "--json", *words]
        )
        said = self.capsys.readouterr().out
        command.close()
        return code, json.loads(said)

    def damage(self, *words: str) -> set[str]:
        return {f["code"] for f in self.doctor(*words)[1] if f["level"] == "damage"}

    def open(self) -> Home:
        return open_home(load(home=self.root))


@pytest.fixture
def bench(template: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Bench]:
    world.hand_over()
    shutil.copytree(template / "home", tmp_path / "home")
    sql("state.db", "delete from backup")(
        tmp_path / "home"
    )  # it knows of no backup unless a test says where one is
    yield Bench(tmp_path / "home", capsys)
    command.close()


# -- ways to break a store


def one(root: Path, pattern: str) -> Path:
    return sorted(root.glob(pattern))[0]


def delete(pattern: str) -> Callable[[Path], None]:
    return lambda root: one(root, pattern).unlink()


def truncate(pattern: str, to: float = 0.5) -> Callable[[Path], None]:
    def cut(root: Path) -> None:
        path = one(root, pattern)
        os.truncate(path, int(path.stat().st_size * to))

    return cut


def flip(pattern: str, at: float = 0.5, length: int = 16) -> Callable[[Path], None]:
    def turn(root: Path) -> None:
        path = one(root, pattern)
        data = bytearray(path.read_bytes())
        start = int(len(data) * at)
        for place in range(start, min(start + length, len(data))):
            data[place] ^= 0xFF
        path.write_bytes(data)

    return turn


def forbid(pattern: str) -> Callable[[Path], None]:
    return lambda root: one(root, pattern).chmod(0)


def sql(name: str, *statements: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        with closing(sqlite3.connect(root / name)) as connection:
            connection.execute("pragma writable_schema = on")
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    return change


def stray(folder: str, name: str) -> Callable[[Path], None]:
    return lambda root: shutil.copy(one(root, folder + "/*"), root / folder / name) and None


def older_than_the_journal(root: Path) -> None:
    sql("journal.db", "delete from row where id <= 2")(root)
    sql("state.db", "update feed set position = 1 where name = 'journal'")(root)


@dataclass(frozen=True)
class Case:
    """One way to break a home: what doctor says; whether it mends it, and which touches are there when all is digested then."""

    name: str
    harm: Callable[[Path], None]
    code: str
    after: list[str] | None
    deep: bool = False
    level: str = "damage"


TOUCHES, STATES, EVIDENCE = (
    "lake/touches/*/*.parquet",
    "lake/profile_state/*.parquet",
    "lake/evidence/*.parquet",
)
BAD_INDEX = "update sqlite_master set sql = replace(sql, '(asked_at)', '(source)') where name = 'ix_quarantine_asked_at'"

CASES = [
    Case("the key can be read by others", lambda root: (root / "key").chmod(0o644), "key.open", EVERY),
    Case("the key is gone", delete("key"), "key.missing", None),
    Case("the key is another one", lambda root: (root / "key").write_text("ab" * 32 + "\n"), "key.wrong", None),
    Case("the state is cut short", truncate("state.db"), "state.unreadable", None),
    Case("the state begins with other bytes", flip("state.db", 0, 100), "state.unreadable", None),
    Case("an index of the state differs from its table", sql("state.db", BAD_INDEX), "state.index", EVERY),
    Case("evidence points at nobody", sql("state.db", "delete from subject where number in (select a from evidence)"), "identity.loose", None),
    Case("the journal is gone", delete("journal.db"), "journal.behind", sorted(LAKE + TAIL)),
    Case("the journal has another row", sql("journal.db", "update row set source = 7 where id = 5"), "journal.unreadable", None),
    Case("a page of the journal is not what was written", flip("journal.db", 0.0, 4000), "journal.damaged", sorted(LAKE + TAIL)),
    Case("a tail file is gone", delete("tail/*.arrow"), "tail.missing", None),
    Case("a tail file is cut short", truncate("tail/*.arrow"), "tail.damaged", None),
    Case("a tail file ends in other bytes", flip("tail/*.arrow", 0.97), "tail.damaged", None),
    Case("a tail file was never committed", stray("tail", "000000000003.arrow"), "tail.orphan", EVERY, level="note"),
    Case("tail files are of a later time", stray("tail", "000000000099.arrow"), "state.older", None),
    Case("a file of the lake is gone", delete(TOUCHES), "lake.missing", None),
    Case("a file of the lake is cut short", truncate(TOUCHES), "lake.size", None),
    Case("a file of the lake ends in other bytes", flip(TOUCHES, 0.97), "lake.footer", None),
    Case("a page of the lake is not what was written", flip(TOUCHES, 0.2), "lake.content", None, deep=True),
    Case("a file of the lake belongs to no version", stray("lake/touches/month=2026-11", "part-x.parquet"), "lake.stray", EVERY, level="note"),
    Case("the log of the lake is cut short", truncate("lake/touches/_delta_log/*.json", 0.3), "lake.log", None),
    Case("the log of the lake is gone", lambda root: shutil.rmtree(root / "lake/touches/_delta_log"), "lake.log", None),
    Case("touches of a batch are fewer than were committed", sql("state.db", "update batch set touches = touches + 3 where number = 1"), "lake.lost", None),
    Case("the state is older than the lake", sql("state.db", "delete from batch", "delete from tail"), "lake.ahead", None),
    Case("the state is older than the journal", older_than_the_journal, "state.older", None),
    Case("a file of states is gone", delete(STATES), "states.damaged", EVERY),
    Case("a file of states is cut short", truncate(STATES), "states.damaged", EVERY),
    Case("the log of states is gone", lambda root: shutil.rmtree(root / "lake/profile_state/_delta_log"), "states.damaged", EVERY),
    Case("a page of states is not what was written", flip(STATES, 0.2), "states.damaged", EVERY, deep=True),
    Case("the evidence in the lake is cut short", truncate(EVIDENCE), "evidence.damaged", EVERY),
    Case("the pointer of the index is not what was written", flip("index/CURRENT"), "index.damaged", EVERY),
    Case("a part of the index is cut short", truncate("index/*.part"), "index.damaged", EVERY),
    Case("a part of the index is gone", delete("index/*.part"), "index.missing", EVERY),
    Case("a part of the index is not what was written", flip("index/*.part", 0.8), "index.damaged", EVERY),
    Case("the file of an import is gone", delete("imports/*.sealed"), "imports.damaged", EVERY),
    Case("the file of an import is cut short", truncate("imports/*.sealed"), "imports.damaged", EVERY),
    Case("a refused row is not what was sealed", sql("state.db", "update quarantine set raw = x'00' where id = 1"), "quarantine.unreadable", EVERY),
    Case("a folder can't be read by its owner", forbid("lake/touches"), "files.mode", EVERY),
    Case("a file can't be read by its owner", forbid("journal.db"), "files.mode", EVERY),
]  # fmt: skip


def touches(bench: Bench) -> list[str]:
    """Return what is there when everything is digested; rows of the import have ids of their own."""
    home = bench.open()
    found = [i for i in world.digested(home) if "-" in i and not i[0].isdigit()]
    assert world.damage(home) == []
    home.close()
    return found


def files(root: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(root)): p.read_bytes()
        for p in root.rglob("*")
        if p.is_file() and p.suffix in (".arrow", ".parquet", ".sealed")
    }


QUICK = (
    "key.wrong",
    "state.index",
    "journal.unreadable",
    "tail.missing",
    "lake.ahead",
    "states.damaged",
    "imports.damaged",
)
"""One way for each kind of store; all the others in the long run."""


def some(cases: Sequence[Case], quick: Sequence[str]) -> list[Any]:
    first = {case.code: case.name for case in reversed(cases)}
    return [
        case
        if case.code in quick and first[case.code] == case.name
        else pytest.param(case, marks=pytest.mark.slow)
        for case in cases
    ]


@pytest.mark.parametrize("case", some(CASES, QUICK), ids=lambda case: case.name)
def test_damage_is_named_and_mended_where_it_can_be(bench: Bench, case: Case) -> None:
    deep = ["--deep"] if case.deep else []
    case.harm(bench.root)
    before = files(bench.root) if case.code != "files.mode" else {}
    code, found = bench.doctor(*deep)
    (said, *_) = [f for f in found if f["code"] == case.code and f["level"] == case.level] or pytest.fail(
        str(found)
    )
    assert code == (1 if case.level == "damage" else 0)
    assert said["advice"] and (
        said["holds"] or said["lost"] or case.level == "note" or case.code == "key.open"
    )
    assert files(bench.root) == before or case.code == "files.mode", "looking changes nothing"
    code, after = bench.doctor("--repair", *deep)
    if case.after is None:
        assert case.code in {f["code"] for f in after if f["level"] == "damage"}
        assert files(bench.root) == before, "what can't be mended is left as it is"
    else:
        assert [f for f in after if f["level"] == "damage"] == [] and code == 0
        assert set(before.values()) <= set(files(bench.root).values()), "what was replaced was moved aside"
        assert touches(bench) == case.after


def test_a_sound_home_has_no_findings(bench: Bench) -> None:
    assert {f["level"] for f in bench.doctor("--deep")[1]} == {"good"}


LOST = [case for case in CASES if case.after is None]
FROM_BACKUP = [
    case
    for case in LOST
    if case.code.partition(".")[0] in ("tail", "lake") and case.code not in ("lake.lost", "lake.ahead")
]
GONE = "the log of the lake is gone"


@pytest.mark.parametrize(
    "case",
    some([c for c in FROM_BACKUP if c.name != GONE], ("lake.size", "tail.missing")),
    ids=lambda case: case.name,
)
def test_files_that_never_change_are_put_back_from_a_backup(template: Path, bench: Bench, case: Case) -> None:
    bench.flags = [f"--set=backup_to={template / 'backups'}"]
    case.harm(bench.root)
    deep = ["--deep"] if case.deep else []
    assert case.code in bench.damage(*deep)
    code, after = bench.doctor("--repair", *deep)
    assert (code, [f for f in after if f["level"] == "damage"]) == (0, [])
    assert touches(bench) == EVERY


@pytest.mark.parametrize(
    "case",
    some([c for c in LOST if c.code.startswith(("state.", "key."))], ("state.unreadable",)),
    ids=lambda case: case.name,
)
def test_a_restored_backup_is_the_last_resort(
    template: Path, bench: Bench, tmp_path: Path, case: Case
) -> None:
    case.harm(bench.root)
    there = tmp_path / "there"
    restoring.restore(load(home=there), ME, template / "backups").home.close()
    bench.root = there
    assert bench.damage() == set()
    assert touches(bench) == EVERY


def test_an_import_whose_file_is_lost_can_be_taken_in_again(bench: Bench, template: Path) -> None:
    delete("imports/*.sealed")(bench.root)
    assert bench.doctor("--repair")[0] == 0
    home = bench.open()
    again = create(home, ME, template / "visits.csv", MAPPING)
    once(compose.work(home))
    assert import_jobs.load(home, again.job.number).state == "done"
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        count = "select count(*) from touches where kind = 'store.visited'"
        assert connection.execute(count).fetchone() == (VISITS,)
    home.close()


def test_rows_that_are_taken_out_are_kept_with_what_was_in_them(bench: Bench) -> None:
    sql("state.db", "update quarantine set raw = x'00' where id = 1")(bench.root)
    assert bench.doctor("--repair")[0] == 0
    lines = (bench.root / "damaged/quarantine.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [1]


def test_a_home_with_another_key_is_not_opened(bench: Bench) -> None:
    (bench.root / "key").write_text("ab" * 32 + "\n")
    with pytest.raises(StateOfAnother):
        bench.open()


def test_nothing_is_mended_while_somebody_works_on_the_home(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete("index/*.part")(bench.root)
    before = sorted(path for path in bench.root.rglob("*") if not path.name.startswith("journal.db-"))
    with worker_lock(bench.root / "worker.lock"):
        code = main(compose.PARTS, [f"--home={bench.root}", "--lang=en", "doctor", "--repair"])
    assert code == 1 and "[worker_running]" in bench.capsys.readouterr().err
    assert not (bench.root / "damaged").exists()
    assert [p for p in before if not p.exists()] == []


def test_every_finding_is_told_in_both_languages(bench: Bench) -> None:
    for harm in (
        delete("index/*.part"),
        truncate(TOUCHES),
        delete("tail/*.arrow"),
        delete("imports/*.sealed"),
    ):
        harm(bench.root)
    zh, en = (bench.doctor(lang=lang)[1] for lang in ("zh", "en"))
    assert [f["code"] for f in zh] == [f["code"] for f in en]
    damage = [(z, e) for z, e in zip(zh, en, strict=True) if z["level"] == "damage"]
    assert len(damage) >= 4
    for z, e in damage:
        for part in ("text", "advice", "holds", "lost"):
            assert bool(z[part]) == bool(e[part])
            assert not z[part] or z[part] != e[part]


def test_the_readable_form_says_what_holds_and_what_is_lost(bench: Bench) -> None:
    delete("tail/*.arrow")(bench.root)
    assert main(compose.PARTS, [f"--home={bench.root}", "--lang=en", "doctor"]) == 1
    said = bench.capsys.readouterr().out
    assert (
        "tail.missing" in said
        and "lost: the 2 touches of batch 2" in said
        and "holds: the other batches" in said
    )
