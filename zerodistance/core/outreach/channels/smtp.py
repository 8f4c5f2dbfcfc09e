"""E-mail over SMTP: kept connections, commands in one go where the server allows it, and an honest answer for each message.

A server that has the text has the message: after its last line was sent, only an answer tells, and when none comes nobody knows. Before that it certainly
has nothing, and the message may be tried again.

References
----------
RFC 5321: SMTP; RFC 2920: commands in one go; RFC 3463: what 5.1.1 means; RFC 6531: addresses that are not ASCII.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from zerodistance.core.outreach.channels import mail
from zerodistance.core.outreach.channels.calling import LONG, TOO_SLOW
from zerodistance.core.outreach.channels.described import Email, SecretMissing
from zerodistance.core.outreach.contracts import ChannelName, Handed, Outcome, Outgoing
from zerodistance.kernel import clock
from zerodistance.kernel.text import Text

_AWAY = (OSError, UnicodeError, smtplib.SMTPException)
_BREAKS = 3  # own value: connections that may break within one batch before the rest waits
_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
_PERSONAL = re.compile(r"<?[^\s<>@]+@[^\s<>@]+>?|\+?\d[\d -]{6,}\d")
NO_SUCH = ("5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1")
"""Codes of RFC 3463 that say that an address is none, or none any more."""
NO_SUCH_PLAIN = (550, 551, 553)
"""The same of servers that give no code of RFC 3463 (RFC 5321, 4.2.3)."""
_DETAIL = 200


def without_addresses(text: str) -> str:
    """Return what a server says without addresses and numbers, on one line, at most 200 characters.

    Examples
    --------
    >>> without_addresses("<li@example.com>: Recipient address rejected")
    '…: Recipient address rejected'
    """
    return _PERSONAL.sub("…", " ".join(text.replace("\0", "").split()))[:_DETAIL]


def is_no_address(code: int, enhanced: str) -> bool:
    """Say whether an answer means that nobody has the address.

    Examples
    --------
    >>> is_no_address(550, "5.1.1"), is_no_address(550, ""), is_no_address(550, "5.7.1"), is_no_address(552, "5.2.2")
    (True, True, False, False)
    """
    return enhanced in NO_SUCH if enhanced else code in NO_SUCH_PLAIN


class _Broken(Exception):
    """A connection ended in the middle of something."""


class _Line:
    """One connection, and how far the message on it is."""

    def __init__(self, spec: Email, password: str) -> None:
        self._spec = spec
        hello = spec.hello or None
        if spec.tls == "tls":
            context = ssl.create_default_context()
            self.smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                spec.host, spec.port, local_hostname=hello, timeout=spec.timeout, context=context
            )
        else:
            self.smtp = smtplib.SMTP(spec.host, spec.port, local_hostname=hello, timeout=spec.timeout)
        try:
            if spec.tls == "starttls":
                self.smtp.starttls(context=ssl.create_default_context())
            self.smtp.ehlo_or_helo_if_needed()
            if spec.user:
                self.smtp.login(spec.user, password)
        except BaseException:
            self.close()
            raise
        if self.smtp.sock is not None:  # what is written in one go leaves at once
            self.smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.in_one_go = self.smtp.has_extn("pipelining")
        self.any_address = self.smtp.has_extn("smtputf8")

    def close(self) -> None:
        with suppress(*_AWAY):
            self.smtp.close()

    def quit(self) -> None:
        with suppress(*_AWAY):
            self.smtp.quit()

    def send(self, data: bytes) -> None:
        try:
            assert self.smtp.sock is not None
            self.smtp.sock.sendall(data)
        except (OSError, AssertionError) as error:
            raise _Broken(type(error).__name__) from None

    def reply(self) -> tuple[int, str]:
        try:
            code, text = self.smtp.getreply()
        except (*_AWAY, ValueError) as error:
            raise _Broken(type(error).__name__) from None
        if code == -1:
            raise _Broken("no answer that can be read")
        return code, text.decode("utf-8", "replace")


class Smtp:
    """The channel e-mail."""

    name: str = ChannelName.EMAIL

    def __init__(self, spec: Email) -> None:
        self._spec = spec
        self.rate = spec.rate
        self._lines: list[_Line | None] = [None] * spec.connections
        self._threads = ThreadPoolExecutor(spec.connections, "smtp") if spec.connections > 1 else None

    def hand(self, batch: Sequence[Outgoing]) -> Sequence[Handed]:
        """Hand messages to the server; one answer each, in their order."""
        if self._threads is None or len(batch) < 2 * len(self._lines):
            return self._hand(0, batch)
        shares = [batch[n :: len(self._lines)] for n in range(len(self._lines))]
        answers = self._threads.map(self._hand, range(len(shares)), shares)
        by_id = {one.message_id: one for share in answers for one in share}
        return [by_id[one.message_id] for one in batch]

    def check(self) -> Sequence[Text]:
        """Return why the server can't be used."""
        try:
            line = self._open()
        except SecretMissing as error:
            return [Text(error.message("zh"), error.message("en"))]
        except _AWAY as error:
            where = f"{self._spec.host}:{self._spec.port}"
            why = _reason(error)
            return [
                Text(
                    f"邮件服务器 {where} 用不了：{why.zh}", f"the mail server {where} can't be used: {why.en}"
                )
            ]
        line.quit()
        return []

    def close(self) -> None:
        """End the connections."""
        for line in self._lines:
            if line is not None:
                line.quit()
        self._lines = [None] * self._spec.connections
        if self._threads is not None:
            self._threads.shutdown()

    def _open(self) -> _Line:
        password = self._spec.password.reveal() if self._spec.password else ""
        return _Line(self._spec, password)

    def _hand(self, place: int, batch: Sequence[Outgoing]) -> list[Handed]:
        given, answers, breaks, until = list(batch), list[Handed](), 0, time.monotonic() + LONG
        while len(answers) < len(given):
            before = len(answers)
            try:
                line = self._lines[place]
                if line is None:
                    line = self._lines[place] = self._open()
            except (*_AWAY, SecretMissing) as error:
                why = without_addresses(
                    error.message("en") if isinstance(error, SecretMissing) else _reason(error).en
                )
                return answers + [Handed(one.message_id, Outcome.LATER, "", why) for one in given[before:]]
            try:
                _through(self._spec, line, given[before:], answers, until)
            except _Broken as error:
                line.close()
                self._lines[place] = None
                breaks += 1
                late = time.monotonic() > until
                if breaks >= _BREAKS or late:
                    why = TOO_SLOW if late else f"the connection broke: {error}"
                    left = given[len(answers) :]
                    return answers + [Handed(one.message_id, Outcome.LATER, "", why) for one in left]
        return answers


