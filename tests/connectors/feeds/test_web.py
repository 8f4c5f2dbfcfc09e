"""Rows of a real HTTP server on this machine: every way of paging, servers that are busy or broken, and hosts that lead elsewhere."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from fastapi import FastAPI, Request, Response

from tests.connectors.feeds.places import everything_under, imports, taken
from tests.patience import PATIENCE
from zerodistance.connectors.feeds import api, paged, pulled, web
from zerodistance.connectors.feeds.spec import read_feed
from zerodistance.connectors.feeds.web import ApiAway, ApiRefused
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

MAPPING = """
[mapping]
kind = "store.visited"
source = { key = "visits", name = "Visits", kind = "store" }
times = { happened_at = "at", zone = "UTC", lag = "1 day" }
identifiers = { member_id = "who.member" }
columns = { place = "store" }
source_id = "id"
"""


@dataclass
class Shop:
    """An API that lists visits, as somebody wrote it; `first` is answered before anything else, once each."""

    records: list[dict[str, Any]] = field(default_factory=list)
    first: list[Response] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)
    answer: Callable[[Request], Response] | None = None
    port: int = 0

    def visit(self, *rows: tuple[int, str]) -> None:
        """Add visits: id, and time at which it was written down."""
        for number, at in rows:
            who = {"member": f"m{number}"}
            self.records.append({"id": number, "at": "2026-01-02", "seen": at, "store": "s\n1", "who": who})

    def said(self, request: Request) -> Response:
        """Answer one question."""
        self.asked.append(request)
        if self.first:
            return self.first.pop(0)
        assert self.answer is not None
        return self.answer(request)


def as_json(value: object, headers: dict[str, str] | None = None, indent: int | None = None) -> Response:
    return Response(json.dumps(value, indent=indent), media_type="application/json", headers=headers)


@pytest.fixture(scope="module")
def server() -> Iterator[Shop]:
    shop, app = Shop(), FastAPI()

    @app.get("/{path:path}")
    def everything(request: Request) -> Response:
        return shop.said(request)

    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off")
    running = uvicorn.Server(config)
    ready = threading.Event()
    startup = running.startup

    async def tell(*args: Any, **kw: Any) -> None:
        await startup(*args, **kw)
        ready.set()

    running.startup = tell  # type: ignore[method-assign]
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    assert ready.wait(PATIENCE)
    shop.port = running.servers[0].sockets[0].getsockname()[1]
    yield shop
    running.should_exit = True
    thread.join(PATIENCE)


@pytest.fixture
def shop(server: Shop) -> Shop:
    server.records, server.first, server.asked, server.answer = [], [], [], None
    return server


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses that were asked for, none of which is made."""
    made: list[float] = []
    real = web.Api.__init__

    def quick(self: web.Api, spec: Any, headers: Any, wait: Any) -> None:
        real(self, spec, headers, lambda seconds: made.append(seconds) if seconds else None)

    monkeypatch.setattr(web.Api, "__init__", quick)
    return made


def describe(shop: Shop, more: str = "") -> str:
    head = '[feed]\nkind = "http"\nname = "visits"\n'
    return f'{head}[http]\nurl = "http://127.0.0.1:{shop.port}/visits"\n{more}\n{MAPPING}'


def run(home: Home, admin: Who) -> api.Outcome:
    return api.run_feed(home, admin, "visits")


def add(home: Home, admin: Who, shop: Shop, more: str = "") -> None:
    api.add_feed(home, admin, describe(shop, more), replacing=True)


CURSOR = 'cursor = { field = "seen", param = "since", overlap = "10m" }\n'


def by_number(shop: Shop) -> Callable[[Request], Response]:
    """Return an answer of two records a page, those written down since `since`."""

    def answer(request: Request) -> Response:
        asked = request.query_params
        found = [r for r in reversed(shop.records) if r["seen"] >= asked.get("since", "")]
        at = (int(asked["page"]) - 1) * 2 if "page" in asked else int(asked.get("from", 0))
        return as_json({"data": {"visits": found[at : at + 2]}})

    return answer


