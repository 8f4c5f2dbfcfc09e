"""What stands below a saved segment: its growth, who entered and left, what tells it from others, overlap, versions; and its state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from zerodistance.core.models import expected
from zerodistance.core.models.contracts import Model
from zerodistance.core.models.expected import Expected
from zerodistance.core.models.persons import called
from zerodistance.core.segments import api as segments
from zerodistance.core.segments import expecting
from zerodistance.core.segments.contracts import Segment, Size
from zerodistance.core.segments.figures import Overlap
from zerodistance.doors.portal import charts
from zerodistance.doors.portal.formats import Formats
from zerodistance.doors.portal.shell import formats_of, go, home_of, lang_of, page, table_file, who_of
from zerodistance.kernel.access import Permission
from zerodistance.kernel.web import Number

router = APIRouter()
_OTHERS = 7  # own value: saved segments that are shown beside one
_MOST = 12  # own value: differences on the page
_VERSIONS = 5


@dataclass(frozen=True)
class Growth:
    """The picture of the sizes of a segment day by day."""

    line: charts.Line
    y: list[charts.Tick]
    x: list[charts.Tick]
    sizes: tuple[Size, ...]

    @property
    def gained(self) -> int:
        """How many more persons there are than on the first day."""
        return self.sizes[-1].persons - self.sizes[0].persons


def _growth(sizes: tuple[Size, ...], f: Formats) -> Growth | None:
    if len(sizes) < 2:
        return None
    first = sizes[0].day
    days = (sizes[-1].day - first).days
    found = {(size.day - first).days: size.persons for size in sizes}
    values, last = list[float](), sizes[0].persons
    for day in range(days + 1):  # a day on which nobody noted has the size of the day before
        last = found.get(day, last)
        values.append(last)
    top = charts.ceiling(max(values))
    marks = sorted({0, days // 2}) if days > 1 else [0]
    ticks = [
        charts.Tick(100 * n / days, f"{sizes[0].day.fromordinal(first.toordinal() + n):%m-%d}") for n in marks
    ]
    return Growth(
        charts.line(values, top),
        charts.ticks(top, [f.short(top * i / 3) for i in range(4)]),
        [*ticks, charts.Tick(100, f"{sizes[-1].day:%m-%d}")],
        sizes,
    )


def _beside(request: Request, segment: Segment) -> Overlap | None:
    """Return how a segment overlaps with others that were changed last, None where there are none."""
    home, who = home_of(request), who_of(request)
    others = [one.key for one in segments.segments(home, who) if one.key != segment.key][:_OTHERS]
    return segments.overlap(home, who, [segment.key, *others]) if others else None


@router.get("/segments/{key}/more")
def more(request: Request, key: str) -> Response:
    """Show what there is to know of a segment; a part of its page that comes after it."""
    home, who = home_of(request), who_of(request)
    who.need(Permission.SEE_PERSONS)
    segment = segments.segment(home, who, key)
    first = max(1, segment.versions - _VERSIONS + 1)
    versions = [segments.segment(home, who, key, n) for n in range(segment.versions, first - 1, -1)]
    values: dict[str, Any] = {
        "segment": segment,
        "growth": _growth(segments.growth(home, who, key), formats_of(request)),
        "changes": segments.last_changes(home, who, key, 6),
        "found": segments.distinguish(home, who, segment.asks, sample=True, most=_MOST),
        "overlap": _beside(request, segment),
        "versions": [(one, segments.rule_text(one.rule)) for one in versions],
    }
    return page(request, "segment_more.html", **values)


@router.get("/segments/{key}/expected")
def expected_part(request: Request, key: str, of: str = "") -> Response:
    """Show what a model expects of a segment; a part of its page. `of` is a model and a category, `n1:washer`."""
    segment, choices, found = _expected(request, key, of)
    chosen = f"{found.model.key}:{found.category}" if found else ""
    values: dict[str, Any] = {
        "segment": segment,
        "choices": choices,
        "e": found,
        "chosen": chosen,
        "called": called,
    }
    return page(request, "segment_expected.html", **values)


@router.get("/segments/{key}/expected.csv")
def expected_file(request: Request, key: str, of: str = "") -> Response:
    """Give what a model expects of a segment, by band, as a CSV file."""
    _, _, found = _expected(request, key, of)
    head = ("band", "persons", "expected", "then_persons", "then_expected", "then_came")
    rows = (
        ((b.node, b.persons, b.expected, b.then_persons, b.then_expected, b.then_came) for b in found.bands)
        if found
        else ()
    )
    return table_file(f"{key}-expected", head, rows)


def _expected(
    request: Request, key: str, of: str
) -> tuple[Segment, list[tuple[Model, tuple[str, ...]]], Expected | None]:
    home, who = home_of(request), who_of(request)
    who.need(Permission.SEE_PERSONS)
    segment = segments.segment(home, who, key)
    choices = expected.choices(home, who)
    if not of and choices:
        model, categories = choices[0]
        of = f"{model.key}:{categories[0]}"
    wanted, _, category = of.partition(":")
    return segment, choices, expecting.expect(home, who, segment.asks, wanted, category) if choices else None


@router.get("/segments/{key}/growth.csv")
def growth_file(request: Request, key: str) -> Response:
    """Give the sizes of a segment day by day as a CSV file."""
    sizes = segments.growth(home_of(request), who_of(request), key, 3_650)
    rows = [(f"{size.day:%Y-%m-%d}", size.persons, size.visitors, size.version) for size in sizes]
    return table_file(f"{key}-growth", ("day", "persons", "visitors", "version"), rows)


@router.get("/segments/{key}/differences.csv")
def differences_file(request: Request, key: str) -> Response:
    """Give what tells a segment from everybody else as a CSV file, exactly counted."""
    home, who, lang = home_of(request), who_of(request), lang_of(request)
    segment = segments.segment(home, who, key)
    found = segments.distinguish(home, who, segment.asks, most=200)
    head = (
        "dimension",
        "label",
        "node",
        "node_label",
        "persons",
        "share",
        "share_others",
        "low",
        "high",
        "log_odds",
    )
    rows = [
        (
            *(one.dimension, one.label.get(lang), one.node, one.node_label.get(lang), one.persons),
            *(round(x, 6) for x in (one.share, one.share_others, one.low, one.high, one.log_odds)),
        )
        for one in found.differences
    ]
    return table_file(f"{key}-differences", head, rows)


@router.get("/segments/{key}/changes/{number}")
def change(request: Request, key: str, number: Number) -> Response:
    """Show who entered and who left by one change."""
    home, who = home_of(request), who_of(request)
    segment = segments.segment(home, who, key)
    found = segments.changed(home, who, key, number)
    return page(request, "segment_change.html", here="segments", segment=segment, found=found)


@router.post("/segments/{key}/follow")
def follow(request: Request, key: str) -> Response:
    """Have entries and exits told."""
    segments.follow(home_of(request), who_of(request), key)
    return go(f"/segments/{key}")


@router.post("/segments/{key}/freeze")
def freeze(request: Request, key: str) -> Response:
    """Keep who is in it now."""
    segments.freeze(home_of(request), who_of(request), key)
    return go(f"/segments/{key}")


@router.post("/segments/{key}/thaw")
def thaw(request: Request, key: str) -> Response:
    """Make it living, and followed by nobody."""
    segments.thaw(home_of(request), who_of(request), key)
    return go(f"/segments/{key}")
