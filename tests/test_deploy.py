"""The units for systemd and the Containerfile: what they name exists, what they call parses, and both are as closed as they say."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest
from cyclopts import CycloptsError

from scripts import dist
from tests.doors.test_serving import Served, made
from tests.patience import PATIENCE
from zerodistance.compose import PARTS
from zerodistance.doors.cli import build
from zerodistance.doors.serving import REQUEST_SECONDS, STOP_SECONDS
from zerodistance.kernel.settings import Settings

__all__ = ["made"]  # a fixture

ROOT = Path(__file__).resolve().parent.parent
UNITS = sorted((ROOT / "deploy" / "systemd").iterdir())
SERVICES = [path for path in UNITS if path.suffix == ".service"]
CONTAINERFILE = ROOT / "deploy" / "Containerfile"
PROGRAM = "/opt/zerodistance/bin/zerodistance"
EXPOSURE = 25  # tenths that `systemd-analyze security` may find; own value, "OK" begins at 49, 92 is a unit that says nothing
HARD = {
    "CapabilityBoundingSet": "", "AmbientCapabilities": "", "LockPersonality": "yes", "NoNewPrivileges": "yes", "PrivateDevices": "yes",
    "PrivateTmp": "yes", "ProtectHome": "yes", "ProtectKernelModules": "yes", "ProtectSystem": "strict", "RestrictNamespaces": "yes",
    "RestrictSUIDSGID": "yes", "SystemCallFilter": "@system-service", "UMask": "0077", "User": "zerodistance", "StateDirectory": "zerodistance",
}  # fmt: skip


def entries(unit: Path) -> Iterator[tuple[str, str]]:
    """Yield every key of a unit with its value."""
    for line in unit.read_text(encoding="utf-8").splitlines():
        if line and line[0] not in "#[":
            key, _, value = line.partition("=")
            yield key, value


def values(unit: Path, key: str) -> list[str]:
    return [value for name, value in entries(unit) if name == key]


def bound(words: list[str]) -> str:
    """Return the name of what a command line of our own would call, or raise what is wrong with it."""
    app = build(PARTS)
    _, flags, _ = app.meta.parse_args(words, exit_on_error=False, print_error=False)
    verb, _, _ = app.parse_args(flags.args, exit_on_error=False, print_error=False)
    return verb.__name__


def seconds(value: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(|s|min|h)", value).groups()  # type: ignore[union-attr]
    return int(number) * {"": 1, "s": 1, "min": 60, "h": 3600}[unit]


@pytest.mark.parametrize(
    ("name", "verb"),
    [("zerodistance", "serve"), ("zerodistance-door@", "door"), ("zerodistance-backup", "backup")],
)
def test_what_a_unit_starts_is_a_command_line_of_the_program(name: str, verb: str) -> None:
    (line,) = values(ROOT / "deploy" / "systemd" / f"{name}.service", "ExecStart")
    program, *words = shlex.split(line.replace("%i", "8421"))
    assert program == PROGRAM
    assert bound(words) == verb


def test_a_command_line_that_the_program_does_not_know_would_be_found() -> None:
    with pytest.raises(CycloptsError):
        bound(["backup", "--into", "x"])


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_unit_is_closed_and_names_settings_that_there_are(unit: Path) -> None:
    told = dict(entries(unit))
    assert {key: told.get(key) for key in HARD} == HARD
    named = [value.partition("=")[0] for value in values(unit, "Environment")]
    assert (
        named
        and [
            name for name in named if name.removeprefix("ZERODISTANCE_").lower() not in Settings.model_fields
        ]
        == []
    )
    home = f"/var/lib/{told['StateDirectory']}"
    assert told["Environment"] == f"ZERODISTANCE_HOME={home}"
    assert (told["WorkingDirectory"], told["AssertPathExists"]) == (home, f"{home}/key")


@pytest.mark.parametrize("name", ["zerodistance", "zerodistance-door@"])
def test_a_service_is_started_again_and_has_the_time_to_end_that_the_program_takes(name: str) -> None:
    told = dict(entries(ROOT / "deploy" / "systemd" / f"{name}.service"))
    assert (told["Restart"], told["Type"], told["KillSignal"], told["KillMode"]) == (
        "always",
        "notify",
        "SIGTERM",
        "mixed",
    )
    own = STOP_SECONDS if name == "zerodistance" else 0
    assert seconds(told["TimeoutStopSec"]) > own + REQUEST_SECONDS


def test_every_unit_that_another_names_is_there() -> None:
    names = [unit.name for unit in UNITS]
    text = "\n".join(unit.read_text(encoding="utf-8") for unit in UNITS)
    mentioned = {
        name.replace("@8421", "@")
        for name in re.findall(r"zerodistance[-@\w]*\.(?:service|timer|sysusers)", text)
    }
    assert mentioned and [name for name in mentioned if name not in names] == []
    assert "zerodistance-backup.service" in names, "a timer starts the service of its own name"


@pytest.mark.parametrize("page", ["deploy.md", "zh/deploy.md"])
def test_the_page_installs_every_unit(page: str) -> None:
    written = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert [unit.name for unit in UNITS if f" {unit.name} " not in written] == []


@pytest.mark.systemd
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    program = tmp_path / "zerodistance"
    program.symlink_to(sys.executable)  # verify looks whether what is started can be
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8").replace(PROGRAM, str(program))
        (tmp_path / unit.name.replace("@.", "@8421.")).write_text(text, encoding="utf-8")
    names = [str(path) for path in sorted(tmp_path.iterdir()) if path.suffix in (".service", ".timer")]
    words = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *names]
    said = subprocess.run(words, capture_output=True, text=True, check=False, timeout=PATIENCE)
    ours = [line for line in said.stderr.splitlines() if "zerodistance" in line]
    assert ours == []
    assert said.returncode == 0, said.stderr


@pytest.mark.systemd
@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_systemd_calls_a_unit_closed(unit: Path, tmp_path: Path) -> None:
    placed = tmp_path / unit.name.replace("@.", "@8421.")
    shutil.copy(unit, placed)
    words = [
        "systemd-analyze",
        "security",
        "--offline=yes",
        f"--threshold={EXPOSURE}",
        "--no-pager",
        str(placed),
    ]
    said = subprocess.run(words, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert said.returncode == 0, said.stdout[-3_000:] + said.stderr


# -- the container


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Containerfile with what follows them, long lines joined."""
    text = re.sub(r"^#.*\n", "", CONTAINERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = [line for line in re.sub(r"\s*\\\n\s*", " ", text).splitlines() if line]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def told(instruction: str) -> list[str]:
    return [rest for word, rest in instructions() if word == instruction]


def test_the_base_of_the_container_is_a_release_and_names_no_registry() -> None:
    (base,) = told("ARG")
    assert re.fullmatch(r"BASE=debian:\d+\.\d+-slim", base), (
        "a release by its number; whoever builds may name a digest"
    )
    assert [word.split()[0] for word in told("FROM")] == ["${BASE}", "${BASE}"]
    assert not re.search(r"\w+\.(?:io|com|org|net)\b", "\n".join(rest for _, rest in instructions()))


def test_the_container_runs_as_nobody_special_and_keeps_its_home_on_a_volume() -> None:
    last = [word for word, _ in instructions()]
    user = told("USER")[-1]
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user), (
        "a number, so that an orchestrator can see that it is not root"
    )
    assert last.index("USER") > max(place for place, word in enumerate(last) if word in ("RUN", "COPY"))
    variables = dict(re.findall(r"(\w+)=(\S+)", told("ENV")[0]))
    ours = {
        name.removeprefix("ZERODISTANCE_").lower(): value
        for name, value in variables.items()
        if name.startswith("ZERO")
    }
    assert set(ours) <= set(Settings.model_fields)
    assert [ours["home"]] == told("VOLUME") == told("WORKDIR")
    assert [ours["port"]] == told("EXPOSE")


