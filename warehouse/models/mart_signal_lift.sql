-- How often deals were lost that had a signal of M15 at their landmark, beside those that had it not. Association, not effect.
-- Grain: signal. Key: signal. Every signal has its row. Rebuilt whole from mart_deal_landmark.
WITH
run AS (FROM param),
named AS (SELECT unnest(risk_signals) AS signal FROM run),
trust AS (
  SELECT sum(unresolved_share_num)::BIGINT AS unresolved, sum(unresolved_share_den)::BIGINT AS touches,
         sum(unclassified_share_num)::BIGINT AS unclassified, sum(unclassified_share_den)::BIGINT AS buyer
  FROM mart_deal_landmark
),
counted AS (
  SELECT signal,
         count(*) FILTER (list_contains(signals, signal)) AS with_den, count(*) FILTER (list_contains(signals, signal) AND status = 'lost') AS with_num,
         count(*) FILTER (NOT list_contains(signals, signal)) AS without_den,
         count(*) FILTER (NOT list_contains(signals, signal) AND status = 'lost') AS without_num
  FROM named LEFT JOIN mart_deal_landmark ON true GROUP BY signal
)
SELECT signal, signal_landmark_days AS landmark_days,
       with_num / nullif(with_den, 0) AS loss_rate_with, with_num AS loss_rate_with_num, with_den AS loss_rate_with_den,
       without_num / nullif(without_den, 0) AS loss_rate_without, without_num AS loss_rate_without_num, without_den AS loss_rate_without_den,
       with_num / nullif(with_den, 0) - without_num / nullif(without_den, 0) AS loss_rate_difference,
       (with_num / nullif(with_den, 0)) / nullif(without_num / nullif(without_den, 0), 0) AS loss_rate_lift,
       least(with_den, without_den) < low_n AS low_n,
       unnest(trust(unresolved, touches, unclassified, buyer))
FROM counted, trust, run
