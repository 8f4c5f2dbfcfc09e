-- Key: number, category. Grain: one row per person or visitor of then and category in which a touch that counts came to them. Sources: view touches; then_map
-- (subject, number of then), now_map (subject, person of today), asked_kind (low, high, counts). Units: moments, $after excluded, $until included.
with came as (
    select distinct
        touches.subject,
        touches.category
    from touches
    where
        touches.happened_at > $after
        and touches.happened_at <= $until
        and exists (
            select 1 from asked_kind
            where asked_kind.counts and touches.kind between asked_kind.low and asked_kind.high
        )
        and not exists (
            select 1 from asked_kind
            where not asked_kind.counts and touches.kind between asked_kind.low and asked_kind.high
        )
),
of_person as (
    select distinct
        now_map.person,
        came.category
    from came
    inner join now_map on came.subject = now_map.subject
)
select then_map.number, coalesce(of_person.category, '') as category
from then_map
inner join now_map on then_map.subject = now_map.subject
inner join of_person on now_map.person = of_person.person
union
select then_map.number, coalesce(came.category, '') as category
from then_map
inner join came on then_map.subject = came.subject
