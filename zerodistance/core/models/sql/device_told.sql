-- Key: subject, valid_from. Grain: one row per connected appliance and moment at which something of it became known. Source: view touches. Units: thousandths of
-- uses, seconds, kilowatt hours and warnings, whole numbers kept as doubles, which add up to the same in any order; reports and faults are counted. What begins
-- with `first` is of its first eight reports, whatever came later.
with told as (
    select
        touches.subject,
        touches.known_at,
        touches.happened_at,
        touches.product,
        touches.category,
        touches.kind = 'device.used' as used,
        touches.energy is not null as metered,
        touches.warnings is not null as watched,
        cast(round(coalesce(touches.quantity, 0) * 1000) as bigint) as uses,
        cast(round(coalesce(touches.duration, 0) * 1000) as bigint) as seconds,
        cast(round(coalesce(touches.energy, 0) * 1000) as bigint) as energy,
        cast(round(coalesce(touches.warnings, 0) * 1000) as bigint) as warnings,
        row_number() over (
            partition by touches.subject, touches.kind
            order by touches.known_at, touches.batch, touches.row
        ) as place
    from touches
    where touches.subject is not null and touches.kind in ('device.used', 'device.fault')
)
select
    subject,
    known_at as valid_from,
    max(product) as product,
    max(category) as category,
    cast(sum(case when used then 1 else 0 end) as double) as reports,
    cast(sum(case when used then 0 else 1 end) as double) as faults,
    cast(sum(case when used and metered then 1 else 0 end) as double) as metered,
    cast(sum(case when used and watched then 1 else 0 end) as double) as watched,
    cast(sum(case when used then uses else 0 end) as double) as uses,
    cast(sum(case when used then seconds else 0 end) as double) as seconds,
    cast(sum(case when used then energy else 0 end) as double) as energy,
    cast(sum(case when used then warnings else 0 end) as double) as warnings,
    cast(sum(case when used and place <= 8 then 1 else 0 end) as double) as first_reports,
    cast(sum(case when used and metered and place <= 8 then 1 else 0 end) as double) as first_metered,
    cast(sum(case when used and place <= 8 then uses else 0 end) as double) as first_uses,
    cast(sum(case when used and place <= 8 then energy else 0 end) as double) as first_energy,
    max(case when used then happened_at end) as last_used,
    max(case when used then null else happened_at end) as last_fault
from told
group by subject, known_at
