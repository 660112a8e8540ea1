-- Members of the buying groups of an account's deals, past ones too, wherever they work.
-- Grain: account x person. Key: both.
SELECT DISTINCT account_id, person_id, true AS is_member FROM dim_buying_group_member JOIN dim_opportunity USING (opportunity_id)
