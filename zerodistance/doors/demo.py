"""`demo`: a real shop's books and a scripted web session through the whole house, a report of what was found, the portal left running."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from zerodistance.core.brand import api as brand
from zerodistance.core.identity import api as identity
from zerodistance.core.profiles import api as profiles
from zerodistance.core.segments import api as segments
from zerodistance.core.touchpoints import import_jobs, ledger, log, sources
from zerodistance.doors import parts as handed
from zerodistance.kernel import command
from zerodistance.kernel.access import Who
from zerodistance.kernel.command import words
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home, create_home, open_home
from zerodistance.kernel.settings import FILE_NAME
from zerodistance.kernel.text import Text

EXAMPLE = Path(__file__).with_name(
    "online_retail"
)  # part of the package; README.md there says whose data it is
MEMBER = "12748"  # a customer of the example with orders in every month
USER = "shopper-12748"
HOME = Path("zerodistance-demo")
WAIT_SECONDS = 300.0
_SETTINGS = """# The shop of the example sells in Britain.
currency = "GBP"
country = "GB"
zone = "Europe/London"
"""
SEGMENTS: tuple[tuple[str, Text, str], ...] = (
    (
        "big_spenders",
        Text("花费 5,000 英镑以上", "spent 5,000 pounds or more"),
        'Has("value.spend_total", at_least=5000)',
    ),
    (
        "loyal_no_returns",
        Text("下单 5 天以上、从未退货", "ordered on five days or more, never returned"),
        'AllOf(Has("value.orders_total", at_least=5), NoneOf(Did("order.returned")))',
    ),
    (
        "christmas_abroad",
        Text("英国以外、买过圣诞用品", "outside the United Kingdom, bought for Christmas"),
        'AllOf(Did("order.line", category="christmas"), NoneOf(Has("geo.place", node="GB")))',
    ),
)


class DemoStuck(ZeroDistanceError):
    """Something did not happen in time."""

    code, status = "demo_stuck", 500
    text = Text(
        "等了 {seconds:.0f} 秒，{what} 还没有完成；看 zerodistance status",
        "{what} took more than {seconds:.0f} s; see `zerodistance status`",
    )


@dataclass
class Tour:
    """What the demo did, for its report; seconds."""

    address: str
    imported: Any = None
    new: bool = True
    import_s: float = 0.0
    loop_s: float = 0.0
    before: str = ""
    after: str = ""
    trouble: list[BaseException] = field(default_factory=list)


def demo(
    *,
    stay: Annotated[
        bool, Parameter(help=words("之后让门户继续运行", "leave the portal running afterwards"))
    ] = True,
) -> int:
    """Import a real shop, send a web session, print what was found, leave the portal running."""
    from zerodistance.doors import serving

    flags = command.flags()
    if "home" not in flags:
        command.set_flags(**{**flags, "home": HOME})
    home = _home()
    tour = Tour("")

    def ready(address: str) -> None:
        tour.address = address
        threading.Thread(target=_tour, args=(home, tour, stay), name="demo", daemon=True).start()

    code = serving.serve(home, handed.parts().door, command.flags(), ready)
    if tour.trouble:
        raise tour.trouble[0]
    return code


def _home() -> Home:
    settings = command.settings()
    if (settings.home / "key").exists():
        return open_home(settings)
    settings.home.mkdir(parents=True, exist_ok=True)
    (settings.home / FILE_NAME).write_text(_SETTINGS)
    home = create_home(command.settings())
    command.tell(Text("演示数据目录：{root}", "the demo's home: {root}"), root=home.root)
    return home


def _tour(home: Home, tour: Tour, stay: bool) -> None:
    import os
    import signal

    try:
        started = time.monotonic()
        _brand(home)
        _import(home, tour)
        tour.import_s = time.monotonic() - started
        _browse(home, tour)
        _settled(home)
        tour.loop_s = time.monotonic() - started
        _report(home, tour)
        if stay:
            _goodbye(home, tour)
    except BaseException as error:
        tour.trouble.append(error)
    if not stay or tour.trouble:
        os.kill(os.getpid(), signal.SIGTERM)


def _brand(home: Home) -> None:
    """Give the shop's categories and countries their names; saying it twice changes nothing."""
    for kind in ("categories", "places"):
        brand.import_file(home, command.who(), kind, EXAMPLE / "brand" / f"{kind}.csv")


