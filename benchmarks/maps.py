"""The map of a marketer in a home of `--people`: the cells within 5 km, the 30 nearest communities, and from a click in Chromium until they are drawn.

The city is made and taken in, and models of need are trained, unless `--root` names a folder where that was done (`city/` and `home/`; it stays). `--spots`
cells in which people live are stood in, one after the other, with each need in turn; the first of each is not counted. Then a browser opens the page of an
account that sees nobody, presses as many points of the map, and the script of the page says how long it took from the press until deck.gl had drawn.
"""

from __future__ import annotations

import socket
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import uvicorn
from h3.api import basic_int as h3

from benchmarks.lib import filled
from benchmarks.lib.machine import quantile, report, say
from tests.doors.chromium import Browser, Tab
from zerodistance import compose
from zerodistance.apps.marketing import api, rules
from zerodistance.core.segments import releasing
from zerodistance.core.segments.spreading import Spread
from zerodistance.doors.portal import accounts
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home, open_home
from zerodistance.kernel.settings import load

_NAME, _PASSWORD = "mapper", "correct horse battery staple"
_DATA = "document.getElementById('themap').dataset"


def main() -> None:
    """Make or open the home, ask, look, and report."""
    parser = filled.arguments(__doc__)
    parser.add_argument("--spots", type=int, default=60, help="spots that are stood in")
    options = parser.parse_args()
    with filled.given(options, "n1", "n2") as root:
        home = open_home(load(home=root / "home"))
        try:
            figures = _asked(home, options.spots) | _pressed(home, options.spots)
        finally:
            home.close()
    report("maps", people=options.people, spots=options.spots, **figures)


def _asked(home: Home, spots: int) -> dict[str, float]:
    """Ask for cells and communities at spots where people live."""
    who = Who(None, "benchmark", Role.MARKETER)
    spread = Spread(home, who)
    lies = spread.mine & (spread.cells != 0)
    cells = np.unique(rules.parents(spread.cells[lies], rules.USUAL))
    chosen = np.random.default_rng(1).choice(cells, min(spots, len(cells)), replace=False)
    needs = [one.key for one in releasing.needs(home, who)]
    took: dict[str, list[float]] = {
        "within_5km": [],
        "communities": [],
        "within_5km_cpu": [],
        "communities_cpu": [],
    }
    regions = hidden = 0
    for n, cell in enumerate(chosen.tolist()):
        at = api.spot(home, who, cell=h3.int_to_str(cell))
        need = needs[n % len(needs)] if needs else None
        began = time.perf_counter(), time.process_time()
        found = api.cells(home, who, at, need=need)
        middle = time.perf_counter(), time.process_time()
        api.communities(home, who, at, need=need)
        end = time.perf_counter(), time.process_time()
        if n:
            for kind, first, last in (("within_5km", began, middle), ("communities", middle, end)):
                took[kind].append(1e3 * (last[0] - first[0]))
                took[f"{kind}_cpu"].append(1e3 * (last[1] - first[1]))
            regions, hidden = regions + len(found.regions), hidden + found.hidden
    say(f"{len(chosen)} spots, {regions / max(1, len(chosen) - 1):.0f} regions each")
    figures = {
        "places": float(len(spread.codes)),
        "needs": float(len(needs)),
        "regions": regions / max(1, len(chosen) - 1),
    }
    figures["hidden"] = hidden / max(1, len(chosen) - 1)
    for name, some in took.items():
        figures[f"{name}_ms"] = quantile(np.array(some), 0.5)
        figures[f"{name}_p95_ms"] = quantile(np.array(some), 0.95)
    return figures


class _Server(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        pass


def _pressed(home: Home, presses: int) -> dict[str, float]:
    """Press points of the map in a browser."""
    root = Who.system("benchmark")
    if _NAME not in {one.name for one in accounts.accounts(home, root)}:
        accounts.create(home, root, _NAME, Role.MARKETER, [])
    accounts.use_once(home, accounts.one_time_login(home, root, _NAME), _PASSWORD, _PASSWORD)
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        opened.listen(64)
        origin = f"http://127.0.0.1:{opened.getsockname()[1]}"
        server = _Server(uvicorn.Config(compose.door(home), log_level="warning", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]})
        thread.start()
        while not server.started:
            time.sleep(0.02)
        profile = tempfile.TemporaryDirectory()
        browser = Browser(Path(profile.name), origin)
        try:
            return _drawn(browser.tab(), origin, presses)
        finally:
            browser.close()
            server.should_exit = True
            thread.join()
            profile.cleanup()


def _drawn(tab: Tab, origin: str, presses: int) -> dict[str, float]:
    tab.shape(1280, 900, "light")
    tab.open(f"{origin}/login?lang=en")
    tab.fill("#name", _NAME)
    tab.fill("#password", _PASSWORD)
    tab.press("Enter")
    tab.until("location.pathname === '/'")
    began = time.perf_counter()
    tab.open(f"{origin}/marketing/map")
    tab.until(f"{_DATA}.drawn !== undefined || {_DATA}.failed")
    if tab.run(f"{_DATA}.failed ?? ''"):
        raise SystemExit(f"the map was not drawn: {tab.run(f'{_DATA}.failed')}")
    opened = 1e3 * (time.perf_counter() - began)
    luck, took = np.random.default_rng(2), []
    for n in range(presses):
        x, y = tab.run("(r => [r.x, r.y])(document.querySelector('#canvas canvas').getBoundingClientRect())")
        x, y = x + luck.uniform(200, 480), y + luck.uniform(130, 420)
        tab.run(f"delete {_DATA}.drawn")
        for kind in ("mousePressed", "mouseReleased"):
            tab.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        tab.until(f"{_DATA}.drawn > 0")
        if n >= 3:  # nobody counts the first: programs of the graphics are made then
            took.append(float(tab.run(f"{_DATA}.drawn")))
    times = np.array(took)
    return {
        "opened_ms": opened,
        "drawn_ms": quantile(times, 0.5),
        "drawn_p95_ms": quantile(times, 0.95),
        "drawn_most_ms": float(times.max()),
    }


if __name__ == "__main__":
    main()
