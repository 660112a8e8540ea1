-- Days of the reporting time zone that the coverage marts reach, and the periods that each lies in.
-- Grain: day. Key: date_day. Rebuilt whole.
SELECT day AS date_day, isoyear(day)::INTEGER AS iso_year, week(day)::INTEGER AS iso_week, isodow(day)::INTEGER AS iso_weekday,
       period_start AS week_start, date_trunc('month', day)::DATE AS month_start, date_trunc('quarter', day)::DATE AS quarter_start
FROM period_day WHERE period_grain = 'week'
