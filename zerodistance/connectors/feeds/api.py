"""The door of feeds: describing them, looking at them, running and trying them, and their secrets."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

from zerodistance.connectors.feeds import kept, pulled, pulling
from zerodistance.connectors.feeds.contracts import KINDS, Feed, FileSeen, Outcome, Secret, Spec, Where
from zerodistance.connectors.feeds.keeping import forget
from zerodistance.connectors.feeds.kept import FeedExists, NoFeed
from zerodistance.connectors.feeds.runner import Runner
from zerodistance.connectors.feeds.secrets import (
    Kept,
    NoSecret,
    is_kept,
    list_secrets,
    remove_secret,
    set_secret,
)
from zerodistance.connectors.feeds.spec import FeedWrong, again, read_feed
from zerodistance.connectors.feeds.watched import Checked, Run, chosen
from zerodistance.core.touchpoints import api as touchpoints
from zerodistance.core.touchpoints.import_jobs import resolve_source
from zerodistance.core.touchpoints.staging import FRAME
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.locks import sole
from zerodistance.kernel.logs import log

__all__ = [
    "add_feed",
    "list_feeds",
    "get_feed",
    "files_of",
    "run_feed",
    "try_feed",
    "pause_feed",
    "pause_all",
    "resume_feed",
    "rewind_feed",
    "reached",
    "remove_feed",
    "set_secret",
    "list_secrets",
    "remove_secret",
    "forget",
    "Runner",
    "Feed",
    "FileSeen",
    "Kept",
    "Outcome",
    "Trial",
    "KINDS",
    "FeedExists",
    "FeedWrong",
    "NoFeed",
]

TRIED_BYTES = 64 << 20  # own value: largest file that is tried whole
TRIED_ROWS = 100  # own value


@dataclass(frozen=True)
class Trial:
    """What a feed would do now; nothing of it is kept.

    Attributes
    ----------
    found
        Files that are meant, or rows that were read.
    sample
        The file that was tried; None: there is none, or of rows.
    too_large
        The file is too large to be tried.
    report
        What would become of its rows.
    """

    place: str
    found: int
    sample: str | None = None
    too_large: bool = False
    report: touchpoints.Report | None = None


def add_feed(
    home: Home,
    who: Who,
    text: str,
    *,
    name: str = "",
    beside: Callable[[str], str] | None = None,
    replacing: bool = False,
) -> Feed:
    """Describe a feed; it is due at once. Its source is made if the mapping says what it is.

    Parameters
    ----------
    text
        The feed file.
    name
        What it is called where the file doesn't say.
    beside
        Returns the text of the mapping file that it names.
    replacing
        A feed of this name gets this description, and goes on where it stands; from the beginning if it fetches from elsewhere or
        follows another cursor by now.

    Raises
    ------
    Forbidden
        The account may not manage sources and import.
    FeedWrong, MappingWrong
        The file or its mapping can't be followed.
    FeedExists
        There is one of this name.
    NoSuchSource, SourceOff, NoSecret
        What it names is not there.
    FeedBusy
        The one that is replaced is being run.
    """
    who.need(Permission.MANAGE_SOURCES)
    who.need(Permission.IMPORT)
    read = read_feed(text, name=name, beside=beside)
    for secret in secrets_of(read.spec):
        if not is_kept(home, secret):
            raise NoSecret(name=secret.name)
    everybody = kept.every(home, touchpoints.list_sources(home, Who.system()))
    there = next((feed for feed in everybody if feed.name == read.spec.name), None)
    if there is not None:
        if not replacing:
            raise FeedExists(name=read.spec.name)
        get_feed(home, who, there.name)  # one that the account does not see, it does not change
    source, _ = resolve_source(home, who, read.mapping, read.spec.source)
    if there is None:
        kept.put(home, read.spec, text, source.number, who.name)
    else:
        with sole(kept.lock_path(home, there.number), pulling.FeedBusy(name=there.name)):
            anew = _is_elsewhere(there, read.spec)
            kept.put(home, read.spec, text, source.number, who.name, there.number, anew=anew)
    log("feeds").info("feed_described", feed=read.spec.name, who=who.name, anew=there is not None)
    return get_feed(home, who, read.spec.name)


def _is_elsewhere(there: Feed, spec: Spec) -> bool:
    """Say whether what a feed has reached means nothing for its new description: it would pass over rows that it has not read."""
    before = again(there.text, there.name, there.mapping).spec
    one, other = ((s.kind, s.where.place, *_followed(s.where)) for s in (before, spec))
    return one != other


def _followed(where: Where) -> tuple[str, ...]:
    cursor = getattr(where, "cursor", None)
    return getattr(where, "table", ""), "" if cursor is None else cursor.field


def secrets_of(spec: Spec) -> list[Secret]:
    """Return the credentials that a feed names."""
    said = vars(spec.where)
    inside = [value for name in ("headers", "params") for value in said.get(name, {}).values()]
    return [value for value in (*said.values(), *inside) if isinstance(value, Secret)]


def list_feeds(home: Home, who: Who) -> list[Feed]:
    """Return the feeds of the sources that the account sees, by name; where they fetch only for those who manage sources."""
    found = kept.every(home, touchpoints.list_sources(home, who))
    if who.may(Permission.MANAGE_SOURCES):
        return found
    return [replace(feed, text="", mapping="", place="", error=None) for feed in found]


def get_feed(home: Home, who: Who, name: str) -> Feed:
    """Return one feed.

    Raises
    ------
    NoFeed
        There is none of this name that the account sees.
    """
    found = next((feed for feed in list_feeds(home, who) if feed.name == name), None)
    if found is None:
        raise NoFeed(name=name)
    return found


def files_of(home: Home, who: Who, name: str, limit: int = 100) -> list[FileSeen]:
    """Return the files that a feed has met and that are still there: the refused first, then the newest."""
    who.need(Permission.MANAGE_SOURCES)
    return kept.files(home, get_feed(home, who, name).number, limit)


def run_feed(home: Home, who: Who, name: str, hear: Callable[[int], None] | None = None) -> Outcome:
    """Run a feed now, paused or not.

    Raises
    ------
    FeedBusy
        It is being run.
    ZeroDistanceError
        It failed.
    """
    who.need(Permission.MANAGE_SOURCES)
    who.need(Permission.IMPORT)
    return pulling.run(home, get_feed(home, who, name).number, hear=hear)


def pause_feed(home: Home, who: Who, name: str) -> Feed:
    """Let a feed rest until it is resumed; a run under way ends as it would."""
    who.need(Permission.MANAGE_SOURCES)
    feed = get_feed(home, who, name)
    kept.change(home, feed.number, paused_at=feed.paused_at or clock.micros())
    return get_feed(home, who, name)


def pause_all(home: Home, who: Who) -> int:
    """Let every feed rest that the account sees; return how many were not paused."""
    who.need(Permission.MANAGE_SOURCES)
    awake = [feed for feed in list_feeds(home, who) if feed.paused_at is None]
    for feed in awake:
        kept.change(home, feed.number, paused_at=clock.micros())
    return len(awake)


def resume_feed(home: Home, who: Who, name: str) -> Feed:
    """Let a feed run again, at once; one that failed too."""
    who.need(Permission.MANAGE_SOURCES)
    feed = get_feed(home, who, name)
    kept.change(home, feed.number, paused_at=None, next_at=clock.micros())
    return get_feed(home, who, name)


def remove_feed(home: Home, who: Who, name: str) -> None:
    """Forget a feed; what it brought stays, and can be undone import by import.

    Raises
    ------
    FeedBusy
        It is being run.
    """
    who.need(Permission.MANAGE_SOURCES)
    feed = get_feed(home, who, name)
    with sole(kept.lock_path(home, feed.number), pulling.FeedBusy(name=name)):
        kept.remove(home, feed.number)
    log("feeds").info("feed_removed", feed=name, who=who.name)


def try_feed(home: Home, who: Who, name: str) -> Trial:
    """Connect, read what comes first, and say what would become of it; nothing is kept.

    Raises
    ------
    ZeroDistanceError
        What a run would fail for.
    """
    who.need(Permission.MANAGE_SOURCES)
    who.need(Permission.IMPORT)
    feed = get_feed(home, who, name)
    spec = again(feed.text, feed.name, feed.mapping).spec
    if pulling.has_files(spec):
        return _try_files(home, who, feed, spec)
    with pulling.rows_of(home, spec, pulled.position(home, feed.number), TRIED_ROWS) as rows:
        first = [line for _, line in islice(rows, TRIED_ROWS)]
    if not first:
        return Trial(feed.place, 0)
    report = touchpoints.dry_run_from(home, who, io.BytesIO(b"".join(first)), spec.mapping, feed.source_key)
    return Trial(feed.place, len(first), report=report)


def _try_files(home: Home, who: Who, feed: Feed, spec: Spec) -> Trial:
    with pulling.files_of(home, spec) as (tree, files):
        there = sorted(chosen(tree, files).values())
        if not there:
            return Trial(feed.place, 0)
        newest = there[-1]
        if newest.size > TRIED_BYTES:
            return Trial(feed.place, len(there), newest.path, too_large=True)
        nothing: Callable[[float], None] = lambda _: None  # noqa: E731
        this = Run(home, who, feed.number, feed.name, spec.mapping, feed.source_key, nothing, nothing)
        with io.BufferedReader(Checked(tree, newest, this), FRAME) as stream:
            report = touchpoints.dry_run_from(home, who, stream, spec.mapping, feed.source_key)
        return Trial(feed.place, len(there), newest.path, report=report)


def rewind_feed(home: Home, who: Who, name: str) -> Feed:
    """Let a feed begin anew, at once: all rows or files are met again.

    What was taken is not taken again, unless its import was undone or the mapping is another one by now.

    Raises
    ------
    FeedBusy
        It is being run.
    """
    who.need(Permission.MANAGE_SOURCES)
    feed = get_feed(home, who, name)
    with sole(kept.lock_path(home, feed.number), pulling.FeedBusy(name=name)):
        kept.rewind(home, feed.number)
    return get_feed(home, who, name)


def reached(home: Home, who: Who, name: str) -> str | None:
    """Return the value that the cursor of a feed of rows has reached, None before its first row and of files.

    Raises
    ------
    NoFeed
        There is none of this name that the account sees.
    """
    who.need(Permission.MANAGE_SOURCES)
    upto = pulled.position(home, get_feed(home, who, name).number).upto
    return None if upto is None else str(upto)
