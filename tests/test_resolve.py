"""Which account: A1 to A6, several accounts in one touchpoint, and what a thread settles."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.crm.directory import ResolvedParty
from transforms.folding.resolve import AccountShare, AccountVerdict, inherit_thread, resolve_account, settle_sides


def who(
    party_id: str,
    account: str | None = None,
    *domain: str,
    side: str = "buyer",
    attended: bool | None = None,
    role: str = "to",
) -> Any:
    return ResolvedParty(
        party_id=party_id,
        person_id=None,
        side=side,
        rule_id="R6",
        identifier_type="email",
        identifier_hash="h",
        identifier=None,
        account_id=account,
        domain_accounts=domain,
        role=role,
        is_executive=None,
        attended=attended,
    )


SELLER = who("S1", side="seller")


def thread(*touchpoints: list[Any], hint: str | None = None) -> list[AccountVerdict]:
    """Verdicts of touchpoints of one thread, of which the first has the account in its payload."""
    hints = [hint, *([None] * (len(touchpoints) - 1))]
    alone = {n: resolve_account(parties, hints[n]) for n, parties in enumerate(touchpoints)}
    found = inherit_thread(alone, lambda n, known: resolve_account(touchpoints[n], hints[n], (), [known]))
    return [found[n] for n in range(len(touchpoints))]


@pytest.mark.parametrize(
    ("parties", "hint", "account", "resolution", "rule"),
    [
        ([who("b", "A1")], "A9", "A9", "explicit", "A1"),
        ([who("b", "A1", "A2")], None, "A1", "person", "A2"),
        ([who("b", None, "A2")], None, "A2", "domain", "A3"),
        ([who("b", None, "A1", "A2")], None, None, "conflict", "A4"),
        ([who("b", None, "A1", "A2"), who("c", None, "A2")], None, "A2", "domain", "A3"),
        ([who("b", None, "A1", "A2")], "A1", "A1", "explicit", "A1"),
        ([SELLER, who("p", "A1", side="partner"), who("x", "A1", side="system")], None, None, "unresolved", "A6"),
        ([], None, None, "unresolved", "A6"),
    ],
)
def test_the_first_rule_that_hits_names_the_account(
    parties: list[Any], hint: str | None, account: str | None, resolution: str, rule: str
) -> None:
    """Payload, person, only account of the domain, conflict, else unresolved; only buyers have a say."""
    verdict = resolve_account(parties, hint)
    assert (verdict.account_id, verdict.resolution, verdict.rule_id) == (account, resolution, rule)


def test_a_conflict_keeps_its_candidates() -> None:
    """All accounts of the domain, sorted, and none of them in the bridge."""
    verdict = resolve_account([who("b", None, "A2", "A3"), who("c", None, "A1", "A3")], None)
    assert (verdict.candidates, verdict.accounts) == (("A1", "A2", "A3"), ())


def test_a_meeting_of_two_customers_is_in_both_and_primary_where_most_people_attended() -> None:
    """The absent do not count; equal numbers go to the account with an open deal, then to the smaller id."""
    meeting = [
        who("a", "A1", attended=True),
        who("b", None, "A2", attended=True),
        who("c", "A2", attended=True),
        who("d", "A1", attended=False),
        who("e", "A1", attended=None),
    ]
    assert resolve_account(meeting, None).accounts == (AccountShare("A2", 2), AccountShare("A1", 1))
    assert resolve_account(meeting, None).rule_id == "A2"
    assert resolve_account(meeting[:2], None).account_id == "A1"
    assert resolve_account(meeting[:2], None, open_accounts={"A2"}).account_id == "A2"


def test_a_message_belongs_to_its_authors_account() -> None:
    """Readers of another customer do not outvote the author; a message of ours goes by its recipients."""
    readers = [who("b", "A1"), who("c", "A1")]
    assert resolve_account([who("a", "A2", role="actor"), *readers], None, ["A1"]).account_id == "A2"
    assert resolve_account([who("S1", side="seller", role="actor"), who("a", "A2"), *readers], None).account_id == "A1"


def test_a_reader_does_not_name_the_account_of_an_author_of_two() -> None:
    """A4: another participant does, who belongs to one of the candidates; without one it is a conflict, and no touchpoint of the reader's."""
    author, reader = who("a", None, "A1", "A2", side="unknown", role="actor"), who("d", "A3", role="cc")
    torn = resolve_account([author, reader], None)
    assert (torn.account_id, torn.resolution, torn.rule_id, torn.candidates) == (None, "conflict", "A4", ("A1", "A2"))
    assert torn.of_all == ()
    settled = resolve_account([author, reader, who("c", "A2", role="cc")], None)
    assert (settled.account_id, {one.account_id for one in settled.accounts}) == ("A2", {"A2", "A3"})
    assert resolve_account([author, reader], "A9").account_id == "A9"
    ours = [who("S1", side="seller", role="actor"), who("a", None, "A1", "A2", side="unknown"), reader]
    assert resolve_account(ours, None).account_id == "A3"
    lead = [who("x", role="actor"), who("a", None, "A1", "A2", side="unknown"), reader]
    assert resolve_account(lead, None).account_id == "A3"


def test_a_thread_names_the_account_of_an_author_of_two_beside_that_of_readers() -> None:
    """The thread's other messages settle it among the candidates; readers are people of the thread, so it lends no account to strangers."""
    torn = [who("a", None, "A1", "A2", side="unknown", role="actor"), who("d", "A3", role="cc")]
    found = thread(torn, [who("c", "A2")], [who("x", side="unknown")])
    assert [(one.account_id, one.rule_id) for one in found] == [("A2", "A4"), ("A2", "A2"), (None, "A6")]
    assert found[0].of_all == ("A2", "A3")


