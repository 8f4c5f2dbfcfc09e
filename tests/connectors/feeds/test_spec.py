"""Feed files are read strictly; a mapping inside one is the mapping that a file of its own would be."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.connectors.feeds.places import MAPPING
from zerodistance.connectors.feeds.spec import FeedWrong, again, read_feed
from zerodistance.connectors.feeds.toml_text import document
from zerodistance.core.touchpoints.mapping import MappingWrong, parse

FILE = """
[feed]
kind = "folder"
mapping = "visits.toml"
[folder]
path = "/srv/drop"
"""


def beside(name: str) -> str:
    assert name == "visits.toml"
    return MAPPING


def test_a_feed_file_says_where_how_often_and_how() -> None:
    text = FILE.replace('"folder"\n', '"folder"\nevery = "90 s"\nsource = "shop"\nname = "shop.visits"\n', 1)
    spec = read_feed(
        text + 'files = ["*.csv", "**/x"]\nmarker = ".ok"\nmove_to = "done/"', beside=beside
    ).spec
    assert (spec.name, spec.every, spec.source, spec.mapping) == ("shop.visits", 90, "shop", MAPPING)
    files = spec.where.files
    assert (files.path, files.patterns, files.marker, files.move_to) == (
        "/srv/drop",
        ("*.csv", "**/x"),
        ".ok",
        "done",
    )
    assert files.deep


def test_what_the_file_does_not_say_is_its_name_and_a_quarter_of_an_hour() -> None:
    spec = read_feed(FILE, name="visits", beside=beside).spec
    assert (spec.name, spec.every, spec.where.files.settle, spec.where.files.patterns) == (
        "visits",
        900,
        10,
        ("*",),
    )
    assert again(FILE, "visits", MAPPING).spec == spec


def test_a_mapping_inside_the_file_is_the_same_mapping() -> None:
    inside = FILE.replace('mapping = "visits.toml"', "") + "[mapping]\n" + MAPPING
    read = read_feed(inside, name="visits")
    assert read.mapping.hash == parse(MAPPING).hash == parse(read.spec.mapping).hash


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        (
            'kind = "folder"',
            'kind = "fodler"',
            "feed.kind: it can't be 'fodler'; allowed are .*; did you mean folder",
        ),
        ('kind = "folder"', 'kind = "folder"\nevry = "1h"', "feed.evry: there is no such key"),
        ('kind = "folder"', 'kind = "folder"\nevery = "soon"', "feed.every: write it as 30s"),
        ('kind = "folder"', 'kind = "folder"\nevery = "1s"', "feed.every: at least 10 seconds"),
        ('kind = "folder"', 'kind = "folder"\nname = "A B"', "feed.name: use lower case letters"),
        ('mapping = "visits.toml"', "", "feed.mapping: write either"),
        ('path = "/srv/drop"', 'path = "drop"', "folder.path: write an absolute path"),
        (
            'path = "/srv/drop"',
            'path = "/srv"\nfiles = "../*.csv"',
            "folder.files: '../\\*.csv' has to lie below",
        ),
        ('path = "/srv/drop"', 'path = "/srv"\nmove_to = "/tmp"', "folder.move_to: '/tmp' has to lie below"),
        ('path = "/srv/drop"', 'path = "/srv"\nmarker = "*.ok"', "folder.marker: write the ending"),
        ('path = "/srv/drop"', 'path = "/srv"\npasword = "x"', "folder.pasword: there is no such key"),
        ("[folder]", "[folder", "TOML: it can't be read"),
        ("[folder]", "[sftp]", "sftp: there is no such key"),
    ],
)
def test_what_is_wrong_is_named_with_what_is_allowed(was: str, now: str, said: str) -> None:
    with pytest.raises(FeedWrong, match=said):
        read_feed(FILE.replace(was, now), name="visits", beside=beside)


def test_a_mapping_that_is_wrong_is_said_as_that() -> None:
    with pytest.raises(MappingWrong, match="kind"):
        read_feed(FILE, name="visits", beside=lambda _: MAPPING.replace("store.visited", "x"))
    with pytest.raises(FeedWrong, match="only a table"):
        read_feed(FILE, name="visits")


plain = st.recursive(
    st.text() | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), plain, max_size=4))
def test_a_table_written_as_toml_is_read_as_the_same_table(table: dict[str, Any]) -> None:
    assert tomllib.loads(document(table)) == table
