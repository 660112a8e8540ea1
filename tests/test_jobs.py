"""Job rules, tags, DART and modality (semantics 1.2 and 3)."""

from __future__ import annotations

import pickle
import re
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import vocab
from transforms.channels import CHANNEL_OF_MEDIUM, channel_of, modality
from transforms.folding.dart import dart_dimensions
from transforms.jobs.label import job_among, job_label
from transforms.jobs.rules import Evidence, PageSpan, Rulebook, RuleError

BOOK = Rulebook.load()
ONE_BY_ONE = Rulebook.load()
ONE_BY_ONE._any_subject = ONE_BY_ONE._any_tag = None
PI, SE, RB, SS, VA, CC = vocab.BUYING_JOBS[:6]
MINUTE = 60_000_000


def meeting(title: str, channel: str = "video") -> Evidence:
    kind, meeting_type = BOOK.meeting_kind(title)
    return Evidence(
        channel=channel,
        direction="mutual",
        subject_text=title,
        interaction_kind=kind or "meeting",
        meeting_type=meeting_type,
    )


WORKED_EXAMPLE = {
    "T02": (
        Evidence(channel="email", direction="inbound", subject_text="Which options do you see?"),
        SE,
        "subject",
        0.6,
    ),
    "T03": (
        Evidence(
            channel="email",
            is_reply=True,
            subject_text="Re: Which options do you see?",
            asset_types=("product_overview",),
        ),
        SE,
        "asset",
        0.9,
    ),
    "T04": (meeting("Product demo"), SE, "kind", 0.7),
    "T05": (
        Evidence(channel="chat", direction="inbound", subject_text="How do you compare to the others?"),
        SS,
        "subject",
        0.6,
    ),
    "T06": (
        Evidence(channel="chat", direction="outbound", is_reply=True, subject_text="Good question", parent_job=SS),
        SS,
        "thread",
        0.5,
    ),
    "T07": (meeting("Workshop", "in_person"), RB, "kind", 0.7),
    "T08": (Evidence(channel="email", subject_text="Comparison in writing?"), SS, "subject", 0.6),
    "T09": (
        Evidence(
            channel="email",
            is_reply=True,
            subject_text="Re: Comparison in writing?",
            asset_types=("competition_sheet",),
        ),
        SS,
        "asset",
        0.9,
    ),
    "T10": (meeting("Business case with CFO"), CC, "kind", 0.7),
}


@pytest.mark.parametrize("name", WORKED_EXAMPLE)
def test_worked_example(name: str) -> None:
    """The default rules give the jobs and tiers of the worked example's messages and meetings (4.7)."""
    seen, job, tier, confidence = WORKED_EXAMPLE[name]
    verdict = BOOK.classify(seen)
    assert (verdict.job, verdict.basis.partition(":")[0], verdict.confidence) == (job, tier, confidence)
    assert verdict.rule_id in {rule.id for rule in BOOK.file.rules}


@pytest.mark.parametrize(
    ("path", "job"), [("/cost-of-delay", PI), ("/docs/integration", RB), ("/pricing/", SS), ("/Case_Studies", VA)]
)
def test_an_app_session_takes_its_pages_job(path: str, job: str) -> None:
    """T01 and T11 of the worked example: one page decides, at the page tier."""
    verdict = BOOK.classify_session([(path, None, 12 * MINUTE, 0)])
    assert (verdict.job, verdict.confidence) == (job, 0.8)
    assert verdict.basis.startswith("page:*")


def test_only_questions_that_compare_are_tagged_competitor() -> None:
    """T05 and T08 carry ``competitor``, no other touchpoint there carries a tag that maps to an asset."""
    tagged = {
        name: {*BOOK.classify(seen).add_tags, *BOOK.tags(seen.subject_text, seen.first_line, seen.is_reply)}
        for name, (seen, *_) in WORKED_EXAMPLE.items()
    }
    assert {name for name, tags in tagged.items() if tags & set(BOOK.tag_assets)} == {"T05", "T08"}
    assert tagged["T05"] == tagged["T08"] == {"competitor"}


