"""The home's key: what is sealed opens in its place only; tokens and ids are pseudonyms that can be trusted."""

from __future__ import annotations

import hashlib
import hmac
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zerodistance.kernel import seal as sealing
from zerodistance.kernel.errors import WrongKey
from zerodistance.kernel.home import Home
from zerodistance.kernel.seal import Seal


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Seal:
    path = tmp_path_factory.mktemp("key") / "key"
    Seal.make(path)
    return Seal(path)


@given(st.binary(max_size=300), st.binary(max_size=20))
def test_what_is_sealed_opens_and_is_never_the_same_twice(key: Seal, data: bytes, where: bytes) -> None:
    once, twice = key.seal(data, where), key.seal(data, where)
    assert key.open(once, where) == key.open(twice, where) == data
    assert once != twice and len(once) == len(data) + sealing.OVERHEAD


def test_what_is_sealed_in_one_go_opens_each_in_its_place_and_is_never_the_same_twice(
    key: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "_AT_ONCE", 4)
    said, places = [b"same"] * 9 + [b""], [f"vault/{i}/phone".encode() for i in range(10)]
    sealed = key.seal_all(said, places)
    assert [key.open(one, place) for one, place in zip(sealed, places, strict=True)] == said
    assert len(set(sealed)) == 10 and key.seal_all([], []) == []
    with pytest.raises(WrongKey):
        key.open(sealed[0], places[1])


def test_a_key_is_changed_before_it_is_worn_however_much_is_sealed_in_one_go(
    key: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "_AT_ONCE", 2)
    monkeypatch.setattr(sealing, "_MESSAGES", 4)
    monkeypatch.setattr(key, "_left", 0)
    salts = [one[: sealing._SALT] for one in key.seal_all([b"x"] * 8, [b""] * 8)]
    assert len(set(salts[:4])) == len(set(salts[4:])) == 1 and salts[0] != salts[4]


def test_nothing_opens_in_another_place_or_when_damaged(key: Seal) -> None:
    sealed = key.seal(b"13912345678", b"vault:7:phone")
    with pytest.raises(WrongKey):
        key.open(sealed, b"vault:8:phone")
    for i in range(len(sealed)):
        with pytest.raises(WrongKey):
            key.open(sealed[:i] + bytes([sealed[i] ^ 1]) + sealed[i + 1 :], b"vault:7:phone")
    with pytest.raises(WrongKey):
        key.open(b"short", b"")


def test_another_home_opens_nothing(home: Home, key: Seal) -> None:
    with pytest.raises(WrongKey):
        home.seal.open(key.seal(b"x", b""), b"")


def test_a_forked_process_seals_with_a_key_of_its_own(key: Seal) -> None:
    mine = key.seal(b"x", b"")
    heard, told = os.pipe()
    if not os.fork():
        os.write(told, key.seal(b"x", b""))
        os._exit(0)
    os.close(told)
    with os.fdopen(heard, "rb") as pipe:
        theirs = pipe.read()
    os.wait()
    assert theirs[:16] != mine[:16] and key.open(theirs, b"") == b"x"


def test_a_key_is_changed_before_it_is_worn(key: Seal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "_MESSAGES", 10)
    key._left = 0
    salts = [key.seal(b"", b"")[:16] for _ in range(25)]
    assert [salts.count(salt) for salt in dict.fromkeys(salts)] == [10, 10, 5]


@given(st.text(max_size=40), st.text(max_size=10).filter(lambda text: "\0" not in text))
def test_a_token_is_hmac_sha_256_cut_to_16_bytes(key: Seal, value: str, namespace: str) -> None:
    secret = hmac.digest(bytes.fromhex(key.path.read_text()), b"zerodistance/1/token", hashlib.sha256)
    expected = hmac.digest(secret, f"{namespace}\0{value}".encode(), hashlib.sha256)[:16]
    assert key.token(namespace, value) == expected


@given(st.integers(0, 2**40 - 1))
def test_a_public_id_leads_back_to_its_number(key: Seal, number: int) -> None:
    assert key.number_of(key.public_id("p", number)) == number
    assert key.number_of(key.public_id("p", number).lower()) == number
