"""Public tables on which models are measured, read from a folder: `benchmarks/README.md` says where they come from."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.lib.machine import arguments

Floats = npt.NDArray[np.float64]
FILES = Path("shared", "data", "models")


class Table(NamedTuple):
    """Features by name, and what came of each row."""

    columns: dict[str, Floats]
    labels: Floats


def folder() -> Path | None:
    """Return the folder `shared/data/models` beside the project or above it, if there is one."""
    return next((up / FILES for up in Path(__file__).resolve().parents if (up / FILES).is_dir()), None)


def options(text: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that every benchmark of a public table has."""
    parser = arguments(text)
    parser.add_argument("--data", type=Path, default=folder(), help="the folder of the public tables")
    parser.add_argument("--seeds", type=int, default=10, help="how often rows are parted anew")
    return parser


def telco(data: Path) -> tuple[Table, Floats]:
    """Return the customers of IBM's telephone company, whether they left, and how many months they had been with it.

    Words are a column of 0 and 1 each; of months and charges the months are left out of the features.
    """
    rows = _rows(data / "telco_churn_ibm.csv")
    columns: dict[str, Floats] = {}
    for name in rows[0]:
        said = [row[name].strip() for row in rows]
        if name in ("customerID", "Churn", "tenure"):
            continue
        if name in ("SeniorCitizen", "MonthlyCharges", "TotalCharges"):
            columns[name] = np.array([float(one) if one else np.nan for one in said])
            continue
        words = sorted(set(said) - {"No internet service", "No phone service"})  # a column of its own says so
        for word in words[1:] if len(words) == 2 else words:
            columns[f"{name}: {word}"] = np.array([one == word for one in said], np.float64)
    months = np.array([float(row["tenure"]) for row in rows])
    return Table(columns, np.array([row["Churn"] == "Yes" for row in rows], np.float64)), months


def credit(data: Path) -> Table:
    """Return the holders of credit cards of a bank in Taiwan, and who did not pay in the next month."""
    rows = _rows(data / "pycaret_credit.csv")
    columns = {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}
    return Table(columns, columns.pop("default"))


def milling(data: Path) -> Table:
    """Return the settings and readings of AI4I's milling machine, and whether it failed; the kinds of failure are no features."""
    rows = _rows(data / "ai4i2020.csv")
    names = {
        "air": "Air temperature [K]",
        "process": "Process temperature [K]",
        "speed": "Rotational speed [rpm]",
        "torque": "Torque [Nm]",
        "wear": "Tool wear [min]",
    }
    columns = {short: np.array([float(row[name]) for row in rows]) for short, name in names.items()}
    columns["grade"] = np.array([float("LMH".index(row["Type"])) for row in rows])
    return Table(columns, np.array([float(row["Machine failure"]) for row in rows]))


def engines(data: Path, part: str) -> Floats:
    """Return NASA's engines of FD001, `train` or `test`: unit, cycle, three settings, 21 sensors; a row a cycle."""
    return np.loadtxt(data / f"cmapss_{part}_FD001.txt")


def cycles_left(data: Path) -> Floats:
    """Return how many cycles each engine of the test part still ran after its last row."""
    return np.loadtxt(data / "cmapss_RUL_FD001.txt")


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