def test_questions_name_the_asset_they_need() -> None:
    """SE asks for an overview, a comparison for the competition sheet, a price for the proposal."""
    assert BOOK.job_assets[SE] == "product_overview"
    assert BOOK.tag_assets["competitor"] == "competition_sheet"
    assert BOOK.tag_assets["price_terms"] == "pricing_proposal"
    assert "ack" not in BOOK.tag_assets
    assert "unclassified" not in BOOK.job_assets
    assert set(BOOK.job_assets) == {PI, SE, RB, SS, VA, CC}


def test_t12_is_an_acknowledgement_without_a_job() -> None:
    """``Thanks, back to you next week`` asks nothing and names no job."""
    subject = "Thanks, back to you next week"
    assert BOOK.is_ack(subject, None, False, False)
    assert BOOK.classify(Evidence(channel="email", subject_text=subject, is_ack=True)).job == "unclassified"


@pytest.mark.parametrize(
    ("subject", "first_line", "question", "asset", "expected"),
    [
        ("Re: offer", "Thank you!", False, False, True),
        ("OK", None, None, False, True),
        ("Okay then", None, False, False, False),
        ("Thanks - and when?", None, None, False, False),
        ("Re: offer", "Thanks", True, False, False),
        ("Thanks", None, False, True, False),
        ("No thanks", None, False, False, False),
        (None, None, None, False, False),
    ],
)
def test_ack(subject: str | None, first_line: str | None, question: bool | None, asset: bool, expected: bool) -> None:
    """An ack begins with thanks or consent, has no question mark and carries no asset."""
    assert BOOK.is_ack(subject, first_line, question, asset) is expected


def test_a_reply_is_not_judged_by_its_parents_subject() -> None:
    """``Re: pricing`` alone is no evidence, and gives no tag."""
    verdict = BOOK.classify(Evidence(channel="email", subject_text="Re: pricing", is_reply=True))
    assert (verdict.job, verdict.add_tags, verdict.basis) == ("unclassified", (), "no_evidence")
    assert BOOK.tags("Re: pricing", "Will do", is_reply=True) == []
    assert BOOK.tags("Re: pricing", "What discount?", is_reply=True) == ["price_terms"]


@pytest.mark.parametrize(
    "extra",
    [{"is_ack": True}, {"tags": ("ack",)}, {"parent_job": None}, {"parent_job": "unclassified"}, {"is_reply": False}],
)
def test_inheritance_needs_a_reply_that_says_something(extra: dict[str, object]) -> None:
    """No ack and no message outside a thread inherits, and there must be a job to inherit."""
    seen = {"channel": "email", "is_reply": True, "parent_job": SS, **extra}
    assert BOOK.classify(Evidence(**seen)).job == "unclassified"  # type: ignore[arg-type]


def test_own_evidence_beats_the_parents_job() -> None:
    """A reply with an asset of its own does not inherit."""
    assert BOOK.classify(Evidence(is_reply=True, parent_job=SS, asset_types=("roi_model",))).job == VA


def test_an_earlier_tier_wins_whatever_its_priority() -> None:
    """An asset decides over a meeting's kind and a subject."""
    verdict = BOOK.classify(
        Evidence(asset_types=("product_overview",), interaction_kind="workshop", subject_text="pricing")
    )
    assert (verdict.job, verdict.rule_id, verdict.basis) == (SE, "asset.general_collateral", "asset:product_overview")
    assert verdict.add_tags == ("price_terms",)


def test_equal_priorities_of_different_jobs_are_a_tie() -> None:
    """A tie is unclassified and names the rules, in any order of the evidence."""
    for types in permutations(("competition_sheet", "case_study", "product_overview")):
        verdict = BOOK.classify(Evidence(asset_types=types))
        assert (verdict.job, verdict.rule_id, verdict.confidence) == ("unclassified", None, None)
        assert verdict.basis == "tie:asset.competition_sheet,asset.proof"


@pytest.mark.parametrize("label", ["supplier_selection", "Supplier Selection", " supplier-selection ", "SS"])
def test_an_explicit_label_is_taken_at_its_word(label: str) -> None:
    """A label beats every other evidence; one that names no job does not count."""
    verdict = BOOK.classify(Evidence(explicit_job=job_label(label), asset_types=("diagnostic",)))
    assert (verdict.job, verdict.rule_id, verdict.confidence) == (SS, "explicit.label", 1.0)
    assert job_label("chatting") is None
    assert BOOK.classify(Evidence(asset_types=("diagnostic",))).job == PI


