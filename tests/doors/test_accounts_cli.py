"""The command line of accounts."""

from __future__ import annotations

import re

import pytest

from zerodistance.doors.portal import accounts, cli, sessions
from zerodistance.kernel import command
from zerodistance.kernel.access import Role
from zerodistance.kernel.home import Home


@pytest.fixture(autouse=True)
def at_home(home: Home) -> None:
    command.set_flags(home=str(home.root), lang="en")


def test_an_account_is_made_with_a_link_listed_and_switched_off(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    accounts.make_one_time_login(home)
    cli.create("liu", role="analyst")
    secret = re.search(r"/once/([\w-]+)", capsys.readouterr().out)
    assert secret is not None
    assert accounts.once_account(home, secret[1]).role is Role.ANALYST
    cli.disable("liu")
    capsys.readouterr()
    cli.list_()
    said = capsys.readouterr().out
    assert re.search(r"liu\s+analyst\s+off", said)
    assert re.search(r"admin\s+admin\s+first login awaited", said)


def test_a_key_is_printed_once_and_works(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    cli.key("crm", role="admin")
    secret = re.search(r"zd_[\w-]+", capsys.readouterr().out)
    assert secret is not None
    who = sessions.who_of_key(home, secret[0])
    assert who is not None
    assert (who.name, who.role) == ("key:crm", Role.ADMIN)
