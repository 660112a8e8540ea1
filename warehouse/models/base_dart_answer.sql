-- Questions ever answered by a person, and needs (M14): whether what was asked for came, and in time.
-- Grain: unit with a question or a need. Key: unit_no. Both belong to the period in which they were asked; the answer may come later,
-- but not after a deal's close.
WITH
asked AS (
  SELECT hash('account', f.account_id) AS scope_no, day, any_channel_answer_id IS NOT NULL AS is_answered
  FROM (SELECT *, hash(touchpoint_id) AS touch_no FROM fact_followup SEMI JOIN scope_account USING (account_id)) f JOIN touch USING (account_id, touch_no)
  WHERE shows(traces, 'question')
  UNION ALL
  SELECT hash('deal', t.opportunity_id), day, coalesce(answer.occurred_at <= seen_until, false)
  FROM fact_followup f JOIN deal_touch t USING (touchpoint_id) JOIN deal ON deal.opportunity_id = t.opportunity_id
  LEFT JOIN fact_touchpoint answer ON answer.touchpoint_id = f.any_channel_answer_id
  WHERE shows(t.traces, 'question')
),
dated AS MATERIALIZED (SELECT * FROM asked JOIN period_day USING (day)),
questions AS (
  SELECT unit_no, count(*) AS questions, count(*) FILTER (is_answered) AS answered_questions
  FROM dated JOIN dart_unit USING (scope_no, period_grain, period_start) GROUP BY unit_no
),
need AS (
  SELECT account_id, opportunity_id, local_day(first_asked_at) AS day, needed_asset_type, outcome,
         delivered_at IS NOT NULL OR outcome = 'already_had' AS is_delivered
  FROM fact_enablement_need
),
placed AS (
  SELECT hash('account', account_id) AS scope_no, need.* FROM need SEMI JOIN scope_account USING (account_id)
  UNION ALL SELECT hash('deal', opportunity_id), need.* FROM need SEMI JOIN deal USING (opportunity_id)
),
dated_need AS MATERIALIZED (SELECT * EXCLUDE (account_id, opportunity_id) FROM placed JOIN period_day USING (day)),
needs AS (
  SELECT unit_no, count(DISTINCT needed_asset_type) AS needed_types, count(DISTINCT needed_asset_type) FILTER (is_delivered) AS delivered_types,
         count(*) FILTER (outcome <> 'open') AS due_needs, count(*) FILTER (outcome IN ('already_had', 'on_time')) AS met_needs
  FROM dated_need JOIN dart_unit USING (scope_no, period_grain, period_start) GROUP BY unit_no
)
SELECT * FROM questions FULL JOIN needs USING (unit_no)
