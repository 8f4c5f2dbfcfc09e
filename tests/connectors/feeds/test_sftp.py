"""Folders of a real SFTP server: the same promises as for a folder here, and nobody logs in at a server that is not the one meant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import sshd
from tests.connectors.feeds.places import MAPPING, everything_under, imports, taken, visits
from zerodistance.connectors.feeds import api, sftp
from zerodistance.connectors.feeds.contracts import DriverMissing
from zerodistance.connectors.feeds.folder import NotMoved
from zerodistance.connectors.feeds.sftp import HostKeyDiffers, HostKeyUnknown, KeyUnfit, SftpAway
from zerodistance.connectors.feeds.spec import read_feed
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home


@pytest.fixture(scope="module")
def server() -> Iterator[sshd.Server]:
    made = sshd.Server()
    yield made
    made.remove()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "drop"
    made.mkdir()
    return made


def describe(server: sshd.Server, folder: Path, more: str = "", host_key: str | None = None) -> str:
    keys = f'host_key = "{server.host_key if host_key is None else host_key}"' if host_key != "" else ""
    login = f'host = "127.0.0.1"\nport = {server.port}\nuser = "{server.user}"\nkey = {{ secret = "shop-key" }}\n{keys}\n'
    where = f'path = "{folder}"\nfiles = "**/*.csv"\nsettle = "0s"\n{more}\n'
    return f'[feed]\nkind = "sftp"\nname = "visits"\n[sftp]\n{login}{where}[mapping]\n{MAPPING}'


def add(
    home: Home, admin: Who, server: sshd.Server, folder: Path, more: str = "", host_key: str | None = None
) -> None:
    api.set_secret(home, admin, "shop-key", server.key)
    api.add_feed(home, admin, describe(server, folder, more, host_key), replacing=True)


def run(home: Home, admin: Who) -> api.Outcome:
    return api.run_feed(home, admin, "visits")


@pytest.mark.sftp
def test_files_of_a_server_are_taken_once_and_moved_away(
    home: Home, admin: Who, server: sshd.Server, folder: Path
) -> None:
    add(home, admin, server, folder, 'move_to = "done"')
    (folder / "day").mkdir()
    (folder / "a.csv").write_text(visits(range(3)))
    (folder / "day/b.csv").write_text(visits(range(3, 5)))
    (folder / "c.csv.part").write_text(visits([9]))
    (folder / "link.csv").symlink_to(folder / "a.csv")
    assert len(run(home, admin).imports) == 2
    assert run(home, admin) == api.Outcome()
    (folder / "a.csv").write_text(visits(range(6)))
    assert len(run(home, admin).imports) == 1
    assert taken(home) == list("012345")
    moved = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.csv") if not path.is_symlink())
    assert moved == ["done/a.2.csv", "done/a.csv", "done/day/b.csv"]


@pytest.mark.sftp
def test_a_large_file_comes_whole_and_never_in_plain_text(
    home: Home, admin: Who, server: sshd.Server, folder: Path, tmp_path: Path
) -> None:
    ids = range(40_000)  # more than a megabyte, a block of what is kept
    (folder / "a.csv").write_text(visits(ids))
    add(home, admin, server, folder)
    trial = api.try_feed(home, admin, "visits")
    assert trial.report is not None and trial.report.accepted == len(ids)
    run(home, admin)
    (folder / "a.csv").unlink()
    assert b"2026-01-02,m1" not in everything_under(tmp_path)
    assert imports(home) == [("a.csv", "waiting")]
    assert len(taken(home)) == len(ids)


@pytest.mark.sftp
def test_nobody_logs_in_where_the_key_of_the_server_is_not_known(
    home: Home, admin: Who, server: sshd.Server, folder: Path
) -> None:
    add(home, admin, server, folder, host_key="")
    with pytest.raises(HostKeyUnknown) as caught:
        run(home, admin)
    assert server.host_key in caught.value.message("en") and server.host_key in caught.value.message("zh")
    add(home, admin, server, folder, host_key=server.other_key)
    with pytest.raises(HostKeyDiffers):
        run(home, admin)


@pytest.mark.sftp
def test_what_stands_in_the_way_is_said(home: Home, admin: Who, server: sshd.Server, folder: Path) -> None:
    add(home, admin, server, folder / "none")
    with pytest.raises(SftpAway, match="no such folder"):
        run(home, admin)
    add(home, admin, server, folder)
    api.set_secret(home, admin, "shop-key", "no key")
    with pytest.raises(KeyUnfit, match="shop-key"):
        run(home, admin)
    api.set_secret(home, admin, "shop-key", (server.folder / "other").read_text())
    with pytest.raises(SftpAway, match="neither the password nor the key"):
        run(home, admin)
    text = describe(server, folder).replace(f"port = {server.port}", "port = 1")
    api.add_feed(home, admin, text, replacing=True)
    with pytest.raises(SftpAway, match="refused"):
        run(home, admin)
    feed = api.get_feed(home, admin, "visits")
    assert (feed.state, feed.failures) == ("failing", 1)
    assert b"PRIVATE KEY" not in everything_under(home.root)


@pytest.mark.sftp
def test_a_folder_that_nothing_can_be_moved_to_is_said(
    home: Home, admin: Who, server: sshd.Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(home, admin, server, folder, 'move_to = "done"')
    (folder / "a.csv").write_text(visits([1]))
    import paramiko

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(paramiko.SFTPClient, "rename", refuse)
    with pytest.raises(NotMoved, match=r"a.csv was taken and can't be moved to done: not permitted"):
        run(home, admin)
    monkeypatch.undo()
    assert run(home, admin) == api.Outcome()
    assert (folder / "done/a.csv").exists() and len(imports(home)) == 1


@pytest.mark.sftp
def test_a_file_that_grows_while_it_is_read_is_taken_later(
    home: Home, admin: Who, server: sshd.Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(home, admin, server, folder)
    path = folder / "a.csv"
    path.write_text(visits(range(3)))
    real = sftp.SftpTree.open

    def growing(tree: sftp.SftpTree, name: str) -> object:
        path.write_text(visits(range(4)))
        return real(tree, name)

    monkeypatch.setattr(sftp.SftpTree, "open", growing)
    assert (run(home, admin).left, imports(home)) == (1, [])
    monkeypatch.undo()
    run(home, admin)
    assert taken(home) == list("0123")


def test_a_library_that_is_not_there_is_said(home: Home, admin: Who, monkeypatch: pytest.MonkeyPatch) -> None:
    api.set_secret(home, admin, "shop-key", "x")
    where = 'host = "h"\nuser = "u"\nkey = { secret = "shop-key" }\npath = "/drop"\n'
    text = f'[feed]\nkind = "sftp"\nname = "visits"\n[sftp]\n{where}[mapping]\n{MAPPING}'
    api.add_feed(home, admin, text)
    monkeypatch.setitem(__import__("sys").modules, "paramiko", None)
    with pytest.raises(DriverMissing, match=r"pip install 'zerodistance\[sftp\]'"):
        run(home, admin)


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ('key = { secret = "k" }', "", "sftp.password: write `password` or `key`"),
        ('key = { secret = "k" }', 'password = "word"', "sftp.password: not in clear"),
        ('host = "h"', 'host = "u@h/x"', "sftp.host: write the name"),
        ('host = "h"', 'host = "h"\nhost_key = "SHA256:abc"', "sftp.host_key: write it as ssh-ed25519"),
    ],
)
def test_what_a_feed_file_may_not_say(was: str, now: str, said: str) -> None:
    where = 'host = "h"\nuser = "u"\nkey = { secret = "k" }\npath = "/drop"\n'
    text = f'[feed]\nkind = "sftp"\nname = "visits"\n[sftp]\n{where}[mapping]\n{MAPPING}'.replace(was, now)
    with pytest.raises(api.FeedWrong, match=said):
        read_feed(text)
