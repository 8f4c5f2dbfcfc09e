"""Messages of web site and app in the collection protocol: sessions of people in need and of others, mostly nameless."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from zerodistance.sample import contacts, scatter
from zerodistance.sample.appliances import campaigns
from zerodistance.sample.calendar import DAY, HOUR, UNTIL, start_of, waking
from zerodistance.sample.digital import APP, KIOSK, MOBILE, PC, TABLET, Digital, adults, cookies
from zerodistance.sample.people import Bools
from zerodistance.sample.render import Rows, join, pick, where, whole, zulu
from zerodistance.sample.scatter import Ints, digits
from zerodistance.sample.silos.messages import Mail, campaign_code
from zerodistance.sample.silos.shop import account_text, order_text
from zerodistance.sample.town import Town

PAGE, VIEWED, LISTED, SEARCHED, SAVED, ADDED, ORDERED, IDENTIFY = range(8)
_NAMES = (
    "",
    "Product Viewed",
    "Product List Viewed",
    "Products Searched",
    "Product Saved",
    "Product Added",
    "Order Completed",
    "",
)
_MIX = (0.30, 0.42, 0.14, 0.06, 0.03, 0.05)  # own value
_PAGES = ("/", "/support", "/stores", "/club", "/c/{category}", "/guide/{category}")
_MONTH = 30.44 * DAY


@dataclass(frozen=True)
class Sessions:
    """One row per session. `sale` and `campaign` are -1 where there is none; `known` may log in."""

    person: Ints
    at: Ints
    category: Ints
    kind: Ints
    in_need: Bools
    sale: Ints
    campaign: Ints
    logged_in: Bools


@dataclass(frozen=True)
class Seen:
    """Which cookie was whose: for the truth."""

    person: Ints
    cookie: pa.Array
    at: Ints
    shared: Bools


def browse(town: Town, side: Digital, mail: Mail) -> tuple[Rows, Seen]:
    """Return the messages of a block, and whose cookies they carry."""
    chance = town.luck("web")
    sessions = _sessions(town, side, mail, chance)
    cookie = cookies(town, sessions.person, sessions.kind, sessions.at, chance)
    shared = (sessions.kind == TABLET) | (sessions.kind == KIOSK)
    return _events(town, chance, sessions, cookie), Seen(sessions.person, cookie, sessions.at, shared)


def rows(found: Rows) -> Iterator[Rows]:
    """Yield the rows of the file."""
    yield found


def _sessions(town: Town, side: Digital, mail: Mail, chance: np.random.Generator) -> Sessions:
    """Return every session: of people in need, of idle ones, of those who order, of those who clicked a message."""
    visits = [
        _needy(town, chance),
        _idle(town, chance),
        _ordering(town, chance),
        _clicking(town, mail, chance),
    ]
    person, when, about, in_need, sale, campaign = (
        np.concatenate([getattr(one, name) for one in visits]) for name in vars(visits[0])
    )
    web, kind = town.world.web, _kind(town, chance, person)
    login = np.where(kind == APP, web.login_app, np.where(kind == KIOSK, 0.5, web.login_web))
    has = side.account_from[person] <= when
    logged_in = has & ((chance.random(len(person)) < login) | (sale >= 0))
    return Sessions(person, when, about, kind, in_need, sale, campaign, logged_in)


@dataclass(frozen=True)
class _Visits:
    """Sessions before it is known on what and as whom somebody browses."""

    person: Ints
    at: Ints
    category: Ints
    in_need: Bools
    sale: Ints
    campaign: Ints


def _visits(
    person: Ints, at: Ints, category: Ints, need: bool, sale: Ints | None, campaign: Ints | None
) -> _Visits:
    none = np.full(len(person), -1)
    in_need = np.full(len(person), need)
    return _Visits(
        person, at, category, in_need, none if sale is None else sale, none if campaign is None else campaign
    )


def _eager(town: Town) -> NDArray[np.float64]:
    """Return how readily each person browses; 1 in the mean."""
    return 0.3 + town.people.engagement * 2.1


def _needy(town: Town, chance: np.random.Generator) -> _Visits:
    start, needs, places = start_of(town.world.silo.web_from), town.lives.needs, town.lives.places
    begin, end = np.maximum(needs["started"], start), np.minimum(needs["purchased"], UNTIL)
    live = np.flatnonzero(needs["considers"] & (end > begin))
    decider = places.decider[needs["place"][live]]
    rate = town.world.web.sessions_need * _eager(town)[decider]
    times = chance.poisson(rate * (end - begin)[live] / _MONTH)
    of, who = np.repeat(live, times), np.repeat(decider, times)
    home = town.people.household[who]
    partner = town.households.first_person[home] + np.minimum(1, town.households.size[home] - 1)
    helps = (chance.random(len(who)) < 0.2) & (town.people.age(partner, start) > 16)
    at = begin[of] + (chance.random(len(of)) * (end - begin)[of]).astype(np.int64)
    category = places.category[needs["place"][of]].copy()
    strays = chance.random(len(of)) < 0.15  # own value: looks at something else
    category[strays] = chance.integers(0, len(town.world.appliance.categories), int(strays.sum()))
    return _visits(np.where(helps, partner, who), waking(at), category, True, None, None)


def _idle(town: Town, chance: np.random.Generator) -> _Visits:
    start = start_of(town.world.silo.web_from)
    who = np.flatnonzero(adults(town, start))
    rate = town.world.web.sessions_idle * _eager(town)[who]
    who = np.repeat(who, chance.poisson(rate * (UNTIL - start) / _MONTH))
    at = start + (chance.random(len(who)) * (UNTIL - start)).astype(np.int64)
    category = chance.integers(0, len(town.world.appliance.categories), len(who))
    return _visits(who, waking(at), category, False, None, None)


def _ordering(town: Town, chance: np.random.Generator) -> _Visits:
    sales, start = town.sales, start_of(town.world.silo.web_from)
    seen = chance.random(len(sales.at)) < town.world.web.bought_logged_in
    sale = np.flatnonzero(sales.online & (sales.at >= start + DAY) & seen)
    return _visits(
        sales.person[sale], sales.at[sale] - 240, town.category[sales.unit[sale]], True, sale, None
    )


def _clicking(town: Town, mail: Mail, chance: np.random.Generator) -> _Visits:
    seen = chance.random(len(mail.at)) < town.world.web.clicked_session
    click = np.flatnonzero((mail.at >= start_of(town.world.silo.web_from)) & (mail.at < UNTIL) & seen)
    about = np.array([category for _, category, _ in campaigns(town.world)])
    of = mail.campaign[click]
    return _visits(mail.person[click], mail.at[click], about[of], False, None, of)


def _kind(town: Town, chance: np.random.Generator, person: Ints) -> Ints:
    draw, many = chance.random((len(person), 3)), len(person)
    kind = np.where(draw[:, 0] < 0.65, MOBILE, PC)
    kind = np.where(town.households.tablet[town.people.household[person]] & (draw[:, 1] < 0.25), TABLET, kind)
    kind = np.where(town.app_user[person] & (draw[:, 2] < 0.4), APP, kind)
    return np.where(chance.random(many) < town.world.web.kiosk, KIOSK, kind)


def _events(town: Town, chance: np.random.Generator, sessions: Sessions, cookie: pa.Array) -> Rows:
    """Return the events of all sessions as lines."""
    login, buys = sessions.logged_in, sessions.sale >= 0
    count = 1 + chance.poisson(town.world.web.events - 1, len(login)) + login + buys
    of = np.repeat(np.arange(len(count)), count)
    first = np.cumsum(count) - count
    place = np.arange(len(of)) - first[of]
    what = chance.choice(len(_MIX), size=len(of), p=_MIX)
    what = np.where((place == 0) & (what > VIEWED), PAGE, what)
    entered = login.astype(np.int64) * (
        count > 1 + buys
    )  # the identify comes second, if anything comes before it
    what = np.where(login[of] & (place == entered[of]), IDENTIFY, what)
    what = np.where(buys[of] & (place == count[of] - 1), ORDERED, what)
    millis = _times(chance, sessions.at, of, first)
    kind = sessions.kind[of]
    late = np.where(
        (kind == APP) & (chance.random(len(of)) < 0.02), chance.integers(HOUR, 30 * HOUR, len(of)), 0
    )
    sent = millis + chance.integers(50, 2_500, len(of)) + late * 1_000
    named = login[of] & (place >= entered[of])
    message = scatter.mixed((np.int64(town.number) << 24) + np.arange(len(of)), town.seed + 21)
    record = scatter.hexed(message)
    static = _static(town, chance, sessions.category[of], what, kind, sessions.campaign[of])
    more = _more(town, chance, sessions, of, what)
    user = where(named, join('"userId":"', pick(account_text(town, sessions.person), of), '",'), "")
    text = join(
        '{"messageId":"', record, '","anonymousId":"', pick(cookie, of), '",', user, '"originalTimestamp":"', zulu(millis),
        '","sentAt":"', zulu(sent), '",', static, more, "}",
    )  # fmt: skip
    known = sent // 1_000
    return Rows("web", known, sessions.person[of], record, {"line": text}).before(UNTIL)


def _times(chance: np.random.Generator, at: Ints, of: Ints, first: Ints) -> Ints:
    """Return milliseconds: each event some seconds after the one before."""
    gaps = np.clip(chance.exponential(35_000, len(of)), 800, 900_000).astype(np.int64)
    gaps[first] = 0
    run = np.cumsum(gaps)
    return at[of] * 1_000 + run - run[first][of]


def _static(
    town: Town, chance: np.random.Generator, category: Ints, what: Ints, kind: Ints, campaign: Ints
) -> pa.Array:
    """Return the parts of each message that follow from what it is about: one text for each case there is."""
    categories, table = town.world.appliance.categories, town.products
    sold = [np.flatnonzero((table.category == c) & (table.last >= 2024)) for c in range(len(categories))]
    width = max(len(one) for one in sold)
    grid = np.stack([np.resize(one, width) for one in sold])
    product = grid[category, (chance.random(len(category)) ** 1.3 * width).astype(np.int64)]
    product = np.where((what == ORDERED) | (what == IDENTIFY), 0, product)
    page = chance.choice(len(_PAGES), size=len(category), p=(0.3, 0.12, 0.06, 0.12, 0.3, 0.1))
    page = np.where(what == PAGE, page, 0)
    cases = [
        _case(town, w, p, g, app)
        for app in (False, True)
        for g in range(len(_PAGES))
        for w in range(8)
        for p in range(len(table.code))
    ]
    code = (((kind == APP) * len(_PAGES) + page) * 8 + what) * len(table.code) + product
    codes = [
        f',"campaign":{{"name":"{campaign_code(n, month)}"}}'
        for n, (month, _, _) in enumerate(campaigns(town.world))
    ]
    sent_by = where(campaign >= 0, pick(codes, np.maximum(campaign, 0)), "")
    tail = pick([text.split("\x00")[1] for text in cases], code)
    return join(pick([text.split("\x00")[0] for text in cases], code), sent_by, tail)


def _case(town: Town, what: int, product: int, page: int, app: bool) -> str:
    table = town.products
    code, category = (
        table.code[product],
        town.world.appliance.categories[int(table.category[product])],
    )
    path = _PAGES[page].format(category=category) if what == PAGE else f"/p/{code.lower()}"
    path = {LISTED: f"/c/{category}", SEARCHED: "/search", IDENTIFY: "/login", ORDERED: "/done"}.get(
        what, path
    )
    name = "chaoyu-app" if app else "chaoyu-web"
    head = f'"context":{{"library":{{"name":"{name}"}},"page":{{"path":"{path}"}}'
    kind = "identify" if what == IDENTIFY else ("screen" if app else "page") if what == PAGE else "track"
    event = f',"event":"{_NAMES[what]}"' if kind == "track" else ""
    about = {
        PAGE: ',"properties":{"duration":',
        VIEWED: f',"properties":{{"product_id":"{code}","category":"{category}","price":{table.price[product]},"duration":',
        LISTED: f',"properties":{{"category":"{category}"}}',
        SEARCHED: f',"properties":{{"category":"{category}","query":"{category}"}}',
        SAVED: f',"properties":{{"product_id":"{code}","category":"{category}"}}',
        ADDED: f',"properties":{{"product_id":"{code}","category":"{category}","quantity":1,"price":{table.price[product]}}}',
        ORDERED: ',"properties":{"order_id":"',
        IDENTIFY: ',"traits":{',
    }[what]
    return f'{head}\x00}},"type":"{kind}"{event}{about}'


def _more(town: Town, chance: np.random.Generator, sessions: Sessions, of: Ints, what: Ints) -> pa.Array:
    """Return the part of each message that is its own: seconds spent, the order, the traits of a login."""
    need = sessions.in_need[of]
    spent = np.exp(chance.normal(np.where(need, 3.2, 2.2), 0.8, len(of))).astype(np.int64) + 1
    out = where(what <= VIEWED, join(whole(np.minimum(spent, 1_800)), "}"), "")
    ordered = np.flatnonzero(what == ORDERED)
    sale = sessions.sale[of[ordered]]
    order = pa.nulls(len(of), pa.string())
    if len(ordered):
        unit = town.sales.unit[sale]
        product = town.product[unit]
        texts = join(
            order_text(town, sale), '","product_id":"', pick(town.products.code, product), '","category":"',
            pick(town.world.appliance.categories, town.category[unit]), '","quantity":1,"currency":"CNY"}',
        )  # fmt: skip
        order = _placed(texts, ordered, len(of))
    logged = np.flatnonzero(what == IDENTIFY)
    traits = _placed(_traits(town, chance, sessions, of[logged]), logged, len(of))
    return pc.coalesce(order, traits, out)


def _placed(texts: pa.Array, rows: Ints, many: int) -> pa.Array:
    """Return a column with texts in some rows and null in the others."""
    at = np.full(many, -1)
    at[rows] = np.arange(len(rows))
    return pc.take(texts, pa.array(at, mask=at < 0))


def _traits(town: Town, chance: np.random.Generator, sessions: Sessions, of: Ints) -> pa.Array:
    person, at = sessions.person[of], sessions.at[of]
    member = where(
        town.member_from[person] <= at,
        join('"member_id":"M', digits(town.contacts.member[person], 11), '",'),
        "",
    )
    shows = (sessions.kind[of] == APP) & (chance.random(len(of)) < town.world.web.identify_phone)
    number = town.contacts.phone(person, at)
    phone = where(shows & (number > 0), join('"phone":"', digits(number, 11), '",'), "")
    row = np.where(chance.random(len(of)) < 0.06, town.contacts.email_row(person, at), -1)
    email = join('"email":"', contacts.emails_text(town.contacts, town.people, row), '",')
    email = where(row >= 0, email, "")
    return join(member, phone, email, '"source":"', pick(("web", "app"), sessions.kind[of] == APP), '"}')
