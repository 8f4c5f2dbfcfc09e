"""The import wizard: a file is uploaded, mapped by form or text, tried, imported, followed, stopped and undone."""

from __future__ import annotations

import gzip
import io
import re
from urllib.parse import quote

import pytest

from tests.core.touchpoints import tables
from tests.doors import world
from tests.doors.conftest import Visitor
from zerodistance import compose
from zerodistance.core.touchpoints import drafts, import_jobs, sources
from zerodistance.core.touchpoints.mapping import parse
from zerodistance.core.touchpoints.roles import role_of
from zerodistance.doors.worker import once
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

NAMES = ["opened", "phone", "fault", "remark"]
ROWS = [["2026-01-01 10:00", "13800001111", "E4", "王小明 <b>"], ["soon", "13800002222", "E1", "x"]]
CALLS = tables.as_csv(NAMES, ROWS)
WHO = Who(1, "admin", Role.ADMIN)


def send(visitor: Visitor, data: bytes, name: str = "来电.csv", **headers: str):  # type: ignore[no-untyped-def]
    """Upload as the page's script does."""
    given = {"X-CSRF": visitor.token("/me"), "HX-Request": "true", "X-File-Name": quote(name), **headers}
    return visitor.client.post("/imports/drafts", content=data, headers=given, follow_redirects=False)


def uploaded(visitor: Visitor, data: bytes = CALLS, name: str = "来电.csv") -> str:
    answer = send(visitor, data, name)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


def test_a_file_goes_from_upload_to_touches(home: Home, boss: Visitor) -> None:
    place = uploaded(boss)
    assert place == "/imports/drafts/1"
    shown = boss.get(place).text
    assert "来电.csv" in shown and "13800001111" not in shown and "99999999999" in shown
    tried = boss.post(f"{place}/try").text
    assert "2026-01-01" in tried and "aaaa" in tried and "13800002222" not in tried
    started = boss.post(f"{place}/start")
    assert started.headers["location"] == "/imports/1"
    assert 'hx-get="/imports/1/progress"' in boss.get("/imports/1").text
    once(compose.work(home))
    ended = boss.get("/imports/1/progress").text
    assert "hx-get" not in ended and "完成" in ended
    assert parse(boss.get("/imports/1/mapping.toml").text) == parse(import_jobs.get(home, WHO, 1).mapping)
    assert boss.get(place).status_code == 404


def test_the_form_changes_the_mapping_and_the_text_changes_the_form(home: Home, boss: Visitor) -> None:
    place = uploaded(boss)
    fields = {"role-0": "time", "role-1": "id:phone", "role-2": "", "role-3": "fact:name", "type-3": "text"}
    more = {
        "source": "+",
        "new-key": "calls",
        "new-name": "呼叫中心",
        "new-kind": "call",
        "kind": "service.called",
    }
    times = {"format": "%Y-%m-%d %H:%M", "zone": "UTC", "lag": "2 h"}
    answer = boss.post(f"{place}/map", **fields, **more, **times).text
    mapping = parse(drafts.get(home, WHO, 1).mapping)
    assert [role_of(mapping, name) for name in NAMES] == ["time", "id:phone", "", "fact:name"]
    assert (mapping.source.key, mapping.source.name, mapping.source.kind) == (
        "calls",
        Text("呼叫中心", "呼叫中心"),
        "call",
    )
    assert (mapping.times.formats, mapping.times.zone) == (("%Y-%m-%d %H:%M",), "UTC")
    assert re.search(r'<textarea id="toml"[^>]*hx-swap-oob="true">kind = &#34;service.called&#34;', answer)
    text = drafts.get(home, WHO, 1).mapping.replace(
        '[facts]\nname = "remark"\n', '[columns]\nchannel = "upper(remark)"\n'
    )
    answer = boss.post(f"{place}/text", mapping=text.replace("\n", "\r\n")).text
    assert "columns.channel" in answer and "upper(remark)" in answer and 'id="toml"' not in answer
    assert drafts.get(home, WHO, 1).mapping == text
    boss.post(f"{place}/map", **{"role-2": "column:fault"})
    mapping = parse(drafts.get(home, WHO, 1).mapping)
    assert mapping.columns == {"channel": "upper(remark)", "fault": "fault"}


