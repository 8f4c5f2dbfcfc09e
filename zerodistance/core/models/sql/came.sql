-- Key: number, category. Grain: one row per person or visitor of then and category in which a touch that counts came to them. Sources: view touches; then_map
-- (subject, number of then), now_map (subject, person of today), asked_kind (low, high, counts). Units: moments, $after excluded, $until included; times are
-- touches, amount is money of $currency, first_at the moment of the first.
with came as (
    select
        touches.subject,
        coalesce(touches.category, '') as category,
        min(touches.happened_at) as first_at,
        count(*) as times,
        sum(case when touches.currency is null or touches.currency = $currency then touches.amount end) as amount
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
    group by touches.subject, coalesce(touches.category, '')
),
meant as (
    select distinct
        then_map.number,
        now_map.person
    from then_map
    inner join now_map on then_map.subject = now_map.subject
),
reached as (
    select meant.number, came.subject
    from came
    inner join now_map on came.subject = now_map.subject
    inner join meant on now_map.person = meant.person
    union
    select then_map.number, came.subject
    from came
    inner join then_map on came.subject = then_map.subject
)
select
    reached.number,
    came.category,
    min(came.first_at) as first_at,
    cast(sum(came.times) as bigint) as times,
    coalesce(sum(came.amount), 0.0) as amount
from reached
inner join came on reached.subject = came.subject
group by reached.number, came.category
