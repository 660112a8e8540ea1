-- Countable touchpoints as members of accounts: what we held with two customers or sent to both is one in both; what a buyer wrote or did
-- belongs to its primary account.
-- Grain: touchpoint x account, of the accounts in ``loading``. Key: touch_no, account_id. Labels are coded as bits so that sets become integers.
WITH
touchpoint AS (SELECT * FROM fact_touchpoint WHERE is_countable),
membership AS (SELECT touchpoint_id, account_id, is_primary FROM bridge_touchpoint_account SEMI JOIN loading USING (account_id)),
member AS (
  SELECT t.*, m.account_id AS member_account_id, s.touchpoint_id IS NOT NULL AND counts_in(false, t.direction) AS is_shared,
         u.touchpoint_id IS NOT NULL AS is_unresolved
  FROM touchpoint t JOIN membership m USING (touchpoint_id) LEFT JOIN shared s USING (touchpoint_id) LEFT JOIN unknown u USING (touchpoint_id)
  WHERE counts_in(m.is_primary, t.direction)
)
SELECT
  member_account_id AS account_id, hash(touchpoint_id) AS touch_no, local_day(occurred_at) AS day,
  direction::ENUM ('inbound', 'outbound', 'mutual', 'self_serve') AS direction,  -- a byte: these rows are many
  c.bit AS channel_bit, m.bit AS modality_bit, coalesce(j.bit, 0)::SMALLINT AS job_bit,
  round(buyer_minutes * 1000000)::BIGINT AS buyer_micro_minutes,  -- integers add up to the same sum in any order
  channel IN ('email', 'chat') AS is_message, hash(coalesce(thread_id, 'touchpoint:' || touchpoint_id)) AS thread_no, is_shared, is_unresolved,
  is_ours(direction, actor_side) AS is_ours,
  traces(interaction_kind, tags, direction, actor_side, buying_job, asset_types, is_question) AS traces, occurred_at, ended_at
FROM member
JOIN channel_code c ON c.label = channel
JOIN modality_code m ON m.label = modality
LEFT JOIN job_code j ON j.label = buying_job
