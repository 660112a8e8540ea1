-- DART (semantics 5.6): items, dimensions and index of a unit, which is a deal or an account in a period.
-- Grain: unit. Key: unit_no.
-- An item is NULL where there is nothing it could be a share of (C3: no message, no question, no meeting, no need), and M10r where no
-- buying group is known at all: their source is not connected. A thing not done is 0, a price not disclosed too: so is a plan's fourth
-- item of risk, whether there is no plan or none of its items is marked as one. A dimension is the mean of its items, NULL below two;
-- the index needs all four. Business days are those of the settings' calendar, without its holidays.
WITH
run AS (SELECT *, EXISTS (FROM dim_buying_group_member) AS knows_groups FROM param),
joined AS (
  SELECT u.*, m.* EXCLUDE (unit_no), t.* EXCLUDE (unit_no), p.* EXCLUDE (unit_no), a.* EXCLUDE (unit_no), price_disclosed, i.* EXCLUDE (unit_no),
         shows(traces, 'plan') OR i.unit_no IS NOT NULL AS has_plan,
         (shows(traces, 'plan_by_buyer') OR coalesce(is_by_buyer, false)) AND (shows(traces, 'plan_by_seller') OR coalesce(is_by_seller, false)) AS is_by_both
  FROM dart_unit u JOIN dart_metric m USING (unit_no) LEFT JOIN dart_trace t USING (unit_no) LEFT JOIN dart_people p USING (unit_no)
  LEFT JOIN dart_answer a USING (unit_no) LEFT JOIN dart_price USING (unit_no) LEFT JOIN dart_plan i USING (unit_no)
),
counted AS (
  SELECT unit_no, opportunity_id, account_id, period_grain, period_start, dialogue_ratio,
         coalesce(response_rate_num, 0) AS response_rate_num, coalesce(response_rate_den, 0) AS response_rate_den,
         coalesce(reciprocated_thread_share_num, 0) AS reciprocated_thread_share_num, coalesce(reciprocated_thread_share_den, 0) AS reciprocated_thread_share_den,
         coalesce(answered_questions, 0) AS question_answered_share_num, coalesce(questions, 0) AS question_answered_share_den,
         coalesce(buyer_channel_answer_coverage_num, 0) AS buyer_channel_answer_coverage_num, coalesce(buyer_channel_answer_coverage_den, 0) AS buyer_channel_answer_coverage_den,
         shows(traces, 'hands_on') AS hands_on_offered,
         coalesce(engaged_roles, 0) AS role_coverage_num, CASE WHEN knows_groups THEN len(required_roles) ELSE 0 END AS role_coverage_den,
         coalesce(delivered_types, 0) AS needed_asset_delivered_share_num, coalesce(needed_types, 0) AS needed_asset_delivered_share_den,
         risk_assets(traces) AS risk_asset_share_num, 4 AS risk_asset_share_den,
         shows(traces, 'buyer_validation') AS buyer_validated, shows(traces, 'trade_offs') AS trade_offs_disclosed,
         coalesce(buyer_risk_items, 0) AS risk_item_buyer_owned_share_num, coalesce(risk_items, 0) AS risk_item_buyer_owned_share_den,
         coalesce(price_disclosed, false) AS price_disclosed,
         has_plan, coalesce(has_buyer_item, false) AS has_buyer_item,
         CASE WHEN is_by_both THEN 1 WHEN has_plan THEN 0.5 ELSE 0 END::DOUBLE AS mutual_action_plan_score,
         coalesce(met_needs, 0) AS enablement_on_time_share_num, coalesce(due_needs, 0) AS enablement_on_time_share_den,
         coalesce(followed_mutual, 0) AS mutual_followup_share_num, coalesce(mutual_count, 0) AS mutual_followup_share_den
  FROM joined, run
),
shared AS (
  SELECT *,
         response_rate_num / nullif(response_rate_den, 0) AS response_rate,
         reciprocated_thread_share_num / nullif(reciprocated_thread_share_den, 0) AS reciprocated_thread_share,
         question_answered_share_num / nullif(question_answered_share_den, 0) AS question_answered_share,
         buyer_channel_answer_coverage_num / nullif(buyer_channel_answer_coverage_den, 0) AS buyer_channel_answer_coverage,
         role_coverage_num / nullif(role_coverage_den, 0) AS role_coverage,
         needed_asset_delivered_share_num / nullif(needed_asset_delivered_share_den, 0) AS needed_asset_delivered_share,
         risk_asset_share_num / risk_asset_share_den AS risk_asset_share,
         risk_item_buyer_owned_share_num / nullif(risk_item_buyer_owned_share_den, 0) AS risk_item_buyer_owned_share,
         enablement_on_time_share_num / nullif(enablement_on_time_share_den, 0) AS enablement_on_time_share,
         mutual_followup_share_num / nullif(mutual_followup_share_den, 0) AS mutual_followup_share
  FROM counted
),
items AS (
  SELECT *,
    [dialogue_ratio, response_rate, reciprocated_thread_share, question_answered_share] AS dialogue,
    [buyer_channel_answer_coverage, hands_on_offered::INT, role_coverage, needed_asset_delivered_share] AS access,
    [risk_asset_share, buyer_validated::INT, trade_offs_disclosed::INT, coalesce(risk_item_buyer_owned_share, 0)] AS risk,
    [price_disclosed::INT, mutual_action_plan_score, enablement_on_time_share, mutual_followup_share] AS transparency
  FROM shared
),
means AS (
  SELECT *, mean_of_two(dialogue) AS dart_dialogue, mean_of_two(access) AS dart_access, mean_of_two(risk) AS dart_risk,
         mean_of_two(transparency) AS dart_transparency
  FROM items
)
SELECT * EXCLUDE (dialogue, access, risk, transparency),
       count_of(dialogue) AS dart_dialogue_n_items, count_of(access) AS dart_access_n_items, count_of(risk) AS dart_risk_n_items,
       count_of(transparency) AS dart_transparency_n_items,
       (dart_dialogue + dart_access + dart_risk + dart_transparency) / 4 AS dart_index
FROM means