@pytest.mark.parametrize("paging", ['page = "page", size = 2', 'page = "page"', 'offset = "from"'])
def test_pages_are_read_to_the_last_and_only_what_is_new_is_taken(
    home: Home, admin: Who, shop: Shop, paging: str
) -> None:
    add(home, admin, shop, f'records = "data.visits"\npaging = {{ {paging} }}\n{CURSOR}')
    shop.answer = by_number(shop)
    assert run(home, admin) == api.Outcome()
    shop.visit(*((n, f"2026-01-02T03:{n:02}:00Z") for n in range(5)))
    assert (len((first := run(home, admin)).imports), first.rows) == (1, 5)
    shop.visit((5, "2026-01-02T03:00:30Z"), (6, "2026-01-02T03:04:00Z"), (7, "2026-01-02T04:00:00Z"))
    shop.asked.clear()
    assert run(home, admin).rows == 8
    assert {a.query_params["since"] for a in shop.asked} == {"2026-01-02T02:54:00Z"}
    assert run(home, admin).rows == 1
    assert taken(home) == list("01234567")
    assert len(imports(home)) == 2


def test_the_next_page_may_be_named_by_a_link_an_address_or_a_token(
    home: Home, admin: Who, shop: Shop
) -> None:
    shop.visit(*((n, "2026-01-02T03:00:00Z") for n in range(5)))

    def answer(request: Request) -> Response:
        at = int(request.query_params.get("after", 0))
        more = at + 2 < len(shop.records)
        there = f"/visits?after={at + 2}&size=2"
        link = {"Link": f'<{there}>; rel="next", </last>; rel="last"'} if more else {}
        said = {
            "rows": [] if at == 2 else shop.records[at : at + 2],  # a page may be empty and not the last
            "next": there if more else None,
            "meta": {"after": at + 2 if more else ""},
        }
        return as_json(said, link, indent=2)

    shop.answer = answer
    for paging in ("link = true", 'next = "next"', 'token = "after", from = "meta.after"'):
        add(home, admin, shop, f'records = "rows"\npaging = {{ {paging} }}')
        api.rewind_feed(home, admin, "visits")
        assert run(home, admin).rows == 3
    assert taken(home) == list("014")


def test_a_list_without_a_cursor_is_read_whole_and_only_what_is_new_is_imported(
    home: Home, admin: Who, shop: Shop
) -> None:
    add(home, admin, shop)
    shop.visit((1, "x"), (2, "x"))
    shop.answer = lambda _: as_json(shop.records)
    assert len(run(home, admin).imports) == 1
    assert (run(home, admin).imports, run(home, admin).rows) == ([], 2)
    shop.visit((3, "x"))
    assert len(run(home, admin).imports) == 1
    assert taken(home) == list("123")


def test_numbers_as_cursors_and_times_as_numbers(home: Home, admin: Who, shop: Shop) -> None:
    shop.answer = lambda _: as_json(shop.records)
    shop.visit((1, "2026-01-02T03:04:05+08:00"))
    add(home, admin, shop, 'cursor = { field = "id", param = "min_id", overlap = 1, start = 0 }')
    run(home, admin)
    run(home, admin)
    add(home, admin, shop, 'cursor = { field = "seen", param = "since", format = "epoch_ms" }')
    api.rewind_feed(home, admin, "visits")
    run(home, admin)
    run(home, admin)
    assert [str(a.query_params) for a in shop.asked] == ["min_id=0", "min_id=0", "", "since=1767294245000"]


