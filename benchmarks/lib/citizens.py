"""Who the persons of a home really are, where it holds a sample city, and what a witness of the truth would know of them."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zerodistance.core.models.ladder.columns import Floats, Ints
from zerodistance.core.profiles.api import Index
from zerodistance.core.touchpoints.tail import touches_view
from zerodistance.kernel.home import Home

Numbers = npt.NDArray[np.uint32]


class Citizens:
    """The truth of a city beside the persons of a home: a person is whoever most of their touches are about."""

    def __init__(self, home: Home, city: Path, here: Index) -> None:
        self._city = city
        with home.engine.connect() as connection:
            touches_view(connection, home)
            connection.register("then_map", here.pairs())
            found = connection.sql(
                f"""
                with about as (
                    select then_map.number, records.person, records.household, count(*) as many
                    from touches
                    inner join then_map on touches.subject = then_map.subject
                    inner join read_parquet('{city}/truth/records/*.parquet') as records
                        on touches.source_id = records.record
                    where records.person is not null
                    group by all
                )
                select number, arg_max(person, (many, person)) as person, arg_max(household, (many, person)) as household
                from about group by number order by number
                """
            ).to_arrow_table()
        self._numbers, self._person, self._household = (
            found.column(name).to_numpy() for name in ("number", "person", "household")
        )

    def of(self, who: Numbers) -> tuple[Ints, Ints]:
        """Return the true person and household of each number; -1 where no touch is about anybody."""
        at = np.minimum(np.searchsorted(self._numbers, who), len(self._numbers) - 1)
        known = self._numbers[at] == who
        return np.where(known, self._person[at], -1), np.where(known, self._household[at], -1)

    def traits(self, who: Numbers, *names: str) -> list[Floats]:
        """Return traits of the true persons, as `truth/persons.parquet` has them; NaN of whom nobody knows."""
        person, _ = self.of(who)
        rows = (
            duckdb.connect()
            .sql(
                f"select person, {', '.join(names)} from read_parquet('{self._city}/truth/persons.parquet') order by person"
            )
            .to_arrow_table()
        )
        keys = rows.column("person").to_numpy()
        at = np.minimum(np.searchsorted(keys, person), len(keys) - 1)
        return [
            np.where(keys[at] == person, rows.column(name).to_numpy().astype(np.float64)[at], np.nan)
            for name in names
        ]

    def known(
        self, who: Numbers, category: npt.NDArray[np.str_], day: date, days: int
    ) -> tuple[dict[str, Floats], Floats]:
        """Return what a witness knows of each person and category on a day, and whether the person then decided to buy the brand's within so many days.

        The witness sees whether the household is in need and since when, why, whether it considers the brand, how long its appliance will still last, and what
        the household can spend: everything but luck.
        """
        person, household = self.of(who)
        rows = pa.table(
            {"row": np.arange(len(who)), "person": person, "household": household, "category": category}
        )
        connection = duckdb.connect()
        connection.register("asked", rows)
        truth = f"{self._city}/truth"
        values = {"day": day, "until": day + timedelta(days=days)}
        found = connection.sql(
            f"""
            with need as (
                select asked.row, min(date_diff('day', needs.started, $day::timestamp)) as since, bool_or(needs.considers) as considers,
                    bool_or(needs.cause = 'death') as dead
                from asked inner join read_parquet('{truth}/needs.parquet') as needs
                    on asked.household = needs.household and asked.category = needs.category
                where needs.started < $day::timestamp and (needs.purchased is null or needs.purchased >= $day::timestamp)
                group by asked.row
            ), unit as (
                select asked.row, min(date_diff('day', $day, units.worn_out)) as lasts,
                    max(date_diff('day', units.bought, $day)) as age, bool_or(units.ours) as ours
                from asked inner join read_parquet('{truth}/units.parquet') as units
                    on asked.household = units.household and asked.category = units.category
                where units.bought < $day and (units.retired is null or units.retired >= $day)
                group by asked.row
            ), bought as (
                select distinct asked.row
                from asked inner join read_parquet('{truth}/units.parquet') as units
                    on asked.person = units.decider and asked.category = units.category
                where units.ours and units.bought >= $day and units.bought < $until
            )
            select asked.row, need.since, need.considers::int as considers, need.dead::int as dead, unit.lasts, unit.age, unit.ours::int as ours,
                homes.means, homes.persons, (bought.row is not null)::int as came
            from asked left join need using (row) left join unit using (row) left join bought using (row)
                left join read_parquet('{truth}/households.parquet') as homes on asked.household = homes.household
            order by asked.row
            """,
            params=values,
        ).to_arrow_table()
        columns = {
            name: found.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
            for name in ("since", "considers", "dead", "lasts", "age", "ours", "means", "persons")
        }
        return columns, found.column("came").to_numpy(zero_copy_only=False).astype(np.float64)
