"""Connected appliances as of moments: a spine of appliance and moment, to which what was known by then is joined, and the faults that came after it.

What an appliance says becomes states, each from the moment on at which it was known (`device_told.sql`, `device_state.sql`): everything added up from the
beginning. A row of the spine takes the last state before its moment, and those before some weeks earlier; what lies between is a difference
(`device_as_of.sql`; `device_as_of_spark.sql` says the same without an as-of join). So no feature can hold what was not known yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import duckdb
import numpy as np
import pyarrow as pa

from zerodistance.core.models import things
from zerodistance.core.models.ladder.columns import Floats, Ints
from zerodistance.core.models.things import DAY, Things, Words, per, since
from zerodistance.core.touchpoints.tail import touches_view
from zerodistance.kernel import clock
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_LOOKS = (0, 28, 84, 182)  # days: what is looked at now and back then
_SILENT = 56  # own value: days after which an appliance that says nothing is not asked about
_HEALTHY = 8  # reports that an appliance's own baseline is made of, as device_told.sql counts them
_YEAR = 52.2  # weeks
_WEIGHT = (
    200.0  # own value: weeks of reports for which a product's rate of faults counts like that of its category
)
_FEW = 5  # own value: codes that were told less often stand together
_THOUSANDTHS = 1_000.0  # what states count in
REST = ""
"""Stands for codes that came too seldom to be told apart."""
REST_LABEL = Text("其余故障的可能", "chance of another fault")
LABELS: Mapping[str, Text] = {
    "device.age": Text("买来或绑定至今，天", "days since it was bought or bound"),
    "device.reports": Text("周报的份数", "weekly reports so far"),
    "device.silence": Text("多久没有消息，天", "days since the last week that it told of"),
    "device.heard_4w": Text("四周里的周报", "reports of the last four weeks"),
    "device.warnings_4w": Text("四周里的告警", "warnings in four weeks"),
    "device.warnings_12w": Text("十二周里的告警", "warnings in twelve weeks"),
    "device.warnings_26w": Text("半年里的告警", "warnings in half a year"),
    "device.energy_4w": Text(
        "四周用电，是自己最初的几倍", "energy of four weeks, by that of its own first weeks"
    ),
    "device.energy_12w": Text(
        "十二周用电，是自己最初的几倍", "energy of twelve weeks, by that of its own first weeks"
    ),
    "device.energy_trend": Text("四周用电，是半年里的几倍", "energy of four weeks, by that of half a year"),
    "device.energy_peers": Text(
        "十二周用电，是同型号的几倍", "energy of twelve weeks, by that of its product"
    ),
    "device.energy_use": Text("每次用电，是自己最初的几倍", "energy a use, by that of its own first weeks"),
    "device.uses_4w": Text(
        "四周使用，是自己最初的几倍", "uses of four weeks, by those of its own first weeks"
    ),
    "device.uses_12w": Text("十二周里每周使用次数", "uses a week in twelve weeks"),
    "device.hours_use": Text("十二周里每次运行，小时", "hours a use in twelve weeks"),
    "device.faults": Text("报过的故障", "faults so far"),
    "device.fault_age": Text("上次故障至今，天", "days since the last fault"),
    "device.visits": Text("为这款上门的次数", "visits for it so far"),
    "device.visit_age": Text("上次为这款上门至今，天", "days since the last visit for it"),
    "device.calls": Text("为这款来电的次数", "calls for it so far"),
    "device.call_age": Text("上次为这款来电至今，天", "days since the last call for it"),
    "device.family_faults": Text("同型号每台每年的故障", "faults a year of an appliance of its product"),
}
"""Column -> what it is called. Energy and uses are means of a week; of warnings and energy there is none where no report has them."""


def fleet(
    home: Home,
    moments: Sequence[int],
    horizon_days: int = 0,
    *,
    most: int = 0,
    seed: int = 0,
    persons: Sequence[int] | None = None,
) -> Things:
    """Return the appliances that told of a week within eight weeks before each moment, with what was known then.

    Parameters
    ----------
    horizon_days
        Faults that came so long after each moment are looked for; 0: none.
    most
        At most so many rows, drawn by lot; 0: all. The same seed draws the same.
    persons
        Of these persons of today alone, as of one moment; what is known of a product is of that day.
    """
    with home.engine.connect() as connection:
        things.log_of(connection, home, persons)
        family = None if persons is None else partial(_family, home, moments[0])
        found = joined(connection, moments, horizon_days, most=most, seed=seed, family=family)
    return found.owned_by(things.owners(home, found.subject))


def joined(
    connection: duckdb.DuckDBPyConnection,
    moments: Sequence[int],
    horizon_days: int = 0,
    *,
    most: int = 0,
    seed: int = 0,
    family: Callable[[], pa.Table] | None = None,
) -> Things:
    """Return the same of a connection that has the views `touches` and `whose`; appliances stand as their own owners. `family`: what is known of products."""
    if not _told(connection):
        return things.nothing(LABELS)
    connection.execute(f"create temp table device_state as {(things.SQL / 'device_state.sql').read_text()}")
    _moments(connection, moments)
    rows = _spine(connection, horizon_days, most, seed)
    looks = _Looks(things.asked(connection, "device_as_of.sql"), len(rows))
    owned = things.by_row(things.asked(connection, "device_owned.sql"), len(rows))
    connection.register(
        "device_family", things.asked(connection, "device_family.sql") if family is None else family()
    )
    relatives = things.by_row(things.asked(connection, "device_relatives.sql"), len(rows))
    subject, as_of = rows.column("subject").to_numpy(), rows.column("as_of").cast(pa.int64()).to_numpy()
    columns = _columns(as_of, looks, owned, relatives)
    days, code = _came(things.asked(connection, "device_faults.sql"), as_of)
    came = np.where(np.isnan(days), 0.0, 1.0) if horizon_days else np.full(len(rows), np.nan)
    category, product = (things.words(rows.column(name)) for name in ("category", "product"))
    found = Things(subject, as_of, subject, category, product, columns, came, days, code)
    return found.take(columns["device.silence"] <= _SILENT)


def codes(home: Home, known: int) -> dict[str, dict[str, float]]:
    """Return category -> fault code -> its share of what appliances and technicians had told by a moment, the largest first; rare ones are `REST`."""
    with home.engine.connect() as connection:
        touches_view(connection, home)
        found = things.asked(connection, "device_codes.sql", known=clock.from_micros(known))
    counts: dict[str, dict[str, float]] = {}
    for row in found.sort_by("code").to_pylist():
        mine, code = (
            counts.setdefault(row["category"], {}),
            row["code"] if row["faults"] >= _FEW else REST,
        )
        mine[code] = mine.get(code, 0.0) + row["faults"]
    return {
        category: {code: n / sum(mine.values()) for code, n in sorted(mine.items(), key=lambda one: -one[1])}
        for category, mine in counts.items()
    }


# -- the tables that are joined


def _told(connection: duckdb.DuckDBPyConnection) -> bool:
    """Make the table `device_told`; return whether any appliance says anything."""
    connection.execute(f"create temp table device_told as {(things.SQL / 'device_told.sql').read_text()}")
    return bool(connection.execute("select 1 from device_told limit 1").fetchall())


def _moments(connection: duckdb.DuckDBPyConnection, moments: Sequence[int]) -> None:
    every = [(moment, look) for moment in moments for look in range(len(_LOOKS))]
    columns = {
        "as_of": things.times([moment for moment, _ in every]),
        "since": things.times([moment - _SILENT * DAY for moment, _ in every]),
        "look": pa.array([look for _, look in every], pa.int64()),
        "moment": things.times([moment - _LOOKS[look] * DAY for moment, look in every]),
    }
    connection.register("spine_moment", pa.table(columns))


def _spine(connection: duckdb.DuckDBPyConnection, horizon_days: int, most: int, seed: int) -> pa.Table:
    """Make the tables `device_spine` and `device_look`; return the first."""
    rows = things.asked(connection, "device_spine.sql")
    if most and len(rows) > most:
        some = np.random.default_rng(seed).choice(len(rows), most, replace=False)
        rows = rows.take(pa.array(np.sort(some)))
    until = rows.column("as_of").cast(pa.int64()).to_numpy() + horizon_days * DAY
    rows = rows.add_column(0, "spine_row", pa.array(np.arange(len(rows))))
    rows = rows.append_column("until", things.times(until))
    connection.register("device_spine", rows)
    connection.execute(
        "create temp table device_look as select s.spine_row, m.look, s.subject, m.moment from device_spine s join spine_moment m using (as_of)"
    )
    return rows


class _Looks:
    """States by row and look back; times in microseconds, NaN where there is none; sums are 0 where there is no state yet."""

    def __init__(self, found: pa.Table, many: int) -> None:
        place = found.column("look").to_numpy() * many + found.column("spine_row").to_numpy()
        self._values = {
            name: self._spread(found.column(name), place, many) for name in found.column_names[2:]
        }

    @staticmethod
    def _spread(column: pa.ChunkedArray, place: Ints, many: int) -> Floats:
        said = things.numbers(column)
        spread = np.full(len(_LOOKS) * many, np.nan)
        spread[place] = said if pa.types.is_timestamp(column.type) else np.nan_to_num(said)
        return spread.reshape(len(_LOOKS), many)

    def now(self, name: str) -> Floats:
        """Return what was added up until now, or the last time that was known."""
        found: Floats = self._values[name][0]
        return found

    def within(self, name: str, look: int) -> Floats:
        """Return what was added between a look back and now."""
        found: Floats = self._values[name][0] - self._values[name][look]
        return found


# -- what is known of a product


_kept: dict[str, tuple[int, pa.Table]] = {}


def _family(home: Home, moment: int) -> pa.Table:
    """Return what was known of every product on the day of a moment, worked out once a day, as if it were of that moment."""
    day, held = moment // DAY, _kept.get(str(home.root))
    if held is None or held[0] != day:
        with home.engine.connect() as connection:
            things.log_of(connection, home, None)
            _told(connection)
            _moments(connection, [moment])
            held = _kept[str(home.root)] = day, things.asked(connection, "device_family.sql")
    made = held[1].drop_columns(["as_of"])
    return made.append_column("as_of", things.times(np.full(len(made), moment)))


# -- features


def _columns(
    as_of: Ints, looks: _Looks, owned: Mapping[str, Floats], family: Mapping[str, Floats]
) -> dict[str, Floats]:
    _, w4, w12, w26 = range(len(_LOOKS))
    reports = {n: looks.within("reports", n) for n in (w4, w12)}
    energy = {n: per(looks.within("energy", n), looks.within("metered", n)) for n in (w4, w12, w26)}
    uses = {n: per(looks.within("uses", n), reports[n]) for n in (w4, w12)}
    settled = looks.now("first_reports") >= _HEALTHY
    own = np.where(settled, per(looks.now("first_energy"), looks.now("first_metered")), np.nan)
    own_uses = np.where(settled, per(looks.now("first_uses"), looks.now("first_reports")), np.nan)
    watched = looks.now("watched") > 0
    around = per(family["faults_around"], family["reports_around"])
    rate = per(family["faults"] + _WEIGHT * around, family["reports"] + _WEIGHT)
    return {
        "device.age": np.fmax(since(as_of, owned["began"]), since(as_of, looks.now("first_from"))),
        "device.reports": looks.now("reports"),
        "device.silence": since(as_of, looks.now("last_used")),
        "device.heard_4w": reports[w4],
        **{
            f"device.warnings_{name}": np.where(watched, looks.within("warnings", n) / _THOUSANDTHS, np.nan)
            for name, n in (("4w", w4), ("12w", w12), ("26w", w26))
        },
        "device.energy_4w": per(energy[w4], own),
        "device.energy_12w": per(energy[w12], own),
        "device.energy_trend": per(energy[w4], energy[w26]),
        "device.energy_peers": per(energy[w12], per(family["energy"], family["metered"])),
        "device.energy_use": per(per(energy[w12], uses[w12]), per(own, own_uses)),
        "device.uses_4w": per(uses[w4], own_uses),
        "device.uses_12w": uses[w12] / _THOUSANDTHS,
        "device.hours_use": per(looks.within("seconds", w12), looks.within("uses", w12)) / 3_600,
        "device.faults": looks.now("faults"),
        "device.fault_age": since(as_of, looks.now("last_fault")),
        "device.visits": np.nan_to_num(owned["visits"]),
        "device.visit_age": since(as_of, owned["last_visit"]),
        "device.calls": np.nan_to_num(owned["calls"]),
        "device.call_age": since(as_of, owned["last_call"]),
        "device.family_faults": rate * _YEAR,
    }


def _came(rows: pa.Table, as_of: Ints) -> tuple[Floats, Words]:
    """Return after how many days the first fault came and its code; of several at once the first by name."""
    days, code = np.full(len(as_of), np.nan), np.full(len(as_of), None, object)
    rows = rows.sort_by([("first_at", "descending"), ("code", "descending")])
    place = rows.column("spine_row").to_numpy()
    days[place] = since(as_of[place], things.numbers(rows.column("first_at")))
    days, code[place] = -days, things.words(rows.column("code"))
    return days, code
