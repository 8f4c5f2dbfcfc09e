-- Key: subject, as_of. Grain: one row per connected appliance and moment of the spine at which it had been heard of; the product and category that it first said it is.
-- Sources: tables device_told, spine_moment (as_of, since, look). Units: as_of and since are moments. Whoever was not heard of from `since` to the end is left out.
with heard as (
    select
        device_told.subject,
        min(device_told.valid_from) as first_from,
        max(device_told.valid_from) as last_from,
        min_by(device_told.product, device_told.valid_from) as product,
        min_by(device_told.category, device_told.valid_from) as category
    from device_told
    where device_told.reports > 0
    group by device_told.subject
)
select
    heard.subject,
    spine_moment.as_of,
    heard.product,
    heard.category
from heard
inner join spine_moment on heard.first_from <= spine_moment.as_of and heard.last_from >= spine_moment.since
where spine_moment.look = 0
order by spine_moment.as_of, heard.subject
