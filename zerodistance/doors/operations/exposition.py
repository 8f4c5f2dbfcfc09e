"""Writing measures as text that Prometheus and its kin read: OpenMetrics 1.0, or the older format of Prometheus.

References
----------
OpenMetrics 1.0.0; Prometheus text-based exposition format 0.0.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from zerodistance.kernel.measure import Histogram
from zerodistance.kernel.text import Text

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
COUNTER, GAUGE, HISTOGRAM, INFO = "counter", "gauge", "histogram", "info"
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Metric:
    """One measure and what it means.

    Attributes
    ----------
    name
        Without the ending of its type; it ends with the unit if it has one.
    kind
        `counter`, `gauge`, `histogram` or `info`.
    unit
        A base unit: `seconds`, `bytes`; empty for counts.
    labels
        What its samples are told apart by.
    """

    name: str
    kind: str
    help: Text
    labels: tuple[str, ...] = ()
    unit: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or (self.unit and not self.name.endswith(f"_{self.unit}")):
            raise ValueError(f"{self.name} is no name of a measure in {self.unit or 'counts'}")

    @property
    def written(self) -> str:
        """The name under which its samples stand."""
        return self.name + {COUNTER: "_total", INFO: "_info"}.get(self.kind, "")


@dataclass
class Samples:
    """The values of one measure: label values in the order of its labels -> value."""

    metric: Metric
    values: dict[tuple[str, ...], float | Histogram] = field(default_factory=dict)

    def put(self, value: float | Histogram | None, *labels: object) -> None:
        """Set one value; None: it is not known and left out."""
        if len(labels) != len(self.metric.labels):
            raise ValueError(f"{self.metric.name} has the labels {self.metric.labels}, given {labels}")
        if value is not None:
            self.values[tuple(map(str, labels))] = value


def wanted(accept: str) -> str:
    """Return the content type to answer with, for an `Accept` header.

    Examples
    --------
    >>> wanted("application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.5")[:28]
    'application/openmetrics-text'
    >>> wanted("text/plain;version=0.0.4, */*;q=0.1")[:10], wanted("")[:10]
    ('text/plain', 'text/plain')
    """
    weights = {"application/openmetrics-text": 0.0, "text/plain": 0.0}
    for part in accept.split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        said = dict(p.split("=", 1) for p in parameters if "=" in p)
        if kind in weights and not (kind.startswith("app") and said.get("version", "1.0.0") != "1.0.0"):
            try:
                weights[kind] = max(weights[kind], float(said.get("q", "1")))
            except ValueError:
                continue
    return OPENMETRICS if weights["application/openmetrics-text"] > weights["text/plain"] else PROMETHEUS


def text(families: Iterable[Samples], kind: str) -> str:
    """Return measures as the text of a content type; one without values is left out."""
    modern = kind == OPENMETRICS
    lines = [line for samples in families if samples.values for line in _family(samples, modern)]
    return "\n".join([*lines, "# EOF\n"] if modern else [*lines, ""])


def _family(samples: Samples, modern: bool) -> Iterator[str]:
    metric = samples.metric
    name = metric.name if modern else metric.written
    kind = metric.kind if modern or metric.kind != INFO else GAUGE
    yield f"# TYPE {name} {kind}"
    if modern and metric.unit:
        yield f"# UNIT {name} {metric.unit}"
    yield f"# HELP {name} {_escaped(metric.help.en, quotes=modern)}"
    for labels, value in samples.values.items():
        pairs = dict(zip(metric.labels, labels, strict=True))
        if isinstance(value, Histogram):
            yield from _histogram(name, pairs, value)
        else:
            yield f"{metric.written}{_labels(pairs)} {number(value)}"


def _histogram(name: str, pairs: Mapping[str, str], value: Histogram) -> Iterator[str]:
    counts = value.cumulative()
    for bound, count in zip((*map(float, value.bounds), float("inf")), counts, strict=True):
        yield f"{name}_bucket{_labels({**pairs, 'le': number(bound)})} {count}"
    yield f"{name}_count{_labels(pairs)} {counts[-1]}"
    yield f"{name}_sum{_labels(pairs)} {number(value.sum)}"


def number(value: float) -> str:
    """Return a number as both formats write it.

    Examples
    --------
    >>> number(3), number(0.25), number(float("inf")), number(1.0), number(True)
    ('3', '0.25', '+Inf', '1.0', '1')
    """
    if isinstance(value, int):
        return str(int(value))
    if value != value:
        return "NaN"
    return ("+Inf" if value > 0 else "-Inf") if value in (float("inf"), float("-inf")) else repr(float(value))


def _labels(pairs: Mapping[str, str]) -> str:
    if not pairs:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs.items()) + "}"


def _escaped(value: str, *, quotes: bool = True) -> str:
    value = value.replace("\\", r"\\").replace("\n", r"\n")
    return value.replace('"', r"\"") if quotes else value
