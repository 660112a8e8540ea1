"""Coverage marts (semantics section 5)."""

from __future__ import annotations

from schemas import vocab
from schemas.fields import Table, count, day, flag, number, ratio, seconds, share, text, texts

_PERIOD = (
    text("period_grain", "Length of the period", nn=True, values=vocab.PERIOD_GRAINS),
    day("period_start", "First day in the reporting time zone; weeks start on Monday; lifetime: 1970-01-01", nn=True),
)
_COUNTS = (
    count("seller_touch_count", "Countable outbound or mutual touchpoints in which the seller acted or attended"),
    count("buyer_evidence_count", "Countable inbound, mutual or self-serve touchpoints"),
    count("inbound_count", "Countable inbound"),
    count("outbound_count", "Countable outbound"),
    count("mutual_count", "Countable mutual"),
    count("self_serve_count", "Countable self-serve"),
    texts("seller_channels", "Channels with a seller touch", values=vocab.ALL_CHANNELS),
    texts("buyer_channels", "Channels where the buyer initiated, acknowledgements aside", values=vocab.ALL_CHANNELS),
    texts("answered_channels", "Of those, channels where at least one was answered on the same channel within the horizon", values=vocab.ALL_CHANNELS),
)
_CHANNEL_METRICS = (
    *ratio("channel_coverage", "M1: channels with a seller touch / channels"),
    *ratio("buyer_channel_answer_coverage", "M2: answered_channels / buyer_channels"),
    *ratio("touch_followup_share", "M2b: buyer-initiated touchpoints followed up on any channel within the horizon / all such"),
    share("channel_balance", "M3: entropy of seller touches over channels / ln(channels); a description, not a target"),
    share("channel_fit", "M4: 1 - half the distance between buyer's and seller's channel mix"),
    share("digital_share", "M5: share of countable touchpoints"),
    share("remote_human_share", "M5: share of countable touchpoints"),
    share("in_person_share", "M5: share of countable touchpoints"),
    share("digital_minutes_share", "M5m: share of buyer minutes"),
    share("remote_human_minutes_share", "M5m: share of buyer minutes"),
    share("in_person_minutes_share", "M5m: share of buyer minutes"),
    share("thirds_balance_count", "M6 by touchpoints: 1 at equal thirds; a reference line, not an optimum"),
    share("thirds_balance_minutes", "M6 by buyer minutes: the one to publish"),
    share("modality_reach", "Modalities of seller touches that the buyer's evidence has / modalities of the buyer's evidence"),
    share("hybrid_score", "M7: mean of channel_coverage, channel_fit, modality_reach; NULL if a part is"),
    flag("is_hybrid", "M7: in person, video and one of email, chat, app in the period; NULL below 5 seller touches"),
    flag("is_hybrid_13w", "M7 over the 13 weeks that end with the period: the one to report"),
)
_RESPONSE = (
    number("response_median_business_seconds", "M8 over closed episodes", unit="seconds", minimum=0),
    number("response_p90_business_seconds", "M8 over closed episodes; NULL below n = 5", unit="seconds", minimum=0),
    *ratio("response_rate", "M8r: answered within the horizon / answered or due"),
    seconds("longest_open_wait_business_seconds", "Longest wait of an open episode"),
    share("dialogue_ratio", "M9: min(in, out) / max(in, out) over human email and chat; 0 if one-sided"),
    *ratio("mutual_share", "M9m: mutual / (inbound + outbound + mutual)"),
    *ratio("reciprocated_thread_share", "M9t: threads with both sides / threads"),
)
_PEOPLE = (
    *ratio("contact_coverage", "M10: engaged known buying-group members / known members at period end"),
    count("engaged_contacts", "Distinct engaged buyer people"),
    *ratio("job_coverage", "M13: jobs with buyer evidence / 6"),
    *ratio("job_support_share", "M13s: visited jobs with a seller touch of that job / visited jobs"),
)
_TRUST = (
    share("unclassified_share", "Unclassified buyer evidence / buyer evidence of the row's own inputs"),
    flag("is_final", "The period ended more than 72 h before as_of", nn=True),
)

SELLER_ACCOUNT_PERIOD = Table(
    "mart_seller_account_period", "mart", "seller x account x period", ("seller_id", "account_id", "period_grain", "period_start"),
    (
        text("seller_id", "Seller", nn=True),
        text("account_id", "Account", nn=True),
        *_PERIOD, *_COUNTS, *_CHANNEL_METRICS, *_RESPONSE, *_PEOPLE, *_TRUST,
    ),
    meaning="Coverage of an account by a seller. A row exists if the seller was assigned on any day of the period or made a seller touch.",
    version="2.0.0", sort=("account_id", "seller_id", "period_start"),
)  # fmt: skip

