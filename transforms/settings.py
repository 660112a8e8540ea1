"""Every number and list that a rule depends on, with its default (semantics section 8). ``touchloop.toml`` overrides them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from transforms.times import DAY, HOUR, MINUTE, SECOND, micros

_CENTURY_DAYS = 36_500
Days = Annotated[float, msgspec.Meta(ge=0, le=_CENTURY_DAYS)]
SomeDays = Annotated[float, msgspec.Meta(gt=0, le=_CENTURY_DAYS)]
Hours = Annotated[int, msgspec.Meta(ge=0, le=_CENTURY_DAYS * 24)]
Minutes = Annotated[int, msgspec.Meta(ge=0, le=_CENTURY_DAYS * 24 * 60)]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=_CENTURY_DAYS * 24 * 3600)]
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Text = Annotated[str, msgspec.Meta(min_length=1)]
"""What a number may be: beyond a century moments leave the calendar, and nan compares with nothing. An empty pattern matches everybody."""


class Identity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is ours, who is a partner, and which domains name nobody's company (semantics 2.3, 2.4)."""

    company_domains: tuple[Text, ...] = ()
    partner_domains: tuple[Text, ...] = ()
    free_mail_domains: tuple[Text, ...] = ()
    """Added to the pinned list."""
    system_localparts: tuple[Text, ...] = (
        "no-reply", "noreply", "do-not-reply", "donotreply", "mailer-daemon", "postmaster", "bounce", "bounces",
        "notification", "notifications", "automated",
    )  # fmt: skip
    """What no human writes from: an address whose local part is such a word, or is joined with it (``bounces-17``, ``jira_noreply``)."""
    likely_system_localparts: tuple[Text, ...] = ("bot", "system")
    """Words that are in people's names too: an address of such a word, alone or joined by a hyphen or underscore (``deploy-bot``, but not
    ``thomas.bot``), is a machine's unless ``people.csv`` lists whose it is."""
    system_domains: tuple[Text, ...] = (
        "avoma.com", "chorus.ai", "fathom.video", "fireflies.ai", "gong.io", "meetgeek.ai", "otter.ai", "read.ai",
        "sembly.ai", "tldv.io",
    )  # fmt: skip
    """Of programs that sit in meetings and write: whoever has an address there and is in no account is none of the customer's."""
    system_names: tuple[Text, ...] = (
        r"\bnote[- ]?taker\b", r"\bfireflies\.ai\b", r"\botter(\.ai|pilot)\b", r"\bread\.ai\b", r"\btl;?dv\b", r"\bgong\.io\b",
        r"\bchorus\.ai\b", r"\bmeetgeek\b", r"\bsembly\b",
    )  # fmt: skip
    """What such programs call themselves where they join without an address."""
    executive_titles: tuple[Text, ...] = (
        r"\bC([ABCDEFGIKLMNOPRSTX]|IS|HR)O\b", r"\bchief\b", r"\bpresident\b", r"\b[EGRS]?VP\b", r"\bvice president\b",
        r"\bchair(man|woman|person)\b", r"\bmanaging (director|partner)\b", r"\b(co)?founder\b", r"^(co-?)?owner$", r"^partner$",
        r"\bgesch(ä|ae)ftsf(ü|ue)hrer(in)?\b", r"\b(mitglied|vorsitzender?) der gesch(ä|ae)fts(f(ü|ue)hrung|leitung)\b",
        r"\b\w*vorst(and|(ä|ae)ndin)\b", r"\bvorstands(mitglied|vorsitzender?)\b", r"\bmitglied des vorstande?s\b", r"\bgeneraldirektor(in)?\b",
        r"\b(vice-?)?pr[ée]sident[ea]\b", r"\bprésident\b", r"\bPDG\b",
        r"\b(direct(eur|rice)|directora?|dirett(ore|rice)) g[ée]n[ée]rale?\b", r"\bdiretora?[ -]geral\b",
        r"\bconsejer[oa] delegad[oa]\b", r"\bgerente general\b", r"\bamministrat(ore delegato|rice delegata|ore unico|rice unica)\b",
        r"\balgemeen directeur\b", r"\bbestuursvoorzitter\b",
        r"\bverkställande direktör\b", r"\badministrerende direktør\b", r"\btoimitusjohtaja\b",
    )  # fmt: skip
    """Used where ``people.csv`` leaves ``is_executive`` empty: VP and above in English, heads and boards of companies in the languages beside it."""


