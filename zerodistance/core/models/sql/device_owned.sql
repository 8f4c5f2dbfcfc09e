-- Key: spine_row. Grain: one row per row of the spine whose owner of then had bought, registered or bound this product, or was visited or called for it.
-- Sources: view touches; tables device_spine (spine_row, subject, as_of, product), whose (subject, person, since, until). Units: moments; visits and calls are counted.
with things as (
    select
        touches.subject,
        touches.product,
        touches.kind,
        touches.known_at,
        touches.happened_at
    from touches
    where
        touches.subject is not null
        and touches.product is not null
        and touches.kind in ('order.line', 'product.registered', 'device.bound', 'service.visited', 'service.called')
),
devices as (
    select distinct
        device_spine.subject,
        device_spine.product
    from device_spine
),
of_owner as (
    select
        devices.subject as device,
        things.kind,
        things.known_at,
        things.happened_at,
        greatest(mine.since, theirs.since) as since,
        least(mine.until, theirs.until) as until
    from devices
    inner join whose as mine on devices.subject = mine.subject
    inner join whose as theirs on mine.person = theirs.person
    inner join things on theirs.subject = things.subject and devices.product = things.product
    where greatest(mine.since, theirs.since) < least(mine.until, theirs.until)
)
select
    device_spine.spine_row,
    min(case when of_owner.kind in ('order.line', 'product.registered', 'device.bound') then of_owner.happened_at end) as began,
    sum(case when of_owner.kind = 'service.visited' then 1 else 0 end) as visits,
    max(case when of_owner.kind = 'service.visited' then of_owner.happened_at end) as last_visit,
    sum(case when of_owner.kind = 'service.called' then 1 else 0 end) as calls,
    max(case when of_owner.kind = 'service.called' then of_owner.happened_at end) as last_call
from device_spine
inner join of_owner
    on
        device_spine.subject = of_owner.device
        and device_spine.as_of >= of_owner.known_at
        and device_spine.as_of >= of_owner.since
        and device_spine.as_of < of_owner.until
group by device_spine.spine_row
