"""Structured logs: one JSON object a line on standard error. No personal data: log numbers, keys and counts only."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import AbstractContextManager
from typing import Any

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
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    if not any(isinstance(handler, _Others) for handler in root.handlers):
        root.addHandler(_Others(logging.WARNING))


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
