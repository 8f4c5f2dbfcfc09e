-- Key: subject, reason. Grain: one row per subject and reason for which a touch after $since takes it off a campaign's line of steps. Sources: view touches;
-- stop_rule (reason, low, high: a range of kinds; campaign, category, product, place: null where any will do). Units: moments, $since excluded.
select distinct
    touches.subject,
    stop_rule.reason
from touches
inner join stop_rule
    on
        touches.kind between stop_rule.low and stop_rule.high
        and (stop_rule.campaign is null or stop_rule.campaign = touches.campaign)
        and (stop_rule.category is null or stop_rule.category = touches.category)
        and (stop_rule.product is null or stop_rule.product = touches.product)
        and (stop_rule.place is null or stop_rule.place = touches.place)
where touches.happened_at > $since and touches.subject is not null
