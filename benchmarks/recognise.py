"""Recognition by identifier over HTTP while digestion runs.

`--people` persons with user id, phone and cookie are made known through collection and digestion. Then `--rate` events a second come in,
and `--lookups` questions a second go to `POST /v1/persons/lookup`, each sent when it is due: the wait counts from then.
`nothing_*` is what the same questions take of a server that does nothing: below it nobody can come on this machine.
"""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np

from benchmarks.collect import introduce
from benchmarks.lib import traffic
from benchmarks.lib.house import House
from benchmarks.lib.load import Running
from benchmarks.lib.machine import arguments, quantile, report, say, workspace
from zerodistance.kernel import priority

_LINES = 8


def main() -> None:
    """Fill a home, then ask while events come in."""
    parser = arguments(__doc__)
    parser.add_argument("--people", type=int, default=1_000_000, help="persons known before")
    parser.add_argument("--rate", type=int, default=5_000, help="events a second meanwhile")
    parser.add_argument("--lookups", type=int, default=1_000, help="questions a second")
    parser.add_argument("--seconds", type=float, default=60.0, help="for how long")
    options = parser.parse_args()
    with workspace(options.folder) as root:
        house = House(root)
        crm, crm_key = house.source("crm")
        web, web_key = house.source("web")
        key = house.api_key()
        rate = options.rate / traffic.EVENTS
        count = round(rate * (options.seconds + 5))
        requests = traffic.batches(root / "web.requests", web_key, count, options.people)
        least = floor(options.lookups, 10.0)
        with house:
            say(f"letting {options.people:,} persons be known")
            fill = introduce(house, root, crm, crm_key, options.people, share=1.0)
            say(f"{options.rate:,} events/s and {options.lookups:,} look-ups/s for {options.seconds:.0f} s")
            load = Running(
                requests, house.port, connections=16, rate=rate, seconds=options.seconds + 3, most=count
            )
            time.sleep(2)
            before, began = house.digested(web), time.monotonic()
            words = [sys.executable, "-m", "benchmarks.recognise", "ask", str(house.port), key]
            words += [str(options.people), str(options.lookups), str(options.seconds)]
            said = json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)
            digested = (house.digested(web) - before) / (time.monotonic() - began)
            outcome = load.outcome()
            if said["wrong"]:
                raise SystemExit(f"{said['wrong']} of {said['lookups']} look-ups did not find their person")
            door_mb, worker_mb = house.peak_mb()
    report(
        "recognise",
        people=options.people,
        fill_s=fill,
        **said,
        **least,
        digested_per_s=digested,
        not_200=outcome.not_200,
        peak_rss_door_mb=door_mb,
        peak_rss_worker_mb=worker_mb,
    )


def ask(port: int, key: str, people: int, lookups: int, seconds: float) -> None:
    """Ask at a constant rate and print the waits; a process of its own, whose threads only wait.

    It stands in for other machines: with short turns it does not wait for a core itself.
    """
    priority.answer_quickly()
    sys.setswitchinterval(0.0005)
    waits: list[list[float]] = [[] for _ in range(_LINES)]
    wrong = [0] * _LINES

    def line(number: int) -> None:
        rng = random.Random(number)
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        began = time.perf_counter() + number / lookups
        for n in range(round(lookups * seconds / _LINES)):
            visitor = rng.randrange(people)
            name, value = (
                ("user_id", traffic.user(visitor)), ("phone", traffic.phone(visitor)), ("anonymous_id", traffic.cookie(visitor)),
            )[n % 3]  # fmt: skip
            question = _question(key, {name: value}) if key else _question("", {})
            due = began + n * _LINES / lookups
            time.sleep(max(0.0, due - time.perf_counter()))
            connection.sendall(question)
            answer = _answer(connection)
            waits[number].append(time.perf_counter() - due)
            wrong[number] += bool(key) and not (answer.startswith(b"HTTP/1.1 200") and b'"p_' in answer)

    threads = [threading.Thread(target=line, args=(number,)) for number in range(_LINES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = np.concatenate([np.array(line) for line in waits])
    figures = {
        f"p{name}_ms": quantile(found, share) * 1e3
        for name, share in (("50", 0.5), ("99", 0.99), ("999", 0.999))
    }
    print(json.dumps({**figures, "lookups_per_s": lookups, "lookups": len(found), "wrong": sum(wrong)}))


def _question(key: str, body: dict[str, str]) -> bytes:
    sent = json.dumps(body).encode()
    head = f"POST /v1/persons/lookup HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
    return f"{head}Content-Length: {len(sent)}\r\n\r\n".encode() + sent


def _answer(connection: socket.socket) -> bytes:
    heard = b""
    while True:
        heard += connection.recv(65_536)
        head, found, body = heard.partition(b"\r\n\r\n")
        if found and len(body) >= int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]):
            return heard


def echo() -> None:
    """Serve the shortest answer there is with the same server: what this machine takes for nothing."""
    import uvicorn

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await receive()
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"ok"})

    opened = socket.create_server(("127.0.0.1", 0))
    print(opened.getsockname()[1], flush=True)
    config = uvicorn.Config(
        app, loop="uvloop", http="httptools", access_log=False, log_level="error", lifespan="off"
    )
    uvicorn.Server(config).run(sockets=[opened])


def floor(lookups: int, seconds: float) -> dict[str, float]:
    """Return what the same questions take of a server that does nothing, on the idle machine."""
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.recognise", "echo"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        words = [
            sys.executable,
            "-m",
            "benchmarks.recognise",
            "ask",
            port,
            "",
            "1",
            str(lookups),
            str(seconds),
        ]
        said = json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)
    finally:
        server.kill()
        server.wait()
    return {"nothing_p50_ms": said["p50_ms"], "nothing_p99_ms": said["p99_ms"]}


if __name__ == "__main__":
    if sys.argv[1:2] == ["ask"]:
        ask(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), float(sys.argv[6]))
    elif sys.argv[1:2] == ["echo"]:
        echo()
    else:
        main()