def test_what_comes_in_order_stands_even_if_a_later_page_fails(
    home: Home, admin: Who, shop: Shop, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zerodistance.connectors.feeds.cursors.PART_BYTES", 1)
    shop.visit(*((n, f"2026-01-02T03:{n:02}:00Z") for n in range(4)))

    def answer(request: Request) -> Response:
        page = int(request.query_params["page"])
        found = [r for r in shop.records if r["seen"] >= request.query_params.get("since", "")]
        return as_json(found[page - 1 : page]) if page < 4 else Response(status_code=403)

    shop.answer = answer
    add(
        home,
        admin,
        shop,
        'paging = { page = "page" }\ncursor = { field = "seen", param = "since", ordered = true }',
    )
    with pytest.raises(ApiRefused, match="it answers 403"):
        run(home, admin)
    assert taken(home) == ["0", "1"]
    shop.answer = lambda request: as_json(
        [r for r in shop.records if r["seen"] >= request.query_params.get("since", "")]
        if request.query_params["page"] == "1"
        else []
    )
    run(home, admin)
    assert taken(home) == list("0123")
    assert waits == []


def test_a_server_that_is_busy_or_broken_is_asked_again_as_it_wants(
    home: Home, admin: Who, shop: Shop, waits: list[float]
) -> None:
    add(home, admin, shop)
    shop.visit((1, "x"))
    shop.answer = lambda _: as_json(shop.records)
    shop.first = [
        Response(status_code=429, headers={"Retry-After": "7"}),
        Response(status_code=500),
        Response(status_code=503),
    ]
    assert len(run(home, admin).imports) == 1
    assert waits == [7, 2, 4]


def test_who_asks_to_come_much_later_is_not_waited_for(
    home: Home, admin: Who, shop: Shop, waits: list[float]
) -> None:
    add(home, admin, shop)
    shop.first = [Response(status_code=429, headers={"Retry-After": "600"})]
    with pytest.raises(ApiAway, match="it answers 429"):
        run(home, admin)
    feed = api.get_feed(home, admin, "visits")
    assert (waits, (feed.next_at or 0) - (feed.last_finished_at or 0)) == ([], 600 * 1_000_000)


def test_a_server_that_stays_broken_fails_the_run(
    home: Home, admin: Who, shop: Shop, waits: list[float]
) -> None:
    add(home, admin, shop)
    shop.answer = lambda _: Response(status_code=502)
    with pytest.raises(ApiAway, match="it answers 502"):
        run(home, admin)
    assert (waits, len(shop.asked)) == ([1, 2, 4], 4)
    api.add_feed(home, admin, describe(shop).replace(str(shop.port), "1"), replacing=True)
    with pytest.raises(ApiAway, match="the connection is refused"):
        run(home, admin)


def test_a_credential_goes_to_its_own_host_only(
    home: Home, admin: Who, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    api.set_secret(home, admin, "shop-api", "token-word-4711")
    secret = '{ secret = "shop-api", prefix = "Bearer " }'
    add(
        home,
        admin,
        shop,
        f'headers = {{ Authorization = {secret} }}\nparams = {{ key = {{ secret = "shop-api" }}, n = 5 }}',
    )
    for elsewhere in (
        "http://127.0.0.2/visits",
        "https://127.0.0.1/visits",
        "file:///etc/passwd",
        "//127.0.0.2/x",
    ):
        shop.first = [Response(status_code=302, headers={"Location": elsewhere})]
        with pytest.raises(ApiRefused, match="it leads to another host"):
            run(home, admin)
    shop.visit((1, "x"))
    shop.answer = lambda _: as_json(shop.records)
    shop.first = [Response(status_code=302, headers={"Location": "/elsewhere?key=1"})]
    assert len(run(home, admin).imports) == 1
    assert shop.asked[-1].headers["authorization"] == "Bearer token-word-4711"
    assert shop.asked[0].query_params["key"] == "token-word-4711"
    said = everything_under(home.root) + caplog.text.encode() + repr(api.list_feeds(home, admin)).encode()
    assert b"word-4711" not in said


def test_a_next_page_on_another_host_is_not_asked(home: Home, admin: Who, shop: Shop) -> None:
    add(home, admin, shop, 'records = "rows"\npaging = { next = "next" }')
    shop.visit((1, "x"))
    shop.answer = lambda _: as_json({"rows": shop.records, "next": "http://127.0.0.2:1/"})
    with pytest.raises(ApiRefused, match=r"another host, http://127\.0\.0\.2:1;"):
        run(home, admin)
    shop.answer = lambda _: as_json({"rows": shop.records, "next": "/visits"})
    with pytest.raises(ApiRefused, match="one that came before"):
        run(home, admin)
    assert (imports(home), pulled.position(home, 1).recent) == ([], frozenset())


ANSWERS = (
    (Response("<html>"), "is no JSON"),
    (Response(b'{"rows": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "rows"),
    (as_json({"rows": {"a": 1}}), "is no array"),
    (as_json({"other": []}), "there is no rows in it"),
    (Response(b"x" * 2_000), "over 1024 bytes"),
    (Response(gzip.compress(b"[" + b" " * 5_000_000 + b"]"), headers={"Content-Encoding": "gzip"}), "over 1024 bytes"),
    (Response(gzip.compress(b"[]")[:-6], headers={"Content-Encoding": "gzip"}), "gzip is cut off"),
    (Response(b"[]", headers={"Content-Encoding": "gzip"}), "gzip is damaged"),
    (Response(b"[]", headers={"Content-Encoding": "br"}), "packs by br"),
    (Response(status_code=404), "it answers 404"),
)  # fmt: skip


def test_an_answer_that_can_not_be_followed_is_said(home: Home, admin: Who, shop: Shop) -> None:
    for answer, said in ANSWERS:
        bound = 1_024 if "1024" in said else 1_000_000
        add(home, admin, shop, f'records = "rows"\nmax_page_bytes = {bound}')
        shop.answer = lambda _, answer=answer: answer  # type: ignore[misc]
        with pytest.raises(ApiRefused, match=said):
            run(home, admin)


def test_who_a_server_is_has_to_be_certified(
    home: Home, admin: Who, tmp_path: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = certified(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, tmp_path / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=answer_with_nothing, args=(listening, context), daemon=True).start()
        text = describe(Shop(port=listening.getsockname()[1])).replace("http://", "https://")
        api.add_feed(home, admin, text)
        with pytest.raises(ApiAway, match="its certificate can't be trusted"):
            run(home, admin)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert run(home, admin) == api.Outcome()


def certified(folder: Path) -> Path:
    """Make a certificate for this machine that nobody but itself has signed; return its file, beside `key.pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).add_extension(alternative, critical=False)
    made = made.not_valid_before(datetime(2026, 1, 1)).not_valid_after(datetime(2126, 1, 1))
    (folder / "certificate.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(plain)
    return folder / "certificate.pem"


def answer_with_nothing(listening: socket.socket, context: ssl.SSLContext) -> None:
    """Answer every question with an empty list until the socket is closed."""
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            with suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
                secure.recv(65_536)
                secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]")


def test_pages_without_end_end(home: Home, admin: Who, shop: Shop) -> None:
    add(home, admin, shop, 'paging = { page = "page" }\nmax_pages = 3')
    shop.visit((1, "x"))
    shop.answer = lambda _: as_json(shop.records)
    with pytest.raises(ApiRefused, match="more than 3 pages"):
        run(home, admin)


def test_records_come_as_they_stand_and_what_is_none_is_refused_by_itself(
    home: Home, admin: Who, shop: Shop
) -> None:
    add(home, admin, shop)
    body = b'[ {"id": 12345678901234567890123, "at": "2026-01-02",\n "store": "a", "who": {"member": "m"}}, 7, {"id": 1, "id": 2} ]'
    shop.answer = lambda _: Response(gzip.compress(body), headers={"Content-Encoding": "gzip"})
    assert run(home, admin).rows == 3
    assert taken(home) == ["12345678901234567890123"]


def test_a_trial_asks_for_the_first_page_only(home: Home, admin: Who, shop: Shop) -> None:
    add(home, admin, shop, f'records = "data.visits"\npaging = {{ page = "page" }}\n{CURSOR}')
    shop.visit(*((n, "2026-01-02T03:00:00Z") for n in range(300)))
    shop.answer = lambda request: as_json({"data": {"visits": shop.records[:100]}})
    trial = api.try_feed(home, admin, "visits")
    assert trial.report is not None
    assert (trial.found, trial.report.accepted, len(shop.asked), imports(home)) == (100, 100, 1, [])


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ('url = "http://', 'url = "ftp://', "http.url: write an address"),
        ('url = "http://', 'url = "http://u:word@', "http.url: write an address"),
        ("[mapping]", 'headers = { Authorization = "Bearer word" }\n[mapping]', "http.headers.Authorization: not in clear"),
        ("[mapping]", 'headers = { "A B" = "x" }\n[mapping]', "http.headers.A B: this is no name"),
        ("[mapping]", 'headers = { A = "x\\ny" }\n[mapping]', "http.headers.A: printable"),
        ("[mapping]", 'paging = { page = "p", link = true }\n[mapping]', "http.paging: write one of"),
        ("[mapping]", 'paging = { token = "p" }\n[mapping]', "http.paging.from: this key is missing"),
        ("[mapping]", 'cursor = { field = "x" }\n[mapping]', "http.cursor.param: this key is missing"),
        ("[mapping]", 'cursor = { field = "x", param = "y", format = "z" }\n[mapping]', "http.cursor.format: it can't be 'z'"),
    ],
)  # fmt: skip
def test_what_a_feed_file_may_not_say(was: str, now: str, said: str) -> None:
    with pytest.raises(api.FeedWrong, match=said) as caught:
        read_feed(describe(Shop(port=8_080)).replace(was, now, 1))
    assert "word" not in str(caught.value).replace("password", "")


def test_fields_are_found_by_their_way() -> None:
    assert paged.value_of(b'{"a": {"b": "2026-01-02"}}', ("a", "b")) is not None
    assert paged.value_of(b'{"a": {"b": true}}', ("a", "b")) is None
    assert paged.value_of(b"[1]", ("a",)) is None
    assert paged.value_of(b"{", ("a",)) is None
