-- Key: number. Grain: one row per person or visitor who asked for service since $since and was not served after it. Source: view profile_state,
-- index pairs in person_map. Units: days since 1970-01-01; first and last times within the day as they stand in profile_state, microseconds UTC.
with
    served as (
        select
            person_map.number,
            max(case when profile_state.kind in ('service.called', 'service.missed', 'device.fault') then profile_state.last_at end) as asked_at,
            max(case when profile_state.kind in ('service.visited', 'service.rated') then profile_state.last_at end) as served_at
        from profile_state
        inner join person_map on profile_state.subject = person_map.subject
        where
            profile_state.family in ('service', 'device')
            and profile_state.day >= $since
            and profile_state.batch <= $batch
        group by person_map.number
    )
select number
from served
where asked_at is not null and (served_at is null or served_at < asked_at)
