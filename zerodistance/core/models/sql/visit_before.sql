-- Key: spine_row. Grain: one row per visit whose person of then did anything of this kind that was known by the moment of the visit's report, itself left out.
-- Sources: view touches; tables visit_spine (spine_row, batch, row, subject, product, fault, happened_at, as_of, season_ago, year_ago), whose (subject, person, since,
-- until). Units: moments; visits and calls are counted, those for the same product in a year, all calls in ninety days; ratings as they were given.
with things as (
    select
        touches.batch,
        touches.row,
        touches.subject,
        touches.kind,
        touches.product,
        touches.fault,
        touches.quantity,
        touches.happened_at,
        touches.known_at
    from touches
    where
        touches.subject is not null
        and touches.kind in ('service.called', 'service.visited', 'service.missed', 'service.rated', 'order.line', 'product.registered')
),
owned as (
    select
        visit_spine.spine_row,
        visit_spine.batch,
        visit_spine.row,
        visit_spine.subject,
        visit_spine.product,
        visit_spine.fault,
        visit_spine.happened_at,
        visit_spine.as_of,
        visit_spine.season_ago,
        visit_spine.year_ago,
        whose.person
    from visit_spine
    inner join whose
        on visit_spine.subject = whose.subject and visit_spine.as_of >= whose.since and visit_spine.as_of < whose.until
),
before as (
    select
        owned.spine_row,
        owned.season_ago,
        owned.year_ago,
        things.kind,
        things.quantity,
        things.happened_at,
        things.subject = owned.subject as same_case,
        coalesce(things.product = owned.product, false) as same_product,
        coalesce(things.fault = owned.fault, false) as same_fault
    from owned
    inner join whose
        on owned.person = whose.person and owned.as_of >= whose.since and owned.as_of < whose.until
    inner join things on whose.subject = things.subject and owned.as_of >= things.known_at
    where
        things.happened_at <= owned.happened_at
        and not (things.batch = owned.batch and things.row = owned.row)
)
select
    before.spine_row,
    min(case when before.same_case and before.kind = 'service.called' then before.happened_at end) as called_at,
    min(case when before.same_product and before.kind in ('order.line', 'product.registered') then before.happened_at end) as began,
    sum(case when before.same_product and before.kind = 'service.visited' and before.happened_at > before.year_ago then 1 else 0 end) as again,
    sum(
        case
            when before.same_product and before.same_fault and before.kind = 'service.visited' and before.happened_at > before.year_ago then 1
            else 0
        end
    ) as same_fault,
    sum(case when before.kind = 'service.called' and before.happened_at > before.season_ago then 1 else 0 end) as calls,
    sum(case when before.kind = 'service.missed' and before.happened_at > before.season_ago then 1 else 0 end) as missed,
    sum(case when before.kind in ('service.visited', 'service.rated') and before.quantity < 4 then 1 else 0 end) as low,
    avg(case when before.kind in ('service.visited', 'service.rated') then before.quantity end) as rating
from before
group by before.spine_row
