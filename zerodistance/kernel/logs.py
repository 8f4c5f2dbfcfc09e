"""Structured logs: one JSON object a line on standard error. No personal data: log numbers, keys and counts only."""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import AbstractContextManager, suppress
from typing import Any, TextIO, cast

import structlog

from zerodistance.kernel.errors import frames, told


def setup(level: str | None = None) -> None:
    """Set the format once, at the start of a process; ZERODISTANCE_LOG names the level (default warning)."""
    wanted = (level or os.environ.get("ZERODISTANCE_LOG", "warning")).upper()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping().get(wanted, logging.WARNING)
        ),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, Lenient(sys.stderr))),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    if not any(isinstance(handler, _Others) for handler in root.handlers):
        root.addHandler(_Others(logging.WARNING))


class Lenient:
    """A stream that takes every line: what can't be written is counted, and said once it can be again.

    A log may lie on the disk that is full, or end in a pipe that nobody reads any more. Whoever logs that a write has failed must not
    end of it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._lost = stream, 0

    def write(self, text: str) -> int:
        """Write, or count a line as lost."""
        try:
            if self._lost:
                self._stream.write(
                    json.dumps({"part": "log", "event": "lines_lost", "lines": self._lost}) + "\n"
                )
                self._lost = 0
            self._stream.write(text)
        except (OSError, ValueError):  # ValueError: it is closed
            self._lost += text.count("\n")
        return len(text)

    def flush(self) -> None:
        """Let what was written go; whether it does is seen at the next line."""
        with suppress(OSError, ValueError):
            self._stream.flush()


class _Others(logging.Handler):
    """Writes what libraries log in our form. Their words stand; an error of theirs is named by kind and place only."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        more = {} if error is None else {"error": told(error), "trace": frames(error)}
        log(record.name).log(record.levelno, record.getMessage().strip(), **more)


def bound(**ids: Any) -> AbstractContextManager[None]:
    """Put ids on every line that is logged inside the block, by whomever: a batch, a job, a request, a cause."""
    return structlog.contextvars.bound_contextvars(**ids)


def log(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a part, bound to its name."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(part=name)
    return logger


setup()
