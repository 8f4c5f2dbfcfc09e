"""A folder of an SFTP server as a tree of files; the server has to show the key that the feed file names."""

from __future__ import annotations

import io
import posixpath
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from zerodistance.connectors.feeds.contracts import DriverMissing, Sftp
from zerodistance.connectors.feeds.folder import NotMoved
from zerodistance.connectors.feeds.secrets import reveal
from zerodistance.connectors.feeds.watched import Entry
from zerodistance.core.touchpoints.import_errors import NoFile
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    import paramiko

_SECONDS = 15  # own value: for each step of connecting
_ANSWER = 60  # own value: seconds for an answer
_DEEPEST = 16  # own value: folders below each other
_ASK = 32_768  # bytes that every server answers at once (draft-ietf-secsh-filexfer-02, 3)


class SftpAway(ZeroDistanceError):
    """An SFTP server can't be read from."""

    code, status, retry = "sftp_away", 502, True
    text = Text("SFTP {place} 连不上或读不了：{why}", "the SFTP server {place} can't be read: {why}")


class HostKeyUnknown(ZeroDistanceError):
    """Nobody said which key an SFTP server has."""

    code, status = "host_key_unknown", 409
    text = Text(
        'SFTP {place} 出示的主机密钥是 {key}；与对方核对无误后，写进取数文件：host_key = "{key}"',
        "the SFTP server {place} shows the host key {key}; compare it with what its owner says, then write it into the feed "
        'file: host_key = "{key}"',
    )


class HostKeyDiffers(ZeroDistanceError):
    """An SFTP server shows another key than the one that is expected."""

    code, status = "host_key_differs", 409
    text = Text(
        "SFTP {place} 出示的主机密钥 {key} 与取数文件里写的不同：可能是冒充的；没有登录",
        "the SFTP server {place} shows the host key {key}, not the one of the feed file: it may be somebody else; nobody has logged in",
    )


class KeyUnfit(ZeroDistanceError):
    """A private key can't be used."""

    code, status = "key_unfit", 409
    text = Text(
        "私钥 {name} 用不了：要 OpenSSH 或 PEM 格式的 Ed25519、ECDSA 或 RSA 私钥，有口令的写 passphrase",
        "the private key {name} can't be used: an Ed25519, ECDSA or RSA key in OpenSSH's or PEM format is needed, and `passphrase` "
        "where it has one",
    )


def _library() -> Any:
    try:
        import paramiko
    except ModuleNotFoundError:
        raise DriverMissing(kind="SFTP", extra="sftp") from None
    return paramiko


@contextmanager
def connected(home: Home, sftp: Sftp) -> Iterator[SftpTree]:
    """Give the folder of a server, logged in.

    Raises
    ------
    DriverMissing, NoSecret, NoVariable, KeyUnfit
        What it takes to log in is not there.
    SftpAway, HostKeyUnknown, HostKeyDiffers
        The server does not answer, refuses us, or is not the one that is meant.
    """
    library = _library()
    client = library.SSHClient()
    name = sftp.host if sftp.port == 22 else f"[{sftp.host}]:{sftp.port}"
    for given in sftp.host_keys:
        key = public_key(given)
        client.get_host_keys().add(name, key.get_name(), key)
    client.set_missing_host_key_policy(_Unknown(sftp))
    try:
        with told(sftp):
            client.connect(
                sftp.host, sftp.port, sftp.user, timeout=_SECONDS, banner_timeout=_SECONDS, auth_timeout=_SECONDS,
                allow_agent=False, look_for_keys=False, **_credentials(home, sftp),
            )  # fmt: skip
            opened = client.open_sftp()
            opened.get_channel().settimeout(_ANSWER)
            root = opened.normalize(sftp.files.path)
        yield SftpTree(sftp, opened, root)
    finally:
        client.close()


def public_key(given: str) -> Any:
    """Return the key that a line such as `ssh-ed25519 AAAA...` is.

    Raises
    ------
    ValueError
        It is none.
    """
    library = _library()
    try:
        entry = library.hostkeys.HostKeyEntry.from_line(f"host {given.strip()}")
    except Exception:
        raise ValueError(given) from None
    if entry is None:
        raise ValueError(given)
    return entry.key


class _Unknown:
    def __init__(self, sftp: Sftp) -> None:
        self._sftp = sftp

    def missing_host_key(self, client: object, name: str, key: paramiko.PKey) -> None:
        shown = _shown(key)
        if self._sftp.host_keys:
            raise HostKeyDiffers(place=self._sftp.place, key=shown)
        raise HostKeyUnknown(place=self._sftp.place, key=shown)


def _shown(key: paramiko.PKey) -> str:
    return f"{key.get_name()} {key.get_base64()}"


def _credentials(home: Home, sftp: Sftp) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if sftp.password is not None:
        found["password"] = reveal(home, sftp.password)
    if sftp.key is not None:
        phrase = None if sftp.passphrase is None else reveal(home, sftp.passphrase)
        found["pkey"] = _private_key(reveal(home, sftp.key), phrase, sftp.key.name)
    return found


