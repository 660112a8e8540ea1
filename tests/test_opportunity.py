"""Which deal a touchpoint belongs to, which asset a link or file is."""

from __future__ import annotations

from typing import Any

import pytest

from transforms.crm.assets import AssetBook
from transforms.crm.directory import Directory, ResolvedParty
from transforms.crm.files import Asset, Crm, GroupMember, Opportunity, Person
from transforms.event import Party
from transforms.folding.opportunity import OpportunityVerdict, choose_opportunity
from transforms.settings import Identity
from transforms.times import DAY

DAY0 = 20_000 * DAY


def deal(
    name: str, opened: int, closed: int | None = None, owner: str | None = None, status: str = "", account: str = "A1"
) -> Any:
    return Opportunity(
        opportunity_id=name,
        account_id=account,
        opened_at=DAY0 + opened * DAY,
        closed_at=None if closed is None else DAY0 + closed * DAY,
        owner_seller_id=owner,
        status=status or ("open" if closed is None else "won"),
    )


def member(name: str, person: str, start: int | None = None, end: int | None = None) -> GroupMember:
    return GroupMember(
        opportunity_id=name,
        person_id=person,
        buyer_role="user",
        valid_from=None if start is None else DAY0 + start * DAY,
        valid_to=None if end is None else DAY0 + end * DAY,
    )


PEOPLE = [
    Person(person_id="B1", side="buyer", emails=("email:b1@acme.test",), account_id="A1", team_id="T1"),
    Person(person_id="B2", side="buyer", emails=("email:b2@acme.test",), account_id="A1"),
    Person(person_id="S1", side="seller", emails=("email:s1@ours.example",), team_id="T1"),
    Person(person_id="S2", side="seller", emails=("email:s2@ours.example",), team_id="T1"),
    Person(person_id="S3", side="seller", emails=("email:s3@ours.example",), team_id="T3"),
    Person(person_id="S4", side="seller", emails=("email:s4@ours.example",)),
]


def choose(
    deals: list[Any],
    day: float,
    *people: str,
    members: tuple[GroupMember, ...] = (),
    hint: str | None = None,
    account: Any = "A1",
) -> OpportunityVerdict:
    directory = Directory.build(Crm(people=PEOPLE, opportunities=deals, buying_group=list(members)), Identity())
    addresses = {one.person_id: one.emails for one in PEOPLE}
    parties: list[ResolvedParty] = [directory.party(Party(ids=addresses[one], role="to")) for one in people]
    return choose_opportunity(directory, account, DAY0 + int(day * DAY), parties, hint)


@pytest.mark.parametrize(
    ("day", "chosen"),
    [(-14.01, None), (-14, "O1"), (0, "O1"), (70, "O1"), (70.0001, None)],
)
def test_a_deal_takes_what_happens_from_14_days_before_opening_until_it_closes(day: float, chosen: str | None) -> None:
    """Both ends belong to it; never after the close."""
    assert choose([deal("O1", 0, 70)], day).opportunity_id == chosen


def test_the_only_deal_is_taken_and_no_deal_is_none() -> None:
    """Deals of other accounts, a lost deal without a date and an unresolved account give nothing."""
    assert choose([deal("O1", 0), deal("O2", 0, account="A2")], 5) == OpportunityVerdict(
        opportunity_id="O1", resolution="only", rule_id="O4", candidates=("O1",)
    )
    none = OpportunityVerdict(opportunity_id=None, resolution="none", rule_id="O6")
    assert choose([deal("O1", 0, status="lost")], 5) == none
    assert choose([deal("O1", 0)], 5, account=None) == none
    assert choose([], 5) == none


def test_an_explicit_link_chooses_but_not_beyond_the_close() -> None:
    """It goes before a group member; a closed or foreign deal in the payload is as good as none."""
    deals = [deal("O1", 0), deal("O2", 0), deal("O3", -90, -10), deal("O4", 0, account="A2")]
    members = (member("O1", "B1"),)
    assert choose(deals, 5, "B1", members=members, hint="O2").rule_id == "O1"
    assert choose(deals, 5, "B1", members=members, hint="O2").opportunity_id == "O2"
    for hint in ("O3", "O4", "O9"):
        assert choose(deals, 5, "B1", members=members, hint=hint).resolution == "group_member"


def test_a_group_member_among_the_participants_chooses() -> None:
    """Also one who was entered later; not one who had left; and two deals with a member go on to the team."""
    deals = [deal("O1", 0, owner="S1"), deal("O2", 0, owner="S3"), deal("O3", 0, owner="S3")]
    assert choose(deals, 5, "B1", members=(member("O1", "B1", start=30),)).opportunity_id == "O1"
    assert choose(deals, 5, "B1", members=(member("O1", "B1", end=5),)).resolution == "ambiguous"
    both = choose(deals, 5, "B1", "S3", members=(member("O1", "B1"), member("O2", "B1")))
    assert (both.opportunity_id, both.resolution) == ("O2", "team")


