-- Key: spine_row. Grain: one row per visit: how it was rated (its own rating, or the lowest that somebody of the person gave within the horizon), and whether a call for the
-- same product came within it. Sources: view touches; tables visit_spine (spine_row, batch, row, subject, product, happened_at, as_of, until), whose (subject, person,
-- since, until). Units: moments, as_of excluded, until included; called 1 or 0. Persons are those of today.
with own as (
    select
        visit_spine.spine_row,
        touches.quantity as rating
    from visit_spine
    inner join touches on visit_spine.batch = touches.batch and visit_spine.row = touches.row
),
today as (
    select
        whose.subject,
        max_by(whose.person, whose.until) as person
    from whose
    group by whose.subject
),
later as (
    select
        visit_spine.spine_row,
        min(case when touches.kind = 'service.rated' then touches.quantity end) as rating,
        max(
            case when touches.kind = 'service.called' and touches.product = visit_spine.product then 1 else 0 end
        ) as called
    from visit_spine
    inner join today as mine on visit_spine.subject = mine.subject
    inner join today as theirs on mine.person = theirs.person
    inner join touches
        on
            theirs.subject = touches.subject
            and touches.happened_at > visit_spine.as_of
            and touches.happened_at <= visit_spine.until
    where touches.kind in ('service.rated', 'service.called')
    group by visit_spine.spine_row
)
select
    own.spine_row,
    coalesce(own.rating, later.rating) as rating,
    coalesce(later.called, 0) as called
from own
left join later on own.spine_row = later.spine_row