def _import(home: Home, tour: Tour) -> None:
    who = command.who()
    mapping = (EXAMPLE / "mapping.toml").read_text()
    made = import_jobs.create(home, who, EXAMPLE / "online_retail.parquet", mapping)
    tour.new = made.new
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,}/{task.total:,}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=command.console, transient=True) as bar:
        title = Text("导入真实门店的订单行", "importing the order lines of a real shop").get(command.lang())
        task = bar.add_task(title, total=made.job.rows or 1)

        def done() -> bool:
            tour.imported = import_jobs.get(home, who, made.job.number)
            bar.update(task, completed=tour.imported.read)
            return tour.imported.state in ("done", "failed")

        _wait(done, Text("导入", "the import"))


def _browse(home: Home, tour: Tour) -> None:
    """Send a web session with a published SDK: anonymous first, then a login as a member the shop knows."""
    from segment.analytics.client import Client

    who = command.who()
    try:
        source = sources.get_source(home, who, "demo_web")
    except sources.NoSource:
        source = sources.create_source(
            home,
            who,
            key="demo_web",
            name=Text("演示网站", "demo web site"),
            kind="web",
            fresh_seconds=86_400,
        )
    cookie = f"demo-{home.seal.fingerprint_seed:x}-{int(time.time())}"
    client = Client(
        source.write_key,
        host=tour.address,
        sync_mode=True,
        on_error=lambda error, _: tour.trouble.append(error),
    )
    client.page(anonymous_id=cookie, name="Home", context=_page("/"))
    for product, seconds in (("REGENCY-CAKESTAND-3-TIER", 42), ("WHITE-HANGING-HEART-T-LIGHT-HOLDER", 12)):
        said = {
            "product_id": product,
            "category": "kitchen" if seconds > 30 else "light",
            "duration": seconds,
        }
        client.track(
            anonymous_id=cookie,
            event="Product Viewed",
            properties=said,
            context=_page(f"/p/{product.lower()}"),
        )
    visitor: list[Any] = []
    _wait(
        lambda: _found(home, who, "anonymous_id", cookie, visitor),
        Text("认出访客", "recognising the visitor"),
    )
    tour.before = visitor[-1].id
    traits = {"member_id": MEMBER, "email": "shopper@example.com", "name": "Demo Shopper"}
    client.identify(user_id=USER, anonymous_id=cookie, traits=traits, context=_page("/login"))
    client.track(
        user_id=USER,
        anonymous_id=cookie,
        event="Product Added",
        properties={
            "product_id": "REGENCY-CAKESTAND-3-TIER",
            "category": "kitchen",
            "quantity": 1,
            "price": 12.75,
            "currency": "GBP",
        },
    )
    joined: list[Any] = []
    _wait(
        lambda: (
            _found(home, who, "anonymous_id", cookie, joined) and joined[-1].counts.get("member_id", 0) > 0
        ),
        Text("登录后合为一人", "joining visitor and member"),
    )
    tour.after = joined[-1].id


def _page(path: str) -> dict[str, Any]:
    return {"page": {"path": path, "referrer": "https://www.example.com/"}, "campaign": {"name": "demo"}}


def _found(home: Home, who: Who, namespace: str, value: str, into: list[Any]) -> bool:
    try:
        into.append(identity.lookup(home, who, namespace, value))
    except identity.NoSuchPerson:
        return False
    return True


def _settled(home: Home) -> None:
    """Wait until profiles hold every committed batch."""
    with home.state.read() as tx:
        last = ledger.last_batch(tx)
    _wait(lambda: profiles.state(home).batch >= last, Text("更新画像", "updating the profiles"))


def _wait(done: Callable[[], bool], what: Text) -> None:
    until = time.monotonic() + WAIT_SECONDS
    while not done():
        if time.monotonic() > until:
            raise DemoStuck(seconds=WAIT_SECONDS, what=what)
        time.sleep(0.05)