@pytest.mark.parametrize(
    ("words", "job"),
    [
        ("Cost-of-delay", PI), ("Demonstration", SE), ("Use-cases", SE), ("Case-study", VA), ("Proof-of-concept", VA),
        ("Security-questionnaire", VA), ("Pilots", VA), ("Business-case review", CC), ("Executive-summary", CC), ("Action-plan", CC),
    ],
)  # fmt: skip
def test_words_with_hyphens_are_the_same_evidence(words: str, job: str) -> None:
    """A hyphen joins what a space parts, in an email's subject as in a meeting's title."""
    assert BOOK.classify(Evidence(channel="email", subject_text=words)).job == job
    _, meeting_type = BOOK.meeting_kind(words)
    assert BOOK.classify(Evidence(channel="video", meeting_type=meeting_type, subject_text=words)).job == job


def test_a_rule_may_ask_for_the_tag_of_an_app_event() -> None:
    """A form or a plan among the pages of a session is told by its tag, as in every other channel."""
    book = Rulebook.load("[{id: own.form, job: supplier_selection, tier: kind, when: {tag: [form_submit]}}]")
    pages = [
        PageSpan("/x", None, MINUTE, 1),
        PageSpan("/x", "Form Submitted", MINUTE, 2, (), "form_submit", ("form_submit",)),
    ]
    assert book.classify_session(pages).rule_id == "own.form"
    assert book.classify_session(pages[:1]).job == "unclassified"


def test_a_comparison_page_may_be_one_of_a_folder() -> None:
    """``/vs/<competitor>`` is a comparison as ``/us-vs-them`` is."""
    assert BOOK.classify(Evidence(channel="app", page_paths=("/en/vs/acme",))).job == SS


@pytest.mark.parametrize("words", [["SS"], ["validations"], ["Validation", "consensus-creation"], []])
def test_keywords_label_only_where_they_name_one_job_in_full(words: list[str]) -> None:
    """Categories of a calendar are free words: two letters may stand for anything, and two jobs are no label."""
    assert job_among(["Customer", *words]) is None
    assert job_among(["Customer", "Supplier Selection"]) == SS


def test_the_stage_is_off_until_the_threshold_is_lowered() -> None:
    """Stage evidence stays below ``min_confidence`` and says so."""
    seen = Evidence(stage="Proposal sent")
    assert BOOK.classify(seen).basis == "below_min_confidence:stage.proposal"
    assert Rulebook.load(min_confidence=0.4).classify(seen).job == SS


def test_the_stage_decides_only_where_nothing_else_does() -> None:
    """Of an app session too; a tie of pages stays a tie. A rule of a higher tier may ask for the stage at any threshold."""
    low = Rulebook.load(min_confidence=0.4)
    assert (BOOK.asks_stage, low.asks_stage) == (False, True)
    assert low.classify_session([], stage="Proposal sent").rule_id == "stage.proposal"
    assert low.classify_session([PageSpan("/cost-of-delay", None, MINUTE, 1)], stage="Proposal sent").job == PI
    assert low.classify_session([], ["case_study"], stage="Proposal sent").job == VA
    own = "[{id: own.pilot, job: validation, tier: kind, when: {channel: [video], stage_regex: pilot}}]"
    assert Rulebook.load(own).asks_stage
    tied = ", ".join(f"{{id: {job}, job: {job}, tier: page, when: {{page_glob: ['/t']}}}}" for job in (VA, CC))
    verdict = Rulebook.load(f"[{tied}]", 0.4).classify_session([PageSpan("/t", None, MINUTE, 1)], stage="Proposal sent")
    assert (verdict.job, verdict.basis) == ("unclassified", f"tie:{CC},{VA}")


def test_a_page_that_only_gives_a_tag_says_nothing_of_a_sessions_job() -> None:
    """The stage still decides where no page does, and a tie of two pages' rules is still told."""
    pages = [PageSpan("/form", None, MINUTE, 1), PageSpan("/t", None, MINUTE, 2)]
    tags = "{id: own.form, job: as_labelled, tier: explicit, when: {page_glob: [/form]}, add_tags: [form_submit]}"
    verdict = Rulebook.load(f"[{tags}]", 0.4).classify_session(pages[:1], stage="Proposal sent")
    assert (verdict.rule_id, verdict.add_tags) == ("stage.proposal", ("form_submit",))
    tied = ", ".join(f"{{id: own.{job}, job: {job}, tier: page, when: {{page_glob: [/t]}}}}" for job in (PI, VA))
    verdict = Rulebook.load(f"[{tags}, {tied}]").classify_session(pages)
    assert (verdict.basis, verdict.add_tags) == (f"tie:own.{PI},own.{VA}", ("form_submit",))


