"""Another CRM export: what its rows make different is named, and what is not named is as it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_directory import IDENTITY, crm, directories, party

from pipelines.deriving.journeys import accounts_of_people
from transforms.crm.change import CrmChange, crm_change
from transforms.crm.directory import Directory
from transforms.crm.rows import Account, Alias, Asset, Assignment, Crm, GroupMember, Opportunity, Person, StageChange
from transforms.folding.opportunity import choose_opportunity

NAMES = (
    "email:x@acme.test", "email:x@group.test", "email:x@gmail.com", "email:x+1@gmail.com", "email:x+2@acme.test", "email:q@mail.group.test",
    "email:y@beta.test", "external_id:slack:1", "external_id:slack:2", "external_id:teams:9", "external_id:crm:C1", "phone:+493012345678",
    "anonymous_id:segment:7", "anonymous_id:snowplow:7",
)  # fmt: skip
ACCOUNTS = ("A1", "A2", "A3")
_domains = st.lists(st.sampled_from(("acme.test", "group.test", "gmail.com", "beta.test")), max_size=2, unique=True)
_accounts = st.lists(
    st.builds(
        Account,
        account_id=st.sampled_from(ACCOUNTS),
        domains=_domains.map(tuple),
        country=st.sampled_from((None, "DE", "US")),
        owner_seller_id=st.sampled_from((None, "C1", "C3")),
    ),
    unique_by=lambda one: one.account_id,
)
_people = st.sampled_from(("C1", "C2", "C3", "C10"))
_deals = st.lists(
    st.builds(
        Opportunity,
        opportunity_id=st.sampled_from(("O1", "O2", "O3")),
        account_id=st.sampled_from(ACCOUNTS),
        opened_at=st.sampled_from((3, 7)),
        status=st.just("open"),
        owner_seller_id=st.sampled_from((None, "C1", "C3")),
    ),
    unique_by=lambda one: one.opportunity_id,
)
_groups = st.lists(
    st.builds(GroupMember, opportunity_id=st.sampled_from(("O1", "O2", "O3")), person_id=_people, buyer_role=st.sampled_from(("user", "champion"))),
    max_size=4,
)  # fmt: skip
_assignments = st.lists(
    st.builds(Assignment, account_id=st.sampled_from(ACCOUNTS), seller_id=_people, role=st.sampled_from(("owner", "team"))),
    max_size=3,
)  # fmt: skip
_anywhere = st.lists(
    _people.map(lambda one: Alias(identifier_type="anonymous_id", identifier="anonymous_id:*:7", person_id=one)),
    max_size=1,
)


@st.composite
def exports(draw: st.DrawFn) -> tuple[Crm, list[tuple[str, ...]]]:
    rows, bindings = draw(directories())
    people = [
        msgspec.structs.replace(one, team_id=draw(st.sampled_from((None, "T1"))), title=draw(st.sampled_from((None, "CEO"))))
        for one in rows.people
    ]  # fmt: skip
    made = msgspec.structs.replace(
        rows, accounts=draw(_accounts), people=people, opportunities=draw(_deals), buying_group=draw(_groups), assignments=draw(_assignments),
        aliases=[*rows.aliases, *draw(_anywhere)],
    )  # fmt: skip
    return made, bindings


_told_of_people = st.fixed_dictionaries(
    {},
    optional={
        "side": st.sampled_from(("buyer", "seller", "partner")),
        "title": st.sampled_from((None, "CEO")),
        "account_id": st.sampled_from((None, *ACCOUNTS)),
        "emails": st.lists(st.sampled_from([one for one in NAMES if one.startswith("email:")]), max_size=2).map(tuple),
    },
)
_told_of_accounts = st.fixed_dictionaries(
    {}, optional={"domains": _domains.map(tuple), "country": st.sampled_from((None, "US"))}
)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[tuple[Crm, list[tuple[str, ...]]], tuple[Crm, list[tuple[str, ...]]]]:
    """An export, and another: some of its rows edited, some of its files those of anybody."""
    (rows, bindings), other = draw(exports()), draw(exports())
    edited = msgspec.structs.replace(
        rows,
        people=[msgspec.structs.replace(one, **draw(_told_of_people)) for one in rows.people],
        accounts=[msgspec.structs.replace(one, **draw(_told_of_accounts)) for one in rows.accounts],
    )
    theirs = draw(st.lists(st.sampled_from(Crm.__struct_fields__), max_size=2))
    now = msgspec.structs.replace(edited, **{name: getattr(other[0], name) for name in theirs})
    return (rows, bindings), (now, draw(st.sampled_from((bindings, bindings, other[1]))))


@given(pairs(), st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(tuple), min_size=1, max_size=20))
@settings(max_examples=300)
def test_what_another_export_changes_is_named(pair: Any, parties: Sequence[tuple[str, ...]]) -> None:
    """Parties without a name that leads elsewhere are who they were, and accounts that are not named have what they had."""
    (rows, bindings), (other_rows, other_bindings) = pair
    change = crm_change(rows, other_rows)
    assume(change is not None)
    assert change is not None
    before = Directory.build(rows, IDENTITY, bindings)
    now = Directory.build(other_rows, IDENTITY, other_bindings)
    elsewhere = now.differing(before, change.people)
    people = [one.person_id for one in rows.people]
    for ids in parties:
        if not elsewhere.concerns(ids):
            assert now.profile_account([party(*ids)]) == before.profile_account([party(*ids)])
            for hint in (None, "A1", "A2"):
                assert now.party(party(*ids), account_hint=hint) == before.party(party(*ids), account_hint=hint)
                assert now.person_of(ids, hint) == before.person_of(ids, hint)
    for one, another in ((before.links(), now.links()), (before.conflicts(), now.conflicts())):
        kept = [[row for row in rows if row.identifier_hash not in elsewhere.identifiers] for rows in (one, another)]  # type: ignore[attr-defined]
        assert kept[0] == kept[1]
    for account in {*ACCOUNTS} - change.accounts:
        assert now.account(account) == before.account(account)
        assert now.opportunities_of(account) == before.opportunities_of(account)
        assert now.owner_of(account, 5) == before.owner_of(account, 5)
        acting = [before.party(party(f"external_id:crm:{one}")) for one in people]
        assert choose_opportunity(now, account, 9, acting, None) == choose_opportunity(before, account, 9, acting, None)
        for deal in before.opportunities_of(account):
            assert now.group_members(deal.opportunity_id) == before.group_members(deal.opportunity_id)
    for account in {*ACCOUNTS} - change.known:
        assert now.known_account(account) == before.known_account(account)
    was, is_now = accounts_of_people(rows), accounts_of_people(other_rows)
    for person in {*was, *is_now} - change.people - change.members:
        assert is_now.get(person) == was.get(person)
    assert crm_change(other_rows, rows) in (None, change)  # to leave a team is another thing than to join one
    assert before.differing(now, change.people) == elsewhere


def _person(number: int, *emails: str, **told: Any) -> Person:
    return Person(person_id=f"C{number}", side="buyer", emails=emails, **told)


SHARED = _person(1, "email:x@isp.test", account_id="A1")
TOLD = ("external_id:teams:9", "email:nobody@new.test")
HOME = Account(account_id="A3", domains=("new.test",))


@pytest.mark.parametrize(
    ("before", "now", "bindings", "ids"),
    [
        (
            crm(people=[SHARED, _person(2, "email:x@isp.test", account_id="A2")]),
            crm(people=[SHARED, _person(2, "email:x@isp.test", account_id="A2", title="CEO")]),
            [],
            ("email:x@isp.test",),
        ),
        (
            crm(people=[_person(1, "email:a.b@gmail.com")]),
            crm(people=[_person(1, "email:a.b@gmail.com", title="CEO")]),
            [],
            ("email:ab+news@gmail.com",),
        ),
        (crm(), crm(accounts=[HOME]), [TOLD], TOLD[:1]),
        (
            crm(people=[_person(1, "email:x@new.test", external_ids=TOLD[:1])]),
            crm(people=[_person(1, "email:x@new.test", external_ids=TOLD[:1])], accounts=[HOME]),
            [],
            TOLD[:1],
        ),
        (
            crm(),
            crm(aliases=[Alias(identifier_type="anonymous_id", identifier="anonymous_id:*:7", person_id="B1")]),
            [],
            ("anonymous_id:segment:7",),
        ),
    ],
    ids=[
        "whom an account chooses",
        "a mailbox",
        "an address of a profile",
        "a native id of a person with an address",
        "of any system",
    ],
)
def test_what_leads_elsewhere_by_a_detour_is_named(
    before: Crm, now: Crm, bindings: list[tuple[str, ...]], ids: tuple[str, ...]
) -> None:
    change = crm_change(before, now)
    assert change is not None
    was, is_now = (Directory.build(rows, IDENTITY, bindings) for rows in (before, now))
    assert is_now.party(party(*ids), account_hint="A2") != was.party(party(*ids), account_hint="A2")
    assert is_now.differing(was, change.people).concerns(ids)


@pytest.mark.parametrize("as_owner", [True, False])
def test_a_seller_who_joins_a_team_concerns_their_deals(as_owner: bool) -> None:
    """O3 asks for the team of the deal's owner; a seller who is assigned counts in the team's figures."""
    of_seller = {
        True: {"opportunities": [deal(1, "open", owner_seller_id="S7")]},
        False: {"assignments": [Assignment(account_id="A1", seller_id="S7", role="team")]},
    }[as_owner]
    change = crm_change(crm(people=[_seller()], **of_seller), crm(people=[_seller(team_id="T1")], **of_seller))
    assert change is not None
    assert change.accounts == {"A1"}


@given(exports())
def test_the_same_rows_change_nothing(given_rows: tuple[Crm, list[tuple[str, ...]]]) -> None:
    rows, bindings = given_rows
    again = Crm(**{name: list(reversed(getattr(rows, name))) for name in Crm.__struct_fields__})
    assert crm_change(rows, again) == CrmChange()
    assert not Directory.build(again, IDENTITY, bindings).differing(Directory.build(rows, IDENTITY, bindings))


def _seller(**told: Any) -> Person:
    return Person(person_id="S7", side="seller", **told)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (crm(), crm(assets=[Asset(asset_id="F1", asset_type="roi_model")])),
        (crm(), crm(buying_group=[GroupMember(opportunity_id="O1", person_id="B1", buyer_role="user")])),
        (crm(people=[_seller(team_id="T1")]), crm(people=[_seller(team_id="T2")])),
        (crm(people=[_seller(team_id="T1")]), crm()),
    ],
    ids=["an asset", "the first buying group", "a seller's team", "a seller"],
)
def test_some_of_it_concerns_everything(before: Crm, now: Crm) -> None:
    """What counts as an asset; whether groups are known at all; whose figures a team's are."""
    assert crm_change(before, now) is None


