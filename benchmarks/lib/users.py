"""Users who count rules over HTTP, one after the other or many at once, each a question a second."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from typing import Any

from benchmarks.lib.asking import rules
from benchmarks.lib.tagged import Town


class Users:
    """Asks `POST /v1/segments/count` of a door."""

    def __init__(self, port: int, key: str) -> None:
        self._port, self._key = port, key
        self._line = http.client.HTTPConnection("127.0.0.1", port)

    def count(self, rule: str, line: http.client.HTTPConnection | None = None) -> dict[str, Any]:
        """Return the answer to a rule, without steps."""
        line = line or self._line
        body = json.dumps({"rule": rule, "steps": False})
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        line.request("POST", "/v1/segments/count", body, headers)
        answer = line.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{answer.status}: {said.decode()}")
        return dict(json.loads(said))

    def typing(self, town: Town, many: int) -> list[float]:
        """Let one user type questions, each word of each counted; return by how many seconds a wait is longer than what the program says it took."""
        over, luck = list[float](), random.Random(5)
        while len(over) < many:
            terms = [_has(town, luck) for _ in range(5)]
            for n in range(1, len(terms) + 1):
                began = time.perf_counter()
                said = self.count(f"AllOf({', '.join(terms[:n])})")
                over.append(time.perf_counter() - began - said["took_ms"] / 1_000)
        return over

    def together(self, town: Town, users: int, seconds: float) -> list[float]:
        """Let users ask at once, each a question a second, from when it is due; return the waits, in seconds."""
        waits: list[float] = []
        began = time.perf_counter() + 0.5

        def user(number: int) -> None:
            luck = random.Random(number)
            line = http.client.HTTPConnection("127.0.0.1", self._port)
            for n in range(round(seconds)):
                rule = question(town, luck)
                due = began + n + number / users
                time.sleep(max(0.0, due - time.perf_counter()))
                self.count(rule, line)
                waits.append(time.perf_counter() - due)

        threads = [threading.Thread(target=user, args=(number,)) for number in range(users)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return waits


def _has(town: Town, luck: random.Random) -> str:
    dimension, node = town.name(round(town.nodes ** luck.random()))
    return f'Has("{dimension}", node="{node}")'


def question(town: Town, luck: random.Random) -> str:
    """Return a question as somebody may type it: one to five nodes, the larger the likelier, or one of the fixed ones."""
    if luck.random() < 0.2:
        return luck.choice(list(rules(town).values()))

    some = [_has(town, luck) for _ in range(luck.randint(1, 4))]
    return luck.choice(
        [
            f"AllOf({', '.join(some)})",
            f"AnyOf({', '.join(some)})",
            f"AllOf({_has(town, luck)}, NoneOf({', '.join(some)}))",
        ]
    )
