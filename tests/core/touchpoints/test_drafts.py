"""An upload is sealed, looked at, given a mapping, tried and imported; what nobody imports goes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest

from tests.core.touchpoints import tables
from zerodistance import compose
from zerodistance.core.touchpoints import drafts, forget, import_jobs, sources, staging, uploads
from zerodistance.core.touchpoints.drafts import Draft
from zerodistance.core.touchpoints.filetypes import EmptyFile, NotATable
from zerodistance.core.touchpoints.mapping import MappingWrong, parse
from zerodistance.core.touchpoints.roles import role_of
from zerodistance.core.touchpoints.uploads import NoRoom, Receiver, TooManyDrafts, UploadTooLarge
from zerodistance.doors.worker import Work, once
from zerodistance.kernel import clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden, NotFound
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

NAMES = ["opened", "phone", "fault", "minutes"]
ROWS = [
    ["2026-01-01 10:00", "13800001111", "E4", "5"],
    ["soon", "13800002222", "E1", "3"],
    ["2026-01-03 10:00", "13800003333", "E4", "7"],
]
CALLS = tables.as_csv(NAMES, ROWS)


def upload(home: Home, who: Who, data: bytes = CALLS, name: str = "calls.csv", step: int = 7) -> Draft:
    receiver = Receiver(home, who, name)
    try:
        for start in range(0, len(data), step):
            receiver.write(data[start : start + step])
        return receiver.finish()
    finally:
        receiver.drop()


def bounded(home: Home, **bounds: int) -> Home:
    return replace(home, settings=home.settings.model_copy(update=bounds))


def files(home: Home) -> list[str]:
    return sorted(path.name for path in home.path("imports").iterdir())


@pytest.fixture
def work(home: Home) -> Iterator[Work]:
    yield compose.work(home)


def test_an_upload_lies_sealed_in_the_home_and_nowhere_plain(home: Home, admin: Who) -> None:
    draft = upload(home, admin, name="C:\\tmp\\calls.csv")
    assert (draft.file_name, draft.size, draft.lines) == ("calls.csv", len(CALLS), 4)
    assert files(home) == [f"draft-{draft.number}.upload"]
    assert b"13800001111" not in b"".join(p.read_bytes() for p in home.root.rglob("*") if p.is_file())


def test_its_mapping_is_guessed_and_shown_with_the_form_of_its_rows(home: Home, admin: Who) -> None:
    draft = upload(home, admin)
    mapping = parse(draft.mapping)
    assert [role_of(mapping, name) for name in NAMES] == ["time", "id:phone", "column:fault", "body"]
    shown = drafts.preview(home, admin, draft.number)
    assert shown.columns == tuple(NAMES)
    assert shown.rows[0] == ("9999-99-99 99:99", "99999999999", "A9", "9")
    assert drafts.preview(home, admin, draft.number, reveal=True).rows[0][1] == "13800001111"


def test_it_is_tried_and_then_imported_whole(home: Home, admin: Who, work: Work) -> None:
    draft = upload(home, admin)
    report = drafts.try_out(home, admin, draft.number)
    assert (report.rows, report.accepted, dict(report.refused), report.whole) == (
        3,
        2,
        {"bad_timestamp": 1},
        True,
    )
    made = drafts.begin(home, admin, draft.number)
    assert made.new and made.made_source is not None and made.job.file_name == "calls.csv"
    assert drafts.drafts(home, admin) == []
    once(work)
    job = import_jobs.get(home, admin, made.job.number)
    assert (job.state, job.accepted, job.refused) == ("done", 2, 1)
    assert files(home) == []


def test_a_file_with_the_same_columns_is_offered_the_mapping_of_the_last_one(
    home: Home, admin: Who, work: Work
) -> None:
    first = upload(home, admin)
    text = first.mapping + "# as the call centre writes it\n"
    drafts.set_mapping(home, admin, first.number, text)
    made = drafts.begin(home, admin, first.number)
    second = upload(home, admin, tables.as_csv(NAMES, ROWS[:1]), "later.csv")
    assert (second.mapping, second.taken_from) == (text, made.job.number)
    anew = drafts.guess_again(home, admin, second.number)
    assert anew.taken_from is None and "#" not in anew.mapping
    other = upload(home, admin, tables.as_csv(NAMES[:3], [row[:3] for row in ROWS]), "other.csv")
    assert other.taken_from is None


def test_the_moment_of_a_list_is_that_of_its_file(home: Home, admin: Who) -> None:
    mapping = """
