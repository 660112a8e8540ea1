"""What the simulated people say, read and meet about. The job comes first, and the words name it."""

from __future__ import annotations

from typing import NamedTuple

PI, SE, RB = "problem_identification", "solution_exploration", "requirements_building"
SS, VA, CC = "supplier_selection", "validation", "consensus_creation"
JOBS = (PI, SE, RB, SS, VA, CC)
UNCLASSIFIED = "unclassified"


class Phrase(NamedTuple):
    """Words with what they say: ``tags`` are those that a loop's trigger may rest on."""

    text: str
    tags: tuple[str, ...] = ()
    kind: str | None = None
    """Interaction kind that a meeting's title names."""


class Paper(NamedTuple):
    """An asset of the library; ``name`` is its id, and its file is ``<name>-<something>.pdf``."""

    name: str
    asset_type: str
    job: str


SUBJECTS: dict[str, tuple[Phrase, ...]] = {
    PI: (
        Phrase("What does the cost of delay look like for us"),
        Phrase("Root causes of our late orders"),
        Phrase("Benchmark of our planning accuracy"),
        Phrase("Pain points in the planning team"),
    ),
    SE: (
        Phrase("What are our options for planning"),
        Phrase("Use cases for the shop floor"),
        Phrase("A product overview for the team"),
        Phrase("Which webinar fits our plant"),
    ),
    RB: (
        Phrase("Our requirements for the rollout"),
        Phrase("Questions on the ERP integration"),
        Phrase("SSO and user roles"),
        Phrase("The architecture of the data feed"),
    ),
    SS: (
        Phrase("How do you compare with our current vendor", ("competitor",)),
        Phrase("Pricing for two hundred users", ("price_terms",)),
        Phrase("Your proposal for phase one", ("price_terms",)),
        Phrase("The tender for both sites", ("price_terms",)),
    ),
    VA: (
        Phrase("A reference call with somebody in dairy"),
        Phrase("Security questionnaire for our audit"),
        Phrase("Results of the pilot"),
        Phrase("The case study from the food industry"),
    ),
    CC: (
        Phrase("Business case for our finance team"),
        Phrase("Legal and procurement steps"),
        Phrase("Action plan until signature"),
        Phrase("Steering committee next month"),
    ),
    UNCLASSIFIED: (
        Phrase("Next week"),
        Phrase("Hello from our side"),
        Phrase("Following up"),
        Phrase("A short note before the holidays"),
    ),
}
"""Subjects of emails and first lines of chats."""

TITLES: dict[str, tuple[Phrase, ...]] = {
    PI: (Phrase("Discovery session"), Phrase("Planning diagnostic")),
    SE: (Phrase("Product demo", kind="demo"), Phrase("Product tour of the planner", kind="demo")),
    RB: (Phrase("Requirements workshop", kind="workshop"), Phrase("Integration and architecture questions")),
    SS: (Phrase("Pricing and proposal review", ("price_terms",)), Phrase("Commercial negotiation, second round")),
    VA: (Phrase("Reference call"), Phrase("Pilot results"), Phrase("Security review")),
    CC: (Phrase("Business case with finance"), Phrase("Steering committee"), Phrase("Legal and procurement alignment")),
    UNCLASSIFIED: (Phrase("Weekly check-in"), Phrase("Catch-up")),
}
"""Titles of meetings."""

PAGES: dict[str, tuple[str, ...]] = {
    PI: ("/insights/cost-of-delay", "/insights/benchmark-2026", "/tools/self-assessment"),
    SE: ("/product/planning", "/solutions/food", "/webinars/first-steps"),
    RB: ("/docs/integration/erp", "/docs/architecture", "/docs/api/orders"),
    SS: ("/pricing", "/compare/spreadsheets", "/quote/start"),
    VA: ("/case-studies/dairy", "/security/controls", "/trial/start"),
    CC: ("/resources/business-case", "/legal/terms", "/procurement/checklist"),
    UNCLASSIFIED: ("/about", "/blog/harvest-season", "/careers", "/about/team"),
}
PAGE_JOB = {path: job for job, paths in PAGES.items() for path in paths}

PAPERS = (
    Paper("delay-diagnostic", "diagnostic", PI),
    Paper("planner-sheet", "product_overview", SE),
    Paper("rollout-template", "requirements_template", RB),
    Paper("how-we-differ", "competition_sheet", SS),
    Paper("phase-one-offer", "pricing_proposal", SS),
    Paper("dairy-story", "case_study", VA),
    Paper("control-list", "security_pack", VA),
    Paper("finance-pack", "business_case", CC),
    Paper("joint-plan", "mutual_action_plan", CC),
)
PAPER_OF = {job: tuple(paper for paper in PAPERS if paper.job == job) for job in JOBS}

PLAIN_LINES = (
    "Let me look into this with the team.",
    "We are still collecting input on our side.",
    "Here is where we stand today.",
    "That would work for both plants.",
    "Our colleagues in the north see it the same way.",
    "Could you say more about the second point?",
    "What would the first four weeks look like?",
    "Happy to go through it on Thursday.",
)
"""Lines that name no job, carry no tag and acknowledge nothing."""
ACKS = ("Thanks, that helps.", "Got it, talk soon.", "Thank you for the quick answer.", "Noted, we will be back.")
BOT_LINES = ("Daily digest is ready.", "Two tasks are due today.", "Your channel summary for this week.")
PARAGRAPHS = (
    "The plant in the valley runs two shifts and plans by hand on most days, which is why we look at this now.",
    "Our team has gone through the notes from last time and marked what is still open for either site.",
    "I have put the three points that matter most to us into the shared folder, with the names of those who own them.",
    "There is some time left before the season starts, so we would rather do this once and do it well.",
    "Please keep Mira in copy, since she looks after the rollout while I am travelling.",
)

FIRST_NAMES = (
    "Ada", "Bea", "Carl", "Dina", "Emil", "Fay", "Gus", "Hana", "Ines", "Jon", "Kira", "Leo", "Mira", "Nils",
    "Olga", "Pia",
    "Quinn", "Rosa", "Sven", "Tara", "Uma", "Vito", "Wanda", "Xenia", "Yan", "Zoe",
)  # fmt: skip
LAST_NAMES = (
    "Arden", "Birk", "Calder", "Dahl", "Ebner", "Field", "Grove", "Holt", "Ivers", "Jansen", "Keller", "Lind", "Marsh",
    "North", "Oakes", "Prior", "Quist", "Reyes", "Stone", "Thorn", "Ulrich", "Vane", "Winter", "Yates", "Zorn",
)  # fmt: skip
COMPANY_WORDS = (
    "Alder", "Birch", "Cedar", "Dune", "Elm", "Fern", "Gale", "Heath", "Iris", "Juniper", "Kelp", "Larch", "Maple",
    "Nettle", "Oak", "Pine",
)  # fmt: skip
TRADES = ("Foods", "Mills", "Dairy", "Paper", "Glass", "Textiles", "Tools", "Brewing")
"""Invented; the domains beside them are reserved ones."""
ROLES = (
    ("champion", "Head of Operations", False),
    ("technical_evaluator", "Integration Architect", False),
    ("economic_buyer", "CFO", True),
    ("user", "Planner", False),
    ("blocker", "IT Security Lead", False),
    ("influencer", "Plant Manager", False),
)
"""Buyer role, title, whether an executive."""
