"""`demo`: an example brand and a live web session through the whole house, a report of what was found, the portal left running."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from zerodistance.core.brand import api as brand
from zerodistance.core.identity import api as identity
from zerodistance.core.outreach import api as outreach
from zerodistance.core.profiles import api as profiles
from zerodistance.core.touchpoints import import_jobs, ledger, sources
from zerodistance.doors import parts as handed
from zerodistance.doors.examples import holding, learning, reporting
from zerodistance.doors.examples.city import KEY as CITY
from zerodistance.doors.examples.city import city
from zerodistance.doors.examples.contracts import Example
from zerodistance.doors.examples.retail import retail
from zerodistance.kernel import command, emptying
from zerodistance.kernel.access import Who
from zerodistance.kernel.command import words
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home, create_home, open_home
from zerodistance.kernel.locks import worker_pid
from zerodistance.kernel.settings import FILE_NAME
from zerodistance.kernel.text import Text

HOMES = {"city": Path("zerodistance-demo"), "retail": Path("zerodistance-demo-retail")}
PEOPLE, SEED = 20_000, 7
WAIT_SECONDS = 300.0  # own value: how long nothing may move
LOOK_SECONDS = 0.1  # own value: pause between two looks, which cost the worker's cores something
_COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    TextColumn("{task.completed:,}/{task.total:,}"),
    TimeElapsedColumn(),
)


class DemoStuck(ZeroDistanceError):
    """Something does not go on."""

    code, status = "demo_stuck", 500
    text = Text(
        "{what}：{seconds:.0f} 秒没有进展；看 zerodistance status",
        "{what}: nothing moved for {seconds:.0f} s; see `zerodistance status`",
    )


class DemoImportFailed(ZeroDistanceError):
    """A file of the example was not taken in to its end."""

    code, status = "demo_import_failed", 500
    text = Text(
        "{files}；已收下的都在。看 zerodistance import list，然后再运行一次 demo：从停下的地方接着导入",
        "{files}; what came in is kept. See `zerodistance import list`, then run the demo again: it goes on where that stopped",
    )
    _one = Text("导入 {name} 到第 {read:,} 行{how}", "the import of {name} {how} after {read:,} rows")
    _how = {
        "failed": Text("失败：{error}", "failed ({error})"),
        "stopped": Text("被停止", "was stopped"),
        "undoing": Text("被撤销", "is being undone"),
        "undone": Text("被撤销", "was undone"),
    }

    def __init__(self, jobs: Sequence[import_jobs.Job]) -> None:
        told = [
            self._one.format(
                name=job.file_name, read=job.read, how=self._how[job.state].format(error=job.error)
            )
            for job in jobs
        ]
        files = Text("；".join(one.zh for one in told), "; ".join(one.en for one in told))
        super().__init__(files=files)


@dataclass
class Tour:
    """What the demo did, for its report.

    Attributes
    ----------
    ready_s, import_s, all_s
        Seconds until the home was there with its city made; of the import; of everything, from the command on.
    """

    began: float
    address: str = ""
    imported: Sequence[import_jobs.Job] = ()
    matched: identity.Matched | None = None
    new: bool = True
    ready_s: float = 0.0
    import_s: float = 0.0
    all_s: float = 0.0
    before: str = ""
    after: str = ""
    learned: Sequence[learning.Learned] = ()
    trouble: list[BaseException] = field(default_factory=list)


def demo(
    example: Annotated[
        Literal["city", "retail"],
        Parameter(
            help=words(
                "city：样例城市里的家电品牌；retail：真实的英国礼品店",
                "city: an appliance brand in the sample city; retail: a real British gift shop",
            )
        ),
    ] = "city",
    *,
    people: Annotated[
        int, Parameter(help=words("样例城市有多少人", "how many people live in the sample city"))
    ] = PEOPLE,
    seed: Annotated[int, Parameter(help=words("样例城市的种子", "seed of the sample city"))] = SEED,
    stay: Annotated[
        bool, Parameter(help=words("之后让门户继续运行", "leave the portal running afterwards"))
    ] = True,
    remove: Annotated[
        bool,
        Parameter(
            negative="",
            help=words("不演示，而是清空演示目录，留下账号", "no demo: empty the demo's home; accounts stay"),
        ),
    ] = False,
) -> int:
    """Import an example brand, send a web session, print what was found, leave the portal running."""
    from zerodistance.doors import serving, starting

    flags = command.flags()
    if "home" not in flags:
        command.set_flags(**{**flags, "home": HOMES[example]})
    if remove:
        return _remove()
    handed.parts().empty(command.settings())
    began = time.monotonic()
    home, brand_ = _home(example, people, seed)
    tour = Tour(began=began, ready_s=time.monotonic() - began)

    def ready(address: str) -> None:
        tour.address = address
        threading.Thread(target=_tour, args=(home, brand_, tour, stay), name="demo", daemon=True).start()

    code = serving.serve(home, handed.parts().door, command.flags(), ready)
    if tour.trouble:
        raise tour.trouble[0]
    return starting.or_anew(code, tour.address)


def _remove() -> int:
    settings = command.settings()
    root = settings.home.resolve()
    if not emptying.asked(root):  # else it was interrupted, and goes on
        holding.take_away(command.home(), command.who())
        command.close()
    if worker_pid(root / "worker.lock") is None:
        handed.parts().empty(settings)
        said = Text("已清空 {root}，账号还在", "{root} is empty; its accounts are still there")
    else:
        said = Text(
            "{root} 正在运行，会在几秒内清空，然后继续运行",
            "{root} is being served: it is emptied within seconds, and served on",
        )
    command.tell(said, root=root)
    return 0


# -- before it is served


def _home(key: str, people: int, seed: int) -> tuple[Home, Example]:
    settings = command.settings()
    is_city = key == CITY
    if not is_city:
        people = seed = 0
    if not holding.must_fit(settings, key, people, seed):
        settings.home.mkdir(parents=True, exist_ok=True)
    folder = settings.home / holding.FOLDER
    if is_city and not (folder / "city.json").exists():
        _city(people, seed, folder)
    chosen = city(folder) if is_city else retail()
    if (settings.home / "key").exists():
        return open_home(settings), chosen
    holding.hold(settings, key, chosen.name, people, seed, holding.FOLDER if is_city else "")
    if chosen.settings:
        (settings.home / FILE_NAME).write_text(chosen.settings, encoding="utf-8")
    home = create_home(command.settings())
    command.tell(Text("演示数据目录：{root}", "the demo's home: {root}"), root=home.root)
    return home, chosen


def _city(people: int, seed: int, folder: Path) -> None:
    with command.stages(Text("造样例城市：{stage}", "making the sample city: {stage}")) as tell:
        handed.parts().city(people, seed, folder, tell)


# -- while it is served


def _tour(home: Home, example: Example, tour: Tour, stay: bool) -> None:
    try:
        started = time.monotonic()
        _brand(home, example)
        _import(home, example, tour)
        tour.import_s = time.monotonic() - started
        _match(home, tour)
        _browse(home, example, tour)
        _settled(home)
        tour.learned = learning.learn(home, command.who(), example)
        tour.all_s = time.monotonic() - tour.began
        reporting.report(home, example, tour)
        if stay:
            reporting.goodbye(home, tour.address)
    except BaseException as error:
        tour.trouble.append(error)
    if not stay or tour.trouble:
        os.kill(os.getpid(), signal.SIGTERM)


def _brand(home: Home, example: Example) -> None:
    """Take in what the brand is made of, and who its messages come from; saying it twice changes nothing."""
    for kind in example.kinds:
        brand.import_file(home, command.who(), kind, example.brand / f"{kind}.csv")
    named = outreach.limits_shown(home, command.who()).policy.sender_zh
    if example.sender is not None and not named:
        said = {"sender_zh": example.sender.zh, "sender_en": example.sender.en}
        outreach.set_limits(home, command.who(), said)


def _import(home: Home, example: Example, tour: Tour) -> None:
    who = command.who()
    made = [import_jobs.create(home, who, file.path, file.mapping) for file in example.files]
    tour.new = any(one.new for one in made)
    holding.came(home, sources=tuple(sorted({one.job.source_key for one in made} | {_WEB})))
    with Progress(*_COLUMNS, console=command.errors, transient=True) as bar:
        title = Text("导入：{name}", "importing {name}").format(name=example.name).get(command.lang())
        task = bar.add_task(title, total=sum(one.job.rows or 0 for one in made) or None)

        def done() -> bool:
            tour.imported = [import_jobs.get(home, who, one.job.number) for one in made]
            bar.update(task, completed=sum(job.read for job in tour.imported))
            return not any(job.open for job in tour.imported)

        _wait(done, lambda: [(job.read, job.state) for job in tour.imported], Text("导入", "the import"))
    broken = [job for job in tour.imported if job.state != "done"]
    if broken:
        raise DemoImportFailed(broken)


def _match(home: Home, tour: Tour) -> None:
    """Find who is one person although no identifier says so, and who shares a home; else that is done the next night."""
    with command.errors.status(
        Text("比较姓名、地址……", "comparing names and addresses ...").get(command.lang())
    ):
        tour.matched, _ = identity.match(home, command.who())
        identity.rebuild_households(home, command.who())


_WEB = "demo_web"


def _browse(home: Home, example: Example, tour: Tour) -> None:
    """Send a web session with a published SDK: anonymous first, then a login as a member the brand knows."""
    from segment.analytics.client import Client

    who, shopper = command.who(), example.shopper
    try:
        source = sources.get_source(home, who, _WEB)
    except sources.NoSource:
        name = Text("演示：刚才的网页会话", "Demo: the web session just now")
        source = sources.create_source(home, who, key=_WEB, name=name, kind="web", fresh_seconds=86_400)
    cookie = f"demo-{home.seal.fingerprint_seed:x}-{int(time.time())}"
    client = Client(
        source.write_key,
        host=tour.address,
        sync_mode=True,
        on_error=lambda error, _: tour.trouble.append(error),
    )
    client.page(anonymous_id=cookie, name="Home", context=_page("/"))
    for product, category, seconds in shopper.looked_at:
        said = {"product_id": product, "category": category, "duration": seconds}
        path = _page(f"/p/{product.lower()}")
        client.track(anonymous_id=cookie, event="Product Viewed", properties=said, context=path)
    visitor: list[Any] = []
    _wait(
        lambda: _found(home, who, "anonymous_id", cookie, visitor),
        lambda: _last_batch(home),
        Text("认出访客", "recognising the visitor"),
    )
    tour.before = visitor[-1].id
    traits = {"member_id": shopper.member, "email": "shopper@example.com", "name": "Demo Shopper"}
    who_is = {"user_id": shopper.account, "anonymous_id": cookie}
    client.identify(**who_is, traits=traits, context=_page("/login"))
    client.track(**who_is, event="Product Added", properties=dict(shopper.bought))
    joined: list[Any] = []
    _wait(
        lambda: (
            _found(home, who, "anonymous_id", cookie, joined) and joined[-1].counts.get("member_id", 0) > 0
        ),
        lambda: _last_batch(home),
        Text("登录后合为一人", "joining visitor and member"),
    )
    tour.after = joined[-1].id
    holding.came(home, person=tour.after)


def _page(path: str) -> dict[str, Any]:
    return {"page": {"path": path, "referrer": "https://www.example.com/"}, "campaign": {"name": "demo"}}


def _found(home: Home, who: Who, namespace: str, value: str, into: list[Any]) -> bool:
    try:
        into.append(identity.lookup(home, who, namespace, value))
    except identity.NoSuchPerson:
        return False
    return True


def _last_batch(home: Home) -> int:
    with home.state.read() as tx:
        return ledger.last_batch(tx)


def _settled(home: Home) -> None:
    """Wait until profiles hold every committed batch."""
    last = _last_batch(home)
    _wait(
        lambda: profiles.state(home).batch >= last,
        lambda: profiles.state(home),
        Text("更新画像", "updating the profiles"),
    )


def _wait(done: Callable[[], bool], moved: Callable[[], object], what: Text) -> None:
    """Wait until something is done, and give up when it has not moved for `WAIT_SECONDS`.

    Parameters
    ----------
    moved
        How far it is: anything that is another value when it has gone on.
    """
    at, until = moved(), time.monotonic() + WAIT_SECONDS
    while not done():
        now = moved()
        if now != at:
            at, until = now, time.monotonic() + WAIT_SECONDS
        elif time.monotonic() > until:
            raise DemoStuck(seconds=WAIT_SECONDS, what=what)
        time.sleep(LOOK_SECONDS)
