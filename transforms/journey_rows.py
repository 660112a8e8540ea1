"""Rows that an account's history gives, as plain structs whose fields are the columns of the tables named beside them.

Times are microseconds since the epoch; ``schemas/`` says what each column means. ``variant`` and ``path`` hold the
short codes of ``JOB_CODES`` joined by ``>`` (``PI>SE>SS``); every other job column holds the full name.
"""

from __future__ import annotations

import msgspec

from schemas.vocab import BUYING_JOBS

UNCLASSIFIED = "unclassified"
JOB_CODES = dict(zip(BUYING_JOBS, ("PI", "SE", "RB", "SS", "VA", "CC"), strict=False))
"""The six jobs in rank order; ``unclassified`` has no code because it is never visited."""
BUYER_EVIDENCE = frozenset({"inbound", "mutual", "self_serve"})
"""Directions in which a countable touchpoint shows the buyer doing something."""


class TouchpointJourney(msgspec.Struct, gc=False):
    """``bridge_touchpoint_journey``."""

    touchpoint_id: str
    journey_id: str
    account_id: str
    session_no: int | None
    visit_no: int | None


class Session(msgspec.Struct, gc=False):
    """``fact_session``."""

    journey_id: str
    journey_scope: str
    session_no: int
    started_at: int
    ended_at: int
    touchpoint_count: int
    account_id: str
    opportunity_id: str | None
    buyer_evidence_count: int


class Visit(msgspec.Struct, gc=False):
    """``fact_visit``."""

    journey_id: str
    journey_scope: str
    visit_no: int
    buying_job: str
    started_at: int
    ended_at: int
    touchpoint_count: int
    account_id: str
    opportunity_id: str | None
    session_no: int
    self_loop_count: int


class Transition(msgspec.Struct, gc=False):
    """``fact_transition``."""

    journey_id: str
    journey_scope: str
    opportunity_id: str | None
    from_visit_no: int
    to_visit_no: int
    from_job: str
    to_job: str
    transition_type: str
    is_loop_closure: bool
    account_id: str
    skip_size: int | None
    core_transition_type: str | None
    left_at: int
    entered_at: int


class Loop(msgspec.Struct, gc=False):
    """``fact_loop``."""

    loop_id: str
    journey_id: str
    journey_scope: str
    opportunity_id: str | None
    revisited_job: str
    path: str
    loop_length: int
    loop_duration_seconds: int
    trigger_type: str
    loop_kind: str
    account_id: str
    from_visit_no: int
    to_visit_no: int
    left_at: int
    returned_at: int
    return_touchpoint_id: str
    trigger_touchpoint_id: str | None
    closed_by: str


class JourneySummary(msgspec.Struct, gc=False):
    """``mart_journey_summary``."""

    journey_id: str
    journey_scope: str
    account_id: str
    opportunity_id: str | None
    session_count: int
    visit_count: int
    distinct_job_count: int
    loop_count: int
    core_loop_count: int
    resume_count: int
    self_loop_count: int
    loop_rate: float | None
    loop_rate_num: int
    loop_rate_den: int
    core_loop_rate: float | None
    core_loop_rate_num: int
    core_loop_rate_den: int
    jobs_revisited_share: float | None
    jobs_revisited_share_num: int
    jobs_revisited_share_den: int
    unresolved_share: float | None
    unresolved_share_num: int
    unresolved_share_den: int
    unclassified_share: float | None
    unclassified_share_num: int
    unclassified_share_den: int
    throughput_seconds: int | None
    idle_seconds: int | None
    variant: str | None
    touchpoint_count: int
    buyer_evidence_count: int
    unclassified_count: int
    low_evidence: bool
    first_at: int | None
    last_at: int | None


class GapSensitivity(msgspec.Struct, gc=False):
    """``journey_gap_sensitivity``: how many sessions another gap would give."""

    journey_id: str
    journey_scope: str
    account_id: str
    gap_days: float
    session_count: int


class Response(msgspec.Struct, gc=False):
    """``fact_response``."""

    ask_touchpoint_id: str
    account_id: str
    opportunity_id: str | None
    seller_id: str | None
    ask_channel: str
    asked_at: int
    answer_touchpoint_id: str | None
    answer_channel: str | None
    response_business_seconds: int | None
    is_within_horizon: bool | None
    thread_id: str | None
    asker_party_id: str | None
    ask_count: int
    answered_at: int | None
    response_calendar_seconds: int | None
    is_cross_channel: bool | None
    answered_by_colleague: bool | None
    due_at: int
    is_due: bool
    waiting_business_seconds: int | None
    calendar_id: str


class FollowUp(msgspec.Struct, gc=False):
    """``fact_followup``."""

    touchpoint_id: str
    account_id: str
    opportunity_id: str | None
    channel: str
    occurred_at: int
    party_id: str | None
    same_channel_answer_id: str | None
    same_channel_business_seconds: int | None
    is_answered_same_channel: bool
    any_channel_answer_id: str | None
    any_channel_business_seconds: int | None
    is_followed_up: bool
    calendar_id: str


class Need(msgspec.Struct, gc=False):
    """``fact_enablement_need``."""

    need_id: str
    account_id: str
    opportunity_id: str | None
    buying_job: str
    needed_asset_type: str
    first_asked_at: int
    ask_count: int
    delivered_at: int | None
    delivery_business_seconds: int | None
    outcome: str
    due_at: int
    overdue_at: int
    asked_touchpoint_id: str
    delivered_touchpoint_id: str | None
    consumed: bool | None
    calendar_id: str


class JourneyRows(msgspec.Struct, kw_only=True):
    """Everything that one journey gives."""

    sessions: list[Session]
    visits: list[Visit]
    transitions: list[Transition]
    loops: list[Loop]
    members: list[TouchpointJourney]
    gaps: list[GapSensitivity]
    summary: JourneySummary


class AccountRows(msgspec.Struct, kw_only=True):
    """Everything that one account's touchpoints give, all its journeys together."""

    sessions: list[Session] = []
    visits: list[Visit] = []
    transitions: list[Transition] = []
    loops: list[Loop] = []
    summaries: list[JourneySummary] = []
    members: list[TouchpointJourney] = []
    gaps: list[GapSensitivity] = []
    responses: list[Response] = []
    followups: list[FollowUp] = []
    needs: list[Need] = []
