"""The home's key: sealing bytes, tokens for identifiers, fingerprints for deduplication, public ids."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import xxhash
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from zerodistance.kernel.errors import Invalid, NoHome, WrongKey
from zerodistance.kernel.text import Text

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
_DIGITS = {c: i for i, c in enumerate(_ALPHABET)}
_HALF = 20  # a public id carries 40 bits: eight letters, 1.1e12 numbers
_MASK = (1 << _HALF) - 1
_SALT, _NONCE = 16, 12
OVERHEAD = _SALT + _NONCE + 16
"""Bytes that sealing adds: salt, nonce and tag."""
_MESSAGES = (
    1 << 28
)  # a key with random nonces is good for 2^32 messages (NIST SP 800-38D, 8.3); it is changed long before
_AT_ONCE = 10_000  # own value: messages that are sealed in one go
_POOL: list[bytes] = []
os.register_at_fork(after_in_child=_POOL.clear)  # no two processes may take the same nonces


def _fresh_nonce() -> bytes:
    """Return a random nonce; they are drawn by the hundred, since each call to the system gives the interpreter lock away."""
    try:
        return _POOL.pop()  # one step under the interpreter lock: no two threads get the same
    except IndexError:
        drawn = os.urandom(_NONCE * 256)
        _POOL.extend(drawn[i : i + _NONCE] for i in range(_NONCE, len(drawn), _NONCE))
        return drawn[:_NONCE]


def _hmac_states(key: bytes) -> tuple[hashlib._Hash, hashlib._Hash]:
    """Return HMAC-SHA-256 (RFC 2104) begun with `key`, the inner and the outer hash: copied, they take half the time of a call."""
    block = key.ljust(64, b"\0")
    return hashlib.sha256(bytes(b ^ 0x36 for b in block)), hashlib.sha256(bytes(b ^ 0x5C for b in block))


class Seal:
    """Everything that depends on the home's secret key of 32 bytes.

    Parameters
    ----------
    path
        The key file, readable by its owner only.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise NoHome(path=path.parent)
        self.path = path
        key = bytes.fromhex(path.read_text().strip())
        self._seal_key = self._derive(key, b"seal")
        self._cipher = lru_cache(maxsize=1_024)(self._make_cipher)
        self._salt, self._process, self._left = b"", 0, 0
        self._token_inner, self._token_outer = _hmac_states(self._derive(key, b"token"))
        self._rounds = [self._derive(key, b"public-id-%d" % i) for i in range(4)]
        self._stream_key, self._draw_key = self._derive(key, b"stream"), self._derive(key, b"draw")
        self.name = self._derive(key, b"name")[:6].hex()
        """Fingerprint of the key: says which one it is and nothing about it."""
        self.fingerprint_seed = int.from_bytes(self._derive(key, b"fingerprint")[:8], "little")

    @staticmethod
    def make(path: Path) -> None:
        """Write a new random key to `path`, readable by the owner only; an existing one is never touched."""
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(os.urandom(32).hex() + "\n")
            file.flush()
            os.fsync(file.fileno())

    @staticmethod
    def _derive(key: bytes, purpose: bytes) -> bytes:
        return hmac.digest(key, b"zerodistance/1/" + purpose, hashlib.sha256)

    def _make_cipher(self, salt: bytes) -> AESGCM:
        return AESGCM(hmac.digest(self._seal_key, salt, hashlib.sha256))

    def _own_salt(self, messages: int = 1) -> bytes:
        """Return the salt of the key that this process seals with: its own, and a new one before the key is worn."""
        if self._left <= 0 or self._process != os.getpid():
            self._salt, self._process, self._left = os.urandom(_SALT), os.getpid(), _MESSAGES
        self._left -= messages
        return self._salt

    def seal(self, data: bytes, where: bytes) -> bytes:
        """Encrypt `data` with AES-256-GCM; `where` says where it belongs and must be given again to open it.

        Returns
        -------
        bytes
            Salt of the derived key, nonce, ciphertext and tag: `OVERHEAD` bytes more than `data`.
        """
        salt, nonce = self._own_salt(), _fresh_nonce()
        return salt + nonce + self._cipher(salt).encrypt(nonce, data, where)

    def seal_all(self, data: Sequence[bytes], where: Sequence[bytes]) -> list[bytes]:
        """Return what `seal` makes of each, in order, for half of the work apiece."""
        sealed: list[bytes] = []
        for start in range(0, len(data), _AT_ONCE):
            some, places = data[start : start + _AT_ONCE], where[start : start + _AT_ONCE]
            salt = self._own_salt(len(some))
            encrypt, drawn = self._cipher(salt).encrypt, os.urandom(_NONCE * len(some))
            nonces = [drawn[i : i + _NONCE] for i in range(0, len(drawn), _NONCE)]
            sealed += [
                salt + nonce + encrypt(nonce, one, place)
                for nonce, one, place in zip(nonces, some, places, strict=True)
            ]
        return sealed

    def open(self, data: bytes, where: bytes) -> bytes:
        """Decrypt what `seal` made.

        Raises
        ------
        WrongKey
            The key or the place is another one, or the bytes are damaged.
        """
        salt, nonce, sealed = (
            bytes(data[:_SALT]),
            bytes(data[_SALT : _SALT + _NONCE]),
            bytes(data[_SALT + _NONCE :]),
        )
        try:
            return self._cipher(salt).decrypt(nonce, sealed, where)
        except (InvalidTag, ValueError):
            raise WrongKey(path=self.path) from None

    def token(self, namespace: str, value: str) -> bytes:
        """Return the 16 bytes under which an identifier is known outside the sealed places: a pseudonym."""
        inner, outer = self._token_inner.copy(), self._token_outer.copy()
        inner.update(f"{namespace}\0{value}".encode())
        outer.update(inner.digest())
        return outer.digest()[:16]

    def mark(self, kind: str, word: str) -> int:
        """Return a keyed hash of a word as a positive whole number of 63 bits: equal words stay equal, and nobody reads them."""
        return int.from_bytes(self.token(kind, word)[:8], "little") >> 1 or 1

    def stream(self, first: int, many: int) -> bytes:
        """Return bytes of one endless keyed stream (AES-256 in counter mode), the same ones always; `first` is a multiple of 16."""
        if first % 16:
            raise ValueError(first)
        begin = (first // 16).to_bytes(16, "big")
        return Cipher(AES(self._stream_key), CTR(begin)).encryptor().update(bytes(many))

    def draw(self, data: bytes | memoryview) -> int:
        """Return a keyed draw of 64 bits from bytes: the same bytes always draw the same."""
        return int.from_bytes(hmac.digest(self._draw_key, data, hashlib.sha256)[:8], "little")

    def pseudonym(self, word: str) -> str:
        """Return what stands in the log for a word that looks like personal data: equal words stay equal, and nobody reads them."""
        return f"#{self.token('word', word).hex()[:16]}"

    def fingerprint(self, source: int, source_id: str) -> int:
        """Return the 64-bit keyed fingerprint of a source's message id, never 0."""
        return xxhash.xxh3_64_intdigest(f"{source}\0{source_id}".encode(), self.fingerprint_seed) or 1

    def _round(self, index: int, half: int) -> int:
        return (
            int.from_bytes(hmac.digest(self._rounds[index], half.to_bytes(4, "big"), "sha256")[:4], "big")
            & _MASK
        )

    def public_id(self, prefix: str, number: int) -> str:
        """Return the public id of a number: a keyed permutation, so that ids tell neither count nor order."""
        left, right = number >> _HALF, number & _MASK
        for i in range(4):
            left, right = right, left ^ self._round(i, right)
        mixed = left << _HALF | right
        return f"{prefix}_" + "".join(_ALPHABET[mixed >> shift & 31] for shift in range(35, -1, -5))

    def number_of(self, public_id: str) -> int:
        """Return the number behind a public id.

        Raises
        ------
        Invalid
            The text is not a public id.
        """
        letters = public_id.partition("_")[2].upper()
        if len(letters) != 8 or any(c not in _DIGITS for c in letters):
            raise Invalid(
                field=Text("编号", "the id"),
                given=public_id,
                why=Text("编号形如 p_7Q2K9F3A", "an id looks like p_7Q2K9F3A"),
            )
        mixed = 0
        for c in letters:
            mixed = mixed << 5 | _DIGITS[c]
        left, right = mixed >> _HALF, mixed & _MASK
        for i in range(3, -1, -1):
            left, right = right ^ self._round(i, left), left
        return left << _HALF | right
