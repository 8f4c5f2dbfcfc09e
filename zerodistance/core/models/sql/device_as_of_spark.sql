-- Key: spine_row, look. Grain: one row per row of the spine and moment that it looks at: the state of the appliance that was known then, null before there was one.
-- Sources: tables device_look (spine_row, look, subject, moment), device_state. Units: as in device_state. What device_as_of.sql says, for engines without
-- an as-of join: states and questions in one row of time, of which each question takes the last state before it.
with in_time as (
    select
        device_state.subject,
        device_state.valid_from as moment,
        0 as asks,
        device_state.valid_from,
        cast(null as bigint) as spine_row,
        cast(null as bigint) as look
    from device_state
    union all
    select
        device_look.subject,
        device_look.moment,
        1 as asks,
        null as valid_from,
        device_look.spine_row,
        device_look.look
    from device_look
),
found as (
    select
        in_time.subject,
        in_time.asks,
        in_time.spine_row,
        in_time.look,
        max(in_time.valid_from) over (
            partition by in_time.subject
            order by in_time.moment, in_time.asks
            rows between unbounded preceding and current row
        ) as valid_from
    from in_time
)
select
    found.spine_row,
    found.look,
    device_state.valid_from,
    device_state.reports,
    device_state.faults,
    device_state.metered,
    device_state.watched,
    device_state.uses,
    device_state.seconds,
    device_state.energy,
    device_state.warnings,
    device_state.first_reports,
    device_state.first_metered,
    device_state.first_uses,
    device_state.first_energy,
    device_state.last_used,
    device_state.last_fault,
    device_state.first_from
from found
left join device_state
    on found.subject = device_state.subject and found.valid_from = device_state.valid_from
where found.asks = 1
