"""Closed vocabularies (semantics 1.2). The order of a tuple is the order in which reports list it."""

CHANNELS = ("chat", "email", "video", "app", "in_person")
PHONE_CHANNEL = "phone_call"
"""The sixth channel, where the settings give phone calls one of their own (semantics 1.2)."""
ALL_CHANNELS = (*CHANNELS, PHONE_CHANNEL)


def counted_channels(channels: tuple[str, ...], phone_call_channel: str) -> tuple[str, ...]:
    """The set C: as the settings list it, and phone calls where they are a channel of their own."""
    sixth = (PHONE_CHANNEL,) if phone_call_channel == PHONE_CHANNEL else ()
    return tuple(dict.fromkeys((*channels, *sixth)))


MEDIA = (
    "email", "sms", "web_chat", "teams_chat", "whatsapp", "video_call", "phone_call", "web_app", "mobile_app", "portal",
    "deal_room", "onsite_visit", "trade_event",
)  # fmt: skip
MODALITIES = ("digital_self_serve", "remote_human", "in_person")
DIRECTIONS = ("inbound", "outbound", "mutual", "self_serve")
INTERACTION_KINDS = (
    "message", "reply", "meeting", "demo", "workshop", "call", "visit", "event_contact", "session", "asset_share",
    "asset_view", "asset_download", "form_submit", "plan_update", "introduction", "signature",
)  # fmt: skip
STATUSES = ("held", "no_show", "cancelled", "bounced", "auto_reply", "scheduled")
TIME_QUALITIES = ("source", "skew_corrected", "date_only", "estimated")
SIDES = ("buyer", "seller", "partner", "system", "unknown")
PARTICIPATION_ROLES = ("actor", "to", "cc", "bcc", "organizer", "required", "optional", "attendee", "viewer")
ACCOUNT_RESOLUTIONS = ("explicit", "external_id", "person", "domain", "thread", "conflict", "unresolved")
BUYING_JOBS = (
    "problem_identification", "solution_exploration", "requirements_building", "supplier_selection", "validation",
    "consensus_creation", "unclassified",
)  # fmt: skip
BUYER_ROLES = ("economic_buyer", "technical_evaluator", "user", "champion", "blocker", "influencer", "unknown")
ASSET_TYPES = (
    "diagnostic", "buyer_guide", "product_overview", "demo_recording", "requirements_template", "technical_doc",
    "competition_sheet", "pricing_proposal", "roi_model", "case_study", "customer_reference", "security_pack",
    "business_case", "executive_summary", "mutual_action_plan", "contract_terms", "limitations_note", "onboarding_plan", "other",
)  # fmt: skip
ASSET_ACTIONS = ("share", "view", "download")
DART = ("dialogue", "access", "risk_assessment", "transparency")
SCOPES = ("opportunity", "account")
TRANSITION_TYPES = ("resume", "lateral", "forward", "skip", "backward")
TRIGGER_TYPES = (
    "new_stakeholder",
    "competitor_mention",
    "price_terms",
    "silence_break",
    "seller_outreach",
    "buyer_initiated",
)
LOOP_KINDS = ("core", "parallel")
LOW_EVIDENCE_ABOVE = 0.4
"""Share of buyer evidence without a job above which loop figures are flagged (semantics 5.9)."""
OPPORTUNITY_STATUSES = ("open", "won", "lost")
STAGE_BASES = ("history", "from_stage", "current_stage")
STEP_BASES = ("plan_item", "reported")
STEP_FIELDS = ("account_id", "opportunity_id", "owner", "subject_text", "due_at", "is_done", "is_risk", "is_removed")
"""What a revision of an internal step may tell."""
NEED_OUTCOMES = ("already_had", "on_time", "late", "never", "open")
PERIOD_GRAINS = ("week", "month", "quarter", "lifetime")
RELATIONSHIP_TYPES = ("transactional", "value_added", "partnering", "insufficient_evidence")
RISK_SIGNALS = (
    "buyer_silent", "no_next_step", "spinning", "single_threaded", "exec_absent", "validation_or_consensus_missing", "ghosted",
    "unmet_need",
)  # fmt: skip
RISK_LEVELS = ("low", "medium", "high")
RESTATEMENT_CHANGES = ("changed", "appeared", "vanished", "many")
RESTATEMENT_REASONS = ("events", "directory", "settings", "version", "clock")
UNIT_KINDS = ("file", "kafka", "kafka_gap")
RECORD_FAMILIES = ("email", "chat", "app", "schedule", "attendance", "identity")
IDENTIFIER_TYPES = ("email", "phone", "external_id", "anonymous_id", "name")
PERSON_RULES = ("R1", "R2", "R3", "R4", "R5", "R6")