def test_what_the_container_copies_exists_and_what_it_installs_is_pinned_with_hashes(tmp_path: Path) -> None:
    wheel, _ = dist.build(tmp_path)
    sources = [word for rest in told("COPY") if "--from" not in rest for word in rest.split()[:-1]]
    there = ["requirements/server.txt", f"dist/{wheel.name}"]
    assert (
        sources and [source for source in sources if not any(fnmatch(path, source) for path in there)] == []
    )
    assert (ROOT / there[0]).is_file()
    installs = [part for rest in told("RUN") for part in rest.split(" && ") if " pip install " in part]
    assert len(installs) == 2
    assert [
        part for part in installs if "--require-hashes" not in part and "--no-index --no-deps" not in part
    ] == []
    pinned = (ROOT / there[0]).read_text(encoding="utf-8")
    assert "psycopg" in pinned and "opentelemetry-sdk" in pinned, "a container has every extra"


def test_what_the_container_starts_is_a_command_line_of_the_program() -> None:
    (entry,), (command,) = told("ENTRYPOINT"), told("CMD")
    program, *words = [*eval(entry), *eval(command)]
    assert (program, bound(words)) == ("zerodistance", "serve")


@pytest.mark.slow
def test_the_health_check_of_the_container_tells_a_door_that_answers_from_one_that_does_not(
    made: Path,
) -> None:
    (line,) = told("HEALTHCHECK")
    program, *words = eval(line.partition(" CMD ")[2])
    assert program == "python"
    served = Served(made)

    def check() -> int:
        environment = {**os.environ, "ZERODISTANCE_PORT": served.address.rpartition(":")[2]}
        done = subprocess.run(
            [sys.executable, *words], env=environment, capture_output=True, check=False, timeout=PATIENCE
        )
        return done.returncode

    assert check() == 0
    served.end()
    assert check() == 1


def test_a_linter_for_containers_finds_nothing() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    said = subprocess.run(
        [linter, "--no-color", CONTAINERFILE], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert (said.returncode, said.stdout) == (0, "")
