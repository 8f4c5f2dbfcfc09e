"""A small brand with a month behind it, made through the real door and the real worker: what pages are looked at with."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert, select
from starlette.testclient import TestClient

from tests.core.outreach.handed import hand_over
from zerodistance import compose
from zerodistance.apps.marketing import api as marketing
from zerodistance.connectors.feeds import api as connectors
from zerodistance.core.brand import api as brand
from zerodistance.core.identity import api as identity
from zerodistance.core.identity import store as identity_store
from zerodistance.core.measurement import api as measurement
from zerodistance.core.measurement.contracts import Goal, Value
from zerodistance.core.outreach import api as outreach
from zerodistance.core.outreach import approving, consent
from zerodistance.core.outreach.channels import setting
from zerodistance.core.outreach.channels import store as channel_store
from zerodistance.core.outreach.channels.examples import EXAMPLES
from zerodistance.core.outreach.sends import store as send_store
from zerodistance.core.profiles import api as profiles
from zerodistance.core.segments import audiences
from zerodistance.core.segments import store as segment_store
from zerodistance.core.segments.groups import api as groups
from zerodistance.core.segments.groups import kept as kept_groups
from zerodistance.core.segments.groups import store as group_store
from zerodistance.core.segments.groups.contracts import Asked, Group, Model, Trait, Tried
from zerodistance.core.segments.tags import api as tags
from zerodistance.core.segments.tags import store as tag_store
from zerodistance.core.touchpoints import drafts, schemas, sources, store, uploads
from zerodistance.core.touchpoints.contracts import Source
from zerodistance.doors.portal import accounts
from zerodistance.kernel import clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.state import upsert
from zerodistance.kernel.text import Text

PASSWORD = "correct horse battery"
HOUR = 3_600 * clock.MICROS_PER_SECOND
POINTS = (  # key, zh, en, kind, silent after, touches an hour at the peak, share recognised
    ("apps", "App 与小程序", "Apps", "app", 600, 26_000, 0.88),
    ("web", "官网", "Web site", "web", 600, 15_000, 0.41),
    ("devices", "联网家电", "Appliances", "device", 900, 10_000, 0.99),
    ("calls", "呼叫中心", "Call centre", "call", 600, 900, 0.93),
    ("stores", "门店与经销", "Stores, dealers", "store", 3_600, 1_800, 0.97),
    ("social", "社交媒体", "Social media", "social", 900, 700, 0.12),
    ("lockers", "快递柜", "Courier cabinets", "server", 600, 400, 0.77),
    ("paper", "纸质保修卡", "Paper warranty cards", "import", None, 0, 0.0),
)
CATEGORIES = ("fridge", "washer", "air_conditioner", "water_heater")
LONG = "WHITE-HANGING-HEART-T-LIGHT-HOLDER-WITH-RIBBON-BELL-AND-GIFT-BOX"
"""A product whose code has no place to break, longer than a phone is wide."""
STAR = "M-700031"
"""The member whose page shows everything."""


def people(home: Home) -> None:
    """Make an admin and an analyst, both with `PASSWORD`."""
    accounts.use_once(home, accounts.make_one_time_login(home), PASSWORD, PASSWORD)
    who = Who.system()
    accounts.create(home, who, "analyst", Role.ANALYST)
    accounts.use_once(home, accounts.one_time_login(home, who, "analyst"), PASSWORD, PASSWORD)


def points(home: Home) -> dict[str, Source]:
    """Make the brand and its touchpoints."""
    who = Who.system()
    brand.load_default(home, who)
    return {
        key: sources.create_source(
            home,
            who,
            key=key,
            name=Text(zh, en),
            kind=kind,
            fresh_seconds=fresh,
            origins=("https://shop.example.com",) if kind == "web" else (),
        )
        for key, zh, en, kind, fresh, _, _ in POINTS
    }


PRICED = """{"properties": {"properties": {"type": "object", "properties": {"price": {"type": "number"}}}}}"""


def policy(home: Home, made: dict[str, Source]) -> None:
    """Give the web site a limit and a schema that some of its events break."""
    who = Who.system()
    sources.set_policy(home, who, "web", events_per_second=500, events_per_day=2_000_000)
    schemas.set_schema(home, who, "web", type="track", mode="observe", text=PRICED)
    strict = '{"required": ["context"]}'
    schemas.set_schema(home, who, "web", type="page", name="Home", mode="quarantine", text=strict)
    now, web = clock.micros(), made["web"].number
    breach = {"source": web, "type": "track", "name": "", "first_at": now - HOUR, "last_at": now}
    counts = {"door_over_rate": 37, "door_429": 41, "schema_observed": 1_308}
    with home.state.write() as tx:
        for reason, count in (
            ('/properties/price breaks the rule type, which is "number"', 1_204),
            ('/properties breaks the rule type, which is "object"', 104),
        ):
            tx.execute(insert(store.schema_breach).values(**breach, reason=reason, count=count))
        hour = now - now % HOUR
        rows = [{"source": web, "hour": hour, "counter": c, "value": v} for c, v in counts.items()]
        tx.execute(insert(store.source_hour), rows)


def channels(home: Home) -> None:
    """Set up e-mail and an inbox, let something have been heard of mails; text messages are switched off, the webhook was never set up."""
    who = Who.system()
    setting.set_channel(home, who, "email", EXAMPLES["email"].zh)
    setting.set_channel(home, who, "sms", EXAMPLES["sms"].zh)
    setting.switch(home, who, "sms", on=False)
    now = clock.micros()
    heard = {
        "delivered": 940,
        "opened": 312,
        "clicked": 96,
        "refused": 7,
        "bounced_hard": 11,
        "bounced_soft": 4,
        "complained": 1,
    }
    rows = [
        {"message": f"{number:024x}", "what": what, "link": 0, "subject": -number, "channel": "email"}
        for what, many in heard.items()
        for number in range(1, many + 1)
    ]
    said = {"first_at": now - HOUR, "last_at": now - HOUR, "times": 1, "code": "", "detail": ""}
    with home.state.write() as tx:
        tx.execute(insert(channel_store.receipt), [{**row, **said} for row in rows])


def handed(home: Home) -> str:
    """Let a mail have been handed over; return its id."""
    with home.state.read() as tx:
        subject = tx.execute(select(identity_store.subject.c.number).limit(1)).scalar_one()
    return hand_over(home, subject, 5_000)


def history(home: Home, made: dict[str, Source]) -> None:
    """Write the hourly counters of the last 29 days, as commits would have left them; two sources have gone silent."""
    rnd, now = random.Random(7), clock.micros()
    this = now - now % HOUR
    rows: list[dict[str, Any]] = []
    for key, _, _, _, _, size, share in POINTS:
        for back in range(24 * 29):
            hour = clock.from_micros(this - back * HOUR).astimezone(home.settings.tz).hour
            n = int(
                size
                * (0.12 + max(0.0, math.sin((hour - 5) / 24 * 2 * math.pi * 0.9)))
                * rnd.uniform(0.85, 1.15)
            )
            if n and not (key == "calls" and back < 3):
                counters = {
                    "accepted": n,
                    "recognised": int(n * share * rnd.uniform(0.97, 1.01)),
                    "refused": int(n * (0.14 if key == "lockers" else 0.0008)),
                    "duplicates": n // 100,
                }
                rows += [
                    {"source": made[key].number, "hour": this - back * HOUR, "counter": c, "value": v}
                    for c, v in counters.items()
                ]
    silent = {"calls": 11_160, "lockers": 1_320}
    last = [
        {"source": made[p[0]].number, "received_at": at, "happened_at": at}
        for p in POINTS
        if p[5]
        for at in [now - silent.get(p[0], 20) * clock.MICROS_PER_SECOND]
    ]
    with home.state.write() as tx:
        for table, keys, values in (
            (store.source_hour, ("source", "hour", "counter"), rows),
            (store.source_last, ("source",), last),
        ):
            put = upsert(table)
            others = {c.name: put.excluded[c.name] for c in table.c if c.name not in keys}
            tx.execute(put.on_conflict_do_update(index_elements=keys, set_=others), values)


def events() -> dict[str, list[dict[str, Any]]]:
    """Return what clients send: sixty members who look, sign in, buy and call; visitors; a shared phone; bad rows."""
    rnd = random.Random(3)
    out: dict[str, list[dict[str, Any]]] = {
        p: [] for p in ("web", "apps", "calls", "devices", "stores", "lockers")
    }

    def add(point: str, days: float, kind: str, **rest: Any) -> None:
        at = (clock.now() - timedelta(days=days)).isoformat()
        out[point].append({"type": kind, "timestamp": at, "messageId": f"{point}-{len(out[point])}", **rest})

    for i in range(60):
        member, cookie, phone = f"M-5{i:05d}", f"cookie-{i}", f"138{i:08d}"
        age = rnd.uniform(30, 400)
        for _ in range(rnd.randint(1, 4)):
            about = {"category": rnd.choice(CATEGORIES)}
            add("web", age + 1, "track", event="Product Viewed", anonymousId=cookie, properties=about)
        traits = {"email": f"user{i}@example.com", "phone": phone, "name": f"王{i}"}
        add("web", age, "identify", userId=member, anonymousId=cookie, traits=traits)
        for n in range(rnd.randint(1, 3)):
            order = {
                "order_id": f"{i}-{n}",
                "total": rnd.randint(300, 6_000),
                "currency": "CNY",
                "category": rnd.choice(CATEGORIES),
            }
            add(
                "apps",
                max(0.1, age - 20 * n),
                "track",
                event="Order Completed",
                userId=member,
                properties=order,
            )
        if i % 5 == 0:
            fault = {"fault": "E4", "category": "fridge"}
            called = {"traits": {"phone": phone}}
            add(
                "calls",
                rnd.uniform(0.1, 20),
                "track",
                event="Service Called",
                userId=member,
                properties=fault,
                context=called,
            )
        if i < 12:
            add("stores", rnd.uniform(1, 60), "identify", userId=member, traits={"phone": "13900001111"})
    _star(add)
    _family(add)
    for i in range(40):
        add(
            "web",
            rnd.uniform(0, 20),
            "page",
            anonymousId=f"visitor-{i}",
            name="首页",
            properties={"path": "/"},
        )
    for i in range(7):
        out["lockers"].append({"type": "track", "messageId": f"bad-{i}", "properties": {}})
        out["lockers"].append({"type": "dance", "messageId": f"odd-{i}", "userId": "x1"})
    return out


def _star(add: Any) -> None:
    """Give one member a life at every touchpoint."""
    device = {"device": {"id": "D-91C40001", "type": "fridge"}}
    known = {"email": "wang31@example.com", "phone": "13800002207", "name": "王小明"}
    caller = {"traits": {"phone": "13800002207"}}
    bought = {
        "order_id": "S17-88",
        "total": 5_299,
        "currency": "CNY",
        "category": "fridge",
        "product_id": LONG,
    }
    alarm = {"category": "fridge", "fault": "E4", "duration": 95}
    member = {"userId": STAR}
    add(
        "web", 400, "track", event="Product Viewed", anonymousId="star-old", properties={"category": "fridge"}
    )
    add("web", 399, "identify", **member, anonymousId="star-old", traits=known)
    add("stores", 398, "track", event="Order Completed", **member, properties=bought)
    add(
        "apps",
        397,
        "track",
        event="Device Bound",
        **member,
        properties={"category": "fridge"},
        context=device,
    )
    add(
        "calls",
        200,
        "track",
        event="Service Called",
        **member,
        properties={"category": "washer", "duration": 312},
        context=caller,
    )
    add(
        "calls",
        190,
        "track",
        event="Service Visited",
        **member,
        properties={"category": "washer", "fault": "F21"},
    )
    add(
        "web", 1.2, "track", event="Product Viewed", anonymousId="star-new", properties={"category": "washer"}
    )
    add("web", 1, "identify", **member, anonymousId="star-new", traits={"email": "wang31@example.com"})
    add(
        "devices",
        0.05,
        "track",
        event="Device Fault",
        **member,
        properties={"category": "fridge", "fault": "E4"},
        context=device,
    )
    add("calls", 0.01, "track", event="Service Called", **member, properties=alarm, context=caller)


def _family(add: Any) -> None:
    """Let the star share a home with two others, and have moved; somebody has left them since."""
    old, new = "城阳区双山路250号双桥城4号楼2单元201", "市北区航运路235号雁鸣花园16-2-502"
    away = "黄岛区明湖小区7#2单元901"
    for member, name, homes in (
        (STAR, "王海燕", ((390, old), (300, old), (200, new), (60, new), (3, new))),
        ("M-700032", "李卫东", ((380, old), (310, old), (190, new), (20, new), (2, new))),
        ("M-700033", "李小雨", ((120, new), (30, new))),
        ("M-700034", "王桂兰", ((385, old), (320, old), (195, new), (160, new), (100, away), (40, away))),
    ):
        for days, address in homes:
            add("apps", days, "identify", userId=member, traits={"name": name, "address": address})
    add(
        "devices",
        45,
        "track",
        event="Device Bound",
        userId="M-700032",
        context={"device": {"id": "FR-7Q2K9F3A-0031"}},
    )


def send(client: TestClient, source: Source, batch: list[dict[str, Any]]) -> None:
    """Send events as a client does."""
    body = {"batch": batch, "sentAt": clock.now().isoformat()}
    answer = client.post("/v1/batch", content=json.dumps(body), auth=(source.write_key, ""))
    assert answer.status_code == 200, answer.text


def digest(home: Home, *, seal: bool = True) -> None:
    """Let a worker take in everything that waits, and with `seal` move it into the lake and bring tags up to date."""
    work = compose.work(home)
    while work.digest():
        pass
    if seal:
        work.seal()


CALLS_FILE = ["受理时间", "手机号", "姓名", "产品型号", "故障码", "时长", "备注"]


def calls_file(rows: int, start: int = 0) -> bytes:
    """Return an export of the call centre as it is written there: GBK; every seventh row has a time that is none."""
    lines = [",".join(CALLS_FILE)]
    for i in range(start, start + rows):
        at = "下周二" if i % 7 == 3 else f"2026/{1 + i % 9}/{1 + i % 27} {8 + i % 10}:{i % 60:02d}"
        lines.append(f"{at},138{i:08d},王{i},FR-{500 + i % 4},E{i % 5},{60 + i % 300},第 {i} 次来电")
    return "\r\n".join(lines).encode("gb18030")


def files(home: Home) -> None:
    """Import one file, of which some rows are refused, and leave another one uploaded."""
    who = Who(1, "admin", Role.ADMIN)
    drafts.begin(home, who, _upload(home, who, "来电-2026-09.csv", calls_file(140)))
    digest(home)
    _upload(home, who, "来电-2026-10-第四呼叫中心-夜班-补录.csv", calls_file(60, 140))


def _upload(home: Home, who: Who, name: str, data: bytes) -> int:
    receiver = uploads.Receiver(home, who, name)
    receiver.write(data)
    return receiver.finish().number


def fill(home: Home) -> dict[str, Source]:
    """Make the whole small world."""
    people(home)
    made = points(home)
    with TestClient(compose.door(home)) as client:
        for key, batch in events().items():
            for start in range(0, len(batch), 100):
                send(client, made[key], batch[start : start + 100])
    digest(home)
    identity.rebuild_households(home, Who.system())
    history(home, made)
    policy(home, made)
    return made


def lookalikes(home: Home, made: dict[str, Source]) -> None:
    """Let two call who are one person by what they say, and two register who are nearly one: of these somebody has to decide."""
    flat = "青岛市城阳区双山路250号双桥城4号楼2单元201"
    people = (
        ({}, {"phone": "13912348001", "name": "司马云", "birthday": "1987-03-02", "address": flat}),
        ({}, {"phone": "13912340071", "name": "司马芸", "address": "双桥城4号楼2单元201"}),
        (
            {"userId": "M-800001"},
            {"phone": "13700000013", "name": "欧阳晓辰", "birthday": "1991-11-30", "gender": "男"},
        ),
        (
            {"userId": "M-800002"},
            {"phone": "13700000014", "name": "欧阳晓晨", "birthday": "1991-11-30", "gender": "male"},
        ),
    )
    events = [
        {
            "type": "identify", "messageId": f"like-{n}", "anonymousId": f"like-{n}", **who,
            "timestamp": (clock.now() - timedelta(days=n + 1)).isoformat(), "traits": said,
        }
        for n, (who, said) in enumerate(people)
    ]  # fmt: skip
    with TestClient(compose.door(home)) as client:
        send(client, made["calls"], events)
    digest(home)
    identity.match(home, Who.system())


def feeds(home: Home, folder: Path) -> None:
    """Let the cabinets have a feed that is well, one whose folder is gone, and one that refuses a file."""
    mapping = '[mapping]\nkind = "store.visited"\nsource = "lockers"\ntimes = { happened_at = "at", zone = "UTC", lag = "1 h" }\n'
    for name in ("cabinets.daily", "cabinets.partner", "cabinets.returns"):
        (folder / name).mkdir()
        where = f'[folder]\npath = "{folder / name}"\nsettle = "0s"\n'
        connectors.add_feed(home, Who.system(), f'[feed]\nkind = "folder"\nname = "{name}"\n{where}{mapping}')
    (folder / "cabinets.partner").rmdir()
    (folder / "cabinets.returns" / "bad.csv").write_text("x\n1\n")
    connectors.Runner(home).run_due()


def sizes(home: Home, key: str, days: int = 45) -> None:
    """Note sizes of a segment for some weeks, as the hourly job would have."""
    with home.state.write() as tx:
        (row,) = segment_store.living(tx, key)
        today = clock.micros() // clock.MICROS_PER_DAY
        for back in range(days, -1, -1):
            persons = 900 + 14 * (days - back) + 60 * ((days - back) % 7 == 5)
            segment_store.note_size(tx, row["number"], today - back, 1, persons, 40)


GROUPS = (
    ("g1", Text("从没买过", "Never bought"), "ann", 0.42, (("value.orders_total", "none", 0.99, 0.02),)),
    ("g2", Text("买过的产品数：一种 · 90 天内活跃天数：没有", "Products owned: one · Active days in 90 days: none"), None, 0.33,
     (("brand.products", "one", 0.86, 0.19), ("value.spend_365d", "under_2000", 0.71, 0.12))),
    ("g3", Text("常来的会员", "Members who come back"), "ann", 0.18,
     (("value.member", "some", 0.95, 0.04), ("usage.active_days_90d", "steady", 0.62, 0.07), ("value.spend_365d", "over_10000", 0.31, 0.02))),
    ("g5", Text("最感兴趣的品类：空调", "Category of most interest: air conditioner"), None, 0.07,
     (("interest.category", "air_conditioner", 0.88, 0.11),)),
)  # fmt: skip
STRENGTHS = (0.99, 0.97, 0.93, 0.71, 0.58, 0.61, 0.44, 0.39, 0.42, 0.35, 0.31)


def groups_of(home: Home, days: int = 12) -> None:
    """Note groups of a million persons, as they stand some days after they were made; and a grouping that is asked for."""
    who, asked = Who.system("ann"), Asked(groups=None)
    groups.ask(home, who, "types", asked, name=Text("用户类型", "Kinds of users"))
    groups.ask(home, who, "later", asked, name=Text("新用户的类型", "Kinds of new users"))
    model = Model(
        (("value.spend_365d", "none"),), ((1,),), (0,), {g[0]: (n,) for n, g in enumerate(GROUPS)}, (0.21,)
    )
    found = [
        Group(
            node,
            name,
            by,
            share,
            3.2,
            tuple(Trait(*t, t[2] - t[3] - 0.01, t[2] - t[3] + 0.01) for t in traits),
        )
        for node, name, by, share, traits in GROUPS
    ]
    tried = [Tried(n, s, (1 + s) / 2, s - 0.2, 0.4 / n, s >= 0.9) for n, s in enumerate(STRENGTHS, 2)]
    with home.state.write() as tx:
        (row,) = group_store.living(tx, "types")
        about = {"grouping": row["number"], "version": 2}
        noted = {
            "asked": kept_groups.asked_text(asked),
            "model": kept_groups.model_text(model),
            "tried": kept_groups.tried_text(tried),
            "left_out": kept_groups.json_text({"interest.voice": "same"}),
            "sample": 200_000,
            "persons": 1_001_300,
            "batch": 1,
            "made_by": "ann",
            "made_at": clock.micros(),
        }
        group_store.add_version(
            tx,
            {**about, **noted},
            [{**about, **kept_groups.group_row(one, n)} for n, one in enumerate(found)],
        )
        group_store.change(tx, row["number"], wanted_by=None, wanted_at=None)
        today = clock.micros() // clock.MICROS_PER_DAY
        for back in range(days, -1, -1):
            sizes = {one.node: int(1_001_300 * one.share) + 90 * back for one in found}
            many, known = sum(sizes.values()), 0 if back == days else 1_000_900
            run = {
                "day": today - back,
                "persons": many,
                "known": known,
                "moved": known // 240,
                "distance": 4.21 + back / 90,
            }
            more = {"batch": 1, "made_at": clock.micros(), "sizes": kept_groups.json_text(sizes)}
            group_store.note(tx, **about, **run, **more)


def experiment_of(home: Home) -> None:
    """Make a campaign that everybody was assigned to two months ago, looked at since."""
    who, now = Who.system("world"), clock.now()
    goal = Goal("order.*", 90, value=Value.AMOUNT)
    with clock.freeze(now - timedelta(days=60)):
        name = Text("秋季焕新", "Autumn renewal")
        measurement.create(
            home, who, "autumn", name, goal, share_held=0.4, stratify=["geo.place"], channel="sms"
        )
        measurement.assign(home, who, "autumn", profiles.current(home).universe.persons)
    measurement.cost(home, who, "autumn", 1_200.0, "短信文案")
    for days in (50, 30, 10, 1):
        with clock.freeze(now - timedelta(days=days)):
            measurement.look(home)


def tags_of(home: Home) -> None:
    """Make tags of users, each in a state of its own: by rule in two versions, by bands, by touches, one that failed, one that ended."""

    def save(
        key: str, layer: str, zh: str, en: str, how: Any, *, now: bool = True, until: str | None = None
    ) -> None:
        label, meaning = (
            {"zh": zh, "en": en},
            {"zh": "一眼看出该先服务谁", "en": "whom to serve first, at a glance"},
        )
        given = {
            "key": key,
            "layer": layer,
            "label": label,
            "meaning": meaning,
            "how": how,
            "expires_on": until,
        }
        tags.save(home, Who.system("ann"), tags.read(home, given), now=now)

    gold = {
        "node": "gold",
        "zh": "金",
        "en": "Gold",
        "rule": 'AllOf(Did("order.completed", at_least=1), NoneOf(Did("device.fault")))',
    }
    rest = {"node": "others", "zh": "其他买过的", "en": "Others who bought", "rule": 'Did("order.completed")'}
    looks = {
        "node": "looks",
        "zh": "只看不买",
        "en": "Only looks",
        "rule": 'Did("product.viewed", within_days=90)',
    }
    save("own.vip", "value", "贵宾等级", "Tiers of customers", {"rule": [gold, rest]})
    save("own.vip", "value", "贵宾等级", "Tiers of customers", {"rule": [gold, rest, looks]})
    bands = {"of": "usage.active_days_90d", "edges": [1, 2, 4, 8]}
    save("own.active", "usage", "活跃天数，我们的分档", "Active days, our bands", {"bands": bands})
    last = {"take": "last", "word": "product", "kinds": ["product.viewed", "cart.added"], "days": 180}
    save("own.last", "interests", "最近看的产品", "Product looked at last", {"touches": last})
    save("own.autumn", "needs", "秋季活动来过的人", "Came in autumn", {"rule": [gold]}, until="2026-01-31")
    sql = "select subject, case when count(*) > 3 then 'often' else 'seldom' end as value\nfrom touches\nwhere kind = 'service.called'\ngroup by subject"
    save("own.calls", "usage", "来电多少", "Calls", {"sql": sql}, now=False)
    with home.state.write() as tx:
        (row,) = tag_store.living(tx, "own.calls")
        said = ["这段 SQL 不能用：超过 300 秒", "this SQL can't be used: it takes longer than 300 s"]
        tag_store.note(tx, row["number"], clock.micros(), json.dumps(said))
    profiles.refresh(home)


def outreach_of(home: Home) -> None:
    """Give the brand a sender, templates, what people agreed to, and a list of suppressed addresses."""
    who = Who(1, "admin", Role.ADMIN)
    names = {
        "sender_zh": "潮屿家电",
        "sender_en": "Chaoyu Appliances",
        "contact_zh": "青岛市崂山区",
        "contact_en": "Laoshan, Qingdao",
    }
    outreach.set_limits(home, who, names)
    name = {"key": "name", "of": "vault.salutation", "default": {"zh": "朋友", "en": "friend"}, "longest": 12}
    product = {
        "key": "product",
        "of": "given",
        "default": {"zh": "净水器", "en": "water purifier"},
        "longest": 16,
    }
    due = {
        "zh": {"subject": "{product}的滤芯该换了", "text": "{name}，您好：\n\n您的{product}滤芯已用满一年。在 https://shop.example.com/filters 预约。"},
        "en": {"subject": "The filter of your {product} is due", "text": "Hello {name},\n\nyour {product} has run on its filter for a year. Book a visit at https://shop.example.com/filters"},
    }  # fmt: skip
    said = {
        "name": {"zh": "滤芯该换了", "en": "Filter due"},
        "channel": "email",
        "bodies": due,
        "variables": [name, product],
    }
    outreach.save_template(home, who, "filter-due", said)
    due["zh"]["text"] += "首选原厂滤芯。"
    outreach.save_template(home, who, "filter-due", said)
    short = {
        "zh": {"text": "{name}，师傅明天上午到，请留人在家。"},
        "en": {"text": "{name}, your technician comes tomorrow morning."},
    }
    visit = {
        "name": {"zh": "上门提醒", "en": "Visit reminder"},
        "channel": "sms",
        "purpose": "service",
        "bodies": short,
        "variables": [name],
    }
    outreach.save_template(home, who, "visit-reminder", visit)
    star = identity.lookup(home, Who.system(), "user_id", STAR)
    now, shown = clock.micros(), ("/account", "2026-01", "touch", "1:consent-1")
    with home.state.write() as tx:
        for key, channel, said in (
            ("email", "email", ((True, 400),)),
            ("phone", "sms", ((True, 90), (False, 3))),
        ):
            for subject in identity.contacts(tx, np.array([star.number]), [key])["subject"].to_pylist():
                words = [
                    consent.Word(subject, "marketing", channel, yes, now - days * 24 * HOUR, *shown)
                    for yes, days in said
                ]
                consent.keep(tx, words, now)
    outreach.suppress_list(home, who, b"13712340987\n13712340988\n", "phone", "do-not-call.csv")


def sends_of(home: Home) -> None:
    """Put sends into the home: one that goes, with something of every state, one that waits for approval, one that was stopped."""
    at, ways = clock.micros() - 20 * 60_000_000, '[["email","filter-due",2]]'
    row = {
        "experiment": "autumn", "assignment": 1, "ways": ways, "purpose": "marketing", "unit": None, "not_before": None,
        "not_after": at + 3 * 24 * 3_600_000_000, "again": 0, "made_at": at, "why": "", "given": '{"product": "净水器"}',
    }  # fmt: skip
    asked = {**row, "made_by": "li", "persons": 2_780, "reach": 1_914}
    states = [
        ("sent", "", 412), ("queued", "", 1_030), ("held", "cap", 88), ("held", "no_consent", 21), ("held", "open_case", 9),
        ("failed", "no_address", 4), ("unknown", "", 2),
    ]  # fmt: skip
    with home.state.write() as tx:
        for key, state in (("autumn-1", "queued"), ("autumn-2", "asked"), ("autumn-0", "stopped")):
            over = {"ended_at": at, "ended_by": "li", "why": "价格写错了"} if state == "stopped" else {}
            number = send_store.add_send(tx, {**asked, **over, "key": key, "state": state})
            if state == "asked":
                approving.ask(tx, Who(9, "li", Role.ANALYST), f"send {key}", {}, 1_914)
        for state, reason, many in states:
            ids = [f"{n:024x}" for n in range(900_000 + many * 2_000, 900_000 + many * 2_001)]
            first = (number - 2, 10_000_000)
            send_store.add(
                tx,
                [
                    (one, first[0], first[1] + n, 0, "email", 0, at, state, reason, n % 15 == 0)
                    for n, one in enumerate(ids)
                ],
            )
        for what, many in (("delivered", 380), ("opened", 97), ("clicked", 31)):
            for n in range(many):
                heard = {
                    "message": f"{900_000 + 412 * 2_000 + n:024x}",
                    "what": what,
                    "link": 0,
                    "subject": 10_000_000 + n,
                }
                said = {"channel": "email", "first_at": at, "last_at": at, "code": "", "detail": ""}
                channel_store.hear(tx, {**heard, **said})


def campaigns_of(home: Home) -> None:
    """Run a campaign with two messages, have another wait for approval, and approve an audience; `outreach_of` has made the texts."""
    who, boss = Who.system("ann"), Who.system("ben")
    key, name = "quiet", {"zh": "没买过的，写两次", "en": "Bought nothing, written to twice"}
    said = {
        "name": name, "audience": {"segment": key}, "goal": {"kind": "order.line", "window_days": 28, "value": "amount"},
        "steps": [
            {"message": {"templates": ["filter-due"]}}, {"wait": {"days": 7, "until_hour": 10}},
            {"message": {"templates": ["filter-due"]}},
        ],
        "prices": {"email": 0.01}, "budget": {"messages": 5_000},
    }  # fmt: skip
    marketing.create(home, who, "quiet-twice", marketing.read(said))
    marketing.ask(home, who, "quiet-twice", 1)
    marketing.advance(home)
    waits = {**said, "name": {"zh": "等着批准的", "en": "Waits for a yes"}, "kind": "standing"}
    marketing.create(home, who, "waits", marketing.read(waits))
    low = replace(home, settings=home.settings.model_copy(update={"send_approval_size": 0}))
    marketing.ask(low, who, "waits", 1)
    audiences.approve(home, boss, key, 1)
