"""The wheel: what is in it, what is not, and that the demo runs from it where no clone is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

import zerodistance
from scripts import dist
from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LARGEST = 6_400_000  # bytes, own value: the demo's shop is 2.3 MB of them, what draws the map 1.3 MB
SHOP = "zerodistance/doors/examples/online_retail/"
PEOPLES_FOLDERS = re.compile(rb"/(?:ro" + rb"ot|ho" + rb"me|Us" + rb"ers)/\w")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    wheel, source = dist.build(tmp_path_factory.mktemp("dist"))
    return wheel, source


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as packed:
        return packed.namelist()


def read(wheel: Path, name: str) -> bytes:
    with zipfile.ZipFile(wheel) as packed:
        return packed.read(f"zerodistance-{zerodistance.__version__}.dist-info/{name}")


def metadata(wheel: Path) -> Message:
    return Parser().parsestr(read(wheel, "METADATA").decode())


def test_the_version_stands_in_one_place_and_is_the_newest_of_the_changelog() -> None:
    assert "version" not in PROJECT and PROJECT["dynamic"] == ["version"]
    newest, *before = dist.releases()
    assert newest[0] == zerodistance.__version__
    assert all(day is not None for _, day in before), "only the newest may wait for its day"
    headings = re.findall(r"^## .*$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(headings) == len(dist.releases()), (
        "a heading is `## Unreleased (1.2.3)` or `## 1.2.3 (2027-01-31)`"
    )


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(built: tuple[Path, Path]) -> None:
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "zerodistance"]
    known = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    packed = [name for name in names(built[0]) if ".dist-info/" not in name]
    assert sorted(packed) == sorted(name for name in known if (ROOT / name).exists())


def test_no_test_no_bytecode_and_no_folder_of_somebodys_machine_is_in_the_wheel(
    built: tuple[Path, Path],
) -> None:
    with zipfile.ZipFile(built[0]) as packed:
        named = packed.namelist()
        personal = [name for name in named if PEOPLES_FOLDERS.search(packed.read(name))]
    assert personal == []
    assert [
        name for name in named if re.search(r"(^|/)tests?/|conftest|\.pyc$|__pycache__|\.db$", name)
    ] == []
    assert built[0].stat().st_size < LARGEST


def test_the_size_of_the_wheel_is_the_one_that_the_pages_state(built: tuple[Path, Path]) -> None:
    megabytes = f"{built[0].stat().st_size / 1e6:.0f} MB"
    for page in ("docs/releasing.md", "docs/zh/releasing.md"):
        assert megabytes in (ROOT / page).read_text(encoding="utf-8")


def test_the_same_commit_gives_the_same_bytes(built: tuple[Path, Path], tmp_path: Path) -> None:
    again = dist.build(tmp_path)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in built]


def test_the_metadata_say_what_it_is_and_whose(built: tuple[Path, Path]) -> None:
    said = metadata(built[0])
    assert (said["Name"], said["Version"]) == ("zerodistance", zerodistance.__version__)
    assert said["License-Expression"] == "Apache-2.0 AND CC-BY-4.0 AND 0BSD AND BSD-3-Clause AND MIT AND ISC"
    assert said.get_all("License-File") == sorted(PROJECT["license-files"])
    assert said.get_all("Classifier") == PROJECT["classifiers"]
    assert said["Requires-Python"] == PROJECT["requires-python"]
    wanted = [line for line in said.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert len(wanted) == len(PROJECT["dependencies"])
    assert sorted(said.get_all("Provides-Extra", [])) == sorted(PROJECT["optional-dependencies"])
    points = read(built[0], "entry_points.txt").decode()
    assert [line for line in points.splitlines() if "=" in line] == [
        "zd=zerodistance.__main__:main",
        "zerodistance=zerodistance.__main__:main",
    ]


def test_the_licences_and_the_credit_of_the_shop_are_in_the_wheel(built: tuple[Path, Path]) -> None:
    assert b"Apache License" in read(built[0], "licenses/LICENSE")
    for text in (read(built[0], "licenses/NOTICE"), (ROOT / SHOP / "README.md").read_bytes()):
        assert b"Daqing Chen" in text and b"CC BY 4.0" in text and b"https://doi.org/10.24432/C5BW33" in text
    assert {f"{SHOP}README.md", f"{SHOP}online_retail.parquet", f"{SHOP}mapping.toml"} <= set(names(built[0]))


def test_the_example_is_found_where_a_clone_has_its_examples() -> None:
    assert (ROOT / "examples" / "online_retail").resolve() == ROOT / SHOP


def test_the_source_archive_builds_the_same_wheel_and_holds_what_the_checks_need(
    built: tuple[Path, Path], tmp_path: Path
) -> None:
    with tarfile.open(built[1]) as packed:
        packed.extractall(tmp_path, filter="data")
    (root,) = tmp_path.iterdir()
    for name in ("tests/conftest.py", "docs/index.md", "scripts/dist.py", "deploy/Containerfile", "Makefile"):
        assert (root / name).is_file(), name
    assert [path for path in root.rglob("*") if path.suffix == ".pyc" or path.name == "node_modules"] == []
    code = "import sys; from flit_core import buildapi; buildapi.build_wheel(sys.argv[1])"
    environment = {**os.environ, "SOURCE_DATE_EPOCH": dist.moment()}
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=root, env=environment, check=True, timeout=PATIENCE
    )
    assert (tmp_path / built[0].name).read_bytes() == built[0].read_bytes()


@pytest.fixture(scope="module")
def installed(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel, which finds what it depends on where these tests find it, and no clone."""
    root = tmp_path_factory.mktemp("installed")
    venv.create(root, with_pip=False, symlinks=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(root)}))
    packages.joinpath("depends.pth").write_text(
        sysconfig.get_path("purelib") + "\n"
    )  # its own .pth files are not read
    words = [
        "-m",
        "pip",
        "--python",
        str(root / "bin" / "python"),
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-compile",
    ]
    subprocess.run([sys.executable, *words, str(built[0])], check=True, timeout=PATIENCE)
    return root / "bin"


def zd(program: Path, where: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the installed program in a folder that is no clone."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ZERODISTANCE"))
    }
    return subprocess.run(
        [program / "zerodistance", *words],
        cwd=where,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


@pytest.mark.slow
def test_the_demo_runs_from_the_wheel_where_no_clone_is(installed: Path, tmp_path: Path) -> None:
    code = "import zerodistance; print(zerodistance.__file__)"
    words = [str(installed / "python"), "-P", "-c", code]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    found = subprocess.run(words, cwd=tmp_path, env=kept, capture_output=True, text=True, check=True).stdout
    assert Path(found.strip()).is_relative_to(installed.parent)
    assert zd(installed, tmp_path, "--version").stdout.strip() == zerodistance.__version__
    told = zd(installed, tmp_path, "--lang=en", "--port=0", "demo", "retail", "--no-stay")
    assert told.returncode == 0, told.stderr
    for said in ("541,909", "4,372", "member 12748", "three segments", f"{installed.parent}"):
        assert said in told.stdout
    assert (tmp_path / "zerodistance-demo-retail" / "key").exists(), "the home is made where one stands"
    assert zd(installed, tmp_path, "--home=zerodistance-demo-retail", "doctor").returncode == 0
    told = zd(installed, tmp_path, "--lang=en", "--port=0", "demo", "--people=300", "--no-stay")
    assert told.returncode == 0, told.stderr
    assert "Chaoyu" not in told.stderr and "After-sales calls.csv.gz" in told.stdout