@pytest.mark.parametrize(
    ("name", "job"),
    [
        ("Security Questionnaire", VA), ("ROI Calculator", VA), ("Trial", VA), ("POC", VA), ("RFP Template", RB), ("Compare", SS),
        ("Legal", CC), ("Contract", CC), ("API", RB), ("Pricing", SS), ("/options", SE), ("/versus-rival", SS), ("Home", "unclassified"),
    ],
)  # fmt: skip
def test_a_screens_name_is_evidence_as_a_path_is(name: str, job: str) -> None:
    assert BOOK.classify_session([PageSpan(name, None, MINUTE, 1)]).job == job


@pytest.mark.parametrize(
    ("glob", "page"),
    [
        ("/docs/api_reference*", "/docs/api_reference/v2"),
        ("/docs/api-reference*", "/docs/api_reference/v2?tab=1"),
        ("/plans/", "/plans/"),
        ("/plans", "/plans/#top"),
        ("Plan Chooser", "Plan Chooser"),
        ("plan-chooser", "Plan Chooser"),
        ("/plan-chooser", "Plan Chooser"),
    ],
)
def test_a_glob_fits_a_page_as_it_is_spelled(glob: str, page: str) -> None:
    """And with hyphens and no slash at the end, in which one glob speaks for all spellings."""
    book = Rulebook.load(f"[{{id: own, job: {RB}, tier: page, priority: 900, when: {{page_glob: ['{glob}']}}}}]")
    verdict = book.classify_session([PageSpan(page, None, MINUTE, 1)])
    assert (verdict.job, verdict.basis) == (RB, f"page:{glob}")


@pytest.mark.parametrize(
    ("name", "job"),
    [
        ("trial_started", VA), ("TrialStarted", VA), ("start-trial", VA), ("DEMO_REQUESTED", SE), ("webinar.registered", SE),
        ("requestDemo", SE), ("quote_requested", SS), ("contact_sales", SS), ("trialled", "unclassified"),
    ],
)  # fmt: skip
def test_an_events_name_is_words_whatever_parts_them(name: str, job: str) -> None:
    """Trackers write names in their own ways; a rule's glob holds for the words, and still for the name as it came."""
    verdict = BOOK.classify_session([PageSpan(None, name, MINUTE, 1)])
    assert verdict.job == job
    assert verdict.basis.startswith("kind:") or job == "unclassified"
    own = Rulebook.load(
        f"[{{id: own.name, job: consensus_creation, tier: page, when: {{event_name: ['{name[:5]}*']}}}}]"
    )
    assert own.classify_session([PageSpan(None, name, MINUTE, 1)]).basis == f"page:{name[:5]}*"


def test_a_session_goes_to_the_longest_dwell_and_on_a_tie_to_the_later_page() -> None:
    """Unclassified dwell does not count; dwell of one job adds up; order of the pages is irrelevant."""
    pages = [
        PageSpan("/pricing", None, 3 * MINUTE, 10), PageSpan("/home", None, 60 * MINUTE, 90),
        PageSpan("/docs/integration", None, 2 * MINUTE, 20), PageSpan("/docs/architecture", None, 2 * MINUTE, 5),
    ]  # fmt: skip
    assert {BOOK.classify_session(order).job for order in permutations(pages)} == {RB}
    tied = [("/pricing", None, MINUTE, 10), ("/cost-of-delay", None, MINUTE, 20)]
    assert {BOOK.classify_session(order).job for order in permutations(tied)} == {PI}
    assert BOOK.classify_session([]).job == BOOK.classify_session([("/", None, 5, 1)]).job == "unclassified"


