"""`zerodistance sources`: list, create, show, switch off and on, change the key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.table import Table

from zerodistance.core.touchpoints.contracts import Source
from zerodistance.core.touchpoints.rules import COUNTERS
from zerodistance.core.touchpoints.schema_cli import schema
from zerodistance.kernel import clock, command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

sources = App(name="sources", help=words("来源：触点从哪里来", "sources: where touches come from"))

sources.command(schema)

_Key = Annotated[str, Parameter(help=words("来源的标识", "key of the source"))]
_AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]
_Snippet = Literal[
    "browser", "rudder_browser", "jitsu", "python", "rudder_python", "node", "rudder_node", "pixel", "curl"
]
_Kind = Literal["web", "app", "server", "device", "call", "store", "social", "import"]


@sources.command(name="list", help=words("列出来源", "list the sources"))
def list_(*, as_json: _AsJson = False) -> None:
    """List every source, those switched off too."""
    from zerodistance.core.touchpoints import api

    found = api.list_sources(command.home(), command.who())
    if as_json:
        command.say_json([_plain(source) for source in found])
        return
    if not found:
        command.tell(
            Text(
                "还没有来源；用 `zerodistance sources create` 建一个",
                "no source yet; `zerodistance sources create` makes one",
            )
        )
        return
    table = Table(box=None)
    for zh, en in (
        ("标识", "key"),
        ("名称", "name"),
        ("类型", "kind"),
        ("小微", "unit"),
        ("写入密钥", "write key"),
        ("状态", "state"),
    ):
        table.add_column(words(zh, en))
    for s in found:
        state = words("已停用", "off") if s.off_at else words("启用", "on")
        table.add_row(s.key, s.name.get(command.lang()), s.kind, s.unit or "", s.write_key, state)
    command.show(table)


@sources.command(help=words("新建来源，并给出写入密钥", "create a source and print its write key"))
def create(
    key: _Key,
    *,
    kind: Annotated[_Kind, Parameter(help=words("类型", "what kind of place it is"))],
    name: Annotated[str, Parameter(help=words("名称", "name"))] = "",
    name_en: Annotated[str, Parameter(help=words("英文名称", "English name"))] = "",
    unit: Annotated[str | None, Parameter(help=words("所属小微", "unit that owns it"))] = None,
    origin: Annotated[
        Sequence[str],
        Parameter(
            negative="", help=words("允许的网页，可多次给出", "web origin that may send; may be repeated")
        ),
    ] = (),
    event_bytes: Annotated[int, Parameter(help=words("单条大小上限，字节", "largest event, bytes"))] = 32_768,
    fresh_seconds: Annotated[
        int | None,
        Parameter(help=words("多久没有新触点算停滞，秒", "seconds without a touch after which it is stale")),
    ] = None,
    as_json: _AsJson = False,
) -> None:
    """Create a source."""
    from zerodistance.core.touchpoints import api

    made = api.create_source(
        command.home(),
        command.who(),
        key=key,
        name=Text(name or name_en or key, name_en or name or key),
        kind=kind,
        unit=unit,
        origins=origin,
        event_bytes=event_bytes,
        fresh_seconds=fresh_seconds,
    )
    _show(made, as_json, {})


@sources.command(help=words("查看来源和接入代码", "show a source and how to send from it"))
def show(
    key: _Key,
    *,
    snippet: Annotated[
        _Snippet | None,
        Parameter(help=words("只打印接入代码", "print the code only")),
    ] = None,
    address: Annotated[str | None, Parameter(help=words("对外地址", "address as seen from outside"))] = None,
    as_json: _AsJson = False,
) -> None:
    """Show one source."""
    from zerodistance.core.touchpoints import api

    found = api.get_source(command.home(), command.who(), key)
    settings = command.settings()
    outside = address or f"http://{settings.host}:{settings.port}"
    if snippet:
        command.console.out(api.snippet(found, outside, snippet).code, end="", highlight=False)
        return
    _show(found, as_json, api.door_today(command.home(), command.who(), key))


@sources.command(
    name="set", help=words("改上限和时限；不给的不变", "change limits and freshness; what is not given stays")
)
def set_(
    key: _Key,
    *,
    events_per_second: Annotated[
        int | None, Parameter(help=words("每秒最多几条，0 为不限", "events a second, 0: no limit"))
    ] = None,
    burst: Annotated[
        int | None,
        Parameter(
            help=words(
                "停顿后一次最多几条，0 为十秒的量", "events at once after a pause, 0: ten seconds' worth"
            )
        ),
    ] = None,
    events_per_day: Annotated[
        int | None, Parameter(help=words("每天最多几条，0 为不限", "events a day, 0: no limit"))
    ] = None,
    event_bytes: Annotated[
        int | None, Parameter(help=words("单条大小上限，字节", "largest event, bytes"))
    ] = None,
    fresh_seconds: Annotated[
        int | None,
        Parameter(help=words("静默多少秒算过期，0 为不看", "seconds until it counts as stale, 0: never")),
    ] = None,
    as_json: _AsJson = False,
) -> None:
    """Change the policy of a source."""
    from zerodistance.core.touchpoints import api

    changed = api.set_policy(
        command.home(),
        command.who(),
        key,
        event_bytes=api.KEEP if event_bytes is None else event_bytes,
        fresh_seconds=_given(fresh_seconds),
        events_per_second=_given(events_per_second),
        burst=_given(burst),
        events_per_day=_given(events_per_day),
    )
    _show(changed, as_json, api.door_today(command.home(), command.who(), key))


def _given(value: int | None) -> int | None:
    """Return what a flag means: not given, as it is; 0, none."""
    from zerodistance.core.touchpoints.sources import KEEP

    return KEEP if value is None else value or None


@sources.command(help=words("停用：不再接收，已有的保留", "switch off: take nothing more; what came stays"))
def off(key: _Key) -> None:
    """Switch a source off."""
    from zerodistance.core.touchpoints import api

    api.switch_off(command.home(), command.who(), key)
    command.tell(Text("来源 {key} 已停用", "the source {key} is off"), key=key)


@sources.command(help=words("重新启用", "switch on again"))
def on(key: _Key) -> None:
    """Switch a source on again."""
    from zerodistance.core.touchpoints import api

    api.switch_on(command.home(), command.who(), key)
    command.tell(Text("来源 {key} 已启用", "the source {key} is on"), key=key)


@sources.command(help=words("换写入密钥，旧的随即失效", "give it a new write key; the old one stops"))
def rotate(key: _Key, *, as_json: _AsJson = False) -> None:
    """Change the write key."""
    from zerodistance.core.touchpoints import api

    _show(api.rotate_key(command.home(), command.who(), key), as_json, {})


@sources.command(
    help=words("改允许的网页，不给则一个也不允许", "replace the web origins; none given: none may send")
)
def origins(key: _Key, *origin: str) -> None:
    """Replace the allowed origins."""
    from zerodistance.core.touchpoints import api

    _show(api.set_origins(command.home(), command.who(), key, origin), False, {})


def _plain(source: Source) -> dict[str, Any]:
    plain = {k: v for k, v in source.__dict__.items() if k not in ("name", "created_at", "off_at")}
    return plain | {
        "name_zh": source.name.zh,
        "name_en": source.name.en,
        "created_at": _moment(source.created_at),
        "off_at": _moment(source.off_at),
    }


def _moment(at: int | None) -> str | None:
    return (
        None
        if at is None
        else clock.from_micros(at).astimezone(command.settings().tz).isoformat(timespec="seconds")
    )


def _show(source: Source, as_json: bool, door: dict[str, int]) -> None:
    plain = _plain(source)
    if as_json:
        command.say_json({**plain, "door_today": door} if door else plain)
        return
    table = Table(box=None, show_header=False)
    for name, value in plain.items():
        shown = " ".join(value) if isinstance(value, tuple) else value
        if shown not in (None, ""):
            table.add_row(name, str(shown))
    for name, value in door.items():
        text = COUNTERS[name].get(command.lang())
        table.add_row(words(f"今天：{text}", f"today: {text}"), f"{value:,}")
    command.show(table)
