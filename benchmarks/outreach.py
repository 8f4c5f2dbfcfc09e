"""Sends, through the product: an audience of `--people` put into the queue, and `--mails` handed to a mail server by one worker.

The server is `smtp-sink` of the Debian package postfix, which takes everything and keeps nothing; what it can take is measured beside it, by `smtp-source` of
the same package over as many connections. Every step is a process of its own. Limits, consent, arms and templates are asked as always; quiet hours are off, so
that it can be run at night. Without `--no-postfix` a real Postfix is measured too.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyroaring import BitMap

from benchmarks.lib import reachable
from benchmarks.lib.machine import arguments, peak_mb, report, say, workspace
from zerodistance.core.outreach.channels import spec
from zerodistance.core.outreach.channels import store as channels
from zerodistance.core.outreach.sends import queue, sending
from zerodistance.core.outreach.sends.sender import Sender
from zerodistance.kernel import bulk, clock
from zerodistance.kernel.home import Home, open_home
from zerodistance.kernel.settings import load

_EMAIL = """
host = "127.0.0.1"
port = {port}
tls = "none"
from = "brand@example.com"
name = {{ zh = "示例家电", en = "Example Appliances" }}
return = "bounces@example.com"
connections = {connections}
"""


def main() -> None:
    """Queue, hand over, measure the sink."""
    parser = arguments(__doc__)
    parser.add_argument("--people", type=int, default=500_000, help="persons of the audience")
    parser.add_argument("--mails", type=int, default=20_000, help="e-mails that one worker hands over")
    parser.add_argument("--connections", type=int, default=2, help="connections to the mail server")
    options = parser.parse_args()
    with workspace(options.folder) as root:
        home = root / "home"
        say(f"making a home of {options.people:,} persons who agreed to e-mail")
        figures = _own("make", home, options.people)
        say("assigning them, and putting their messages into the queue")
        figures |= _own("queue", home, options.people)
        with sink(root) as port:
            say(f"handing over {options.mails:,} e-mails")
            figures |= _own("mails", home, options.mails, port, options.connections)
            size = int(figures["mail_bytes"])
            say("measuring the sink by itself")
            figures["sink_limit_per_s"] = source(port, options.mails, options.connections, size)
    report("outreach", people=options.people, mails=options.mails, **figures)


def _own(step: str, home: Path, *words: object) -> dict[str, Any]:
    """Do a step in a process of its own, and return what it says."""
    given = [sys.executable, "-m", "benchmarks.outreach", step, str(home), *map(str, words)]
    done = subprocess.run(given, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextmanager
def sink(root: Path) -> Iterator[int]:
    """Give the port of a mail server that takes everything and keeps nothing."""
    program = shutil.which("smtp-sink") or "/usr/sbin/smtp-sink"
    if not Path(program).exists():
        raise SystemExit("smtp-sink is not there: install the Debian package postfix")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    running = subprocess.Popen([program, "-u", "nobody", "-c", f"127.0.0.1:{port}", "1000"], cwd=root, stdout=subprocess.DEVNULL)  # fmt: skip
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield port
    finally:
        running.terminate()
        running.wait()


def source(port: int, mails: int, connections: int, size: int) -> float:
    """Return how many mails of a size the sink takes a second from a program that makes none, over so many connections."""
    program = shutil.which("smtp-source") or "/usr/sbin/smtp-source"
    began = time.monotonic()
    words = [program, "-d", "-s", str(connections), "-m", str(mails), "-l", str(size), f"127.0.0.1:{port}"]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return mails / (time.monotonic() - began)


# -- steps, each in a process of its own


def _make(root: Path, people: int) -> dict[str, Any]:
    home = reachable.make(root, people)
    _open(home, 25, 1)
    home.close()
    return {}


def _open(home: Home, port: int, connections: int) -> None:
    """Set the channel up."""
    said = _EMAIL.format(port=port, connections=connections)
    spec.read("email", said)
    with home.state.write() as tx:
        channels.set_channel(tx, "email", said=said, is_on=1, changed_by="benchmark", changed_at=1)


def _queue(home: Home, people: int) -> dict[str, Any]:
    began = time.monotonic()
    receipt = reachable.assigned(
        home, "autumn", BitMap(range(1, people + 1)), 0.0 if people < 1_000 else 0.01
    )
    assigned = time.monotonic()
    object.__setattr__(home.settings, "send_approval_size", people)
    send = sending.send(home, reachable.SYSTEM, receipt, "autumn", send_key="autumn")
    asked = time.monotonic()
    many = queue.fill(home, send.number)
    done = time.monotonic()
    scaled = 500_000 / people
    return {
        "assign_500k_s": (assigned - began) * scaled,
        "queue_500k_s": (done - assigned) * scaled,
        "ask_500k_s": (asked - assigned) * scaled,
        "queued": many,
        "queue_peak_mb": peak_mb(os.getpid()),
    }


def _mails(home: Home, mails: int, port: int, connections: int) -> dict[str, Any]:
    _open(home, port, connections)
    with home.state.write() as tx:
        later = clock.micros() + 30 * clock.MICROS_PER_DAY
        bulk.run(
            tx,
            "update outreach_message set due_at = ? where state = 'queued' and id not in "
            f"(select id from outreach_message where state = 'queued' limit {int(mails)})",
            (later,),
        )
    made = Sender(home)
    began, cpu = time.monotonic(), time.process_time()
    sent = made.run_due()
    seconds, used = time.monotonic() - began, time.process_time() - cpu
    made.stop(10)
    with home.state.read() as tx:
        states: dict[str, int] = dict(
            bulk.rows(tx, "select state || ' ' || reason, count(*) from outreach_message group by 1")
        )
    return {
        "mails_per_s": sent / seconds,
        "cpu_s_per_1000": 1_000 * used / max(1, sent),
        "mail_bytes": _size(home),
        "states": states,
        "mails_peak_mb": peak_mb(os.getpid()),
    }


def _size(home: Home) -> int:
    """Return how long one mail is, bytes."""
    from zerodistance.core.outreach import catalogue, links, templates
    from zerodistance.core.outreach.channels import mail, opening
    from zerodistance.core.outreach.contracts import Outgoing

    said, one = opening.description(home, "email"), "ab" * 12
    with home.state.read() as tx:
        template = catalogue.of(tx, "autumn")
    url = links.opt_out_url(home, one)
    shown = templates.render(template, "zh", {"name": "Anna Person1"}, catalogue.sender_of(home), url)
    text, html = links.traced(home, one, shown.text, shown.html)
    token = links.return_token(home, one)
    going = Outgoing(
        one, "email", "person1@example.cn", "zh", shown.subject, text, html, url, token, "autumn"
    )
    return len(mail.compose(said, going, going.address, 0.0))  # type: ignore[arg-type]


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] in ("make", "queue", "mails"):
        step, folder, *rest = sys.argv[1:]
        numbers = [int(word) for word in rest]
        if step == "make":
            print(json.dumps(_make(Path(folder), numbers[0])))
        else:
            opened = open_home(load(home=folder))
            try:
                found = _queue(opened, numbers[0]) if step == "queue" else _mails(opened, *numbers)
                print(json.dumps(found))
            finally:
                opened.close()
    else:
        main()
