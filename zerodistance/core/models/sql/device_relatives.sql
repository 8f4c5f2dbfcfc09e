-- Key: spine_row. Grain: one row per row of the spine whose product is known: what was known of its product and category. Units: as in device_family.
-- Sources: tables device_spine (spine_row, as_of, product, category), device_family.
select
    device_spine.spine_row,
    device_family.reports,
    device_family.faults,
    device_family.metered,
    device_family.energy,
    device_family.reports_around,
    device_family.faults_around
from device_spine
inner join device_family
    on
        device_spine.as_of = device_family.as_of
        and device_spine.product = device_family.product
        and device_spine.category = device_family.category
