"""What the state keeps of feeds: reading, making, changing them, and how their runs went."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from zerodistance.connectors.feeds import store
from zerodistance.connectors.feeds.contracts import Feed, FileSeen, Spec
from zerodistance.connectors.feeds.watched import REFUSED, where_why
from zerodistance.core.touchpoints.contracts import Source
from zerodistance.kernel import clock
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.locks import is_held
from zerodistance.kernel.text import Text

_F, _FILE = store.source_feed, store.feed_file


class NoFeed(ZeroDistanceError):
    """There is no feed of this name that the account may see."""

    code, status = "no_feed", 404
    text = Text(
        "没有取数 {name}；用 `zerodistance feeds list` 查看",
        "there is no feed {name}; `zerodistance feeds list` shows them",
    )


class FeedExists(ZeroDistanceError):
    """A feed of this name exists."""

    code, status = "feed_exists", 409
    text = Text(
        "取数 {name} 已存在；换一个名称，或用 --replace 换掉它的说明（取到哪里不变）",
        "there is a feed {name} already; choose another name, or change what it says with --replace (it goes on where it stands)",
    )


def lock_path(home: Home, number: int) -> Path:
    """Return the lock file of whoever runs a feed."""
    return home.path("runs", f"feed-{number}.lock")


def every(home: Home, sources: Sequence[Source]) -> list[Feed]:
    """Return the feeds of some sources, by name."""
    keys = {source.number: source.key for source in sources}
    with home.state.read() as tx:
        rows = tx.execute(select(_F).order_by(_F.c.name)).mappings().all()
        refused = _refused(tx)
    return [_feed(home, row, keys[row["source"]], refused) for row in rows if row["source"] in keys]


def load(home: Home, number: int) -> RowMapping:
    """Return a feed as the state holds it, for whoever runs it."""
    with home.state.read() as tx:
        row = tx.execute(select(_F).where(_F.c.number == number)).mappings().first()
    if row is None:
        raise NoFeed(name=number)
    return row


def due(home: Home) -> list[int]:
    """Return the feeds whose time has come, the longest waiting first."""
    with home.state.read() as tx:
        ready = (_F.c.paused_at.is_(None), _F.c.next_at <= clock.micros())
        return list(tx.execute(select(_F.c.number).where(*ready).order_by(_F.c.next_at)).scalars())


def _refused(tx: Connection) -> dict[int, int]:
    counted = select(_FILE.c.feed, func.count()).where(_FILE.c.state == REFUSED).group_by(_FILE.c.feed)
    return {row[0]: row[1] for row in tx.execute(counted)}


def _feed(home: Home, row: RowMapping, source_key: str, refused: dict[int, int]) -> Feed:
    started, running = row["last_started_at"], is_held(lock_path(home, row["number"]))
    same = (
        *(
            "number",
            "name",
            "kind",
            "source",
            "place",
            "every",
            "text",
            "mapping",
            "created_by",
            "created_at",
        ),
        *("paused_at", "last_started_at", "last_finished_at", "failures", "error_code", "taken", "rows"),
        "last_import",
    )
    return Feed(
        **{name: row[name] for name in same},
        source_key=source_key,
        next_at=row["next_at"] if row["paused_at"] is None else None,
        error=Text(row["error_zh"], row["error_en"]) if row["error_code"] else None,
        refused=refused.get(row["number"], 0),
        running=started if running else None,
        progress=row["progress"] if running else 0,
    )


def put(
    home: Home,
    spec: Spec,
    text: str,
    source: int,
    by: str,
    replaced: int | None = None,
    *,
    anew: bool = False,
) -> None:
    """Keep a feed, due at once; of one that is replaced, what its files were refused for is forgotten, with `anew` all it has reached."""
    now = clock.micros()
    values: dict[str, Any] = {
        "name": spec.name, "source": source, "kind": spec.kind, "place": spec.where.place, "every": spec.every,
        "text": text, "mapping": spec.mapping, "next_at": now, "failures": 0, "error_code": None, "error_zh": None,
        "error_en": None,
    }  # fmt: skip
    try:
        with home.state.write() as tx:
            if replaced is None:
                tx.execute(insert(_F).values(**values, created_by=by, created_at=now))
            else:
                values |= {"position": None} if anew else {}
                gone = () if anew else (_FILE.c.state == REFUSED,)
                tx.execute(update(_F).where(_F.c.number == replaced).values(values))
                tx.execute(delete(_FILE).where(_FILE.c.feed == replaced, *gone))
    except IntegrityError:
        raise FeedExists(name=spec.name) from None


def change(home: Home, number: int, **values: Any) -> None:
    """Write something about a feed."""
    with home.state.write() as tx:
        tx.execute(update(_F).where(_F.c.number == number).values(values))


def rewind(home: Home, number: int) -> None:
    """Forget how far a feed is, and the files it has met; it is due at once."""
    with home.state.write() as tx:
        tx.execute(delete(_FILE).where(_FILE.c.feed == number))
        tx.execute(update(_F).where(_F.c.number == number).values(position=None, next_at=clock.micros()))


def remove(home: Home, number: int) -> None:
    """Forget a feed and the files it has met; what it brought stays."""
    with home.state.write() as tx:
        tx.execute(delete(_FILE).where(_FILE.c.feed == number))
        tx.execute(delete(_F).where(_F.c.number == number))
    lock_path(home, number).unlink(missing_ok=True)


def files(home: Home, number: int, limit: int) -> list[FileSeen]:
    """Return the files that a feed has met, the refused first, then the newest."""
    with home.state.read() as tx:
        order = ((_FILE.c.state == REFUSED).desc(), _FILE.c.at.desc(), _FILE.c.path)
        query = select(_FILE).where(_FILE.c.feed == number).order_by(*order).limit(limit)
        rows = tx.execute(query).mappings().all()
    return [
        FileSeen(r["path"], r["size"], r["state"], r["at"], r["number"], _why(home, number, r["why"]))
        for r in rows
    ]


def _why(home: Home, feed: int, sealed: bytes | None) -> Text | None:
    if sealed is None:
        return None
    said = json.loads(home.seal.open(sealed, where_why(feed)))
    return Text(said["zh"], said["en"])
