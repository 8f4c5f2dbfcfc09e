-- Key: spine_row, code. Grain: one row per row of the spine and fault code that its appliance reported after the moment of the row and within the horizon, with
-- when it first did. Sources: view touches; table device_spine (spine_row, subject, as_of, until). Units: moments, as_of excluded, until included.
select
    device_spine.spine_row,
    coalesce(touches.fault, '') as code,
    min(touches.happened_at) as first_at
from device_spine
inner join touches on device_spine.subject = touches.subject
where
    touches.kind = 'device.fault'
    and touches.happened_at > device_spine.as_of
    and touches.happened_at <= device_spine.until
group by device_spine.spine_row, coalesce(touches.fault, '')