def test_a_column_may_say_the_kind_and_its_values_are_asked_for(home: Home, boss: Visitor) -> None:
    place = uploaded(boss)
    answer = boss.post(f"{place}/map", **{"role-2": "kind", "kind": "service.called"}).text
    assert 'name="kind-value-0"' in answer
    pairs = {"kind-value-0": "E4", "kind-is-0": "device.fault", "kind-else": "service.called"}
    boss.post(f"{place}/map", **{"role-2": "kind"}, **pairs)
    kinds = parse(drafts.get(home, WHO, 1).mapping).kinds
    assert [(rule.key, rule.when) for rule in kinds] == [
        ("device.fault", "\"fault\" = 'E4'"),
        ("service.called", None),
    ]


@pytest.mark.parametrize(
    "fields", [{"zone": "Mars"}, {"lag": "soon"}, {"format": "yesterday"}, {"source": "+", "new-key": "A b"}]
)
def test_what_can_not_be_meant_is_said_and_changes_nothing(
    home: Home, boss: Visitor, fields: dict[str, str]
) -> None:
    place = uploaded(boss)
    before = drafts.get(home, WHO, 1).mapping
    answer = boss.post(f"{place}/map", **fields)
    assert answer.status_code == 200 and "现在还不能导入" in answer.text
    assert drafts.get(home, WHO, 1).mapping == before


def test_text_that_can_not_be_read_is_kept_and_explained(home: Home, boss: Visitor) -> None:
    place = uploaded(boss)
    answer = boss.post(f"{place}/text", mapping="kind = <script>")
    assert "读不懂" in answer.text and "<script>" not in answer.text.replace("&lt;script&gt;", "")
    page = boss.get(place).text
    assert "kind = &lt;script&gt;" in page
    failed = boss.post(f"{place}/start")
    assert failed.status_code == 400 and "没有开始" in failed.text
    assert boss.post(f"{place}/try").status_code == 400
    boss.post(f"{place}/guess")
    assert role_of(parse(drafts.get(home, WHO, 1).mapping), "opened") == "time"


BAD = [
    (b"", 400, "空", "empty"),
    (b"%PDF-1.7", 400, "PDF", "PDF"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), 400, "XLSX", "XLSX"),
    (gzip.compress(CALLS)[:-9], 400, "断", "broken off"),
    (tables.zipped({"a.csv": CALLS})[:-30], 400, "zip", "zip"),
    (b"PAR1 not really", 400, "", ""),
]


