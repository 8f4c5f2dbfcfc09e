"""Records as people write them, drawn by hypothesis: values from short lists, so that many agree, with slips in them."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import strategies as st

from zerodistance.core.identity.matching import fields
from zerodistance.core.identity.matching.columns import Columns, columns

NAMES = (
    "王伟", "王玮", "王维国", "王伟国", "欧阳娜娜", "欧阳娜", "王先生", "王*", "Wang Wei", "Wei Wang", "WANG WEIGUO",
    "李小明", "李小红", "李明", "李佳", "李住", "王伟平", "王伟干", "古丽·阿依",
    "John Smith", "Jon Smith", "Smith, John", "J Smith", "Smith", "María García", "Maria Garzia", "测试", "𠀀丽", "王𬭚",
)  # fmt: skip
ADDRESSES = (
    "青岛市城阳区双山路250号双桥城4号楼2单元201", "城阳区双桥4栋2单元201室", "双山路250号4-2-201", "双桥城5号楼2单元201",
    "双桥花园4-2-201", "双山路", "海宁路7号",
    "市南区双桥城4号楼201", "自提", "12 Main St, Springfield, IL 62701", "12 Main Street, Springfield", "Hauptstraße 5, 10115 Berlin", "无",
)  # fmt: skip
BORN = (
    "1987-03-02",
    "1987-02-03",
    "1987-03-12",
    "19870302",
    "1987",
    "1987-01-01",
    "1978-03-02",
    "1960-11-30",
    "1987年3月2日",
    "soon",
)
PHONES = ("+8613812348001", "+8613812348002", "+8613812340801", "+8613912348001")
EMAILS = ("wang@mail.example", "wang@post.example", "wnag@mail.example", "li@mail.example")
NUMBERS = ("8859999", "8859989", "8858999", "8899859", "1234", "x")
WORDS = ("springfield", "springfeild", "shelbyville", "IL", "62701", "62710", "7", "12a", "12", "st marys")


def records(most: int = 8) -> st.SearchStrategy[list[dict[str, str | None]]]:
    """Return lists of records, each with some fields."""

    def maybe(values: tuple[str, ...]) -> st.SearchStrategy[str | None]:
        return st.one_of(st.none(), st.sampled_from(values))

    record = st.fixed_dictionaries({
        "name": maybe(NAMES), "given_name": st.one_of(st.none(), st.none(), st.sampled_from(NAMES)),
        "surname": st.one_of(st.none(), st.none(), st.sampled_from(NAMES)), "gender": maybe(("男", "F", "?", "1")), "birthday": maybe(BORN),
        "address": maybe(ADDRESSES), "street": st.one_of(st.none(), st.sampled_from(WORDS)), "house_number": maybe(WORDS), "unit": maybe(WORDS),
        "suburb": maybe(WORDS), "state": maybe(WORDS), "postcode": maybe(WORDS), "id_number": maybe(NUMBERS), "phone": maybe(PHONES), "email": maybe(EMAILS),
    })  # fmt: skip
    return st.lists(record, min_size=1, max_size=most)


def table(given: list[dict[str, str | None]]) -> pa.Table:
    """Return the faces of records."""
    return fields.faces({key: [record[key] for record in given] for key in given[0]})


def coded(given: list[dict[str, str | None]]) -> Columns:
    """Return the faces of records as codes."""
    return columns(table(given))