def test_an_asset_seen_on_a_page_outranks_its_path_and_a_bare_one_fills_in() -> None:
    """Assets of a page are judged with it; assets without a page decide only where no page does."""
    assert BOOK.classify_session([PageSpan("/product/x", None, MINUTE, 1, ("roi_model",))]).job == VA
    assert BOOK.classify_session([("/home", None, MINUTE, 1)], ("roi_model",)).job == VA
    assert BOOK.classify_session([("/pricing", None, MINUTE, 1)], ("roi_model",)).job == SS


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Demo", ("demo", "demo")),
        ("Business case workshop", ("workshop", "business_case")),
        ("Acme <> Us: requirements workshop", ("workshop", "requirements")),
        ("Reference call with a customer", (None, "reference_call")),
        ("Weekly sync", (None, None)),
        ("Dashboard democracy", (None, None)),
        (None, (None, None)),
    ],
)
def test_meeting_titles(title: str | None, expected: tuple[str | None, str | None]) -> None:
    """A title may name the kind, the type, both or neither."""
    assert BOOK.meeting_kind(title) == expected


def test_a_workspace_extends_overrides_and_switches_off() -> None:
    """The semantics' own example is a valid file; an id that exists is replaced."""
    extra = """
    - id: kind.demo
      job: validation
      tier: kind
      when: {interaction_kind: [demo]}
    - {id: subject.options, job: solution_exploration, tier: subject, enabled: false, when: {tag: [x]}}
    - id: own.lunch
      job: consensus_creation
      tier: subject
      when: {subject_regex: '\\blunch\\b', is_reply: false}
      add_tags: [social]
    """
    book = Rulebook.load(extra)
    assert book.classify(Evidence(interaction_kind="demo")).job == VA
    assert book.classify(Evidence(subject_text="options?")).job == "unclassified"
    assert book.classify(Evidence(subject_text="LUNCH?")).add_tags == ("social",)
    assert book.version != BOOK.version == Rulebook.load("").version


def test_a_default_is_switched_off_by_its_id_alone() -> None:
    """A rule, a meeting type and a tag; what is no default must be told in full."""
    book = Rulebook.load(
        "rules: [{id: subject.options, enabled: false}]\nmeeting_types: [{type: demo, enabled: false}]\n"
        "tags: [{tag: competitor, enabled: false}]"
    )
    assert BOOK.classify(Evidence(subject_text="options?")).job == SE
    assert book.classify(Evidence(subject_text="options?")).job == "unclassified"
    assert BOOK.meeting_kind("Product demo") != book.meeting_kind("Product demo")
    with pytest.raises(RuleError, match=r"Rule 'own\.lunch': .*job"):
        Rulebook.load("[{id: own.lunch, enabled: false}]")


def test_maps_can_be_changed_and_emptied() -> None:
    """An empty value takes an entry of the defaults away."""
    book = Rulebook.load("job_assets: {validation: roi_model, consensus_creation: }\nack_pattern: '^merci'")
    assert book.job_assets[VA] == "roi_model"
    assert CC not in book.job_assets
    assert book.is_ack("Merci bien", None, False, False)
    assert not book.is_ack("Thanks", None, False, False)


@pytest.mark.parametrize("name", ["Quote Requested", "pricing_request_submitted", "requestQuote"])
def test_who_asks_for_a_quote_on_a_page_speaks_of_prices(name: str) -> None:
    """As whoever writes "Quote?" does: what they need is a proposal, not a comparison. To ask for a salesperson names no price."""
    verdict = BOOK.classify_session([PageSpan(None, name, MINUTE, 1)])
    assert (verdict.job, verdict.add_tags) == (SS, ("price_terms",))
    assert BOOK.tag_assets["price_terms"] == "pricing_proposal"
    assert BOOK.classify_session([PageSpan(None, "Contact Sales", MINUTE, 1)]).add_tags == ()