def test_who_was_in_the_group_already_goes_before_who_came_later() -> None:
    """Two deals have the participant in their group by now; at the time only one had."""
    deals = [deal("O1", 0), deal("O2", 0)]
    later = member("O2", "B1", start=30)
    assert choose(deals, 5, "B1", members=(member("O1", "B1", start=0), later)).opportunity_id == "O1"
    assert choose(deals, 40, "B1", members=(member("O1", "B1", start=0), later)).resolution == "ambiguous"
    assert choose(deals, 5, "B1", members=(member("O1", "B1", start=20), later)).resolution == "ambiguous"


def test_the_team_of_a_participant_chooses_and_the_owner_in_person_first() -> None:
    """A seller without team stands for nobody, and neither does a buyer's team_id."""
    deals = [deal("O1", 0, owner="S1"), deal("O2", 0, owner="S3"), deal("O3", 0, owner="S4")]
    assert choose(deals, 5, "S2").opportunity_id == "O1"
    assert choose(deals, 5, "S2", "S3").opportunity_id == "O2"
    assert choose(deals, 5, "S4").opportunity_id == "O3"
    assert choose(deals, 5, "B1").resolution == "ambiguous"


def test_deals_that_nothing_tells_apart_are_ambiguous() -> None:
    """At most one deal is attached; the candidates are kept."""
    assert choose([deal("O2", 0), deal("O1", 10)], 5, "B1", "S1") == OpportunityVerdict(
        opportunity_id=None, resolution="ambiguous", rule_id="O5", candidates=("O1", "O2")
    )


def book(*assets: Asset) -> AssetBook:
    return AssetBook.build(assets)


def asset(name: str, url: str | None = None, filename: str | None = None) -> Asset:
    return Asset(asset_id=name, asset_type="other", url=url, filename=filename)


def name_of(found: Asset | None) -> str | None:
    return found.asset_id if found else None


@pytest.mark.parametrize(
    ("link", "found"),
    [
        ("https://docs.example/pricing/2026?utm_source=mail#top", "pricing"),
        ("https://DOCS.example/pricing", "pricing"),
        ("https://docs.example/Pricing", "docs"),
        ("https://docs.example/pric", "docs"),
        ("https://docs.example/", "docs"),
        ("https://evil.test/?next=https://docs.example/pricing", None),
        ("docs.example", None),
        ("", None),
    ],
)
def test_a_link_is_the_asset_with_the_longest_url_that_it_starts_with(link: str, found: str | None) -> None:
    """Queries do not matter, the host's case neither; the path's case does."""
    assets = (asset("docs", "https://docs.example/"), asset("pricing", "https://docs.example/pricing"))
    assert name_of(book(*assets).by_link(link)) == found
    assert name_of(book(*assets[::-1]).by_link(link)) == found


def test_a_fragment_counts_where_the_assets_url_has_one() -> None:
    """Pages of one script differ in nothing else, and must not all be the asset."""
    room = book(asset("plan", "https://room.example/app#/plan"))
    links = ("app#/plan/7", "app?utm=x#/plan", "app#/legal", "app")
    assert [name_of(room.by_link(f"https://room.example/{one}")) for one in links] == ["plan", "plan", None, None]


def test_equal_urls_and_globs_go_to_the_smallest_asset_id() -> None:
    """Whatever the order of the file; an asset without url and glob matches nothing; ids are found too."""
    for order in (1, -1):
        assets = book(
            *[asset("b", "https://x.test/a", "*.pdf"), asset("a", "https://x.test/a", "*.pdf"), asset("c")][::order]
        )
        assert name_of(assets.by_link("https://x.test/a/b")) == "a"
        assert name_of(assets.by_filename("z.pdf")) == "a"
        assert name_of(assets.by_id("c")) == "c"
        assert assets.by_id("d") is None


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("ACME-Pricing-v2.PDF", "pricing"),
        ("C:\\tmp\\acme-pricing.pdf", "pricing"),
        ("Ubersicht\u0308.docx", None),
        ("U\u0308bersicht.docx", "overview"),
        ("notes.pdf", "any"),
        ("notes.txt", None),
        ("", None),
    ],
)
def test_an_attachment_is_the_asset_whose_glob_matches_its_name(name: str, found: str | None) -> None:
    """Without regard to case, folders and the way in which accents are composed; the longest glob wins."""
    assets = (
        asset("any", None, "*.pdf"),
        asset("pricing", None, "*pricing*.pdf"),
        asset("overview", None, "übersicht.docx"),
    )
    assert name_of(book(*assets).by_filename(name)) == found
