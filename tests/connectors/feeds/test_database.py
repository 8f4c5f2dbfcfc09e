"""Rows of real database servers, PostgreSQL and MariaDB: each once, by a cursor column, and nothing in plain text on the way."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine

from tests import mariadb
from tests import postgres as postgresql
from tests.connectors.feeds.places import everything_under, imports, taken
from zerodistance.connectors.feeds import api, contracts, database, pulled
from zerodistance.connectors.feeds.contracts import Cursor, DriverMissing, Sql
from zerodistance.connectors.feeds.cursors import CursorUnfit, Position
from zerodistance.connectors.feeds.database import DatabaseAway
from zerodistance.connectors.feeds.spec import read_feed
from zerodistance.core.touchpoints import sources
from zerodistance.core.touchpoints.import_errors import SourceOff
from zerodistance.core.touchpoints.mapping import MappingWrong
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home

PHONE = "13912345678"
MAPPING = """
[mapping]
kind = "store.visited"
source = { key = "visits", name = "Visits", kind = "store" }
times = { happened_at = "at", zone = "UTC", lag = "1 day" }
identifiers = { phone = "phone" }
columns = { place = "store" }
source_id = "id"
"""


@dataclass
class Shop:
    """A database with a table of visits."""

    url: str
    say: Callable[[str], object]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let nobody else read the visits meanwhile."""
        engine = create_engine(database.parse_url(self.url), poolclass=NullPool)
        with engine.connect() as connection:
            mode = " in access exclusive mode" if engine.name == "postgresql" else "s visit write"
            connection.exec_driver_sql(
                "lock table" + (f" visit{mode}" if engine.name == "postgresql" else mode)
            )
            yield

    def visit(self, *rows: tuple[int, int]) -> None:
        """Add visits: id, and minute at which it was written down."""
        for number, minute in rows:
            at = f"2026-01-02 03:{minute:02}:00"
            self.say(f"insert into visit values ({number}, '{at}', '{at}', '{PHONE}', 's{number}', 1.50)")


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Callable[[], Shop]]]:
    made: dict[str, mariadb.Server | postgresql.Server] = {}

    def of_postgres() -> Shop:
        server = made.get("postgres") or made.setdefault("postgres", postgresql.Server())
        assert isinstance(server, postgresql.Server)
        url = server.new_database()
        return Shop(url, lambda sql: server.say(sql, url.partition("@/")[2].partition("?")[0]))

    def of_mariadb() -> Shop:
        server = made.get("mariadb") or made.setdefault("mariadb", mariadb.Server())
        assert isinstance(server, mariadb.Server)
        name = server.new_database()
        return Shop(server.url(name), lambda sql: server.say(sql, name))

    yield {"postgres": of_postgres, "mariadb": of_mariadb}
    for server in made.values():
        server.remove()


BOTH = [
    pytest.param("postgres", marks=pytest.mark.postgres),
    pytest.param("mariadb", marks=pytest.mark.mariadb),
]


POSTGRES = pytest.mark.parametrize("shop", BOTH[:1], indirect=True)  # what no server makes a difference to
MARIADB = pytest.mark.parametrize("shop", BOTH[1:], indirect=True)


@pytest.fixture(params=BOTH)
def shop(request: pytest.FixtureRequest, servers: dict[str, Callable[[], Shop]]) -> Shop:
    made = servers[request.param]()
    made.say(
        "create table visit (id int primary key, at timestamp null, seen_at timestamp null, phone varchar(20), "
        "store varchar(40), amount decimal(10, 2))"
    )
    return made


def describe(
    shop: Shop, what: str = 'table = "visit"', cursor: str = 'column = "seen_at"', more: str = ""
) -> str:
    head = '[feed]\nkind = "sql"\nname = "visits"\n'
    return f'{head}[sql]\nurl = "{shop.url}"\n{what}\ncursor = {{ {cursor} }}\n{more}\n{MAPPING}'


def run(home: Home, admin: Who) -> api.Outcome:
    return api.run_feed(home, admin, "visits")


def test_a_run_takes_what_is_new_and_what_came_late(home: Home, admin: Who, shop: Shop) -> None:
    api.add_feed(home, admin, describe(shop, cursor='column = "seen_at", overlap = "10m"'))
    assert run(home, admin) == api.Outcome()
    shop.visit((1, 10), (2, 20), (3, 20))
    assert (len((first := run(home, admin)).imports), first.rows) == (1, 3)
    again = run(home, admin)
    assert (again.imports, again.known, again.rows) == ([], 0, 3)
    shop.visit((4, 20), (5, 12), (6, 30))
    assert run(home, admin).rows == 6
    assert taken(home) == list("123456")
    assert len(imports(home)) == 2
    feed = api.get_feed(home, admin, "visits")
    assert (feed.state, feed.taken, feed.rows, feed.last_import) == ("well", 2, 12, 2)
    assert (api.reached(home, admin, "visits") or "").startswith("2026-01-02 03:30:00")