def test_a_label_of_a_session_takes_no_tag_away() -> None:
    """Whoever names the job says nothing of what else the rules see in the pages and calls."""
    trial = PageSpan("/x", "Trial Started", MINUTE, 1)
    assert BOOK.classify_session([trial]).add_tags == ("trial",)
    labelled = BOOK.classify_session([trial], explicit_job=CC)
    assert (labelled.job, labelled.rule_id, labelled.add_tags) == (CC, "explicit.label", ("trial",))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("- {id: a.b, job: looking, tier: kind, when: {tag: [x]}}", r"Rule 'a.b': job is 'looking'"),
        (
            "- {id: a.b, job: validation, tier: kinds, when: {tag: [x]}}",
            r"Rule 'a.b': tier: Invalid enum value 'kinds'",
        ),
        ("- {id: a.b, job: validation, tier: kind}", r"Rule 'a.b': when names no condition"),
        (
            "- {id: a.b, job: validation, tier: kind, when: {asset_type: [sheet]}}",
            r"Rule 'a.b': when.asset_type is 'sheet'",
        ),
        ("- {id: a.b, job: validation, tier: kind, when: {asset_typ: [x]}}", r"Rule 'a.b': when: .*asset_typ"),
        (
            "- {id: a.b, job: validation, tier: subject, when: {subject_regex: '('}}",
            r"Rule 'a.b': when.subject_regex '\(' is not",
        ),
        ("- {id: a.b, job: as_parent, tier: kind, when: {tag: [x]}}", r"Rule 'a.b': job is 'as_parent'"),
        (
            "- {id: a.b, job: validation, tier: kind, when: {channel: [fax]}}",
            r"Rule 'a.b': when.channel is 'fax'; expected one of chat, .*phone_call",
        ),
        (
            "- {id: a.b, job: validation, tier: kind, priority: high, when: {tag: [x]}}",
            r"Rule 'a.b': priority is 'high'; expected `int`",
        ),
        (
            "- {id: a.b, job: validation, tier: kind, when: {tag: [x, 3]}}",
            r"Rule 'a.b': when.tag\[1\] is 3; expected `str`",
        ),
        ("- {id: a.b, job: validation, tier: kind, when: {5: x}}", r"Rule 'a.b': when has a key that is not a text"),
        ("- 7", r"Rule number 1: it is 7; expected `object`"),
        ("- {job: validation, tier: kind}", r"Rule number 1: .*`id`"),
        ("tags: [{tag: t, pattern: a}, {tag: t, pattern: b}]", "stands twice"),
        ("rulez: []", r"key is 'rulez'"),
        ("job_assets: {validation: paper}", r"job_assets.validation is 'paper'"),
        ("meeting_types: [{type: x, pattern: '['}]", r"Meeting type 'x': pattern"),
        ("tags: [{tag: t}]", r"Tag 't': .*`pattern`"),
        ("a: [", r"not valid YAML"),
        ("42", r"holds 42"),
        ("ack_pattern: 3", r"ack_pattern is 3"),
        ("ack_pattern: ''", r"The rules file: ack_pattern is '', which would hold for everything"),
        ("tags: [{tag: t, pattern: ''}]", r"Tag 't': pattern is ''"),
        (
            "- {id: a.b, job: validation, tier: subject, when: {subject_regex: ''}}",
            r"Rule 'a.b': when.subject_regex is ''",
        ),
        (
            "- {id: a.b, job: validation, tier: kind, priority: 9999999999, when: {tag: [x]}}",
            r"Rule 'a.b': priority is 9999999999; expected `int` <= 2147483647",
        ),
        (
            "- {id: a.b, job: validation, tier: kind, priority: -99999999999999999999, when: {tag: [x]}}",
            r"Rule 'a.b': priority is -99999999999999999999; expected `int` >= -2147483648",
        ),
        ("[" * 3000, r"nested too deeply"),
        ('- !!bool "x"', r"a value does not fit its tag \('x'\)"),
        ('- !!int ""', r"a value does not fit its tag"),
        ("- 0x" + "f" * 6000, r"a number of 24,000 bits"),
        ('- {id: "\\ud800", job: validation, tier: kind, when: {tag: [x]}}', r"'\\ud800' holds '\\ud800', which is no"),
        ('ack_pattern: "\\ud800"', r"holds '\\ud800', which is no character"),
        ("rules: &a [{id: *a}]", r"id is \[\{'id'.*; expected `str`"),
    ],
)
def test_a_bad_rule_is_named(text: str, complaint: str) -> None:
    """The complaint names the rule, the field and what stands there."""
    with pytest.raises(RuleError, match=complaint):
        Rulebook.load(text)


def test_a_rulebook_survives_pickling() -> None:
    """Workers get the same rules."""
    book = Rulebook.load("- {id: a, job: validation, tier: kind, when: {channel: [chat]}}")
    copy = pickle.loads(pickle.dumps(book))
    assert copy.version == book.version
    assert copy.classify(Evidence(channel="chat")).job == VA


