-- Key: batch, row. Grain: one row per service visit that became known within a time, with what it says of itself except how it was rated. Source: view touches.
-- Units: moments, $after excluded, $until included; minutes, and money in the currency of the touch; faulty 1 where a fault was named, else 0;
-- unfinished 1 or 0 where the name of the touch says it.
select
    touches.batch,
    touches.row,
    touches.subject,
    touches.product,
    touches.category,
    touches.fault,
    touches.happened_at,
    touches.known_at as as_of,
    touches.duration / 60 as minutes,
    touches.amount as fee,
    case when touches.fault is null then 0 else 1 end as faulty,
    case touches.name when 'Visit Unfinished' then 1 when 'Visit Finished' then 0 end as unfinished
from touches
where
    touches.kind = 'service.visited'
    and touches.subject is not null
    and touches.known_at > $after
    and touches.known_at <= $until
order by touches.known_at, touches.batch, touches.row
