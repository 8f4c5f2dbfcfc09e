-- Key: spine_row, look. Grain: one row per row of the spine and moment that it looks at: the state of the appliance that was known then, null before there was one.
-- Sources: tables device_look (spine_row, look, subject, moment), device_state. Units: as in device_state. An as-of join, the named exception of the subset;
-- device_as_of_spark.sql says the same without one.
select
    device_look.spine_row,
    device_look.look,
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
from device_look
asof left join device_state
    on device_look.subject = device_state.subject and device_look.moment >= device_state.valid_from
