"""A first mapping for a file, by the names of its columns and how their values look. A guess: whoever imports looks at it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from zerodistance.core.touchpoints.mapping import NUMBERS, KindRule, Mapping, SourceSpec, Times
from zerodistance.core.touchpoints.roles import BODY, IGNORED, SOURCE_ID, TIME, role_of, with_role
from zerodistance.core.touchpoints.shapes import csv_shape, json_shape, xlsx_shape
from zerodistance.core.touchpoints.sniff import Column, Guess

_NAMES: dict[str, str] = {
    "id:phone": "手机 手机号 手机号码 电话 联系电话 联系方式 主叫 主叫号码 来电号码 "
    "mobile mobileno mobilephone phone phoneno phonenumber tel telephone cell caller_phone",
    "id:email": "邮箱 电子邮箱 邮件 email e-mail mail emailaddress",
    "id:member_id": "会员号 会员编号 会员id 会员卡号 客户编号 客户号 客户id "
    "member memberid memberno member_no customerid customerno customernumber cardno",
    "id:openid": "openid open_id wechatopenid",
    "id:device_id": "设备号 设备编号 设备id deviceid device imei mac",
    "id:user_id": "用户号 用户编号 用户id userid uid accountid",
    "id:anonymous_id": "匿名号 访客号 anonymousid visitorid cookie cookieid clientid",
    "source_id": "编号 流水号 工单号 工单编号 记录号 交易号 单据号 ticket ticketno ticketid recordid callid transactionid eventid messageid uuid id no",
    "column:order_id": "订单号 订单编号 订单id orderid orderno ordernumber order invoiceno invoice",
    "column:product": "产品 产品编码 产品型号 型号 商品 商品编码 商品名称 product productid productcode sku model item itemcode stockcode",
    "column:category": "品类 类目 类别 产品类别 category categoryname producttype",
    "column:quantity": "数量 件数 台数 quantity qty pieces count units",
    "column:amount": "金额 总价 总额 实付 实付金额 订单金额 amount total totalamount revenue paid",
    "column:currency": "币种 货币 currency currencycode",
    "column:duration": "时长 通话时长 时长秒 duration seconds durationseconds talktime",
    "column:energy": "用电量 耗电量 电量 kwh energy powerconsumption",
    "column:warnings": "告警次数 告警数 报警次数 warnings alarms",
    "column:fault": "故障 故障码 故障代码 故障编码 fault faultcode errorcode",
    "column:place": "门店 店铺 网点 门店编号 门店编码 地点 地区 区域 省份 国家 place store storeid shop region country province area",
    "column:channel": "渠道 来源渠道 channel",
    "column:campaign": "活动 活动名称 campaign campaignid",
    "fact:name": "姓名 名字 客户姓名 联系人 收货人 name fullname customername contact caller",
    "fact:gender": "性别 gender sex",
    "fact:language": "语言 语种 使用语言 language locale lang preferredlanguage",
    "fact:birthday": "生日 出生日期 birthday birthdate dateofbirth dob",
    "fact:address": "地址 收货地址 联系地址 address street",
    "fact:city": "城市 市 city town",
    "fact:serial": "序列号 机身号 产品序列号 产品机身号 机号 sn serial serialno serialnumber",
}  # fmt: skip
_DROPPED = str.maketrans("", "", " _-")
_ROLES = {name.translate(_DROPPED): role for role, names in _NAMES.items() for name in names.split()}
_MOMENTS = re.compile(
    r"时间|日期|^date|date$|time$|^at$|^when$|created|opened|^ordered|occurred|happened|visited",
    re.IGNORECASE,
)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?\s*(Z|[+-]\d{2}:?\d{2})?)?")
_DAYS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%Y年%m月%d日",
    "%Y%m%d",
)
_CLOCKS = ("", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p", "T%H:%M:%S")
_EPOCHS = ((10, "epoch_s"), (13, "epoch_ms"), (16, "epoch_us"))
_OPEN_TYPES = (
    "integer",
    "number",
    "boolean",
    "date",
    "time",
)  # values of these are kept; a text may be about a person
_KINDS = (  # the first whose roles are all there
    ("order.line", ("column:order_id", "column:product", "column:quantity")),
    ("order.completed", ("column:order_id",)),
    ("device.fault", ("id:device_id", "column:fault")),
    ("service.called", ("column:duration", "id:phone")),
    ("service.called", ("column:fault",)),
    ("product.registered", ("id:device_id", "column:product")),
    ("product.registered", ("fact:serial", "column:product")),
    ("order.line", ("column:product", "column:amount")),
    ("store.visited", ("column:place",)),
)  # fmt: skip


def suggest(guess: Guess, source: SourceSpec, zone: str) -> Mapping:
    """Return a mapping for a file; where no column says when a row happened, that stays empty, to be chosen.

    Parameters
    ----------
    zone
        IANA zone of times that carry none.
    """
    mapping = bare(guess, source)
    roles = _roles(guess.columns)
    for column in guess.columns:
        role = roles.get(column.name)
        if role is None:
            role = BODY if column.type in _OPEN_TYPES else IGNORED
        if role != IGNORED:
            mapping = with_role(mapping, column.name, role)
    if mapping.facts and not mapping.identifiers:
        mapping = replace(mapping, facts={})
    if guess.format in ("csv", "xlsx"):
        numbers = {c.name: c.type for c in guess.columns if c.type in ("integer", "number")}
        named = (mapping.columns[name] for name in NUMBERS if name in mapping.columns)
        mapping = replace(mapping, types={name: numbers[name] for name in named if name in numbers})
    given = set(roles.values())
    kind = next((key for key, wanted in _KINDS if given.issuperset(wanted)), "custom")
    mapping = replace(mapping, kinds=(KindRule(kind),))
    at = next((c for c in guess.columns if role_of(mapping, c.name) == TIME), None)
    return mapping if at is None else replace(mapping, times=times_of(at, zone, guess.format))


def bare(guess: Guess, source: SourceSpec) -> Mapping:
    """Return a mapping that says how the file is written and nothing of its columns."""
    said: dict[str, Any] = guess.mapping()
    return Mapping(
        source=source,
        format=guess.format,
        kinds=(KindRule("custom"),),
        times=Times("", lag=timedelta(days=1)),
        csv=csv_shape(said.get("csv", {})),
        json=json_shape(said.get("json", {}), guess.format),
        xlsx=xlsx_shape(said.get("xlsx", {})),
    )


def times_of(column: Column, zone: str, form: str) -> Times:
    """Return how the times of a column are read, as far as its values tell.

    Examples
    --------
    >>> times_of(Column("at", "text", ("31/01/2026", "01/02/2026"), 0), "Asia/Shanghai", "csv").formats
    ('%d/%m/%Y',)
    """
    formats = () if form == "parquet" else tuple(one for one in [_format(column.samples)] if one)
    carries = bool(column.samples) and all(re.search(r"(Z|[+-]\d{2}:?\d{2})$", s) for s in column.samples)
    numbered = formats and "%" not in formats[0]
    return Times(
        column.name, formats, None if (carries and not formats) or numbered else zone, None, timedelta(days=1)
    )


def _format(samples: Sequence[str]) -> str | None:
    """Return the one format that most samples have; None if that is ISO 8601, or if several formats fit as well."""
    texts = [sample.strip() for sample in samples]
    fits: Counter[str | None] = Counter({None: sum(bool(_ISO.fullmatch(text)) for text in texts)})
    for digits, name in _EPOCHS:
        fits[name] = sum(text.isdecimal() and len(text) == digits for text in texts)
    for day in _DAYS:
        for clock in _CLOCKS:
            fits[day + clock] = sum(_fits(text, day + clock) for text in texts)
    (best, n), *others = fits.most_common()
    if 2 * n < len(texts) or not n or fits[None] == n or any(m == n for _, m in others):
        return None
    return best


def _fits(text: str, form: str) -> bool:
    try:
        return bool(datetime.strptime(text, form))
    except ValueError:
        return False


def _called(column: Column) -> str:
    """Return the role that a column's name says, nothing if it says none."""
    return _ROLES.get(column.name.casefold().translate(_DROPPED), "")


