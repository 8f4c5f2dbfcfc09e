"""What `/metrics` writes is read by Prometheus' own parsers, in both formats, whatever stands in a label."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics import parser as modern
from prometheus_client.parser import text_string_to_metric_families as older

from zerodistance.doors.operations.exposition import (
    COUNTER,
    GAUGE,
    HISTOGRAM,
    OPENMETRICS,
    PROMETHEUS,
    Metric,
    Samples,
    text,
    wanted,
)
from zerodistance.doors.operations.metrics import METRICS
from zerodistance.kernel.measure import Histogram
from zerodistance.kernel.text import Text

HELP = Text("说明 \\ \"引号\"", "a \\ help with \"quotes\"\nand a second line")  # fmt: skip
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;q=0.4,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
PARSERS = {OPENMETRICS: modern.text_string_to_metric_families, PROMETHEUS: older}


def read(families: list[Samples], kind: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    found = PARSERS[kind](text(families, kind))
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in found for s in f.samples}


@pytest.mark.parametrize("kind", PARSERS)
@given(label=st.text(), value=st.floats(allow_nan=False) | st.integers(-(2**53), 2**53))
def test_any_label_and_any_number_come_back_as_they_were(kind: str, label: str, value: float) -> None:
    samples = Samples(Metric("x_seconds", GAUGE, HELP, ("who",), "seconds"))
    samples.put(value, label)
    ((name, labels), found), *rest = read([samples], kind).items()
    assert (name, dict(labels), found, rest) == ("x_seconds", {"who": label}, value, [])


@pytest.mark.parametrize("kind", PARSERS)
def test_a_histogram_adds_up(kind: str) -> None:
    times = Histogram((0.1, 1.0))
    for value in (0.05, 0.5, 0.5, 3.0):
        times.observe(value)
    samples = Samples(Metric("took_seconds", HISTOGRAM, HELP, (), "seconds"))
    samples.put(times)
    found = read([samples], kind)
    buckets = {labels[0][1]: v for (name, labels), v in found.items() if name == "took_seconds_bucket"}
    assert buckets == {"0.1": 1, "1.0": 3, "+Inf": 4}
    assert found["took_seconds_count", ()] == 4
    assert found["took_seconds_sum", ()] == pytest.approx(4.05)


@pytest.mark.parametrize("kind", PARSERS)
def test_a_counter_ends_with_total_and_a_measure_without_values_is_left_out(kind: str) -> None:
    counted, empty = Samples(Metric("done", COUNTER, HELP)), Samples(Metric("none", GAUGE, HELP))
    counted.put(3)
    assert read([counted, empty], kind) == {("done_total", ()): 3}
    assert "none" not in text([counted, empty], kind)


def test_openmetrics_ends_with_its_mark_and_names_units() -> None:
    samples = Samples(Metric("size_bytes", GAUGE, HELP, (), "bytes"))
    samples.put(1)
    assert "# UNIT size_bytes bytes\n" in text([samples], OPENMETRICS)
    assert text([samples], OPENMETRICS).endswith("\n# EOF\n")
    assert "EOF" not in text([samples], PROMETHEUS)


@pytest.mark.parametrize("key", METRICS)
def test_every_measure_is_named_as_the_specifications_want(key: str) -> None:
    metric = METRICS[key]
    assert metric.name.startswith("zerodistance_")
    assert not metric.name.endswith(("_total", "_info", "_count", "_sum", "_bucket", "_created"))
    assert not any(word in metric.name for word in ("_ms", "_minutes", "_hours", "_days", "_kb", "_mb"))
    assert [unit for unit in ("seconds", "bytes") if metric.name.endswith(unit)] == [metric.unit] * bool(
        metric.unit
    )
    assert metric.help.zh
    assert metric.help.en


def test_a_name_without_its_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="no name of a measure"):
        Metric("size", GAUGE, HELP, (), "bytes")


def test_a_value_needs_every_label() -> None:
    with pytest.raises(ValueError, match="has the labels"):
        Samples(Metric("x", GAUGE, HELP, ("a",))).put(1)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", PROMETHEUS),
        ("*/*", PROMETHEUS),
        ("application/openmetrics-text", OPENMETRICS),
        (PROMETHEUS_2, OPENMETRICS),
        (PROMETHEUS_3, OPENMETRICS),
        ("text/plain;version=0.0.4;q=0.5,application/openmetrics-text;q=0.4", PROMETHEUS),
        ("application/openmetrics-text;version=0.0.1", PROMETHEUS),
        ("application/openmetrics-text;q=much, text/plain", PROMETHEUS),
        (";;,=,q=1", PROMETHEUS),
    ],
)  # fmt: skip
def test_the_client_says_which_format(accept: str, kind: str) -> None:
    assert wanted(accept) == kind
