-- Key: number. Grain: one row per person. Sources: view touches; now_map (subject, number of today), wanted_category (category), taken_back (kind). Units: persons who did what is asked in
-- moments after $after up to $until; visitors have numbers from $visitors on and are left out.
select distinct now_map.number
from touches
inner join now_map on touches.subject = now_map.subject
where
    touches.kind between $low and $high
    and touches.happened_at > $after and touches.happened_at <= $until
    and ($every_category or touches.category in (select wanted_category.category from wanted_category))
    and ($product is null or touches.product = $product)
    and ($place is null or touches.place = $place)
    and now_map.number < $visitors
    and touches.kind not in (select taken_back.kind from taken_back)
