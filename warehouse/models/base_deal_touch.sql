-- Countable touchpoints of the deals in scope, up to their close or as_of.
-- Grain: touchpoint. Key: touchpoint_id. What goes on at that moment ends with it here. A partner's message is none of ours.
SELECT t.touchpoint_id, deal.opportunity_id, deal.account_id, t.direction, t.channel, t.modality, t.interaction_kind, t.occurred_at, least(t.ended_at, deal.seen_until) AS ended_at, t.buying_job,
       t.actor_side, t.tags, local_day(t.occurred_at) AS day, coalesce(t.thread_id, 'touchpoint:' || t.touchpoint_id) AS thread,
       t.direction <> 'outbound' AS is_buyer, is_ours(t.direction, t.actor_side) AS is_ours, t.channel IN ('email', 'chat') AS is_message, shared.touchpoint_id IS NOT NULL AS is_shared,
       unknown.touchpoint_id IS NOT NULL AS is_unresolved,
       traces(t.interaction_kind, t.tags, t.direction, t.actor_side, t.buying_job, t.asset_types, t.is_question) AS traces
FROM fact_touchpoint t JOIN deal USING (opportunity_id) LEFT JOIN shared USING (touchpoint_id) LEFT JOIN unknown USING (touchpoint_id)
WHERE t.is_countable AND t.occurred_at <= deal.seen_until