def test_one_person_under_two_roles_counts_once() -> None:
    """The organiser who also attends is one person."""
    verdict = resolve_account([who("a", "A2"), who("a", "A2"), who("b", "A1")], None)
    assert verdict.accounts == (AccountShare("A1", 1), AccountShare("A2", 1))


def test_the_explicit_account_is_primary_and_the_others_stay_in_the_bridge() -> None:
    """Even where nobody of it is among the participants."""
    verdict = resolve_account([who("a", "A1"), who("b", "A1")], "A9")
    assert verdict.accounts == (AccountShare("A9", 0), AccountShare("A1", 2))


def test_a_thread_settles_a_conflict_by_the_only_candidate_that_it_has() -> None:
    """A4: another participant of the thread belongs to one of them."""
    torn, sure = [who("b", None, "A1", "A2")], [who("c", "A2")]
    assert [(one.account_id, one.rule_id) for one in thread(torn, sure)] == [("A2", "A4"), ("A2", "A2")]
    assert thread(torn, sure, [who("d", "A1")])[0] == resolve_account(torn, None)


def test_a_thread_settles_on_an_account_for_a_reader_too() -> None:
    """A4 is of each participant: whom we write to, and who reads along with another customer, is of the candidate that the thread has."""
    author, reader, ours = (
        who("a", "A1", role="actor"),
        who("b", None, "A2", "A3"),
        who("S1", side="seller", role="actor"),
    )
    sure = [who("c", "A2")]
    asked, sent, _ = thread([author, reader], [ours, who("a", "A1"), reader, who("d", None, "A2", "A3")], sure)
    assert (asked.account_id, asked.of_all) == ("A1", ("A1", "A2"))
    assert (sent.account_id, sent.rule_id, sent.of_all) == ("A2", "A4", ("A2", "A1"))  # most of them
    told, hinted = resolve_account([author, reader], None), thread([reader], sure, hint="A9")[0]
    assert (told.is_torn, told.of_all) == (True, ("A1",))
    assert (hinted.rule_id, hinted.of_all) == ("A1", ("A9", "A2"))


def test_each_of_several_torn_readers_is_settled_alone() -> None:
    """A4: two domains of several accounts each are two questions."""
    ours, b, c = who("S1", side="seller", role="actor"), who("b", None, "A1", "A2"), who("c", None, "A3", "A4")
    found = thread([ours, b, c], [who("d", "A2")], [who("e", "A4")])[0]
    assert (found.resolution, found.of_all) == ("domain", ("A2", "A4"))


def test_the_nearest_others_settle_an_account() -> None:
    """A4: who is in the touchpoint, then its thread, then the conversation around it."""
    reader = who("b", None, "A1", "A2")
    assert resolve_account([reader, who("c", "A1")], None, (), [{"A2"}]).of_all == ("A1",)
    assert resolve_account([reader], None, (), [{"A1"}, {"A1", "A2"}]).account_id == "A1"
    assert resolve_account([reader], None, (), [{"A1", "A2"}, {"A1"}]).account_id == "A1"
    assert resolve_account([reader], None, (), [{"A1", "A2"}, {"A3"}]).resolution == "conflict"


def test_a_thread_of_one_account_lends_it_to_strangers() -> None:
    """A5, once A4 has settled what it can; the person stays unresolved, the touchpoint does not."""
    found = thread([who("x", side="unknown")], [who("b", None, "A1", "A2")], [who("c", "A1")])
    assert [(one.account_id, one.resolution, one.rule_id) for one in found] == [
        ("A1", "thread", "A5"),
        ("A1", "domain", "A4"),
        ("A1", "person", "A2"),
    ]


def test_a_thread_of_two_accounts_lends_none() -> None:
    """Nor does a thread in which nobody is resolved."""
    stranger = [who("x", side="unknown")]
    alone = resolve_account(stranger, None)
    assert thread(stranger, [who("c", "A1")], [who("d", "A2")])[0] == alone
    assert thread(stranger, stranger) == [alone, alone]


def test_strangers_are_buyers_once_the_account_is_known() -> None:
    """P5; ours, partners and systems stay what they are."""
    parties = [who("x", side="unknown"), SELLER, who("p", side="partner")]
    verdict = AccountVerdict(account_id="A1", resolution="thread", rule_id="A5")
    assert [one.side for one in settle_sides(parties, verdict)] == ["buyer", "seller", "partner"]
    assert settle_sides(parties, resolve_account(parties, None)) == parties


_PARTIES = st.builds(
    lambda n, account, domain, side, attended, role: who(
        f"p{n}", account, *sorted(domain), side=side, attended=attended, role=role
    ),
    st.integers(0, 5),
    st.sampled_from((None, None, "A1", "A2")),
    st.sets(st.sampled_from(("A1", "A2", "A3")), max_size=2),
    st.sampled_from(("buyer", "buyer", "seller", "unknown")),
    st.sampled_from((None, True, False)),
    st.sampled_from(("to", "to", "actor")),
)


@given(st.lists(st.lists(_PARTIES, max_size=4), max_size=5), st.randoms(use_true_random=False))
@settings(max_examples=100)
def test_the_order_of_parties_and_touchpoints_does_not_matter(parties: list[list[Any]], random: Any) -> None:
    """Shuffled, each touchpoint gets the same verdict; a resolved one is primary in its own bridge."""
    expected = thread(*parties)
    order = random.sample(range(len(parties)), len(parties))
    assert thread(*(random.sample(parties[n], len(parties[n])) for n in order)) == [expected[n] for n in order]
    for verdict in expected:
        assert (verdict.of_all[0] if verdict.of_all else None) == verdict.account_id