def _through(
    spec: Email, line: _Line, batch: Sequence[Outgoing], answers: list[Handed], until: float
) -> None:
    """Hand messages over on one connection; `answers` grows by one each. Raises where it breaks, with an answer for a message whose text was on its way."""
    written = [_written(spec, line, one) for one in batch]
    begun = -1  # the message whose envelope is sent already
    reset = b""
    for n, (one, (envelope, text)) in enumerate(zip(batch, written, strict=True)):
        if n and time.monotonic() > until:
            raise _Broken(TOO_SLOW)  # nothing of this one is sent but its envelope
        if not envelope:
            answers.append(Handed(one.message_id, Outcome.REFUSED, "", "it is no address", is_address=True))
            continue
        if line.in_one_go:
            if begun != n:
                line.send(reset + b"".join(envelope))
                if reset:
                    line.reply()
            said = [line.reply() for _ in envelope]
        else:
            said = _one_by_one(line, reset, envelope)
        reset = b""
        refused = _refused(one, said)
        if refused is not None and said[-1][0] != 354:
            answers.append(refused)
            if said[-1][0] == 421:
                raise _Broken("the server is closing")
            reset = b"RSET\r\n"
            continue
        ahead = n + 1 if line.in_one_go and n + 1 < len(batch) and written[n + 1][0] else -1
        follows = b"".join(written[ahead][0]) if ahead > 0 else b""
        begun = ahead
        if (
            refused is not None
        ):  # it wants a text although it took no recipient: none goes to nobody (RFC 2920, 3.1)
            line.send(b".\r\n" + follows)
            line.reply()
            answers.append(refused)
            continue
        try:
            line.send(text + follows)
            final = line.reply()
        except _Broken as error:
            detail = f"the connection broke after the text: {error}"
            answers.append(Handed(one.message_id, Outcome.UNKNOWN, "", detail))
            raise
        answers.append(_answer(one, final))
        if final[0] == 421:
            raise _Broken("the server is closing")


