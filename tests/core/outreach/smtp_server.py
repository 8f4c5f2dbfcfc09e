"""A mail server of a few lines, which answers as it is told: for what a real one does only when something goes wrong."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class MailServer:
    """Takes mail on a free port of this machine.

    Parameters
    ----------
    answers
        Command (`MAIL`, `RCPT`, `DATA`, `.`) and its argument -> the answer; None: 250, of DATA 354. An empty answer breaks the connection.
    pipelining
        Whether it says that commands may come in one go.
    lax
        Whether it wants a text although it took no recipient.
    """

    def __init__(
        self,
        answers: Callable[[str, str], str | None] = lambda command, given: None,
        *,
        pipelining: bool = True,
        lax: bool = False,
    ) -> None:
        self._answers, self._pipelining, self._lax = answers, pipelining, lax
        self.mails: list[tuple[str, str, bytes]] = []
        self.connections = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                opened, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(opened,), daemon=True).start()

    def _talk(self, opened: socket.socket) -> None:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with opened, opened.makefile("rb") as lines, suppress(OSError):
            opened.sendall(b"220 test\r\n")
            sender = recipient = ""
            for raw in lines:
                line = raw.decode().rstrip("\r\n")
                command, _, given = line.partition(" ")
                command = command.upper()
                if command == "EHLO":
                    more = "250-PIPELINING\r\n" if self._pipelining else ""
                    opened.sendall(f"250-test\r\n{more}250 SMTPUTF8\r\n".encode())
                    continue
                if command == "QUIT":
                    opened.sendall(b"221 bye\r\n")
                    return
                said = self._answers(command, given)
                if said == "":
                    return
                if command == "DATA" and not (recipient or self._lax):
                    said = "503 5.5.1 no recipient"
                said = said or ("354 go" if command == "DATA" else "250 ok")
                if command == "MAIL":
                    sender, recipient = given, ""
                elif command == "RCPT" and said[0] == "2":
                    recipient = given
                opened.sendall(f"{said}\r\n".encode())
                if command == "DATA" and said.startswith("354"):
                    text = b""
                    for part in lines:
                        if part == b".\r\n":
                            break
                        text += part[1:] if part.startswith(b".") else part
                    else:
                        return  # half a text is no mail (RFC 5321, 4.2.5)
                    end = self._answers(".", recipient) if recipient else "554 5.5.1 no valid recipients"
                    if end == "":
                        return
                    if end is None or end.startswith("2"):
                        self.mails.append((sender, recipient, text))
                    opened.sendall(f"{end or '250 2.0.0 kept'}\r\n".encode())
