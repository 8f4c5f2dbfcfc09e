-- Key: as_of, product, category. Grain: one row per moment and product: what was known before that day of all appliances of the product, and of the category.
-- Sources: tables device_told, spine_moment (as_of, look). Units: reports are weeks of an appliance; faults are those of appliances that had reported before;
-- energy is thousandths of kilowatt hours of the reports that say it (metered).
with first_report as (
    select
        device_told.subject,
        min(device_told.valid_from) as first_from
    from device_told
    where device_told.reports > 0
    group by device_told.subject
),
by_day as (
    select
        device_told.product,
        device_told.category,
        cast(device_told.valid_from as date) as day,
        sum(device_told.reports) as reports,
        sum(device_told.faults) as faults,
        sum(device_told.metered) as metered,
        sum(device_told.energy) as energy
    from device_told
    inner join first_report on device_told.subject = first_report.subject
    where device_told.product is not null and device_told.valid_from >= first_report.first_from
    group by device_told.product, device_told.category, cast(device_told.valid_from as date)
),
moments as (
    select
        spine_moment.as_of,
        cast(spine_moment.as_of as date) as day
    from spine_moment
    where spine_moment.look = 0
),
of_product as (
    select
        moments.as_of,
        by_day.product,
        by_day.category,
        sum(by_day.reports) as reports,
        sum(by_day.faults) as faults,
        sum(by_day.metered) as metered,
        sum(by_day.energy) as energy
    from moments
    inner join by_day on moments.day > by_day.day
    group by moments.as_of, by_day.product, by_day.category
),
of_category as (
    select
        of_product.as_of,
        of_product.category,
        sum(of_product.reports) as reports,
        sum(of_product.faults) as faults
    from of_product
    group by of_product.as_of, of_product.category
)
select
    of_product.as_of,
    of_product.product,
    of_product.category,
    of_product.reports,
    of_product.faults,
    of_product.metered,
    of_product.energy,
    of_category.reports as reports_around,
    of_category.faults as faults_around
from of_product
inner join of_category on of_product.as_of = of_category.as_of and of_product.category = of_category.category
