-- How often each flag of the review holds. One row a flag.
SELECT flag, count(*) FILTER (holds) AS holds_num, count(*) AS holds_den, count(*) FILTER (holds) / count(*) AS holds
FROM (
    UNPIVOT (SELECT * FROM mart_lost_deal_review)
    ON single_threaded, exec_never_engaged, exec_after_supplier_selection, competition_sheet_never_sent, competition_sheet_late,
       buyer_silent_before_close, internal_steps_never_seen, validation_never_seen, no_mutual_action_plan, no_good_reason
    INTO NAME flag VALUE holds
)
GROUP BY flag ORDER BY holds_num DESC, flag
