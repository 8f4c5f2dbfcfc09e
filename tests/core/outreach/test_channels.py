"""Descriptions of channels are read strictly; text messages and webhooks have an honest answer each."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs

import pytest

from tests.core.outreach.http_server import Reply, WebServer
from tests.core.outreach.outgoing import message_id, outgoing
from tests.core.outreach.smtp_server import MailServer
from zerodistance.core.outreach import channels_cli
from zerodistance.core.outreach.channels import opening, setting, sms_http, spec, webhook
from zerodistance.core.outreach.channels.described import SecretMissing
from zerodistance.core.outreach.channels.examples import EXAMPLES
from zerodistance.core.outreach.contracts import ChannelName, Handed, Outgoing
from zerodistance.kernel import command
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import Forbidden, Invalid
from zerodistance.kernel.home import Home

GATEWAY = """
url = "{url}/send?app=1"
secret = {{ env = "TEST_SMS_KEY" }}
from = "Brand"
{more}
[headers]
Authorization = "Bearer {{secret}}"
[body]
to = "{{to}}"
text = "{{text}}"
ref = "{{message_id}}"
params = {{ name = "{{values.name}}", list = ["{{from}}", 1, true] }}
[accepted]
path = "code"
equals = ["0"]
reference = "data.id"
[later]
equals = ["busy"]
"""
HOOK = 'url = "{url}/hook"\nsecret = {{ env = "TEST_HOOK_KEY" }}\n'


@contextmanager
def server(answers: Callable[[str, bytes], Reply] = lambda path, body: (200, b"{}")) -> Iterator[WebServer]:
    made = WebServer(answers)
    yield made
    made.close()


def hand(home: Home, name: str, text: str, *batch: Outgoing) -> list[Handed]:
    channel = opening.opened(home, spec.read(name, text))
    try:
        return list(channel.hand(batch))
    finally:
        channel.close()


@pytest.mark.parametrize("name", list(ChannelName))
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_examples_can_be_followed(name: ChannelName, lang: str) -> None:
    assert spec.read(name, EXAMPLES[name].get(lang))


@pytest.mark.parametrize(
    ("name", "said", "why"),
    [
        ("email", 'host = "h"', "from"),
        ("email", 'host = "h"\nfrom = "a@b.cn"\nname = "x"\npasswort = 1', "did you mean password"),
        ("email", 'host = "mail.cn"\ntls = "none"\nuser = "u"\npassword = { env = "P" }\nfrom = "a@b.cn"\nname = "x"', "plain"),
        ("email", 'host = "h"\nuser = "u"\npassword = "secret"\nfrom = "a@b.cn"\nname = "x"', "not in clear"),
        ("email", 'host = "h"\nfrom = "Brand <a@b.cn>"\nname = "x"', "mail address"),
        ("email", 'host = "h"\nfrom = "a@b.cn"\nname = "x\\nBcc: y"', "one line"),
        ("sms", 'url = "http://sms.cn/x"\nsecret = { env = "K" }\n[body]\na = "{to}"', "https"),
        ("sms", 'url = "https://sms.cn/x"\n[body]\na = "{phone}"', "there is no {phone}"),
        ("sms", 'url = "https://sms.cn/x"\n[body]\na = "{secret}"', "needs a key"),
        ("sms", 'url = "https://u:p@sms.cn/x"\n[body]\na = "{to}"', "without user"),
        ("sms", 'url = "https://sms.cn/x"\n[body]\na = "{to}"\n[receipts]\nstate = "s"', "say where our id"),
        ("webhook", 'url = "https://x.cn"', "secret"),
        ("webhook", 'url = "https://x.cn"\nnamespaces = ["shoe"]\nsecret = { env = "K" }', "allowed are"),
        ("inbox", "days = 0", "from 1 on"),
        ("inbox", "days = ", "can't be read"),
    ],
)  # fmt: skip
def test_a_description_says_which_key_is_wrong(name: str, said: str, why: str) -> None:
    with pytest.raises(spec.DescriptionWrong, match=why):
        spec.read(name, said)


def test_no_credential_is_repeated(home: Home) -> None:
    with pytest.raises(spec.DescriptionWrong) as found:
        spec.read("email", 'host = "h"\nuser = "u"\npassword = "hunter2"\nfrom = "a@b.cn"\nname = "x"')
    assert "hunter2" not in str(found.value)


def test_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("abc\n")
    said = f'url = "https://x.cn"\nsecret = {{ file = "{tmp_path}/key" }}'
    assert spec.read("webhook", said).secret.reveal() == "abc"
    (tmp_path / "key").unlink()
    with pytest.raises(SecretMissing, match="key"):
        spec.read("webhook", said).secret.reveal()


def test_a_gateway_is_asked_as_it_is_described(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SMS_KEY", "s3cret")
    one = outgoing(channel="sms", address="13900000001", text='它说 "好"', values={"name": "小王"})
    with server(lambda path, body: (200, b'{"code": "0", "data": {"id": 77}}')) as there:
        (said,) = hand(home, "sms", GATEWAY.format(url=there.url, more=""), one)
        assert (said.outcome, said.reference, said.code) == ("accepted", "77", "200 0")
        (said,) = hand(
            home, "sms", GATEWAY.format(url=there.url, more='content = "form"\nnational = true'), one
        )
        (said,) = hand(
            home, "sms", GATEWAY.format(url=there.url, more='content = "query"\nmethod = "GET"'), one
        )
        assert said.outcome == "accepted"
    (_, path, headers, body), (_, _, _, form), (method, query, _, _) = there.asked
    assert (path, headers["authorization"]) == ("/send?app=1", "Bearer s3cret")
    assert json.loads(body) == {
        "to": "+8613900000001", "text": '它说 "好"', "ref": message_id(1),
        "params": {"name": "小王", "list": ["Brand", 1, True]},
    }  # fmt: skip
    assert parse_qs(form.decode())["to"] == ["13900000001"]
    assert method == "GET" and parse_qs(query.partition("?")[2])["to"] == ["+8613900000001"]


def test_each_text_message_has_its_own_answer(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SMS_KEY", "k")
    replies: dict[str, Reply] = {
        message_id(1): (200, b'{"code": "0"}'),
        message_id(2): (200, b'{"code": "bad", "why": "13900000002 is no number"}'),
        message_id(3): (429, b""),
        message_id(4): (200, b'{"code": "busy"}'),
        message_id(5): None,
        message_id(6): (500, b"oops"),
        message_id(7): (401, b""),
        message_id(8): (200, b'{"code": "unreal"}'),
    }
    batch = [outgoing(n, channel="sms", address=f"139000000{n:02d}") for n in range(1, 9)]
    batch.append(outgoing(9, channel="sms", address="no number"))
    with server(lambda path, body: replies[json.loads(body)["ref"]]) as there:
        said = hand(home, "sms", GATEWAY.format(url=there.url, more='no_such_number = ["unreal"]'), *batch)
        again = hand(home, "sms", GATEWAY.format(url=there.url, more="again_is_once = true"), batch[4])
    assert [str(one.outcome) for one in said] == [
        "accepted", "refused", "later", "later", "unknown", "later", "later", "refused", "refused",
    ]  # fmt: skip
    assert [one.is_address for one in said] == [False] * 7 + [True, True]
    assert "139" not in said[1].detail
    assert again[0].outcome == "later"
    away = hand(home, "sms", GATEWAY.format(url=there.url, more=""), *batch[:2])
    assert [str(one.outcome) for one in away] == ["later", "later"]
    monkeypatch.delenv("TEST_SMS_KEY")
    assert hand(home, "sms", GATEWAY.format(url=there.url, more=""), batch[0])[0].outcome == "later"


def test_what_a_slow_gateway_has_not_got_in_time_waits_and_is_asked_about_again(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_SMS_KEY", "k")
    monkeypatch.setattr(sms_http, "time", SimpleNamespace(monotonic=itertools.count(0, 12).__next__))
    batch = [outgoing(n, channel="sms", address=f"139000000{n:02d}") for n in range(1, 6)]
    with server(lambda path, body: (200, b'{"code": "0"}')) as there:
        said = hand(home, "sms", GATEWAY.format(url=there.url, more=""), *batch)
    assert [str(one.outcome) for one in said] == ["accepted", "accepted", "later", "later", "later"]


def test_a_webhook_can_tell_that_a_call_is_ours_and_which_it_is(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_HOOK_KEY", "k")
    replies: list[Reply] = [(204, b""), None, (410, b""), (400, b"a@x.cn?"), (503, b"")]
    with server(lambda path, body: replies[len(there.asked) - 1]) as there:
        batch = [outgoing(n, channel="webhook", address="o1", namespace="openid") for n in range(1, 6)]
        said = hand(home, "webhook", HOOK.format(url=there.url), *batch)
    assert [str(one.outcome) for one in said] == ["accepted", "later", "refused", "refused", "later"]
    assert [one.is_address for one in said] == [False, False, True, False, False]
    assert "a@x.cn" not in said[3].detail
    _, path, headers, body = there.asked[0]
    told = json.loads(body)
    assert (
        path == "/hook"
        and told["to"] == {"namespace": "openid", "value": "o1"}
        and told["id"] == message_id(1)
    )
    assert headers["x-zerodistance-signature"] == webhook.signature(
        "k", headers["x-zerodistance-timestamp"], body
    )
    assert headers["idempotency-key"] == message_id(1)


def test_a_channel_is_set_up_checked_tried_and_switched_off(home: Home, admin: Who, analyst: Who) -> None:
    assert opening.names(home) == (ChannelName.INBOX,)
    with pytest.raises(opening.NoChannel):
        opening.open_channel(home, "email")
    there = MailServer()
    said = (
        f'host = "127.0.0.1"\nport = {there.port}\ntls = "none"\nfrom = "news@brand.example"\nname = "Brand"'
    )
    with pytest.raises(Forbidden):
        setting.set_channel(home, analyst, "email", said)
    assert setting.set_channel(home, admin, "email", said).is_on
    assert opening.names(home) == (ChannelName.EMAIL, ChannelName.INBOX)
    assert [one.en.partition(":")[0] for one in setting.check(home, admin, "email")] == [
        "the setting public_url is empty"
    ]
    assert setting.try_out(home, admin, "email", "me@brand.example").outcome == "accepted"
    assert there.mails[0][1] == "TO:<me@brand.example>"
    assert setting.channel(home, analyst, "email").said == ""
    there.close()
    assert "can't be used" in setting.check(home, admin, "email")[0].en
    assert setting.try_out(home, admin, "email", "me@brand.example").outcome == "later"
    with pytest.raises(Invalid):
        setting.try_out(home, admin, "inbox", "m1")
    setting.switch(home, admin, "email", on=False)
    setting.switch(home, admin, "inbox", on=False)
    assert opening.names(home) == ()
    with pytest.raises(opening.NoChannel):
        setting.try_out(home, admin, "email", "me@brand.example")
    setting.remove(home, admin, "email")
    with pytest.raises(opening.NoChannel):
        setting.switch(home, admin, "email", on=True)


def test_channels_by_command(
    home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command.set_flags(home=str(home.root), lang="en")
    there = MailServer()
    said = (
        f'host = "127.0.0.1"\nport = {there.port}\ntls = "none"\nfrom = "news@brand.example"\nname = "Brand"'
    )
    channels_cli.show("email")
    assert "SMTP_PASSWORD" in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.StringIO(said))
    channels_cli.set_("email", Path("-"))
    assert channels_cli.check("email") == 1  # no public address
    assert "public_url" in capsys.readouterr().out
    assert channels_cli.try_("email", "me@brand.example") == 0
    there.close()
    assert channels_cli.try_("email", "me@brand.example") == 1
    channels_cli.off("email")
    capsys.readouterr()
    channels_cli.list_(as_json=True)
    assert [(one["name"], one["on"]) for one in json.loads(capsys.readouterr().out)][:2] == [
        ("email", False),
        ("sms", False),
    ]
    channels_cli.on("email")
    channels_cli.remove("email")
    channels_cli.list_()
    assert "not set up" in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"Subject: hello\r\n\r\nhi")))
    assert channels_cli.bounce() == 0
    assert "replied" in capsys.readouterr().out
    command.close()