def test_rows_of_one_value_stay_together_however_few_an_import_may_have(
    home: Home, admin: Who, shop: Shop
) -> None:
    api.add_feed(home, admin, describe(shop, more="rows = 2"))
    shop.visit(*((n, 1 + n // 4) for n in range(12)))
    outcome = run(home, admin)
    assert (len(outcome.imports), outcome.rows, outcome.more) == (3, 12, False)
    assert taken(home) == sorted(map(str, range(12)))


@MARIADB  # whose driver would read to the end what nobody wants
def test_while_many_imports_wait_no_more_is_read(
    home: Home, admin: Who, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulled, "WAITING", 1)
    api.add_feed(home, admin, describe(shop, more="rows = 1"))
    shop.visit(*((n, n) for n in range(3)))
    assert (run(home, admin).more, len(imports(home))) == (True, 1)
    feed = api.get_feed(home, admin, "visits")
    assert (feed.next_at or 0) - (feed.last_finished_at or 0) == 30 * 1_000_000
    for _ in range(3):
        taken(home)
        run(home, admin)
    assert taken(home) == ["0", "1", "2"]


@POSTGRES
def test_a_long_run_lets_others_have_their_turn(
    home: Home, admin: Who, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contracts, "RUN_SECONDS", -1.0)
    api.add_feed(home, admin, describe(shop, more="rows = 1"))
    shop.visit(*((n, n) for n in range(3)))
    assert [run(home, admin).more for _ in range(3)] == [True, True, False]
    assert taken(home) == ["0", "1", "2"]


def test_who_locks_a_table_holds_up_nobody_for_ever(
    home: Home, admin: Who, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = tuple(
        said.replace("60s", "50ms").replace("wait_timeout = 60", "wait_timeout = 1")
        for said in database._PG_SESSION
    )
    monkeypatch.setattr(database, "_PG_SESSION", quick)
    monkeypatch.setattr(database, "_MY_SESSION", ("set session lock_wait_timeout = 1",))
    api.add_feed(home, admin, describe(shop))
    with shop.locked(), pytest.raises(DatabaseAway, match=r"lock timeout|1205"):
        run(home, admin)


@POSTGRES
def test_a_feed_begins_anew_and_nothing_doubles(home: Home, admin: Who, shop: Shop) -> None:
    api.add_feed(home, admin, describe(shop, cursor='column = "id", start = 2'))
    shop.visit((1, 1), (2, 2), (3, 3))
    assert run(home, admin).rows == 2
    shop.visit((4, 4))
    run(home, admin)
    api.rewind_feed(home, admin, "visits")
    assert run(home, admin).rows == 3
    assert taken(home) == ["2", "3", "4"]


def test_a_query_is_followed_as_it_is_written(home: Home, admin: Who, shop: Shop) -> None:
    query = "select id, at, seen_at, phone, '5% :x 03:04' as store from visit where id <> 2 -- the last :one;"
    api.add_feed(home, admin, describe(shop, f'query = "{query}"', 'column = "id"'))
    shop.visit((1, 1), (2, 2), (3, 3))
    trial = api.try_feed(home, admin, "visits")
    assert trial.report is not None and trial.found == 2
    assert (trial.report.accepted, trial.report.first[0]["place"]) == (2, "5% :x 03:04")
    assert (imports(home), run(home, admin).rows) == ([], 2)


@POSTGRES
def test_nothing_of_a_row_lies_in_plain_text_on_the_way(
    home: Home, admin: Who, shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    shop.visit((1, 1))
    api.add_feed(home, admin, describe(shop))
    run(home, admin)
    assert len(list(home.path("imports").iterdir())) == 1
    assert PHONE.encode() not in everything_under(tmp_path)


def test_what_can_not_be_asked_is_said(home: Home, admin: Who, shop: Shop) -> None:
    for wrong, error, said in (
        (describe(shop, 'table = "visits"'), DatabaseAway, "visits"),
        (describe(shop, cursor='column = "seen"'), DatabaseAway, "seen"),
        (
            describe(shop, 'query = "select id, at, id from visit"', 'column = "at"'),
            ZeroDistanceError,
            r"olumns? (name )?'?id",
        ),
        (describe(shop, cursor='column = "seen_at", overlap = 3'), CursorUnfit, "`overlap` does not fit"),
        (describe(shop).replace('place = "store"', 'place = "shop"'), MappingWrong, "no column shop"),
    ):
        shop.say("delete from visit")
        shop.visit((1, 1))
        api.add_feed(home, admin, wrong, replacing=True)
        with pytest.raises(error, match=said):
            run(home, admin)
            run(home, admin)
        feed = api.get_feed(home, admin, "visits")
        assert feed.error is not None and re.search(said, feed.error.en)
        api.rewind_feed(home, admin, "visits")


@pytest.mark.postgres
def test_an_error_of_the_server_quotes_no_row(
    home: Home, admin: Who, servers: dict[str, Callable[[], Shop]], caplog: pytest.LogCaptureFixture
) -> None:
    query = "select 1 as id, cast('secret words ' || now() as int) as at"
    api.add_feed(home, admin, describe(servers["postgres"](), f'query = "{query}"', 'column = "id"'))
    with pytest.raises(DatabaseAway, match="SQLSTATE 22P02") as caught:
        run(home, admin)
    assert "secret words" not in str(caught.value) + caplog.text
    assert "SQLSTATE 22P02" in (api.get_feed(home, admin, "visits").error or api.FeedWrong.text).en


@POSTGRES
def test_another_cursor_begins_at_the_beginning_and_another_query_does_not(
    home: Home, admin: Who, shop: Shop
) -> None:
    api.add_feed(home, admin, describe(shop, cursor='column = "id"'))
    shop.visit((500, 1), (501, 2))
    run(home, admin)
    query = "select * from visit where id > 0"
    api.add_feed(home, admin, describe(shop, f'query = "{query}"', cursor='column = "id"'), replacing=True)
    assert api.reached(home, admin, "visits") is None
    run(home, admin)
    api.add_feed(home, admin, describe(shop, f'query = "{query} "', cursor='column = "id"'), replacing=True)
    assert api.reached(home, admin, "visits") == "501"
    api.add_feed(
        home, admin, describe(shop, f'query = "{query}"', cursor='column = "amount"'), replacing=True
    )
    assert api.reached(home, admin, "visits") is None
    shop.visit((3, 3))
    run(home, admin)
    assert taken(home) == ["3", "500", "501"]


@POSTGRES
def test_a_source_that_is_off_moves_no_cursor(home: Home, admin: Who, shop: Shop) -> None:
    api.add_feed(home, admin, describe(shop))
    shop.visit((1, 1))
    sources.switch_off(home, admin, "visits")
    with pytest.raises(SourceOff):
        run(home, admin)
    assert pulled.position(home, 1) == Position()
    sources.switch_on(home, admin, "visits")
    assert len(run(home, admin).imports) == 1


@pytest.mark.postgres
def test_postgresql_is_only_read(home: Home, admin: Who, servers: dict[str, Callable[[], Shop]]) -> None:
    shop = servers["postgres"]()
    shop.say("create sequence s")
    api.add_feed(home, admin, describe(shop, "query = \"select nextval('s') as id\"", 'column = "id"'))
    with pytest.raises(DatabaseAway, match="SQLSTATE 25006"):
        run(home, admin)


@pytest.mark.mariadb
def test_mariadb_is_only_read(home: Home, admin: Who, servers: dict[str, Callable[[], Shop]]) -> None:
    shop = servers["mariadb"]()
    shop.say("create table t (id int)")
    shop.say(
        "create function f() returns int modifies sql data begin insert into t values (1); return 1; end"
    )
    api.add_feed(home, admin, describe(shop, 'query = "select f() as id"', 'column = "id"'))
    with pytest.raises(DatabaseAway, match="error 1792"):
        run(home, admin)


@pytest.mark.postgres
def test_values_of_every_type_come_as_they_are(home: Home, servers: dict[str, Callable[[], Shop]]) -> None:
    shop = servers["postgres"]()
    query = (
        (
            "select 9223372036854775807 as id, 0.10::numeric as a, '{\\\"k\\\": [1.5]}'::jsonb as b, null as c, '是'::text as d, "
            "'\\\\x00ff'::bytea as e, interval '90 s' as f, timestamptz '2026-01-02 03:04:05+08' as g, array[1,2] as h, "
            "'NaN'::float8 as i, true as j, date '2026-01-02' as k, 12345678901234567890123::numeric as l"
        )
        .encode()
        .decode("unicode_escape")
        .encode("latin-1")
        .decode()
    )
    sql = Sql(shop.url, "x", Cursor("id"), query=query)
    with database.connected(home, sql) as connection:
        ((value, line),) = list(database.rows(connection, sql, Position()))
    assert value == 9223372036854775807
    assert json.loads(line, parse_float=str, parse_int=str) == {
        "id": "9223372036854775807", "a": "0.10", "b": {"k": ["1.5"]}, "c": None, "d": "是", "e": "AP8=", "f": "90.0",
        "g": "2026-01-01T19:04:05Z", "h": ["1", "2"], "i": "nan", "j": True, "k": "2026-01-02",
        "l": "12345678901234567890123",
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.postgres
def test_ten_times_the_rows_take_no_more_memory(
    tmp_path: Path, servers: dict[str, Callable[[], Shop]]
) -> None:
    shop = servers["postgres"]()
    columns = (
        "i as id, timestamp '2026-01-02' as at, 'm' || i as member, 's' as store, repeat('x', 200) as note"
    )
    shop.say(f"create table visit as select {columns} from generate_series(1, 600000) i")
    weighed = []
    for rows in (60_000, 600_000):
        words = [str(tmp_path / f"home-{rows}"), shop.url, str(rows)]
        said = subprocess.run(
            [sys.executable, "-m", "tests.connectors.feeds.weigh", *words],
            capture_output=True,
            text=True,
            check=True,
        )
        weighed.append(int(said.stdout))
    assert weighed[1] - weighed[0] < 60, weighed


@pytest.mark.mariadb
def test_a_password_is_used_and_never_shown(
    home: Home, admin: Who, servers: dict[str, Callable[[], Shop]], caplog: pytest.LogCaptureFixture
) -> None:
    shop = servers["mariadb"]()
    shop.say(
        "create table visit (id int primary key, at timestamp null, seen_at timestamp null, phone varchar(20), store varchar(40))"
    )
    shop.say("create user reader@localhost identified by 'pass-word-4711'")
    shop.say("grant select on *.* to reader@localhost")
    text = describe(
        Shop(shop.url.replace("root@", "reader@"), shop.say), more='password = { secret = "shop" }'
    )
    with pytest.raises(api.NoSecret):
        api.add_feed(home, admin, text)
    api.set_secret(home, admin, "shop", "wrong-word-4711")
    api.add_feed(home, admin, text)
    with pytest.raises(DatabaseAway, match="Access denied for user"):
        run(home, admin)
    api.set_secret(home, admin, "shop", "pass-word-4711")
    assert run(home, admin) == api.Outcome()
    seen = (
        everything_under(home.root)
        + caplog.text.encode()
        + repr(api.get_feed(home, admin, "visits")).encode()
    )
    assert b"word-4711" not in seen


def test_a_server_that_is_not_there_is_said(home: Home, admin: Who) -> None:
    pytest.importorskip("psycopg")
    api.add_feed(home, admin, describe(Shop("postgresql://u@127.0.0.1:1/shop", print)))
    with pytest.raises(DatabaseAway, match=r"postgresql://127\.0\.0\.1:1/shop can't be read: .*refused"):
        run(home, admin)


def test_a_driver_that_is_not_there_is_said(home: Home, admin: Who, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise ModuleNotFoundError

    monkeypatch.setattr(database, "create_engine", gone)
    api.add_feed(home, admin, describe(Shop("mysql://u@127.0.0.1/shop", print)))
    with pytest.raises(DriverMissing, match=r"pip install 'zerodistance\[mysql\]'"):
        run(home, admin)


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("postgresql://u@h/d", "postgresql://u:word@h/d", "sql.url: write it as postgresql"),
        ("postgresql://u@h/d", "postgresql://u@h/d?password=word", "sql.url: write it as"),
        ("postgresql://u@h/d", "sqlite:///x", "sql.url: write it as"),
        ('table = "visit"', "", "sql.table: write either"),
        ('column = "seen_at"', 'column = "seen_at", start = true', "sql.cursor.start: write a number"),
        ('column = "seen_at"', 'column = "seen_at", overlap = "soon"', "sql.cursor.overlap: write it as"),
        ('table = "visit"', 'table = "visit"\npassword = "word"', "sql.password: not in clear"),
        ('table = "visit"', 'table = "visit"\npassword = { env = "A B" }', "sql.password.env"),
        ('source_id = "id"', "", "mapping.source_id: the same row is met again"),
        ("[mapping]", '[mapping]\nformat = "csv"', "mapping.format: its rows are read as ndjson"),
    ],
)
def test_what_a_feed_file_may_not_say(was: str, now: str, said: str) -> None:
    text = describe(Shop("postgresql://u@h/d", print)).replace(was, now)
    with pytest.raises(api.FeedWrong, match=said) as caught:
        read_feed(text)
    assert "word" not in str(caught.value).replace("password", "")
