-- Key: subject, valid_from. Grain: one row per connected appliance and moment at which something of it became known: what was known from then on, added up from the
-- beginning. Source: table device_told. Units: as there.
select
    device_told.subject,
    device_told.valid_from,
    sum(device_told.reports) over so_far as reports,
    sum(device_told.faults) over so_far as faults,
    sum(device_told.metered) over so_far as metered,
    sum(device_told.watched) over so_far as watched,
    sum(device_told.uses) over so_far as uses,
    sum(device_told.seconds) over so_far as seconds,
    sum(device_told.energy) over so_far as energy,
    sum(device_told.warnings) over so_far as warnings,
    sum(device_told.first_reports) over so_far as first_reports,
    sum(device_told.first_metered) over so_far as first_metered,
    sum(device_told.first_uses) over so_far as first_uses,
    sum(device_told.first_energy) over so_far as first_energy,
    max(device_told.last_used) over so_far as last_used,
    max(device_told.last_fault) over so_far as last_fault,
    min(device_told.valid_from) over so_far as first_from
from device_told
window so_far as (
    partition by device_told.subject
    order by device_told.valid_from
    rows between unbounded preceding and current row
)
