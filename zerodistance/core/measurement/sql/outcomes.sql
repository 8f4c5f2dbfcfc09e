-- Key: number. Grain: one row per person to whom a touch that counts came in the person's own window. Sources: view touches; whose (subject, number, since,
-- upto, known_by), wanted_category (category), taken_back (kind, money: whether its money is what was paid back). Units: moments, since excluded, upto included;
-- times are touches, quantity pieces, amount money of $currency less what was paid back, first_at the moment of the first that takes nothing back (null: none).
select
    whose.number,
    min(case when taken_back.kind is null then touches.happened_at end) as first_at,
    count(*) as times,
    coalesce(sum(touches.quantity), 0.0) as quantity,
    coalesce(
        sum(
            case when (touches.currency is null or touches.currency = $currency) and coalesce(taken_back.money, true) then touches.amount end
        ),
        0.0
    ) as amount
from touches
inner join whose on touches.subject = whose.subject
left join taken_back on touches.kind = taken_back.kind
where
    touches.kind between $low and $high
    and touches.happened_at > $earliest and touches.happened_at <= $latest
    and touches.happened_at > whose.since and touches.happened_at <= whose.upto
    and touches.known_at <= whose.known_by
    and ($every_category or touches.category in (select wanted_category.category from wanted_category))
    and ($product is null or touches.product = $product)
    and ($place is null or touches.place = $place)
group by whose.number
