"""Rows below ``fact_event``, as plain structs whose fields are the columns of the tables of the same name.

Times are microseconds since the epoch. ``schemas/`` says what each column means.
"""

from __future__ import annotations

import msgspec


class Touchpoint(msgspec.Struct, kw_only=True, gc=False):
    """``fact_touchpoint``: one interval of exchange on one channel in one direction."""

    touchpoint_id: str
    supersedes_touchpoint_id: str | None = None
    source: str
    source_event_id: str
    dedupe_key: str
    event_type: str
    schema_version: str
    occurred_at: int
    ended_at: int
    duration_seconds: int | None = None
    recorded_at: int | None = None
    received_at: int
    time_quality: str = "source"
    sequence: str | None = None
    revision: int = 1
    is_voided: bool = False
    channel: str
    medium: str
    modality: str
    direction: str
    interaction_kind: str
    status: str
    is_automated: bool = False
    is_internal: bool = False
    is_question: bool | None = None
    is_reply: bool = False
    is_ack: bool = False
    subject_text: str | None = None
    tags: list[str] = []
    asset_id: str | None = None
    asset_type: str | None = None
    asset_types: list[str] = []
    """All asset types shared or viewed in it, sorted; ``asset_type`` is set only where there is exactly one."""
    page_path: str | None = None
    place: str | None = None
    message_count: int = 1
    content_chars: int = 0
    thread_id: str | None = None
    in_reply_to: str | None = None
    native_session_id: str | None = None
    actor_party_id: str | None = None
    actor_side: str | None = None
    owner_seller_id: str | None = None
    account_id: str | None = None
    account_resolution: str = "unresolved"
    opportunity_id: str | None = None
    opportunity_resolution: str | None = None
    buyer_participant_count: int = 0
    seller_participant_count: int = 0
    buyer_minutes: float = 0.0
    seller_minutes: float = 0.0
    buying_job: str = "unclassified"
    buying_job_rule_id: str | None = None
    buying_job_confidence: float | None = None
    buying_job_basis: str | None = None
    dart_dimensions: list[str] = []
    is_late: bool = False
    is_countable: bool = False
    raw_ref: str


class Participant(msgspec.Struct, kw_only=True, gc=False):
    """``fact_touchpoint_participant``."""

    touchpoint_id: str
    participant_seq: int
    party_id: str
    """The person's id, or ``u:<hash>`` of the identifier where nobody is known by it."""
    person_id: str | None = None
    side: str
    identifier_type: str | None = None
    identifier_hash: str | None = None
    participation_role: str
    attended: bool | None = None
    joined_at: int | None = None
    left_at: int | None = None
    attended_seconds: int | None = None
    is_engaged: bool = False
    buyer_roles: list[str] = []
    is_executive: bool | None = None
    person_rule_id: str | None = None
    """R1..R6 of the resolution: why this person."""
    home_account_id: str | None = None


class TouchpointEvent(msgspec.Struct, gc=False):
    """``bridge_touchpoint_event``: which witnesses a touchpoint rests on, and the rule that joined each."""

    touchpoint_id: str
    event_id: str
    rule_id: str


class TouchpointAccount(msgspec.Struct, gc=False):
    """``bridge_touchpoint_account``."""

    touchpoint_id: str
    account_id: str
    is_primary: bool


class AssetEvent(msgspec.Struct, kw_only=True, gc=False):
    """``fact_asset_event``: one share, view or download of one asset."""

    asset_event_id: str
    touchpoint_id: str
    account_id: str | None
    asset_id: str
    asset_type: str
    action: str
    occurred_at: int
    party_id: str | None


class InternalStep(msgspec.Struct, kw_only=True, gc=False):
    """``fact_internal_step`` as one touchpoint tells it. ``warehouse.steps`` numbers the revisions and fills in what stands as before."""

    step_id: str
    revision: int = 1
    basis: str
    account_id: str | None = None
    opportunity_id: str | None = None
    touchpoint_id: str
    event_id: str | None = None
    source: str
    occurred_at: int
    told_by_party_id: str | None = None
    told_by_side: str | None = None
    owner_side: str | None = None
    owner_party_id: str | None = None
    subject_text: str | None = None
    due_at: int | None = None
    is_done: bool | None = None
    is_risk: bool = False
    is_removed: bool = False
    told: list[str] = []


class Resolution(msgspec.Struct, kw_only=True, gc=False):
    """``touchpoint_resolution``: why this account and this opportunity."""

    touchpoint_id: str
    resolution_version: int = 1
    is_current: bool = True
    account_id: str | None
    account_resolution: str
    account_rule_id: str
    account_candidates: list[str] = []
    opportunity_id: str | None
    opportunity_resolution: str | None
    opportunity_rule_id: str | None
    opportunity_candidates: list[str] = []


class IdentityLink(msgspec.Struct, kw_only=True, gc=False, frozen=True):
    """``identity_link``: why an identifier is this person."""

    identifier_type: str
    identifier_hash: str
    person_id: str
    rule_id: str
    valid_from: int | None = None
    valid_to: int | None = None
    evidence_source: str
    told_by: str | None = None
    """The group of events that shows it; None: the directory."""


class IdentityConflict(msgspec.Struct, kw_only=True, gc=False, frozen=True):
    """``identity_conflict``: two rules named different persons; who was chosen and why."""

    conflict_id: str
    identifier_type: str
    identifier_hash: str
    rule_id: str
    chosen_person_id: str | None
    other_person_id: str | None
    detail: str
    told_by: str | None = None


class Folded(msgspec.Struct, kw_only=True, gc=False):
    """Everything that folding one group gives."""

    touchpoints: list[Touchpoint] = []
    participants: list[Participant] = []
    events: list[TouchpointEvent] = []
    accounts: list[TouchpointAccount] = []
    assets: list[AssetEvent] = []
    steps: list[InternalStep] = []
    resolutions: list[Resolution] = []
    links: list[IdentityLink] = []
    conflicts: list[IdentityConflict] = []
