-- Key: category, code. Grain: one row per category and fault code that appliances or technicians told, as far as it was known at a moment. Source: view touches.
-- Units: faults are counted; $known is a moment, included.
select
    touches.category,
    touches.fault as code,
    count(*) as faults
from touches
where
    touches.kind in ('device.fault', 'service.visited')
    and touches.fault is not null
    and touches.category is not null
    and touches.known_at <= $known
group by touches.category, touches.fault
