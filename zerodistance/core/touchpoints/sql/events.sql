-- key: place; grain: one row per event of the micro-batch; unit: amounts in the event's own currency; source: relation `sent` (place, j)
with
    taken_apart as (
        select
            place,
            json_transform(
                j,
                '{"type":"VARCHAR","messageId":"VARCHAR","userId":"VARCHAR","anonymousId":"VARCHAR","event":"VARCHAR","name":"VARCHAR","timestamp":"VARCHAR","originalTimestamp":"VARCHAR","sentAt":"VARCHAR","groupId":"VARCHAR","previousId":"VARCHAR","properties":"JSON","traits":"JSON","context":{"page":{"path":"VARCHAR","url":"VARCHAR","referrer":"VARCHAR"},"library":{"name":"VARCHAR"},"campaign":{"name":"VARCHAR"},"device":{"id":"VARCHAR"},"locale":"VARCHAR","traits":"JSON"}}'
            ) as e
        from sent
    ),
    with_properties as (
        select
            place,
            e,
            json_transform(
                e.properties,
                '{"product_id":"VARCHAR","sku":"VARCHAR","category":"VARCHAR","quantity":"DOUBLE","price":"DOUBLE","revenue":"DOUBLE","total":"DOUBLE","value":"DOUBLE","currency":"VARCHAR","order_id":"VARCHAR","duration":"DOUBLE","energy":"DOUBLE","kwh":"DOUBLE","warnings":"DOUBLE","fault":"VARCHAR","place":"VARCHAR","path":"VARCHAR","url":"VARCHAR","referrer":"VARCHAR","name":"VARCHAR","products":"JSON"}'
            ) as p
        from taken_apart
    )
select
    place,
    e.type as type,
    e.messageid as message_id,
    nullif(e.userid, '') as user_id,
    nullif(e.anonymousid, '') as anonymous_id,
    coalesce(e.event, e.name, case when e.type in ('page', 'screen') then p.name end) as name,
    coalesce(nullif(trim(e.originaltimestamp), ''), nullif(trim(e.timestamp), '')) as original_at,
    nullif(trim(e.sentat), '') as sent_at,
    nullif(e.groupid, '') as group_id,
    nullif(e.previousid, '') as previous_id,
    e.properties as properties,
    e.traits as traits,
    e.context.traits as context_traits,
    nullif(trim(e.context.locale), '') as locale,
    e.context.device.id as device_id,
    e.context.library.name as channel,
    e.context.campaign.name as campaign,
    coalesce(e.context.page.path, p.path, e.context.page.url, p.url) as page,
    coalesce(e.context.page.referrer, p.referrer) as referrer,
    coalesce(p.product_id, p.sku) as product,
    p.category as category,
    p.quantity as quantity,
    coalesce(p.total, p.revenue, p.value) as money,
    p.price as price,
    p.currency as currency,
    p.duration as duration,
    coalesce(p.energy, p.kwh) as energy,
    p.warnings as warnings,
    p.fault as fault,
    p.place as at_place,
    p.order_id as order_id,
    p.products as products
from with_properties
