-- Key: subject, day, kind, category, product, place, channel, fault. Grain: one row per key. Source: view profile_state.
-- Units as in states.py. Sums are whole numbers, so that the order of adding does not matter. Sorted, so that files can be skipped.
select
    max(batch) as batch,
    family,
    subject,
    day,
    kind,
    category,
    product,
    place,
    channel,
    fault,
    cast(sum(n) as bigint) as n,
    cast(sum(quantity) as bigint) as quantity,
    cast(sum(amount) as bigint) as amount,
    cast(sum(duration) as bigint) as duration,
    cast(sum(quantities) as bigint) as quantities,
    cast(sum(amounts) as bigint) as amounts,
    cast(sum(durations) as bigint) as durations,
    max(largest) as largest,
    min(first_at) as first_at,
    max(last_at) as last_at
from profile_state
group by
    family, subject, day, kind, category, product, place, channel, fault,
    case when batch > $held then batch end -- what the index does not hold yet keeps its batch
order by family, subject, day, kind
