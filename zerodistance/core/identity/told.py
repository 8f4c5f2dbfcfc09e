"""The stages of long work on everybody, for whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable

from zerodistance.kernel.text import Text

Told = Callable[[Text, int, int], None]
"""Hears (stage, done, of)."""
READING = Text("读取", "reading")
COMPARING = Text("比较写法", "comparing what was written")
LEARNING = Text("学习", "learning")
EXAMINING = Text("评估", "examining")
JOINING = Text("连成用户", "joining persons")
COUNTING = Text("清点变化", "counting what changes")


def nobody(stage: Text, done: int, of: int) -> None:
    """Hear nothing."""
