"""*Models*: the catalogue in three classes, the card of each model with its versions, training, promoting and going back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from zerodistance.core.models import api as models
from zerodistance.core.models import card as cards
from zerodistance.core.models import features, picture
from zerodistance.core.models.api import Listed
from zerodistance.core.models.card import Card
from zerodistance.core.models.contracts import Family, Version
from zerodistance.core.profiles.contracts import OWNERS
from zerodistance.doors.portal import charts
from zerodistance.doors.portal.formats import Formats
from zerodistance.doors.portal.pages import model_appeals, model_rules, model_watched, model_whatif
from zerodistance.doors.portal.registry import Menu, register
from zerodistance.doors.portal.shell import formats_of, go, home_of, lang_of, page, table_file, who_of
from zerodistance.doors.portal.working import Work, works_of
from zerodistance.kernel.access import Permission
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import Number

router = APIRouter()
MENU = Menu("models", "/models", "models", Text("模型", "Models"), 27, need=Permission.SEE_PERSONS)
_WEIGHS = 15  # own value: features on the card
KINDS = {
    "rules": Text("经验规则", "rules"),
    "points": Text("计分表", "table of points"),
    "trees": Text("树", "trees"),
    "hazard": Text("逐期风险", "hazard"),
    "value": Text("复购与金额", "lifetimes"),
    "amount": Text("购买与金额", "chance and amount"),
    "uplift": Text("增益", "uplift"),
}
PURPOSES = {
    "service": Text("服务", "service"),
    "marketing": Text("营销", "marketing"),
    "analysis": Text("分析", "analysis"),
}


@dataclass(frozen=True)
class Diagram:
    """The picture of calibration: points in percent of the plot, and the axis of both."""

    dots: tuple[tuple[float, float, float], ...]
    x: list[charts.Tick]
    y: list[charts.Tick]


def _diagram(version: Version | None, f: Formats) -> Diagram | None:
    seen = version.picture if version is not None else None
    if seen is None or len(seen.bins) < 2:
        return None
    top = _round_up(max(max(one.said, one.came) for one in seen.bins))
    most = max(one.many for one in seen.bins)
    dots = tuple(
        (100 * one.said / top, 100 - 100 * one.came / top, 3 + 3 * (one.many / most) ** 0.5)
        for one in seen.bins
    )
    whole = round(top * 100) % 4 == 0
    words = [f.percent(top * n / 4, 0 if whole else 1) for n in range(5)]
    ticks = [charts.Tick(25.0 * n, word) for n, word in enumerate(words)]
    return Diagram(dots, ticks, charts.ticks(top, words))


def _round_up(share: float) -> float:
    return next(top for top in (0.02, 0.04, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0) if share <= top or top == 1.0)


@router.get("/models")
def listing(request: Request) -> Response:
    """List the models by class."""
    found = models.models(home_of(request), who_of(request))
    families = [(one, [m for m in found if m.model.family is one]) for one in Family]
    return page(
        request,
        "models.html",
        here="models",
        families=[(one, some) for one, some in families if some],
        many=len(found),
        champions=sum(one.champion is not None for one in found),
        judged=cards.judged,
        kinds=KINDS,
        months=months,
        watched=model_watched.every(request),
    )


@router.get("/models.csv")
def listing_file(request: Request) -> Response:
    """Give every model with the figures of its champion as a CSV file."""
    lang, found = lang_of(request), models.models(home_of(request), who_of(request))
    head = (
        "model",
        "label",
        "family",
        "horizon_days",
        "newest",
        "champion",
        "kind",
        "measure",
        "value",
        "low",
        "high",
    )
    return table_file("models", head, [row for one in found for row in _rows(one, lang)])


def _rows(one: Listed, lang: str) -> list[tuple[object, ...]]:
    model, crowned = one.model, one.champion
    own = (model.key, model.label.get(lang), model.family.value, model.horizon_days)
    newest = one.newest.number if one.newest else ""
    if crowned is None:
        return [(*own, newest, "", "", "", "", "", "")]
    return [
        (*own, newest, crowned.number, crowned.kind, name, x["value"], x["low"], x["high"])
        for name, x in sorted(crowned.figures.items())
    ]


def months(days: int) -> Text:
    """Return a horizon in words.

    Examples
    --------
    >>> months(182).en, months(365).zh, months(30).en, months(7).zh
    ('6 months', '12 个月', '30 days', '7 天')
    """
    whole = round(days / 30.4)
    if whole < 2:
        return Text(f"{days} 天", f"{days} days")
    return Text(f"{whole} 个月", f"{whole} months")


@router.get("/models/{key}")
def detail(request: Request, key: str, version: Number | None = None, done: str = "") -> Response:
    """Show the card of a model."""
    return _detail(request, cards.card(home_of(request), who_of(request), key, version), done=done)


def _detail(request: Request, found: Card, status: int = 200, **values: Any) -> Response:
    shown = {"problem": "", "done": "", **values}
    return page(
        request,
        "model.html",
        status=status,
        here="models",
        c=found,
        model=found.model,
        v=found.version,
        judged=cards.judged,
        kinds=KINDS,
        purposes=PURPOSES,
        owners=OWNERS,
        months=months,
        diagram=_diagram(found.version, formats_of(request)),
        bands=cards.total(found),
        nodes=picture.bands(found.model).bands,
        names={one: features.target_name(found.model, one) for one in found.model.targets if one},
        weighs=found.weighs[:_WEIGHS],
        prices=found.prices,
        since={one.number: one for one in found.crowned},
        back=_before(found),
        work=_under_way(request, found.model.key),
        **model_appeals.about(request, found.model),
        **model_watched.about(request, found.model),
        measures=cards.MEASURES,
        **shown,
    )


def _before(found: Card) -> int | None:
    """Return the version that scored before the champion; None where none did."""
    if not found.crowned:
        return None
    past = [one.number for one in found.crowned[:-1] if one.number != found.crowned[-1].number]
    return past[-1] if past else None


def _under_way(request: Request, key: str) -> Work | None:
    found = works_of(request).under_way(model_rules.TRAIN)
    return found if found is not None and found.of["key"] == key else None


@router.get("/models/{key}/card.json")
def card_file(request: Request, key: str, version: Number | None = None) -> Response:
    """Give the card as a JSON file."""
    found = cards.card(home_of(request), who_of(request), key, version)
    headers = {
        "Content-Disposition": f'attachment; filename="{_named(found)}.json"',
        "Cache-Control": "no-store",
    }
    body = json.dumps(cards.finite(cards.plain(found)), ensure_ascii=False, indent=1)
    return Response(body, media_type="application/json", headers=headers)


@router.get("/models/{key}/card.csv")
def card_table(request: Request, key: str, version: Number | None = None) -> Response:
    """Give the card as a CSV file."""
    found = cards.card(home_of(request), who_of(request), key, version)
    head = ("part", "name", "of", "value", "low", "high")
    return table_file(_named(found), head, cards.rows(found, lang_of(request)))


@router.get("/models/{key}/calibration.csv")
def calibration_table(request: Request, key: str, version: Number | None = None) -> Response:
    """Give what was said and what came of rows whose chances are alike as a CSV file."""
    found = cards.card(home_of(request), who_of(request), key, version)
    seen = found.version.picture if found.version else None
    rows = ((one.said, one.came, one.many) for one in (seen.bins if seen else ()))
    return table_file(f"{_named(found)}-calibration", ("said", "came", "rows"), rows)


@router.get("/models/{key}/bands.csv")
def bands_table(request: Request, key: str, version: Number | None = None) -> Response:
    """Give what came of each band at the evaluation, by category, as a CSV file."""
    found = cards.card(home_of(request), who_of(request), key, version)
    head = ("category", "band", "persons", "expected", "came", "now")
    rows = ((*row, found.scored.get(row[0], {}).get(row[1], "")) for row in cards.band_rows(found))
    return table_file(f"{_named(found)}-bands", head, rows)


def _named(found: Card) -> str:
    return f"{found.model.key}-v{found.version.number}" if found.version else found.model.key


# -- training, promoting, going back


@router.post("/models/{key}/train")
def train(request: Request, key: str, kind: Annotated[str, Form()] = "") -> Response:
    """Train a new version, and show how far that is."""
    home, who = home_of(request), who_of(request)
    who.need(Permission.OPERATE)
    model = models.model(key)
    work = works_of(request).begin(
        model_rules.TRAIN,
        {"key": model.key, "kind": kind},
        lambda told: models.train(home, who, key, kind=kind, told=told),
    )
    if work.of["key"] != model.key:
        busy = Text(
            "正在训练 {key}，一次只训练一个；等它做完再试",
            "{key} is being trained, one at a time: try again when it is done",
        )
        problem = busy.format(key=work.of["key"]).get(lang_of(request))
        return _detail(request, cards.card(home, who, key), 409, problem=problem)
    work.wait()
    return go(f"/models/{key}/work/{work.key}")


@router.get("/models/{key}/work/{number}")
def work(request: Request, key: str, number: str) -> Response:
    """Show training that is under way, or lead to what came of it."""
    who_of(request).need(Permission.OPERATE)
    part = request.headers.get("HX-Request") == "true"
    found = works_of(request).get(number)
    if found is None or found.kind != model_rules.TRAIN or found.of["key"] != key:
        return _led(f"/models/{models.model(key).key}?done=gone", part=part)
    if found.done and found.error is None:
        return _led(f"/models/{key}?version={found.result.number}&done=trained", part=part)
    problem = found.error.message(lang_of(request)) if found.error is not None else ""
    return page(
        request,
        "model_work_state.html" if part else "model_work.html",
        here="models",
        model=models.model(key),
        w=found,
        at=f"/models/{key}/work/{number}",
        problem=problem,
        kinds=KINDS,
    )


def _led(path: str, *, part: bool) -> Response:
    """Lead to a page, from a part of one too."""
    return Response(headers={"HX-Redirect": path}) if part else go(path)


@router.post("/models/{key}/promote")
def promote(request: Request, key: str, version: Annotated[int, Form(ge=0, le=2**31)]) -> Response:
    """Let a version score."""
    home, who = home_of(request), who_of(request)
    try:
        models.promote(home, who, key, version)
    except ZeroDistanceError as error:
        return _refused(request, key, error)
    return go(f"/models/{key}?version={version}&done=promoted")


@router.post("/models/{key}/rollback")
def roll_back(request: Request, key: str) -> Response:
    """Let the version score again that did before."""
    try:
        found = models.roll_back(home_of(request), who_of(request), key)
    except ZeroDistanceError as error:
        return _refused(request, key, error)
    return go(f"/models/{key}?version={found.number}&done=back")


def _refused(request: Request, key: str, error: ZeroDistanceError) -> Response:
    who = who_of(request)
    who.need(Permission.OPERATE)
    found = cards.card(home_of(request), who, key)
    return _detail(request, found, error.status, problem=error.message(lang_of(request)))


router.include_router(model_whatif.router)
router.include_router(model_rules.router)
router.include_router(model_appeals.router)
router.include_router(model_watched.router)
register("models", router, MENU)