def test_dim_rows_name_real_jobs_only() -> None:
    """``dim_rule`` holds every rule once, and no pseudo-job."""
    rows = BOOK.dim_rows()
    assert len({row["rule_id"] for row in rows}) == len(rows) == len(BOOK.file.rules)
    assert {row["job"] for row in rows} == {PI, SE, RB, SS, VA, CC, None}


@settings(max_examples=100)
@given(
    st.lists(
        st.sampled_from(["Price", "VS", "rfp", "Re:", "ßeta", "compared", "SOC2", "demo", "risk", "?"]), max_size=4
    ).map(" ".join)
)
def test_the_shortcut_changes_no_verdict(text: str) -> None:
    """Asking all patterns at once gives what asking each gives."""
    assert BOOK.classify(Evidence(subject_text=text)) == ONE_BY_ONE.classify(Evidence(subject_text=text))
    assert BOOK.tags(text, None) == ONE_BY_ONE.tags(text, None)
    assert BOOK._any_subject is not None
    assert BOOK._any_tag is not None


def test_patterns_that_cannot_be_joined_still_hold() -> None:
    """A back-reference, a capital or a range of them in a rule switches the shortcut off, not the rule."""
    for pattern, text in ((r"(a)\\1", "xAAx"), (r"\\bNDA\\b", "the nda"), ("[!-`]{3}", "abc"), ("(?P<w>tea)", "TEA")):
        book = Rulebook.load(
            f'- {{id: own.x, job: validation, tier: subject, priority: 999, when: {{subject_regex: "{pattern}"}}}}'
        )
        assert book._any_subject is None
        assert book.classify(Evidence(subject_text=text)).rule_id == "own.x"


@settings(max_examples=100)
@given(
    subject=st.text(max_size=40) | st.none(),
    page=st.text(max_size=40),
    reply=st.booleans(),
    tags=st.lists(st.text(max_size=5)),
)
def test_any_evidence_gets_a_verdict_with_a_reason(
    subject: str | None, page: str, reply: bool, tags: list[str]
) -> None:
    """No text crashes the rules; every verdict has a job of the vocabulary and a basis without the subject's words."""
    verdict = BOOK.classify(Evidence(subject_text=subject, page_paths=(page,), is_reply=reply, tags=tags))
    assert verdict.job in vocab.BUYING_JOBS
    assert (verdict.rule_id is None) == (verdict.confidence is None) == (verdict.job == "unclassified")
    assert re.fullmatch(r"no_evidence|(tie|page|subject):\S+", verdict.basis)
    assert BOOK.tags(subject, None) == sorted(set(BOOK.tags(subject, None)))


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("reply", "outbound", [], SE, [], True), ["dialogue"]),
        (("demo", "mutual", [], SE, [], False), ["dialogue", "access"]),
        (("message", "outbound", ["technical_doc"], RB, [], False), ["access"]),
        (("message", "inbound", [], VA, [], False), ["risk_assessment"]),
        (("message", "inbound", [], SS, ["risk"], False), ["risk_assessment"]),
        (
            ("message", "outbound", ["contract_terms", "mutual_action_plan"], CC, [], False),
            ["risk_assessment", "transparency"],
        ),
        (("plan_update", "self_serve", [], CC, [], False), ["transparency"]),
        (("session", "self_serve", [], CC, ["plan_update"], False), ["transparency"]),
        (("message", "inbound", ["other"], "unclassified", ["ack"], False), []),
    ],
)
def test_dart(args: tuple[object, ...], expected: list[str]) -> None:
    """Each dimension follows from the evidence that semantics 1.2 names."""
    assert dart_dimensions(*args) == expected  # type: ignore[arg-type]


def test_modality_and_channels() -> None:
    """Email is remote, only a bot's chat is digital, and every medium has a channel."""
    assert {channel: modality(channel) for channel in vocab.CHANNELS} == {
        "chat": "remote_human",
        "email": "remote_human",
        "video": "remote_human",
        "app": "digital_self_serve",
        "in_person": "in_person",
    }
    assert modality("chat", is_bot_only=True) == "digital_self_serve"
    assert modality("email", is_bot_only=True) == "remote_human"
    assert set(CHANNEL_OF_MEDIUM) == set(vocab.MEDIA)
    assert channel_of("phone_call", "phone_call") == "phone_call"
    assert channel_of("fax") is None
