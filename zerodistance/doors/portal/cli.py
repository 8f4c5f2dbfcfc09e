"""`zerodistance accounts`: who may log in to the portal, from the command line of whoever owns the home."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.table import Table

from zerodistance.doors.portal import accounts, sessions
from zerodistance.kernel import clock, command
from zerodistance.kernel.access import Role
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

app = App(name="accounts", help=words("门户账号和接口密钥", "accounts of the portal, keys of the API"))
_Role = Annotated[
    Literal["admin", "analyst", "planner", "marketer"], Parameter(help=words("能做什么", "what it may do"))
]
_Units = Annotated[
    list[str] | None,
    Parameter(
        "--unit",
        negative="",
        help=words(
            "只看这个小微的（可写几次）；不写就是全部", "limit it to a unit (may be said again); without: all"
        ),
    ),
]
_Name = Annotated[str, Parameter(help=words("名称", "name"))]


@app.command(name="list", help=words("列出账号", "list the accounts"))
def list_() -> None:
    """List the accounts."""
    lang, tz = command.settings().lang, command.settings().tz
    table = Table(box=None)
    for head in (
        Text("账号", "Account"),
        Text("角色", "Role"),
        Text("状态", "State"),
        Text("建于", "Created"),
    ):
        table.add_column(head.get(lang))
    for one in accounts.accounts(command.home(), command.who()):
        state = (
            Text("停用", "off")
            if one.disabled_at
            else Text("可用", "active")
            if one.has_password
            else Text("待首次登录", "first login awaited")
        )
        created = clock.from_micros(one.created_at).astimezone(tz)
        table.add_row(one.name, one.role.value, state.get(lang), f"{created:%Y-%m-%d %H:%M}")
    command.show(table)


@app.command(
    help=words(
        "新建账号，并给出设置密码的链接", "create an account and print the link that sets its password"
    )
)
def create(name: _Name, *, role: _Role = "analyst", units: _Units = None) -> None:
    """Create an account and print the link that sets its password."""
    accounts.create(command.home(), command.who(), name, Role(role), units or ())
    login_link(name)


@app.command(
    help=words(
        "给出一次性登录链接（24 小时内有效）",
        "print a link that works once within 24 hours and sets the password",
    )
)
def login_link(name: _Name = "admin") -> None:
    """Print a link that works once and for 24 hours: it leads to a page that sets the password."""
    settings = command.settings()
    secret = accounts.one_time_login(command.home(), command.who(), name)
    command.tell(
        Text(
            "一次性登录（24 小时内有效）：http://{host}:{port}/once/{secret}",
            "one-time login, valid for 24 hours: http://{host}:{port}/once/{secret}",
        ),
        host=settings.host,
        port=settings.port,
        secret=secret,
    )


@app.command(help=words("账号看哪些小微", "limit an account to units"))
def units(name: _Name, *, units: _Units = None) -> None:
    """Limit an account to units; without any it sees all of them."""
    accounts.set_units(command.home(), command.who(), name, units or ())
    said = Text("{name} 只看：{units}", "{name} is limited to: {units}")
    if not units:
        said = Text("{name} 看所有小微", "{name} sees every unit")
    command.tell(said, name=name, units=", ".join(units or ()))


@app.command(help=words("停用账号，会话随即结束", "switch an account off; its sessions end"))
def disable(name: _Name) -> None:
    """Switch an account off; its sessions end."""
    home, who = command.home(), command.who()
    number = next((a.number for a in accounts.accounts(home, who) if a.name == name), 0)
    accounts.disable(home, who, number)
    command.tell(Text("{name} 已停用", "{name} is switched off"), name=name)


@app.command(help=words("新建接口密钥，只显示一次", "make an API key; it is shown this once"))
def key(name: _Name, *, role: _Role = "analyst", units: _Units = None) -> None:
    """Make an API key and print it; it is shown this once."""
    secret = sessions.create_key(command.home(), command.who(), name, Role(role), units or ())
    command.tell(
        Text("API 密钥（只显示这一次）：{secret}", "API key, shown this once: {secret}"), secret=secret
    )
