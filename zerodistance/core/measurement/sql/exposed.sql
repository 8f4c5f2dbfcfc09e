-- Key: number, kind, channel. Grain: one row per person, kind of message touch and channel, after the person's assignment. Sources: view touches; whose
-- (subject, number, since, upto, known_by), wanted_campaign (campaign). Units: moments, since and upto included; times are touches.
select
    whose.number,
    touches.kind,
    coalesce(touches.channel, '') as channel,
    count(*) as times
from touches
inner join whose on touches.subject = whose.subject
where
    touches.kind in ('message.sent', 'message.opened', 'message.clicked')
    and touches.campaign in (select wanted_campaign.campaign from wanted_campaign)
    and touches.happened_at >= $earliest and touches.happened_at <= $latest
    and touches.happened_at >= whose.since and touches.happened_at <= whose.upto
    and touches.known_at <= whose.known_by
group by whose.number, touches.kind, coalesce(touches.channel, '')
