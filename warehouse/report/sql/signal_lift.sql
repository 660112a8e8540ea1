-- What closed deals with each signal became, beside those without it. One row a signal, those with the most deals first.
SELECT * FROM mart_signal_lift ORDER BY loss_rate_with_den DESC, signal
