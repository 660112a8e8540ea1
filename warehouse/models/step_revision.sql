-- Internal steps with their revisions in the order in which they were told (never in that of arrival), and with what stands as before.
-- Grain: step x revision, of the steps in ``step_told``: rows of fact_internal_step of which only what ``told`` lists is read.
-- A step that one revision places in an account or a deal was in it all along: nearest revision, the earlier one first.
WITH
said AS (
  SELECT *, CASE WHEN list_contains(told, 'account_id') THEN account_id END AS own_account,
         CASE WHEN list_contains(told, 'opportunity_id') THEN opportunity_id END AS own_deal,
         CASE WHEN list_contains(told, 'owner') THEN {'side': owner_side, 'party': owner_party_id} END AS owner,
         CASE WHEN list_contains(told, 'subject_text') THEN subject_text END AS own_text,
         CASE WHEN list_contains(told, 'due_at') THEN due_at END AS own_due,
         CASE WHEN list_contains(told, 'is_done') THEN is_done END AS own_done,
         CASE WHEN list_contains(told, 'is_risk') THEN is_risk END AS own_risk,
         CASE WHEN list_contains(told, 'is_removed') THEN is_removed END AS own_removed
  FROM step_told
),
placed AS (
  SELECT *, row_number() OVER told_in_order AS number,
         coalesce(last_value(own_account IGNORE NULLS) OVER so_far, first_value(own_account IGNORE NULLS) OVER from_here) AS account
  FROM said
  WINDOW told_in_order AS (PARTITION BY step_id ORDER BY occurred_at, event_id, touchpoint_id),
         so_far AS (PARTITION BY step_id ORDER BY occurred_at, event_id, touchpoint_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
         from_here AS (PARTITION BY step_id ORDER BY occurred_at, event_id, touchpoint_id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)
),
stood AS (
  SELECT *,
         coalesce(last_value(own_deal IGNORE NULLS) OVER in_account, first_value(own_deal IGNORE NULLS) OVER in_account_after) AS deal,
         last_value(owner IGNORE NULLS) OVER so_far AS owner_now, last_value(own_text IGNORE NULLS) OVER so_far AS text_now,
         last_value(own_due IGNORE NULLS) OVER so_far AS due_now, last_value(own_done IGNORE NULLS) OVER so_far AS done_now,
         last_value(own_risk IGNORE NULLS) OVER so_far AS risk_now, last_value(own_removed IGNORE NULLS) OVER so_far AS removed_now
  FROM placed
  WINDOW so_far AS (PARTITION BY step_id ORDER BY number ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
         in_account AS (PARTITION BY step_id, account ORDER BY number ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
         in_account_after AS (PARTITION BY step_id, account ORDER BY number ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)
)
SELECT * REPLACE (
  number::INTEGER AS revision, account AS account_id, deal AS opportunity_id, owner_now.side AS owner_side, owner_now.party AS owner_party_id,
  text_now AS subject_text, due_now AS due_at, CASE basis WHEN 'plan_item' THEN coalesce(done_now, false) END AS is_done,
  coalesce(risk_now, false) AS is_risk, coalesce(removed_now, false) AS is_removed
)
FROM stood
