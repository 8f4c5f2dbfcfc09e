"""The command line as a newcomer uses it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest

from tests.patience import PATIENCE
from zerodistance.compose import PARTS
from zerodistance.core.touchpoints.contracts import TOUCHES
from zerodistance.doors.cli import main
from zerodistance.kernel import command

HEAVY = (
    "duckdb",
    "sqlalchemy",
    "pyarrow",
    "deltalake",
    "fastapi",
    "uvicorn",
    "numpy",
    "pydantic",
    "zerodistance.core",
)


@dataclass
class Said:
    """What one command line answered."""

    code: int
    out: str
    err: str


class Line:
    """Runs command lines in this process, on one home."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self._capsys = home, capsys

    def __call__(self, *words: str, lang: str = "en") -> Said:
        code = main(PARTS, [f"--home={self.home}", f"--lang={lang}", *words])
        printed = self._capsys.readouterr()
        return Said(code, printed.out, printed.err)


@pytest.fixture
def line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Line]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    yield Line(tmp_path / "home", capsys)
    command.close()


@pytest.fixture
def ready(line: Line) -> Line:
    assert line("init").code == 0
    return line


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from zerodistance.compose import PARTS; from zerodistance.doors.cli import main; main(PARTS, ['--help']);"
        f"sys.stderr.write(' '.join(name for name in {HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert done.stderr == ""
    assert all(
        name in done.stdout
        for name in ("init", "serve", "run", "status", "trace", "doctor", "brand", "sources")
    )


def test_help_is_there_in_both_languages() -> None:
    asked = [sys.executable, "-m", "zerodistance", "init", "--help"]
    zh = subprocess.run(
        [*asked, "--lang", "zh"], capture_output=True, text=True, timeout=PATIENCE, check=True
    ).stdout
    en = subprocess.run(
        [*asked, "--lang", "en"], capture_output=True, text=True, timeout=PATIENCE, check=True
    ).stdout
    assert "建立数据目录" in zh
    assert "make a home" in en


def test_a_command_without_a_home_says_what_to_do_in_one_line(line: Line) -> None:
    for lang, advice in (("zh", "先运行 `zerodistance init`"), ("en", "run `zerodistance init` first")):
        said = line("status", lang=lang)
        assert said.code == 1
        assert advice in said.err
        assert "[no_home]" in said.err
        assert len(said.err.splitlines()) == 1


def test_init_makes_a_home_and_prints_a_first_login(line: Line) -> None:
    said = line("init")
    assert said.code == 0
    assert "http://127.0.0.1:8420/once/" in said.out
    assert (line.home / "key").stat().st_mode & 0o777 == 0o600
    assert (line.home).stat().st_mode & 0o777 == 0o700
    units = json.loads(line("brand", "list", "units", "--json").out)
    assert "cooling" in [unit["key"] for unit in units]


def test_a_second_init_is_refused_and_changes_nothing(ready: Line) -> None:
    key = (ready.home / "key").read_text()
    said = ready("init")
    assert (said.code, said.out) == (1, "")
    assert "[home_exists]" in said.err
    assert (ready.home / "key").read_text() == key


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--set", "seal_seconds=0"], ["seal_seconds", "greater than or equal to 1"]),
        (["--set", "zone=Mars/Base"], ["zone", "Asia/Shanghai"]),
        (["--set", "currency=yuan"], ["currency", "[A-Z]{3}"]),
        (["--port", "99999"], ["port", "65535"]),
        (["--set", "seal_secons=5"], ["seal_secons", "seal_seconds"]),
        (["--set", "seal_seconds"], ["--set", "NAME=VALUE"]),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(
    line: Line, words: list[str], named: list[str]
) -> None:
    said = line(*words, "init")
    assert said.code == 1
    assert [word for word in named if word not in said.err] == []
    assert not line.home.exists()