# -- the report


def _report(home: Home, tour: Tour) -> None:
    who, lang = command.who(), command.lang()
    job, tree = tour.imported, profiles.tree(home, who)
    kinds = log.composition(home, who, job.source)
    out = _table(Text("收到了什么", "what came in"))
    lines = Text("订单行，新收", "order lines, new")
    known = Text("订单行，以前导入过，没有重收", "order lines, imported before and not taken twice")
    _row(out, lines if tour.new else known, f"{job.accepted:,}")
    _row(
        out,
        Text("其中没有客户、仍然保留", "of these without a customer, kept all the same"),
        f"{kinds.nobody:,}",
    )
    _row(
        out,
        Text(
            "退货，含同样记账的折扣和费用（为负），仍然保留",
            "returned, with discounts and fees booked the same way (negative), kept",
        ),
        f"{kinds.returned:,}",
    )
    _row(
        out,
        Text("盘点更正和坏账（为负），仍然保留", "stock counted again, bad debts (negative), kept"),
        f"{kinds.corrected:,}",
    )
    _row(out, Text("重复 / 拒收", "repeated / refused"), f"{job.duplicates:,} / {job.refused:,}")
    _row(
        out,
        Text("认出的用户 / 匿名访客", "persons recognised / anonymous visitors"),
        f"{tree.persons:,} / {tree.visitors:,}",
    )
    _row(
        out,
        Text("导入用时 / 全程用时，秒", "seconds for the import / for everything"),
        f"{tour.import_s:.1f} / {tour.loop_s:.1f}",
    )
    command.show(out)

    out = _table(Text("登录前后：两段记录合为一人", "before and after login: two records became one person"))
    before = Text("匿名访客 {id}", "anonymous visitor {id}").format(id=tour.before)
    after = Text(
        "用户 {id}：网页上的浏览与 {member} 号会员的订单",
        "person {id}: the web session and the orders of member {member}",
    )
    _row(out, Text("登录前", "before"), before.get(lang))
    _row(out, Text("登录后", "after"), after.format(id=tour.after, member=MEMBER).get(lang))
    person = identity.show(home, who, tour.after)
    for tag in profiles.tags_of(home, who, person.number):
        _row(out, profiles.dimension(tag.dimension).label, tag.node_label.get(lang))
    command.show(out)

    out = _table(Text("三个人群", "three segments"))
    for _, name, rule in SEGMENTS:
        count = segments.count(home, who, segments.read_rule(rule))
        many = Text("{n:,} 人，{ms:.1f} 毫秒", "{n:,} persons, {ms:.1f} ms").format(
            n=count.persons, ms=count.took_ms
        )
        _row(out, name, many.get(lang))
    command.show(out)
    _save_segments(home, who)
    files = Text(
        "示例文件、映射、出处和许可：{path}", "the example's files, mapping, origin and licence: {path}"
    )
    command.tell(files, path=EXAMPLE)


def _save_segments(home: Home, who: Who) -> None:
    known: Sequence[Any] = segments.segments(home, who)
    for key, name, rule in SEGMENTS:
        if key not in {segment.key for segment in known}:
            segments.create(home, who, key, name, segments.read_rule(rule))


def _table(title: Text) -> Table:
    out = Table(
        title=title.get(command.lang()),
        title_justify="left",
        title_style="bold",
        box=None,
        show_header=False,
        pad_edge=False,
    )
    out.add_column(style="dim", min_width=32)
    out.add_column()
    return out


def _row(table: Table, name: Text, value: str) -> None:
    table.add_row(name.get(command.lang()), value)


def _goodbye(home: Home, tour: Tour) -> None:
    path = handed.parts().invite(home, False)
    command.tell(Text("门户已启动：{url}", "the portal is running: {url}"), url=tour.address)
    if path is not None:
        command.tell(
            Text(
                "首次登录（24 小时内有效，只能用一次）：{url}",
                "first login, good once within 24 hours: {url}",
            ),
            url=tour.address + path,
        )
    command.tell(Text("按 Ctrl-C 停止", "press Ctrl-C to stop"))
    command.console.file.flush()