source = { key = "guests", name = "Guests" }
kind = "list.entered"
times = { happened_at = "timestamptz '2026-01-02 00:00+00'", lag = "0 d" }
identifiers = { phone = "phone" }
"""
    first = upload(home, admin, b"phone\n13912345601\n", "guests.csv")
    drafts.set_mapping(home, admin, first.number, mapping)
    drafts.begin(home, admin, first.number)
    with clock.freeze(datetime(2026, 11, 27, tzinfo=UTC)):
        second = upload(home, admin, b"phone\n13912345602\n", "later.csv")
    times = parse(second.mapping).times
    assert times == replace(parse(mapping).times, happened_at="timestamptz '2026-11-27 00:00:00+00:00'")


def test_a_nested_file_is_offered_the_mapping_of_the_last_one_whatever_that_names(
    home: Home, admin: Who
) -> None:
    row = b'{"visit":{"id":"%d","at":"2026-01-02"},"shop":{"id":"s1","tills":[1,2]}}\n'
    mapping = """
format = "ndjson"
source = { key = "visits", name = { zh = "到店", en = "Visits" }, kind = "store" }
kind = "store.visited"
times = { happened_at = "visit.at", zone = "Asia/Shanghai", lag = "1 day" }
"""
    first = upload(home, admin, row % 1, "visits.ndjson")
    drafts.set_mapping(home, admin, first.number, mapping)
    made = drafts.begin(home, admin, first.number)
    second = upload(home, admin, row % 2, "later.ndjson")
    assert (second.mapping, second.taken_from) == (mapping, made.job.number)


def test_an_unfinished_mapping_is_kept_and_says_what_it_lacks(home: Home, admin: Who) -> None:
    draft = upload(home, admin, tables.as_csv(["member", "colour"], [["m1", "red"], ["m2", "blue"]]))
    wrong = drafts.problem(home, admin, draft.number)
    assert wrong is not None and "times.happened_at" in wrong.message("en")
    drafts.set_mapping(home, admin, draft.number, "no TOML [")
    wrong = drafts.problem(home, admin, draft.number)
    assert wrong is not None and "TOML" in wrong.message("zh")
    assert drafts.get(home, admin, draft.number).mapping == "no TOML ["
    assert drafts.columns_of(home, admin, draft.number) == ("member", "colour")
    assert drafts.preview(home, admin, draft.number).rows[0] == ("a9", "aaa")


def test_a_mapping_that_says_how_the_file_is_written_changes_its_columns(home: Home, admin: Who) -> None:
    draft = upload(home, admin)
    drafts.set_mapping(home, admin, draft.number, draft.mapping + '[csv]\ndelimiter = ";"\n')
    assert drafts.columns_of(home, admin, draft.number) == ("opened,phone,fault,minutes",)


def two_sheets() -> bytes:
    book = openpyxl.Workbook()
    first = book.worksheets[0]
    for row in (["note"], ["exported by hand"]):
        first.append(row)
    second = book.create_sheet("calls")
    for row in (["title"], NAMES, *ROWS):
        second.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_another_sheet_is_looked_at_and_its_mapping_guessed_anew(home: Home, admin: Who) -> None:
    draft = upload(home, admin, two_sheets(), "calls.xlsx", step=4_096)
    assert draft.guess.sheet == 1
    anew = drafts.reshape(home, admin, draft.number, sheet=2, header_row=2)
    assert [column.name for column in anew.guess.columns] == NAMES
    mapping = parse(anew.mapping)
    assert (mapping.xlsx.sheet, mapping.xlsx.header, mapping.identifiers) == ("calls", 2, {"phone": "phone"})
    assert drafts.problem(home, admin, draft.number) is None
    assert drafts.preview(home, admin, draft.number).columns == tuple(NAMES)


def test_what_is_only_written_otherwise_keeps_its_mapping(home: Home, admin: Who) -> None:
    names = ["opened", "phone", "remark"]
    draft = upload(home, admin, tables.as_csv(names, [["2026-01-01", "13800001111", "冰箱"]] * 3, "gb18030"))
    text = drafts.set_mapping(
        home, admin, draft.number, draft.mapping.replace("custom", "store.visited")
    ).mapping
    anew = drafts.reshape(home, admin, draft.number, encoding="big5")
    assert parse(anew.mapping).csv.encoding == "big5"
    assert parse(anew.mapping).kinds == parse(text).kinds and parse(anew.mapping).identifiers == {
        "phone": "phone"
    }
    with pytest.raises(MappingWrong):
        drafts.reshape(home, admin, draft.number, encoding="utf-8")
    assert drafts.get(home, admin, draft.number).mapping == anew.mapping


@pytest.mark.parametrize(
    ("data", "error"), [(b"", EmptyFile), (b"%PDF-1.4", NotATable), (b"a,b\r\n", EmptyFile)]
)
def test_what_holds_no_rows_is_refused_and_leaves_nothing(
    home: Home, admin: Who, data: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        upload(home, admin, data)
    assert files(home) == [] and drafts.drafts(home, admin) == []


def test_a_file_over_the_bound_is_given_up_where_it_passes_it(home: Home, admin: Who) -> None:
    with pytest.raises(UploadTooLarge, match="max_import_bytes"):
        upload(bounded(home, max_import_bytes=20), admin)
    assert files(home) == []


def test_what_the_disk_has_no_room_for_is_not_taken(home: Home, admin: Who) -> None:
    with pytest.raises(NoRoom):
        upload(bounded(home, min_free_bytes=1 << 60), admin)
    assert files(home) == []


def test_an_account_has_so_many_uploads_and_no_more(
    home: Home, admin: Who, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MOST", 1)
    upload(home, admin)
    with pytest.raises(TooManyDrafts):
        upload(home, admin)


def test_an_upload_is_its_owners(home: Home, admin: Who, analyst: Who) -> None:
    draft = upload(home, admin)
    colleague = Who(3, "colleague", Role.ADMIN)
    for verb in (drafts.get, drafts.preview, drafts.try_out, drafts.begin, drafts.drop):
        with pytest.raises(NotFound):
            verb(home, colleague, draft.number)
    with pytest.raises(Forbidden):
        drafts.get(home, analyst, draft.number)
    with pytest.raises(Forbidden):
        Receiver(home, analyst, "x.csv")


def test_what_nobody_imports_goes_after_a_day(home: Home, admin: Who) -> None:
    draft = upload(home, admin)
    stray = home.path("imports", "draft-99.upload")
    stray.write_bytes(b"left by a door that was killed")
    drafts.expire(home)
    assert files(home) == [f"draft-{draft.number}.upload"]
    with clock.freeze(clock.now() + timedelta(days=1, seconds=1)):
        drafts.expire(home)
    assert files(home) == [] and drafts.drafts(home, admin) == []


def test_a_door_killed_while_it_keeps_an_upload_leaves_what_can_be_tidied(
    home: Home, admin: Who, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(name: str) -> None:
        raise SystemExit(name)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(drafts.fault, "point", end)
        upload(home, admin)
    assert drafts.drafts(home, admin) == []
    drafts.expire(home)
    assert files(home) == []


def test_whoever_is_forgotten_is_in_no_upload(home: Home, admin: Who, work: Work) -> None:
    sources.create_source(home, admin, key="web", name=Text("网站", "web"), kind="web")
    upload(home, admin)
    forget.ask(home, admin, "subject 1", [1], "asked by the person")
    once(work)
    assert drafts.drafts(home, admin) == [] and files(home) == []
    (done,) = forget.requests(home, admin)
    assert done.certificate is not None and done.certificate["removed"]["import_draft"] == 1


@pytest.mark.parametrize("size", [0, 1, staging.FRAME - 1, staging.FRAME, staging.FRAME + 1])
def test_what_is_staged_piece_by_piece_reads_as_it_came(home: Home, size: int, tmp_path: Path) -> None:
    data = bytes(i % 251 for i in range(size))
    made = staging.Stager(home)
    for start in range(0, size, 300_001):
        made.write(data[start : start + 300_001])
    made.finish()
    with staging.opened(home, made.path) as file:
        assert file.read() == data


WAYS = {
    "csv": CALLS,
    "gbk": tables.as_csv(["at", "姓名"], [["2026-01-01", "王"]], "gb18030"),
    "utf-16": tables.as_csv(["at", "姓名"], [["2026-01-01", "王"]], "utf-16"),
    "ndjson": tables.as_ndjson(NAMES, ROWS),
    "json": tables.as_json(NAMES, ROWS, ("data", "rows")),
    "xlsx": tables.as_xlsx(NAMES, ROWS),
    "parquet": tables.as_parquet(NAMES, ROWS),
    "zip": tables.zipped({"a.csv": CALLS, "b.csv": CALLS}),
}
SAID = [
    *(f'format = "{name}"\n' for name in ("ndjson", "json", "xlsx", "parquet")),
    'format = "xlsx"\nxlsx = { sheet = "none", header = 5 }\n',
    'members = "*.txt"\n',
    'csv = { header = false, columns = ["x"] }\n',
    *(
        f'csv = {{ encoding = "{name}" }}\n'
        for name in ("utf-16", "utf-16-le", "shift-jis", "big5", "latin-1")
    ),
    'format = "json"\njson = { encoding = "utf-16" }\n',
]


@pytest.mark.parametrize("way", WAYS)
def test_whatever_a_mapping_says_of_a_file_is_explained_and_breaks_nothing(
    home: Home, admin: Who, way: str
) -> None:
    draft = upload(home, admin, WAYS[way], way, step=1 << 16)
    rest = (
        'kind = "custom"\nsource = { key = "s", name = "S" }\n[times]\nhappened_at = "opened"\nlag = "1 d"\n'
    )
    for said in SAID:
        drafts.set_mapping(home, admin, draft.number, said + rest)
        assert drafts.preview(home, admin, draft.number).columns
        assert drafts.columns_of(home, admin, draft.number)
        wrong = drafts.problem(home, admin, draft.number)
        assert wrong is None or wrong.status in (400, 413)
