"""Which tokens the state has certainly never seen: so that nobody looks for those of somebody new."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from zerodistance.kernel import bulk
from zerodistance.kernel.errors import told
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log

Ints = npt.NDArray[np.int64]
_BITS = 27  # 16 MiB; with 3 bits a token 0.9 % are held for known by mistake at 10 M tokens, 14 % at 40 M
_AT_ONCE = 100_000


class KnownTokens:
    """Says which tokens the state has certainly never seen, so that nobody looks for them: a Bloom filter.

    References
    ----------
    Bloom (1970): Space/time trade-offs in hash coding with allowable errors. The tokens are hashes already.
    """

    def __init__(self) -> None:
        self._bits = np.zeros(1 << (_BITS - 3), dtype=np.uint8)
        self._adding = threading.Lock()  # a byte is read and written: of two at once one would lose its bits
        self.whole = False
        """Whether every token that the state knows is in it; until then any may be known."""

    def _places(self, tokens: Sequence[bytes]) -> tuple[Ints, npt.NDArray[np.uint8]]:
        words = np.frombuffer(b"".join(tokens), dtype="<u4").reshape(-1, 4)[:, :3] >> (32 - _BITS)
        return (words >> 3).astype(np.int64), np.left_shift(1, words & 7).astype(np.uint8)

    def add(self, tokens: Sequence[bytes]) -> None:
        """Remember tokens of 16 bytes."""
        if tokens:
            place, bit = self._places(tokens)
            with self._adding:
                np.bitwise_or.at(self._bits, place, bit)

    def perhaps(self, tokens: Sequence[bytes]) -> list[bytes]:
        """Return those tokens that may be known; the others are not."""
        if not tokens or not self.whole:
            return list(tokens)
        place, bit = self._places(tokens)
        maybe = (self._bits[place] & bit != 0).all(axis=1)
        return [token for token, one in zip(tokens, maybe.tolist(), strict=True) if one]

    def fill(self, tx: Connection) -> None:
        """Take in every token that the state knows."""
        for rows in bulk.stream(tx, "select token from subject", size=_AT_ONCE):
            self.add([row[0] for row in rows])
        self.whole = True


class Knowing:
    """The filter of a home's tokens, read when it is first asked for, or before on a thread of its own; it only ever grows."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._known: KnownTokens | None = None

    def begin(self) -> None:
        """Begin to read, so that the first batch has not to wait for it: until the end any token may be known."""
        if self._known is None:
            known = self._known = KnownTokens()  # before anything is read: what is added meanwhile is in it
            threading.Thread(target=self._read, args=(known,), name="tokens", daemon=True).start()

    def _read(self, known: KnownTokens) -> None:
        try:
            with self._home.state.read() as tx:
                known.fill(tx)
        except Exception as error:  # the state is away: whoever asks next reads them
            log("identity").warning("tokens_not_read", error=told(error))
            self._known = None

    def tokens(self, tx: Connection) -> KnownTokens:
        """Return the filter."""
        known = self._known
        if known is None:
            known = self._known = KnownTokens()
            known.fill(tx)
        return known