def test_a_wrong_value_in_the_file_or_the_environment_is_named_too(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("zerodistance.toml").write_text("poll_ms = 0\n")
    assert "poll_ms" in line("init").err
    Path("zerodistance.toml").write_text("poll_ms 5\n")
    assert "zerodistance.toml" in line("init").err
    Path("zerodistance.toml").unlink()
    monkeypatch.setenv("ZERODISTANCE_LANG", "fr")
    assert main(PARTS, [f"--home={line.home}", "init"]) == 1


def test_flags_win_over_the_environment_and_that_over_the_file(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("zerodistance.toml").write_text("port = 1001\nhost = '127.0.0.3'\n")
    monkeypatch.setenv("ZERODISTANCE_PORT", "1002")
    assert "http://127.0.0.3:1002/once/" in line("init").out
    command.close()
    command.set_flags(home=line.home, port=1003)
    assert command.settings().port == 1003


def test_status_of_an_empty_home_is_readable_in_both_languages_and_as_json(ready: Line) -> None:
    en, zh, plain = ready("status"), ready("status", lang="zh"), json.loads(ready("status", "--json").out)
    assert "worker: not running" in en.out
    assert "处理进程：没有运行" in zh.out
    assert plain["batches"] == {"touches": 0, "last": []}
    assert plain["journal"]["events"] == 0
    assert plain["deduplication"]["capacity"] == 100_000_000
    assert plain["worker"]["running"] is False
    assert plain["disk"]["free_bytes"] > 0


def test_run_on_an_empty_home_does_nothing_and_ends(ready: Line) -> None:
    said = ready("run")
    assert said.code == 0
    assert "took in 0 rows" in said.out


def test_doctor_finds_a_new_home_sound(ready: Line) -> None:
    said = ready("doctor", "--json")
    found = json.loads(said.out)
    assert said.code == 0
    assert {finding["level"] for finding in found} == {"good"}
    assert {"key", "state", "journal", "tail", "lake", "disk", "clock"} <= {
        finding["store"] for finding in found
    }


def test_doctor_names_a_key_that_others_can_read_and_mends_it(ready: Line) -> None:
    (ready.home / "key").chmod(0o644)
    assert ready("doctor").code == 1
    assert ready("doctor", "--repair").code == 0
    assert (ready.home / "key").stat().st_mode & 0o777 == 0o600


@pytest.mark.sqlite
def test_doctor_says_so_when_the_state_cannot_even_be_opened(ready: Line) -> None:
    command.close()
    for path in ready.home.glob("state.db*"):
        path.unlink()
    (ready.home / "state.db").write_bytes(b"x" * 8_192)
    said = ready("doctor")
    assert (said.code, said.err) == (1, "")
    assert "✗ state" in said.out


def test_status_says_why_a_worker_could_not_start(ready: Line) -> None:
    row = pa.Table.from_pylist([{"batch": 7, "row": 0, "month": "2026-11"}], schema=TOUCHES)
    command.home().lake.append("touches", row, app="touches", version=7, partition_by="month")
    refused = ready("worker")
    assert (refused.code, "[store_ahead]" in refused.err) == (1, True)
    assert "the last one could not start: store_ahead: lake holds batch 7" in ready("status").out
    found = ready("doctor")
    assert found.code == 1
    assert "the lake holds batch 7 but the state ends at 0" in found.out


def test_doctor_names_an_environment_variable_that_is_no_setting(
    ready: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZERODISTANCE_PROT", "1")
    said = ready("doctor")
    assert said.code == 0
    assert "ZERODISTANCE_PROT" in said.out


def test_tracing_what_is_not_there_says_so(ready: Line) -> None:
    for given in ("m-1", "7:0", "b7", "e7", "import:7", "p_00000000"):
        said = ready("trace", given)
        assert (said.code, said.out) == (1, "")
        assert given.removeprefix("b").removeprefix("import:") in said.err


def test_a_file_with_wrong_cells_names_each_and_takes_nothing(ready: Line) -> None:
    Path("p.csv").write_text(
        "code,name_zh,name_en,category\nX-1,甲,A,fridge\nX-2,乙,B,spaceship\nX 3,,C,fridge\n"
    )
    said = ready("brand", "import", "products", "p.csv")
    assert said.code == 1
    assert "line 3 category: 'spaceship'; allowed: one of the categories that exist" in said.err
    assert "line 4 name_zh" in said.err
    assert "[bad_file]" in said.err
    assert "X-1" not in ready("brand", "list", "products").out
    assert ready("brand", "import", "products", "p.csv", "--partial").code == 0
    assert "X-1" in ready("brand", "list", "products").out


def test_an_export_can_be_imported_again(ready: Line) -> None:
    assert ready("brand", "export", "places", "places.csv").code == 0
    assert "11 the same" in ready("brand", "import", "places", "places.csv").out


def test_wrong_usage_is_told_from_failure_by_its_code(ready: Line) -> None:
    assert ready("brand", "import", "nothing", "x.csv").code == 2
    assert ready("nonsense").code == 2
    assert ready("brand", "import", "units", "missing.csv").code == 1


def test_what_nobody_expected_is_one_line_unless_debugging(
    ready: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("the moon")

    monkeypatch.setattr(command, "home", fail)
    said, debugged = ready("status"), ready("--debug", "status")
    assert said.err == "error [unexpected] unexpected RuntimeError: the moon; add --debug for a traceback\n"
    assert "Traceback" in debugged.err