def _private_key(text: str, phrase: str | None, name: str) -> Any:
    library = _library()
    for kind in (library.Ed25519Key, library.ECDSAKey, library.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text), phrase)
        except (library.SSHException, ValueError):
            continue
    raise KeyUnfit(name=name)


@contextmanager
def told(sftp: Sftp) -> Iterator[None]:
    """Say in our words what the library says."""
    library = _library()
    try:
        yield
    except library.BadHostKeyException as error:
        raise HostKeyDiffers(place=sftp.place, key=_shown(error.key)) from None
    except library.AuthenticationException:
        why = Text("用户名、密码或密钥不对", "it takes neither the password nor the key of this user")
        raise SftpAway(place=sftp.place, why=why) from None
    except (library.SSHException, OSError, EOFError) as error:
        raise SftpAway(place=sftp.place, why=_reason(error)) from None


def _reason(error: Exception) -> Text:
    kinds: tuple[tuple[type[Exception], Text], ...] = (
        (FileNotFoundError, Text("没有这个文件夹", "there is no such folder")),
        (PermissionError, Text("没有权限", "not permitted")),
        (TimeoutError, Text("没有及时回答", "no answer in time")),
        (ConnectionRefusedError, Text("拒绝连接", "the connection is refused")),
        (socket.gaierror, Text("没有这个主机名", "there is no host of this name")),
    )
    found = next((text for kind, text in kinds if isinstance(error, kind)), None)
    inner = getattr(error, "errors", None)  # paramiko: what each address of the host said
    if found is None and isinstance(inner, dict) and inner:
        return _reason(next(iter(inner.values())))
    return found or Text(type(error).__name__, type(error).__name__)


class SftpTree:
    """See `watched.Tree`."""

    def __init__(self, sftp: Sftp, opened: paramiko.SFTPClient, root: str) -> None:
        self.place = sftp.place
        self._sftp, self._opened, self._root = sftp, opened, root

    def _full(self, path: str) -> str:
        return posixpath.join(self._root, path)

    def list(self, deep: bool) -> Iterator[Entry]:
        """Yield the files; with `deep` those in folders below too."""
        yield from self._below("", _DEEPEST if deep else 0)

    def _below(self, prefix: str, deeper: int) -> Iterator[Entry]:
        with told(self._sftp):
            try:
                found = self._opened.listdir_attr(self._full(prefix))
            except UnicodeDecodeError:
                why = Text("有文件名不是 utf-8，要改名", "a name there is not UTF-8 and has to be changed")
                raise SftpAway(place=f"{self.place}/{prefix}".rstrip("/"), why=why) from None
        for item in found:
            path = posixpath.join(prefix, item.filename)
            mode = item.st_mode or 0
            if stat.S_ISDIR(mode):
                if deeper:
                    yield from self._below(path, deeper - 1)
            elif stat.S_ISREG(mode):
                yield Entry(item.st_mtime or 0, path, item.st_size or 0)

    def look(self, path: str) -> Entry | None:
        """Return one file as it is now, None if it is gone or no file."""
        with told(self._sftp):
            try:
                item = self._opened.lstat(self._full(path))
            except FileNotFoundError:
                return None
        mode = item.st_mode or 0
        return Entry(item.st_mtime or 0, path, item.st_size or 0) if stat.S_ISREG(mode) else None

    def open(self, path: str) -> BinaryIO:
        """Open a file for reading."""
        with told(self._sftp):
            try:
                return _Remote(self._sftp, self._opened.open(self._full(path), "rb"))  # type: ignore[return-value]
            except FileNotFoundError:
                raise NoFile(path=path, why=Text("没有这个文件", "there is none")) from None

    def move(self, path: str, folder: str) -> None:
        """Move a file into a folder below; nothing there is overwritten."""
        if self.look(path) is None:
            return
        target = posixpath.join(folder, path)
        self._make(posixpath.dirname(target))
        head, tail = posixpath.splitext(target)
        number = 1
        while self.look(target) is not None:
            number += 1
            target = f"{head}.{number}{tail}"
        try:
            self._opened.rename(self._full(path), self._full(target))
        except OSError as error:
            raise NotMoved(path=path, folder=folder, why=_reason(error)) from None

    def _make(self, folder: str) -> None:
        at = ""
        for part in folder.split("/"):
            at = posixpath.join(at, part)
            try:
                self._opened.stat(self._full(at))
            except FileNotFoundError:
                with told(self._sftp):
                    self._opened.mkdir(self._full(at))


class _Remote:
    """Reads a remote file in windows of one block: many questions are under way at once, and no more is held than that.

    It is read as far as it went when it was opened: for what lies beyond, the library would wait in vain.
    """

    def __init__(self, sftp: Sftp, file: paramiko.SFTPFile) -> None:
        self._sftp, self._file, self._at = sftp, file, 0
        self._size = file.stat().st_size or 0

    def read(self, most: int) -> bytes:
        until = min(self._size, self._at + most)
        asked = [(at, min(_ASK, until - at)) for at in range(self._at, until, _ASK)]
        if not asked:
            return b""
        with told(self._sftp):
            data = b"".join(self._file.readv(asked))
        self._at += len(data)
        return data

    def close(self) -> None:
        self._file.close()
