-- Key: number, channel, campaign. Grain: one row per person of then and campaign that held some out and drew them for a message: each lot is drawn anew.
-- Sources: view touches; then_map (subject, number of then), now_map (subject, person of today), bought_kind (low, high). Units: moments, $after excluded,
-- $until included; sent is 1, or 0 of those held out by lot; bought: within $days days of the message, in its category where it names one.
-- A message is that of the person of today, by whatever identifier it went out: a phone that nobody had seen then is somebody's whom one knew. Of several
-- persons of then who turned out to be one, the one with the smallest number has it. A lot by which nobody was written to, as that of a global holdout, is none.
with lots as (
    select campaign
    from touches
    where kind in ('message.sent', 'message.held_out') and happened_at > $after and happened_at <= $until
    group by campaign
    having count(distinct kind) = 2
),
meant as (
    select
        now_map.person,
        min(then_map.number) as number
    from then_map
    inner join now_map on then_map.subject = now_map.subject
    group by now_map.person
),
drawn as (
    select
        meant.number,
        meant.person,
        touches.channel,
        touches.campaign,
        touches.category,
        min(touches.happened_at) as drawn_at,
        max(case when touches.kind = 'message.sent' then 1 else 0 end) as sent
    from touches
    inner join lots on touches.campaign = lots.campaign
    inner join now_map on touches.subject = now_map.subject
    inner join meant on now_map.person = meant.person
    where
        touches.kind in ('message.sent', 'message.held_out')
        and touches.happened_at > $after and touches.happened_at <= $until
    group by meant.number, meant.person, touches.channel, touches.category, touches.campaign
),
bought as (
    select now_map.person, touches.category, touches.happened_at
    from touches
    inner join now_map on touches.subject = now_map.subject
    inner join bought_kind on touches.kind between bought_kind.low and bought_kind.high
    where touches.happened_at > $after
)
select
    drawn.number,
    drawn.channel,
    drawn.sent,
    case when count(bought.person) > 0 then 1 else 0 end as bought
from drawn
left join bought
    on
        drawn.person = bought.person
        and bought.happened_at > drawn.drawn_at
        and date_diff('day', drawn.drawn_at, bought.happened_at) <= $days
        and (drawn.category is null or bought.category = drawn.category)
group by drawn.number, drawn.channel, drawn.campaign, drawn.category, drawn.drawn_at, drawn.sent
order by drawn.number, drawn.channel, drawn.drawn_at, drawn.campaign
