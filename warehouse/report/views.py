"""Which figures the report shows. A figure's meaning is its column's in ``schemas``: quoted here, never written again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.registry import TABLES

Show = Literal[
    "text",
    "codes",
    "words",
    "count",
    "share",
    "number",
    "days",
    "span",
    "hours",
    "when",
    "month",
    "flag",
    "money",
    "mix",
]


@dataclass(frozen=True)
class Field:
    """One column of a table of the page. ``of`` names ``table.column`` where its meaning stands."""

    label: str
    name: str
    show: Show = "text"
    of: str = ""
    missing: str = "–"
    """What stands there for NULL: why there is no figure."""
    detail: str = ""
    """A second column, shown small under the first."""
    yes: str = "yes"
    no: str = "no"

    @property
    def meaning(self) -> str:
        """One line from the declaration; empty for a key."""
        if not self.of:
            return ""
        table, column = self.of.split(".")
        return TABLES[table].column(column).meaning

    @property
    def numeric(self) -> bool:
        return self.show in ("count", "share", "number", "days", "span", "hours", "money")


@dataclass(frozen=True)
class View:
    """One table of the page. ``query`` names a file of ``sql/``; ``thing`` is what a row is."""

    query: str
    caption: str
    thing: str
    fields: tuple[Field, ...]
    limit: int | None = None


SUMMARY = "mart_journey_summary"
REVIEW = "mart_lost_deal_review"
LIFT = "mart_signal_lift"
QUALITY = "mart_data_quality"
FEW = "too few touches"

CONSERVATION = View("conservation", "Records by source", "source", (
    Field("Source", "source"),
    Field("Records", "records", "count", "ledger_unit.record_count"),
    Field("Accepted", "accepted", "count", "ledger_unit.accepted_count"),
    Field("Duplicate", "duplicate", "count", "ledger_unit.duplicate_count"),
    Field("Ignored", "ignored", "count", "ledger_unit.ignored_count"),
    Field("Rejected", "rejected", "count", "ledger_unit.rejected_count"),
    Field("Events", "events", "count", "ledger_unit.event_count"),
))  # fmt: skip

JOURNEYS = View("journeys", "Journeys with the most loops", "journey", (
    Field("Journey", "deal_name", detail="key"),
    Field("State", "status", "words", "dim_opportunity.status"),
    Field("Sessions", "session_count", "count", f"{SUMMARY}.session_count"),
    Field("Visits", "visit_count", "count", f"{SUMMARY}.visit_count"),
    Field("Loops", "loop_count", "count", f"{SUMMARY}.loop_count"),
    Field("Loop rate", "loop_rate", "share", f"{SUMMARY}.loop_rate", missing="under 2 visits"),
    Field("Length", "throughput_seconds", "span", f"{SUMMARY}.throughput_seconds"),
    Field("Idle", "idle_seconds", "span", f"{SUMMARY}.idle_seconds"),
    Field("Evidence", "low_evidence", "flag", f"{SUMMARY}.low_evidence", yes="thin: read with care", no="enough", missing="no buyer evidence"),
    Field("Jobs in order", "variant", "codes", f"{SUMMARY}.variant"),
), limit=20)  # fmt: skip

TRIGGERS = View("triggers", "What came before the return", "trigger", (
    Field("Trigger", "trigger_type", "words", "fact_loop.trigger_type"),
    Field("Loops", "loops", "count"),
    Field("Of all loops", "part", "share"),
    Field("Core", "core", "count", "fact_loop.loop_kind"),
    Field("Parallel", "parallel", "count", "fact_loop.loop_kind"),
    Field("Median time away", "median_seconds", "span", "fact_loop.loop_duration_seconds"),
))  # fmt: skip

JOBS = View("jobs", "The job that buyers came back to", "job", (
    Field("Job", "revisited_job", "words", "fact_loop.revisited_job"),
    Field("Loops", "loops", "count"),
    Field("Of all loops", "part", "share"),
    Field("Journeys", "journeys", "count"),
    Field("Most often by way of", "common_path", "codes", "fact_loop.path"),
    Field("Median time away", "median_seconds", "span", "fact_loop.loop_duration_seconds"),
))  # fmt: skip

LOOPS = View("loops", "Loops, the latest return first", "loop", (
    Field("Journey", "deal_name", detail="key"),
    Field("Came back to", "revisited_job", "words", "fact_loop.revisited_job"),
    Field("By way of", "path", "codes", "fact_loop.path"),
    Field("Left", "left_at", "when", "fact_loop.left_at"),
    Field("Returned", "returned_at", "when", "fact_loop.returned_at"),
    Field("Time away", "loop_duration_seconds", "span", "fact_loop.loop_duration_seconds"),
    Field("Trigger", "trigger_type", "words", "fact_loop.trigger_type"),
    Field("Kind", "loop_kind", "words", "fact_loop.loop_kind"),
    Field("Closed by", "closed_by", "words", "fact_loop.closed_by"),
), limit=20)  # fmt: skip


def _coverage(mart: str) -> tuple[Field, ...]:
    """The columns that the marts of coverage share, quoted from the one that is shown: another may not be published."""
    answered, median = f"{mart}.buyer_channel_answer_coverage", f"{mart}.response_median_business_seconds"
    return (
        Field("Seller touches", "seller_touch_count", "count", f"{mart}.seller_touch_count"),
        Field("Buyer evidence", "buyer_evidence_count", "count", f"{mart}.buyer_evidence_count"),
        Field("Channels used", "channel_coverage", "share", f"{mart}.channel_coverage"),
        Field("Buyer's channels answered", "buyer_channel_answer_coverage", "share", answered, missing="buyer started nothing"),
        Field("Followed up", "touch_followup_share", "share", f"{mart}.touch_followup_share", missing="nothing to follow up"),
        Field("Hybrid score", "hybrid_score", "number", f"{mart}.hybrid_score", missing="a part is missing"),
        Field("Hybrid, 13 weeks", "is_hybrid_13w", "flag", f"{mart}.is_hybrid_13w", missing=FEW),
        Field("Median answer, business hours", "response_median_business_seconds", "hours", median, missing="no answer yet"),
        Field("Answered in time", "response_rate", "share", f"{mart}.response_rate", missing="nothing due"),
        Field("Dialogue ratio", "dialogue_ratio", "number", f"{mart}.dialogue_ratio", missing="no messages"),
        Field("Buying group engaged", "contact_coverage", "share", f"{mart}.contact_coverage", missing="no group known"),
        Field("Jobs seen", "job_coverage", "share", f"{mart}.job_coverage"),
        Field("Buyer minutes by modality", "mix", "mix", missing="no minutes"),
    )  # fmt: skip


TEAMS = View("coverage_team", "Coverage by team", "team", (
    Field("Team", "name"),
    *_coverage("mart_team_period"),
), limit=15)  # fmt: skip

ACCOUNTS = View("coverage_account", "Coverage by account", "account", (
    Field("Account", "name", detail="key"),
    *_coverage("mart_account_period"),
), limit=15)  # fmt: skip

SELLERS = View("coverage_seller", "Coverage by seller", "seller", (
    Field("Seller", "name", detail="key"),
    *_coverage("mart_seller_period"),
), limit=15)  # fmt: skip

PAIRS = View("coverage_pair", "Coverage of an account by one seller, most buyer evidence first", "pair", (
    Field("Account", "account_name", detail="account_id"),
    Field("Seller", "name", detail="key"),
    *_coverage("mart_seller_account_period"),
), limit=15)  # fmt: skip

MONTHS = View("hybrid_months", "Hybrid sellers by month, over the 13 weeks that end with it", "month", (
    Field("Month", "period_start", "month"),
    Field("Sellers with a row", "sellers", "count"),
    Field("Hybrid, of those with enough touches", "hybrid", "share", "mart_seller_period.is_hybrid_13w", missing=FEW),
    Field("Final", "is_final", "flag", "mart_seller_period.is_final", yes="final", no="may still change"),
))  # fmt: skip

LOST_FLAGS = View("lost_flags", "How often each gap is seen in lost deals", "gap", (
    Field("Gap", "flag", "words"),
    Field("Lost deals", "holds", "share"),
    Field("It means", "meaning"),
))  # fmt: skip

LOST_DEALS = View("lost_deals", "Lost deals with the most gaps", "lost deal", (
    Field("Deal", "deal_name", detail="key"),
    Field("Gaps, strict", "gap_count_core", "count", f"{REVIEW}.gap_count_core"),
    Field("Gaps, all", "gap_count_extended", "count", f"{REVIEW}.gap_count_extended"),
    Field("Amount", "amount", "money", "dim_opportunity.amount"),
    Field("Closed", "closed_at", "when", "dim_opportunity.closed_at"),
    Field("Reason in the CRM", "loss_reason", "words", "dim_opportunity.loss_reason", missing="none given"),
    Field("Executive never engaged", "exec_never_engaged", "flag", f"{REVIEW}.exec_never_engaged"),
    Field("Executive after supplier selection", "exec_after_supplier_selection", "flag", f"{REVIEW}.exec_after_supplier_selection"),
    Field("Executive first engaged", "exec_first_engaged_days", "days", "mart_opportunity_coverage.exec_first_engaged_days", missing="never seen"),
    Field("Contacts engaged", "engaged_contacts", "count", "mart_opportunity_coverage.engaged_contacts"),
    Field("Single-threaded", "single_threaded", "flag", f"{REVIEW}.single_threaded"),
    Field("Comparison sheet never sent", "competition_sheet_never_sent", "flag", f"{REVIEW}.competition_sheet_never_sent"),
    Field("Comparison sheet late", "competition_sheet_late", "flag", f"{REVIEW}.competition_sheet_late"),
    Field("Validation", "validation_never_seen", "flag", f"{REVIEW}.validation_never_seen", yes="never seen", no="seen"),
    Field("Internal steps", "internal_steps_never_seen", "flag", f"{REVIEW}.internal_steps_never_seen", yes="never seen", no="seen"),
    Field("Mutual action plan", "no_mutual_action_plan", "flag", f"{REVIEW}.no_mutual_action_plan", yes="not seen", no="seen"),
    Field("Buyer silent before close", "buyer_silent_days", "days", f"{REVIEW}.buyer_silent_days", missing="never heard"),
), limit=20)  # fmt: skip

RISK = View("risk", "Open deals with the most signals", "open deal", (
    Field("Deal", "deal_name", detail="key"),
    Field("Amount", "amount", "money", "dim_opportunity.amount"),
    Field("Opened", "opened_at", "when", "dim_opportunity.opened_at"),
    Field("Stage", "stage", "text", "fact_stage_history.stage", missing="none given"),
    Field("In it for", "stage_days", "days", missing="no history"),  # up to as_of; the column knows of later ends
    Field("Level", "risk_level", "words", "mart_deal_risk.risk_level"),
    Field("Signals", "signal_count", "count", "mart_deal_risk.signal_count"),
    Field("Which", "signals", "words", "mart_deal_risk.signals", missing="none"),
), limit=20)  # fmt: skip

LIFTS = View("signal_lift", "Closed deals: how often they were lost with a signal and without it", "signal", (
    Field("Signal", "signal", "words"),
    Field("Read before the close", "landmark_days", "days", f"{LIFT}.landmark_days"),
    Field("Lost with it", "loss_rate_with", "share", f"{LIFT}.loss_rate_with", missing="no such deal"),
    Field("Lost without it", "loss_rate_without", "share", f"{LIFT}.loss_rate_without", missing="no such deal"),
    Field("Enough deals", "low_n", "flag", f"{LIFT}.low_n", yes="too few to compare", no="yes"),
))  # fmt: skip

TRUST = View("quality", "Data quality by source", "source", (
    Field("Source", "source"),
    Field("Touchpoints", "touchpoints", "count", f"{QUALITY}.touchpoints"),
    Field("No account", "unresolved", "share", f"{QUALITY}.unresolved_account", missing="no touchpoints"),
    Field("Buyer evidence without a job", "unclassified", "share", f"{QUALITY}.unclassified_buyer", missing="no buyer evidence"),
    Field("Late", "late", "count", f"{QUALITY}.late"),
    Field("Calendar alone", "scheduled_only", "count", f"{QUALITY}.scheduled_only"),
    Field("Account conflicts", "conflict", "count", f"{QUALITY}.conflict"),
    Field("Seen before", "duplicates_dropped", "count", f"{QUALITY}.duplicates_dropped"),
    Field("Rejected", "quarantined", "count", f"{QUALITY}.quarantined"),
))  # fmt: skip
