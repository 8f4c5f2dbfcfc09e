"""What touchpoints does by itself: retention of what is kept for a time, and joining small files of the log."""

from __future__ import annotations

from datetime import timedelta

from zerodistance.core.touchpoints import book, drafts, ledger, quarantine, tail
from zerodistance.kernel import bus, clock
from zerodistance.kernel.home import Home
from zerodistance.kernel.jobs import Job
from zerodistance.kernel.text import Text


def expire(home: Home) -> None:
    """Remove message fingerprints, sealed texts and delivered events that are older than their retention."""
    now, settings = clock.micros(), home.settings
    with home.state.write() as tx:
        ledger.expire(
            tx,
            seen_before=now - settings.dedup_days * clock.MICROS_PER_DAY,
            texts_before=now - settings.text_days * clock.MICROS_PER_DAY,
            aside_before=now - settings.quarantine_days * clock.MICROS_PER_DAY,
        )
        bus.prune(tx)


def compact(home: Home) -> None:
    """Join small files of the log, its rows sorted by subject, month by month."""
    home.lake.settle(tail.TABLE, by="month", order=("subject", "happened_at"), engine=home.engine)


def lay(home: Home) -> None:
    """Lay the touches of each subject together, for whoever asks for one person."""
    book.lay(home)


JOBS = (
    Job(
        "touchpoints.expire",
        timedelta(hours=6),
        expire,
        Text("清除过期的去重指纹、文本和消息", "let fingerprints, texts and messages go that are due"),
    ),
    Job(
        "touchpoints.quarantine",
        timedelta(days=1),
        quarantine.expire,
        Text("清除过期的拒收行", "let refused rows go that are due"),
    ),
    Job(
        "touchpoints.drafts",
        timedelta(hours=1),
        drafts.expire,
        Text("清除没有导入的上传文件", "let uploads go that nobody imported"),
    ),
    Job(
        "touchpoints.compact",
        timedelta(hours=1),
        compact,
        Text("合并日志的小文件", "join small files of the log"),
        at_once=False,
    ),
    Job(
        "touchpoints.book",
        timedelta(minutes=1),
        lay,
        Text("按主体另存日志", "lay the touches of each subject together"),
        at_once=False,
    ),
)