def _written(spec: Email, line: _Line, one: Outgoing) -> tuple[list[bytes], bytes]:
    """Return the commands before the text, and the text; no commands: it is no address."""
    to = mail.recipient(one.address)
    if to is None or not (to.isascii() or line.any_address):
        return [], b""
    wide = "" if to.isascii() else " SMTPUTF8"
    commands = [
        f"MAIL FROM:<{mail.return_path(spec, one.return_token)}>{wide}\r\n",
        f"RCPT TO:<{to}>\r\n",
        "DATA\r\n",
    ]
    text = mail.compose(spec, one, to, clock.micros() / clock.MICROS_PER_SECOND)
    if text.startswith(b".") or b"\n." in text:
        text = re.sub(rb"(?m)^\.", b"..", text)
    return [command.encode() for command in commands], text + b".\r\n"


def _one_by_one(line: _Line, reset: bytes, envelope: Sequence[bytes]) -> list[tuple[int, str]]:
    said: list[tuple[int, str]] = []
    if reset:
        line.send(reset)
        line.reply()
    for command in envelope:
        line.send(command)
        said.append(line.reply())
        if said[-1][0] >= 400:
            break
    return said


def _refused(one: Outgoing, said: Sequence[tuple[int, str]]) -> Handed | None:
    """Return why the message got no further than its envelope; None: its text may go."""
    for place, (code, text) in enumerate(said):
        if code < 400:
            continue
        enhanced = _enhanced(text)
        told = Handed(
            one.message_id,
            Outcome.REFUSED
            if code >= 500 and place == 1
            else Outcome.LATER,  # refused are we, not the recipient
            f"{code} {enhanced}".strip(),
            without_addresses(text),
            is_address=code >= 500 and place == 1 and is_no_address(code, enhanced),
        )
        return told
    return None


def _answer(one: Outgoing, final: tuple[int, str]) -> Handed:
    code, text = final
    outcome = Outcome.ACCEPTED if code < 300 else Outcome.REFUSED if code >= 500 else Outcome.LATER
    shown = "" if outcome is Outcome.ACCEPTED else without_addresses(text)
    return Handed(one.message_id, outcome, f"{code} {_enhanced(text)}".strip(), shown)


def _enhanced(text: str) -> str:
    found = _ENHANCED.match(text)
    return found[1] if found else ""


def _reason(error: Exception) -> Text:
    if isinstance(error, TimeoutError):
        return Text("没有及时回答", "no answer in time")
    if isinstance(error, ConnectionRefusedError):
        return Text("拒绝连接", "the connection is refused")
    if isinstance(error, ssl.SSLCertVerificationError):
        return Text("证书不可信", "its certificate can't be trusted")
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return Text("用户或密码不对", "user or password are wrong")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Text("它不支持 STARTTLS 或登录", "it knows no STARTTLS, or no login")
    if isinstance(error, smtplib.SMTPResponseException):
        said = (
            error.smtp_error.decode("utf-8", "replace")
            if isinstance(error.smtp_error, bytes)
            else str(error.smtp_error)
        )
        shown = f"{error.smtp_code} {without_addresses(said)}"
        return Text(shown, shown)
    return Text(type(error).__name__, type(error).__name__)
