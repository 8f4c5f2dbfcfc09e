-- Key: number. Grain: one row per person or visitor with a touch that counts. Sources: view profile_state; here_map (subject, number), action (low, high,
-- points), way (channel, weight). Units: points, halved with every $half days before the local day $today; only persons below $visitors.
select
    here_map.number,
    sum(
        profile_state.n * action.points * coalesce(way.weight, 1.0)
        * power(0.5, cast($today - profile_state.day as double) / $half)
    ) as activity
from profile_state
inner join here_map on profile_state.subject = here_map.subject
inner join action on profile_state.kind between action.low and action.high
left join way on profile_state.channel = way.channel
where here_map.number < $visitors and profile_state.day <= $today
group by here_map.number