def deal(number: int, status: str = "won", closed_at: int | None = None, **told: Any) -> Opportunity:
    return Opportunity(
        opportunity_id=f"O{number}", account_id="A1", opened_at=1, status=status, closed_at=closed_at, **told
    )


def test_a_deal_that_is_won_measures_those_after_it() -> None:
    """Of deals that have been won, or in another way, the first; an amount changes nothing of when."""
    same = [deal(1, closed_at=50), deal(2, "open"), deal(3, closed_at=90)]
    change = crm_change(
        crm(opportunities=same), crm(opportunities=[*same[:1], deal(2, closed_at=80), deal(3, closed_at=70)])
    )
    assert change is not None
    assert (change.won_from, change.accounts) == (70, {"A1"})
    change = crm_change(crm(opportunities=same), crm(opportunities=[*same[:2], deal(3, "lost", closed_at=90)]))
    assert change is not None
    assert change.won_from == 90
    change = crm_change(crm(opportunities=same), crm(opportunities=[same[0], deal(2, "lost", closed_at=60), same[2]]))
    assert change is not None
    assert change.won_from is None


def test_stages_are_of_the_deals_account() -> None:
    rows = crm(opportunities=[deal(1, "open")])
    change = crm_change(rows, rows, [], [StageChange(opportunity_id="O1", entered_at=5, stage="Proof")])
    assert change == CrmChange(accounts=frozenset({"A1"}))