class Folding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How witnesses become touchpoints (semantics 1.3, 1.5)."""

    chat_burst_gap_seconds: Seconds = 300
    app_session_gap_minutes: Minutes = 30
    min_meeting_overlap_seconds: Seconds = 120
    late_after_hours: Hours = 72
    visit_merge_gap_minutes: Minutes = 60
    meeting_start_tolerance_minutes: Minutes = 10
    chat_minutes_per_message: Annotated[float, msgspec.Meta(ge=0, le=24 * 60)] = 1.0
    """What a message of a chat takes either side, to write or to read."""
    chat_subject_text: bool = True
    """Keep the first 120 characters of a chat burst as ``subject_text``."""
    question_patterns: tuple[Text, ...] = (
        r"^(can|could|would|will|do|does|did|is|are|may|shall) (you|we|i|they|it|there)\b",
        r"^(what|when|where|which|who|why|how)\b",
        r"\b(please|pls) (advise|clarify|confirm|send|share)\b",
    )
    phone_call_channel: Literal["video", "phone_call"] = "video"
    """``phone_call`` maps to video unless configured as a sixth channel."""

    @property
    def chat_burst_gap(self) -> int:
        return self.chat_burst_gap_seconds * SECOND

    @property
    def app_session_gap(self) -> int:
        return self.app_session_gap_minutes * MINUTE

    @property
    def min_meeting_overlap(self) -> int:
        return self.min_meeting_overlap_seconds * SECOND

    @property
    def late_after(self) -> int:
        return self.late_after_hours * HOUR


class Journeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sessions, visits and loops (semantics section 4)."""

    session_gap_days: SomeDays = 14
    session_clock: Literal["buyer", "all"] = "buyer"
    always_on_jobs: tuple[Text, ...] = ("validation", "consensus_creation")
    seller_outreach_days: Days = 7
    gap_sensitivity_days: tuple[SomeDays, ...] = (7, 14, 21, 30)
    opportunity_attach_days: Days = 14
    min_confidence: Share = 0.5

    @property
    def session_gap(self) -> int:
        return micros(self.session_gap_days, DAY)


class BusinessHours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The calendar against which waiting is measured; a seller's own ``timezone`` in ``people.csv`` replaces ``timezone``."""

    days: tuple[Text, ...] = ("mon", "tue", "wed", "thu", "fri")
    """Each open from ``start`` to ``end``, or in a slot of its own, of which a day may have several (``fri 09:00-12:00``, ``fri 13:00-15:00``)."""
    start: str = "09:00"
    end: str = "17:00"
    timezone: str = "UTC"
    holidays: tuple[Text, ...] = ()
    """ISO dates."""


class Coverage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Horizons and thresholds of the marts (semantics section 5)."""

    channels: tuple[Text, ...] = ("chat", "email", "video", "app", "in_person")
    """The set C of M1 and M3; with phone calls as a channel of their own it has that one too."""
    response_horizon_business_hours: Annotated[float, msgspec.Meta(gt=0, le=_CENTURY_DAYS * 24)] = 40
    enablement_business_days: Days = 5
    enablement_lookback_days: Days = 90
    silence_days: Days = 14
    single_thread_window_days: Days = 30
    hybrid_window_weeks: Annotated[int, msgspec.Meta(ge=1, le=_CENTURY_DAYS // 7)] = 13
    hybrid_min_touches: Count = 5
    p90_min_n: Count = 5
    transition_min_row: Count = 30
    transition_segments: tuple[Literal["outcome", "deal_size", "country"], ...] = ()
    """Kinds of segments that ``mart_transition_matrix`` has beside 'all': a deal's outcome by as_of, whether it is of
    ``large_deal_amount``, and the account's country."""
    low_n: Count = 30
    """Deals below which a group is too small to be compared."""
    signal_landmark_days: SomeDays = 30
    """How long before its close a deal's risk signals are read for ``mart_signal_lift``."""
    large_deal_amount: Annotated[float, msgspec.Meta(ge=0, le=1e15)] = 500_000
    reporting_timezone: str = "UTC"
    required_roles: tuple[Text, ...] = ("economic_buyer", "technical_evaluator", "user", "champion")
    good_loss_reasons: tuple[Text, ...] = ("price", "product_gap", "budget_withdrawn", "company_event")


class Relationship(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds of an account's relationship type (semantics 5.7); each is the least that passes."""

    window_days: Days = 180
    min_touches: Count = 5
    partnering_contacts: Count = 4
    partnering_executives: Count = 1
    partnering_sellers: Count = 2
    partnering_cocreation: Count = 1
    partnering_dialogue_ratio: Share = 0.5
    partnering_months: Count = 4
    """Of the last six."""
    value_added_contacts: Count = 2
    value_added_mutual: Count = 1
    value_added_assets: Count = 1
    value_added_weeks: Count = 4
    """Of the last twelve."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``transforms/`` needs to know; a part of the workspace's settings."""

    identity: Identity = Identity()
    folding: Folding = Folding()
    journeys: Journeys = Journeys()
    business_hours: BusinessHours = BusinessHours()
    coverage: Coverage = Coverage()
    relationship: Relationship = Relationship()

    @property
    def of_folding(self) -> Settings:
        """As much of these as folding is told, with the defaults of all others: no touchpoint can rest on more."""
        return Settings(
            identity=self.identity,
            folding=self.folding,
            journeys=Journeys(
                opportunity_attach_days=self.journeys.opportunity_attach_days,
                min_confidence=self.journeys.min_confidence,
            ),
            coverage=Coverage(reporting_timezone=self.coverage.reporting_timezone),
        )
