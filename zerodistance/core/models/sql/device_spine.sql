-- Key: subject, as_of. Grain: one row per connected appliance and moment of the spine at which it had been heard of; the product and category that it first said it is,
-- as far as it had said so by then. Sources: tables device_told, spine_moment (as_of, since, look). Units: as_of and since are moments. Whoever was not heard of
-- from `since` to the end is left out.
with heard as (
    select
        device_told.subject,
        min(case when device_told.reports > 0 then device_told.valid_from end) as first_from,
        max(case when device_told.reports > 0 then device_told.valid_from end) as last_from,
        min_by(
            device_told.product, case when device_told.product is not null then device_told.valid_from end
        ) as product,
        min(case when device_told.product is not null then device_told.valid_from end) as product_from,
        min_by(
            device_told.category, case when device_told.category is not null then device_told.valid_from end
        ) as category,
        min(case when device_told.category is not null then device_told.valid_from end) as category_from
    from device_told
    group by device_told.subject
)
select
    heard.subject,
    spine_moment.as_of,
    case when heard.product_from <= spine_moment.as_of then heard.product end as product,
    case when heard.category_from <= spine_moment.as_of then heard.category end as category
from heard
inner join spine_moment on heard.first_from <= spine_moment.as_of and heard.last_from >= spine_moment.since
where spine_moment.look = 0
order by spine_moment.as_of, heard.subject