def _roles(columns: Sequence[Column]) -> Table[str, str]:
    """Return column -> role, each role once: the first column that is called so has it.

    A serial number says who shares a home; in a file that names nobody, what an appliance tells of itself, it is the device.
    """
    out: dict[str, str] = {}
    at = _moment(columns)
    for column in columns:
        role = TIME if column is at else _called(column) or None
        if role is None or (role in out.values() and role != SOURCE_ID):
            continue
        if role.partition(":")[2] in NUMBERS and column.type not in ("integer", "number"):
            continue
        if role != TIME or column is at:
            out[column.name] = role
    if list(out.values()).count(SOURCE_ID) > 1:
        first = next(name for name, role in out.items() if role == SOURCE_ID)
        out = {name: role for name, role in out.items() if role != SOURCE_ID or name == first}
    if not any(role.startswith("id:") for role in out.values()):
        out = {name: "id:device_id" if role == "fact:serial" else role for name, role in out.items()}
    return out


def _moment(columns: Sequence[Column]) -> Column | None:
    """Return the column that says when a row happened: one of times before one of dates, a telling name first."""
    named = [c for c in columns if _MOMENTS.search(c.name)]
    timed = [c for c in columns if c.type in ("time", "date")]
    both = [c for c in named if c in timed]
    epochs = [c for c in named if _format(c.samples) is not None]
    texts = [c for c in named if c.type == "text"]
    return next((c for c in (*both, *epochs, *timed, *texts) if not _called(c).startswith("fact")), None)