@pytest.mark.parametrize(("data", "status", "zh", "en"), BAD, ids=range(len(BAD)))
def test_a_bad_file_is_explained_in_both_languages(
    home: Home, boss: Visitor, data: bytes, status: int, zh: str, en: str
) -> None:
    answer = send(boss, data)
    assert answer.status_code == status and zh in answer.text and 'class="note bad"' in answer.text
    english = send(
        boss, data, Cookie="; ".join([*(f"{k}={v}" for k, v in boss.client.cookies.items()), "zd_lang=en"])
    )
    assert english.status_code == status and en in english.text
    assert drafts.drafts(home, WHO) == [] and list(home.path("imports").iterdir()) == []


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files be a megabyte at most, before the home is made."""
    monkeypatch.setenv("ZERODISTANCE_MAX_IMPORT_BYTES", str(1 << 20))


def test_a_bomb_is_stopped_where_it_passes_the_bound(narrow: None, home: Home, boss: Visitor) -> None:
    bomb = gzip.compress(CALLS + b"2026-01-01 10:00,1,E4,x\r\n" * 100_000)
    place = uploaded(boss, bomb, "bomb.csv.gz")
    failed = boss.post(f"{place}/start")
    assert failed.status_code == 413 and "max_import_bytes" in failed.text
    assert import_jobs.jobs(home, WHO) == [] and boss.get(place).status_code == 200


def test_a_file_inside_a_form_is_refused_before_it_is_read(home: Home, boss: Visitor) -> None:
    token = boss.token("/me")
    answer = boss.client.post(
        "/imports/drafts", files={"file": ("a.csv", io.BytesIO(CALLS))}, data={"csrf": token}
    )
    assert answer.status_code == 403
    answer = boss.client.post(
        "/imports/drafts", files={"file": ("a.csv", io.BytesIO(CALLS))}, headers={"X-CSRF": token}
    )
    assert answer.status_code == 415


def test_only_whoever_may_import_sees_the_pages(home: Home, visitor: Visitor) -> None:
    visitor.log_in("analyst")
    for path in ("/imports", "/imports/1", "/imports/drafts/1", "/imports/1/mapping.toml"):
        assert visitor.get(path).status_code == 403, path
    assert send(visitor, CALLS).status_code == 403
    assert "/imports" not in visitor.get("/").text
    sources.create_source(home, WHO, key="files", name=Text("文件", "files"), kind="import")
    assert visitor.get("/touchpoints/files").status_code == 200


def test_an_upload_without_the_token_of_the_page_is_forged(home: Home, boss: Visitor) -> None:
    assert send(boss, CALLS, **{"X-CSRF": "0" * 32}).status_code == 403
    assert drafts.drafts(home, WHO) == []


def test_the_first_rows_are_shown_as_they_are_only_when_asked_for(boss: Visitor) -> None:
    place = uploaded(boss)
    shown = boss.post(f"{place}/rows", reveal="1").text
    assert "13800001111" in shown and "王小明 &lt;b&gt;" in shown
    assert "13800001111" not in boss.post(f"{place}/rows", reveal="").text


def test_an_import_is_stopped_and_taken_back_with_its_report(home: Home, boss: Visitor) -> None:
    boss.post(f"{uploaded(boss)}/start")
    boss.post("/imports/1/stop")
    assert import_jobs.get(home, WHO, 1).state == "stopped"
    again = boss.post(f"{uploaded(boss)}/start")
    assert again.headers["location"] == "/imports/1"
    once(compose.work(home))
    assert boss.post("/imports/1/stop").status_code == 409
    twice = boss.post(f"{uploaded(boss)}/start")
    assert (
        twice.headers["location"] == "/imports/1?before=1"
        and "导入过" in boss.get("/imports/1?before=1").text
    )
    assert boss.post("/imports/1/undo", purpose=" ").status_code == 400
    boss.post("/imports/1/undo", purpose="wrong file")
    assert "在撤销" in boss.get("/imports/1").text
    once(compose.work(home))
    undone = boss.get("/imports/1").text
    assert "已撤销" in undone and "wrong file" in undone
    assert import_jobs.get(home, WHO, 1).state == "undone"


def test_how_the_file_is_written_is_changed_in_the_page(home: Home, boss: Visitor) -> None:
    place = uploaded(boss, CALLS.replace(b",", b";"))
    assert drafts.get(home, WHO, 1).guess.delimiter == ";"
    boss.post(f"{place}/shape", delimiter=",", encoding="utf-8")
    assert [column.name for column in drafts.get(home, WHO, 1).guess.columns] == ["opened;phone;fault;remark"]
    boss.post(f"{place}/shape", delimiter=";")
    assert role_of(parse(drafts.get(home, WHO, 1).mapping), "phone") == "id:phone"
    wrong = boss.post(f"{place}/shape", encoding="utf-16")
    assert wrong.status_code == 400 and 'class="note bad"' in wrong.text


def test_a_file_of_many_megabytes_comes_whole(home: Home, boss: Visitor) -> None:
    big = CALLS + b"2026-01-01 10:00,13800001111,E4,x\r\n" * 150_000
    uploaded(boss, big)
    (draft,) = drafts.drafts(home, WHO)
    assert (draft.size, draft.lines) == (len(big), 150_003)
    with drafts._opened(home, draft) as file:
        assert file.read() == big


def test_an_upload_is_listed_until_it_is_dropped(home: Home, boss: Visitor) -> None:
    place = uploaded(boss, name="../<x>.csv")
    assert "&lt;x&gt;.csv" in boss.get("/imports").text
    boss.post(f"{place}/drop")
    assert "&lt;x&gt;.csv" not in boss.get("/imports").text
    assert list(home.path("imports").iterdir()) == []


def test_every_page_of_the_wizard_speaks_both_languages(boss: Visitor) -> None:
    place = uploaded(boss)
    for path in ("/imports", place):
        english, chinese = boss.get(f"{path}?lang=en").text, boss.get(f"{path}?lang=zh").text
        assert 'lang="en"' in english and 'lang="zh-CN"' in chinese
    assert world.PASSWORD not in boss.get("/imports").text