TABLES = (
    SELLER_ACCOUNT_PERIOD,
    Table("mart_seller_period", "mart", "seller x period", ("seller_id", "period_grain", "period_start"), (
        text("seller_id", "Seller", nn=True), *_PERIOD, *_COUNTS,
        texts("channels_used", "Channels with a seller touch", values=vocab.ALL_CHANNELS),
        count("account_count", "Accounts of the rows rolled up"),
        *_CHANNEL_METRICS, *_RESPONSE, *_PEOPLE, *_TRUST,
    ), meaning="Rollup of a seller's accounts: shares of counts are sums over sums; distinct counts, medians and mixes are recomputed from facts.", version="2.0.0"),
    Table("mart_account_period", "mart", "account x period", ("account_id", "period_grain", "period_start"), (
        text("account_id", "Account", nn=True), *_PERIOD, *_COUNTS,
        count("seller_count", "Sellers with a touch"),
        *_CHANNEL_METRICS, *_RESPONSE, *_PEOPLE, *_TRUST,
    ), meaning="All sellers of an account together.", version="2.0.0", sort=("account_id", "period_start")),
    Table("mart_team_period", "mart", "team x period", ("team_id", "period_grain", "period_start"), (
        text("team_id", "Team", nn=True), *_PERIOD, *_COUNTS,
        count("seller_count", "Sellers of the team with a row"),
        *_CHANNEL_METRICS, *_RESPONSE, *_PEOPLE, *_TRUST,
    ), meaning="Rollup of a team's sellers.", version="2.0.0"),
    Table("mart_response_time", "mart", "seller x channel x period", ("seller_id", "ask_channel", "period_grain", "period_start"), (
        text("seller_id", "Addressed seller", nn=True),
        text("ask_channel", "Channel of the question", nn=True, values=vocab.CHANNELS),
        *_PERIOD,
        count("ask_count", "Episodes"),
        count("answered_count", "Closed episodes"),
        number("response_median_business_seconds", "Over closed episodes", unit="seconds", minimum=0),
        number("response_p90_business_seconds", "Over closed episodes; NULL below n = 5", unit="seconds", minimum=0),
        *ratio("response_rate", "Answered within the horizon / answered or due"),
        seconds("longest_open_wait_business_seconds", "Longest wait of an open episode"),
    ), version="1.1.0"),
    Table("mart_data_quality", "mart", "source x month", ("source", "month"), (
        text("source", "Source system", nn=True),
        day("month", "First day of the month of occurred_at (of arrival, for duplicates and rejects)", nn=True),
        count("touchpoints", "Touchpoints won by this source", big=True),
        count("unresolved_account", "Without an account", big=True),
        count("unresolved_person", "With an outside party that nobody is known by", big=True),
        count("unclassified_buyer", "Buyer evidence without a job", big=True),
        count("buyer_touchpoints", "Buyer evidence", big=True),
        count("late", "Late touchpoints", big=True),
        count("duplicates_dropped", "Records seen before", big=True),
        count("quarantined", "Rejected records not replayed to success", big=True),
        count("conflict", "Account conflicts", big=True),
        count("scheduled_only", "Meetings known from a calendar alone", big=True),
        count("ignored", "Records that are deliberately no event", big=True),
    ), meaning="May I trust these numbers?"),
    Table("mart_opportunity_coverage", "mart", "opportunity lifetime", ("opportunity_id",), (
        text("opportunity_id", "Deal", nn=True),
        text("account_id", "Account"),
        number("exec_first_engaged_days", "Days from opening to the first buyer evidence with an engaged executive", unit="days"),
        number("exec_first_engaged_share_of_cycle", "The same / length of the cycle; closed deals only", unit="share"),
        flag("exec_before_supplier_selection", "Executive engaged before the first visit of supplier selection"),
        count("engaged_contacts", "Distinct engaged buyer people"),
        count("cocreation_evidence_count", "Workshops, plan updates by the buyer"),
        share("dart_dialogue", "Mean of its items; NULL below 2"),
        share("dart_access", "Mean of its items; NULL below 2"),
        share("dart_risk", "Mean of its items; NULL below 2"),
        share("dart_transparency", "Mean of its items; NULL below 2"),
        share("dart_index", "Mean of the four: traces, not the survey scale"),
        count("in_person_count", "Countable in-person touchpoints"),
        count("remote_human_count", "Countable remote touchpoints"),
        count("digital_count", "Countable digital self-serve touchpoints"),
        count("loop_count", "Loops of the deal's journey"),
        count("visit_count", "Visits of the deal's journey"),
        number("champion_silence_days", "Days since the champion's last buyer evidence, at as_of or close", unit="days"),
        flag("exec_engaged_by_day_30", "Landmark: engaged by day 30; NULL if the deal lived less"),
    )),
    Table("mart_lost_deal_review", "mart", "closed-lost opportunity", ("opportunity_id",), (
        text("opportunity_id", "Deal", nn=True),
        flag("single_threaded", "At most one engaged contact in the cycle", nn=True),
        flag("exec_never_engaged", "No executive engaged", nn=True),
        flag("exec_after_supplier_selection", "First engaged after supplier selection began", nn=True),
        flag("competition_sheet_never_sent", "Needed and never sent", nn=True),
        flag("competition_sheet_late", "Needed and sent late", nn=True),
        flag("buyer_silent_before_close", "Last buyer evidence more than 14 days before close", nn=True),
        number("buyer_silent_days", "close - last buyer evidence", unit="days"),
        number("seller_silent_days", "close - last seller touch", unit="days"),
        flag("internal_steps_never_seen", "No consensus touchpoint, no buyer plan item, no internal-step tag", nn=True),
        flag("validation_never_seen", "No validation touchpoint", nn=True),
        flag("no_mutual_action_plan", "No mutual action plan shared or updated", nn=True),
        count("gap_count_core", "Strict flags that hold"),
        count("gap_count_extended", "All flags that hold"),
        flag("no_good_reason", "No good loss reason, and two or more gaps: the record shows gaps, not that they lost the deal", nn=True),
    )),
    Table("mart_deal_risk", "mart", "open opportunity x as_of day", ("opportunity_id", "as_of_date"), (
        text("opportunity_id", "Deal", nn=True),
        day("as_of_date", "Day of as_of", nn=True),
        texts("signals", "Named signals that hold"),
        count("signal_count", "How many"),
        text("risk_level", "0-1 low, 2-3 medium, 4 or more high", nn=True, values=vocab.RISK_LEVELS),
    )),
)  # fmt: skip

