"""The identifiers on the touches of a batch, as columns: each distinct one once, and a number wherever it stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
_NONE: Ints = np.empty(0, np.int64)


class Signs:
    """One entry per identifier and touch, several per touch; in the order in which they count.

    Attributes
    ----------
    rows
        int64: touch row within the batch.
    keys, key
        The identifiers, (namespace, value) as sent, not cleaned; int64: which of them an entry is. A touch says them again and again, so
        whoever looks one up does it once a batch. A key may stand twice, and need not be used.
    rules, rule
        How an identifier may stand on its touch: `login`, `identify`, `alias`, `row`; int64: how an entry does.
    """

    def __init__(self) -> None:
        self.keys: list[tuple[str, str]] = []
        self.rules: list[str] = []
        self._rows, self._key, self._rule = [_NONE], [_NONE], [_NONE]
        self._late: list[tuple[int, int, int]] = []

    @classmethod
    def of(
        cls, rows: Sequence[int], namespaces: Iterable[str], values: Iterable[str], rules: Iterable[str]
    ) -> Self:
        """Return the signs that four lists say, an entry each."""
        made = cls()
        for entry in zip(rows, namespaces, values, rules, strict=True):
            made.add(*entry)
        return made

    def add(self, row: int, namespace: str, value: str, rule: str) -> None:
        """Note one identifier."""
        self.keys.append((namespace, value))
        self._late.append((row, len(self.keys) - 1, self._code(rule)))

    def extend(self, namespace: str, column: pa.ChunkedArray | pa.Array, rule: str) -> None:
        """Note the identifiers of a column of texts, a row a touch; null: none."""
        self._settle()
        coded = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        coded = coded.dictionary_encode()  # a touch says one id many times
        rows = np.flatnonzero(coded.is_valid().to_numpy(zero_copy_only=False))
        self._rows.append(rows)
        self._key.append(coded.indices.drop_null().to_numpy().astype(np.int64) + len(self.keys))
        self._rule.append(np.full(len(rows), self._code(rule), np.int64))
        self.keys += [(namespace, value) for value in coded.dictionary.to_pylist()]

    def by_row(self) -> None:
        """Put the entries of a touch beside each other, in the order of the touches; those of one touch keep theirs."""
        self._put(np.argsort(self.rows, kind="stable"))

    def keep(self, kept: npt.NDArray[np.bool_], place: Ints) -> Self:
        """Return the entries of the touches `kept`, whose new rows are `place`."""
        made, mine = type(self)(), kept[self.rows]
        made.keys, made.rules = self.keys, list(self.rules)
        made._rows, made._key, made._rule = [place[self.rows[mine]]], [self.key[mine]], [self.rule[mine]]
        return made

    def _code(self, rule: str) -> int:
        if rule not in self.rules:
            self.rules.append(rule)
        return self.rules.index(rule)

    def _put(self, order: Ints) -> None:
        self._rows, self._key, self._rule = [self.rows[order]], [self.key[order]], [self.rule[order]]

    def _settle(self) -> None:
        if self._late:
            columns = np.array(self._late, np.int64).T
            self._late = []
            for parts, column in zip((self._rows, self._key, self._rule), columns, strict=True):
                parts.append(column)
        for parts in (self._rows, self._key, self._rule):
            if len(parts) > 1:
                parts[:] = [np.concatenate(parts)]

    @property
    def rows(self) -> Ints:
        """Touch row of each entry."""
        self._settle()
        return self._rows[0]

    @property
    def key(self) -> Ints:
        """Place in `keys` of each entry."""
        self._settle()
        return self._key[0]

    @property
    def rule(self) -> Ints:
        """Place in `rules` of each entry."""
        self._settle()
        return self._rule[0]

    def lists(self) -> tuple[list[int], list[str], list[str], list[str]]:
        """Return the entries as four lists: row, namespace, value, rule."""
        said = [self.keys[i] for i in self.key.tolist()]
        names, values = [name for name, _ in said], [value for _, value in said]
        return self.rows.tolist(), names, values, [self.rules[i] for i in self.rule.tolist()]
