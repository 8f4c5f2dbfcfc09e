-- Key: number. Grain: one row per person or visitor with at least one touch that fits. Source: view profile_state, index pairs in person_map.
-- Units: times in touches, amount in 1/10000 of the home's currency, quantity in 1/1000 piece; days since 1970-01-01, $first_day and $last_day included.
select
    person_map.number,
    cast(sum(profile_state.n) as double) as times,
    cast(coalesce(sum(profile_state.amount), 0) as double) as amount,
    cast(coalesce(sum(profile_state.quantity), 0) as double) as quantity,
    min(profile_state.day) as began,
    max(profile_state.day) as ended
from profile_state
inner join person_map on profile_state.subject = person_map.subject
where
    profile_state.family = $family
    and profile_state.kind between $low and $high
    and profile_state.day between $first_day and $last_day
    and profile_state.batch <= $batch
    and ($product is null or profile_state.product = $product)
    and ($category is null or profile_state.category = $category)
    and ($place is null or profile_state.place = $place)
group by person_map.number
