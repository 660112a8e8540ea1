"""App sessions and the binding of anonymous ids, against the definition read slowly."""

from __future__ import annotations

from typing import Any

import msgspec
from fold_world import AS_OF, ASSETS, CRM, RULES, SETTINGS, at, email, fold, folder, only, page, people, witness
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.crm.directory import Directory
from transforms.crm.rows import Alias
from transforms.event import Event, Party, hash_id
from transforms.folding.group import Folder
from transforms.folding.linking import fold_key, link_keys
from transforms.jobs.rules import Rulebook
from transforms.times import MINUTE

START = at("03-02 09:00")
B1, B2, ANN = "external_id:segment:b1", "external_id:segment:b2", "anonymous_id:segment:ann"


def identify(when: str, *ids: str, **fields: Any) -> Event:
    source = fields.pop("source", "/segment")
    return Event(
        family="identity",
        source=source,
        source_event_id=f"identify-{when}",
        dedupe_key=f"src:{source}/identify-{when}",
        channel="app",
        occurred_at=at(when),
        parties=(Party(ids, "actor"),),
        **fields,
    )


def test_exactly_thirty_minutes_stay_in_a_session_and_more_do_not() -> None:
    """The gap is measured between events."""
    times = [START, START + 30 * MINUTE, START + 60 * MINUTE + 1]
    folded = fold(*(page(str(n), when, (B1,)) for n, when in enumerate(times)))
    assert [(row.duration_seconds, row.buyer_minutes) for row in folded.touchpoints] == [(1800, 30.0), (0, 0.0)]


def test_a_strangers_session_is_one_whatever_addresses_its_events_show() -> None:
    """Semantics 1.1: a session is a user's, and the user id says who that is; a form's address and an old one do not part them."""
    stranger, form, old = "external_id:segment:s", "email:sue@acme.example", "email:sue@free.example"
    pages = [
        identify("03-02 08:00", stranger, old),
        page("1", START, (ANN,)),
        page("2", START + MINUTE, (stranger, ANN)),
        page("3", START + 2 * MINUTE, (stranger, form, ANN)),
        page("4", START + 3 * MINUTE, (stranger, old)),
    ]
    row = only(fold(*pages))
    assert (row.duration_seconds, row.account_id, row.account_resolution) == (180, "A1", "domain")
    other = page("5", START + 4 * MINUTE, ("external_id:segment:t", "email:tim@acme.example"))
    assert len(fold(*pages, other).touchpoints) == 2


def test_the_page_of_a_session_is_where_the_time_went() -> None:
    """Dwell is the time until the next event; a click belongs to the open page; of equals the later page."""
    row = only(
        fold(
            page("1", START, (B1,), "/pricing"),
            page("2", START + 2 * MINUTE, (B1,), "/docs"),
            page("3", START + 3 * MINUTE, (B1,), None, event_name="Clicked"),
            page("4", START + 6 * MINUTE, (B1,), "/end"),
        )
    )
    assert row.page_path == "/docs"
    tie = only(
        fold(
            page("1", START, (B1,), "/a"),
            page("2", START + MINUTE, (B1,), "/b"),
            page("3", START + 2 * MINUTE, (B1,), "/c"),
        )
    )
    assert tie.page_path == "/b"


def test_a_session_that_begins_anonymous_is_the_users_who_then_logs_in() -> None:
    """R5: one person ever bound, so earlier pages are hers too; the link says so."""
    folded = fold(
        page("1", START, (ANN,)), page("2", START + MINUTE, (B1, ANN)), page("3", START + 2 * MINUTE, (B1, ANN))
    )
    row = only(folded)
    assert (row.account_id, row.actor_party_id) == ("A1", "B1")
    assert [(link.person_id, link.rule_id, link.valid_from) for link in folded.links] == [("B1", "R5", None)]


def test_an_identify_call_binds_what_came_before_it() -> None:
    """The identify call is no touchpoint but names who browsed the day before."""
    row = only(fold(page("1", "03-01 09:00", (ANN,)), identify("03-02 09:00", B1, ANN)))
    assert (row.actor_party_id, row.account_id, row.direction) == ("B1", "A1", "self_serve")


def test_a_shared_device_counts_forward_only() -> None:
    """Two persons ever bound: before the first binding nobody is named, afterwards the latest is."""
    folded = fold(
        page("1", "03-01 09:00", (ANN,)),
        identify("03-02 09:00", B1, ANN),
        page("2", "03-02 10:00", (ANN,)),
        identify("03-03 09:00", B2, ANN),
        page("3", "03-03 10:00", (ANN,)),
    )
    assert [row.actor_side for row in folded.touchpoints] == ["unknown", "buyer", "buyer"]
    assert [row.account_id for row in folded.touchpoints] == [None, "A1", "A1"]
    assert [row.actor_party_id for row in folded.touchpoints[1:]] == ["B1", "B2"]
    assert [(link.person_id, link.valid_from, link.valid_to) for link in folded.links] == [
        ("B1", at("03-02 09:00"), at("03-03 09:00")),
        ("B2", at("03-03 09:00"), None),
    ]


def test_a_device_that_an_alias_gives_to_somebody_is_bound_to_nobody_else() -> None:
    """R3 before R5: the links tell who is meant by the device, and a conflict tells whom its events name instead."""
    rows = msgspec.structs.replace(CRM, aliases=[Alias(identifier_type="anonymous_id", identifier=ANN, person_id="B2")])
    directory = Directory.build(rows, SETTINGS.identity)
    events = [identify("03-02 09:00", B1, ANN), page("1", "03-02 10:00", (ANN,))]
    folded = Folder(directory, ASSETS, RULES, SETTINGS, AS_OF).fold([witness(event) for event in events])
    assert only(folded).actor_party_id == "B2"
    told = {*directory.links(), *folded.links}
    assert {(one.person_id, one.rule_id) for one in told if one.identifier_hash == hash_id(ANN)} == {("B2", "R3")}
    assert [(one.rule_id, one.chosen_person_id, one.other_person_id) for one in folded.conflicts] == [
        ("R3", "B2", "B1")
    ]
    agreeing = [identify("03-02 09:00", B2, ANN), page("1", "03-02 10:00", (ANN,))]
    folded = Folder(directory, ASSETS, RULES, SETTINGS, AS_OF).fold([witness(event) for event in agreeing])
    assert (folded.links, folded.conflicts) == ([], [])


def test_another_source_does_not_bind() -> None:
    """An anonymous id is bound in its own source only."""
    folded = fold(page("1", "03-02 09:10", (ANN,)), identify("03-02 09:00", B1, ANN, source="/snowplow"))
    assert only(folded).actor_side == "unknown"


def test_an_anonymous_id_bound_to_a_stranger_is_that_stranger() -> None:
    """Somebody whom the directory does not know still has one session, not an anonymous and a named one."""
    stranger = "external_id:segment:zoe"
    row = only(fold(page("1", START, (ANN,)), page("2", START + MINUTE, (stranger, ANN))))
    assert (row.account_id, row.actor_side) == (None, "unknown")


def test_a_user_id_is_whoever_its_identify_call_names() -> None:
    """The pages carry the user id alone; the address stands in the identify call, which may come later."""
    user, mine = "external_id:segment:u-9", "email:b1@acme.example"
    folded = fold(
        page("1", "03-01 09:00", (ANN,)),
        page("2", "03-01 11:00", (user, ANN)),
        identify("03-02 09:00", user, mine, ANN),
        page("3", "03-03 09:00", (user,)),
    )
    assert [(row.actor_party_id, row.account_resolution) for row in folded.touchpoints] == [("B1", "person")] * 3
    assert {(one.identifier_type, one.person_id, one.rule_id, one.valid_to) for one in folded.links} == {
        ("external_id", "B1", "R1", None),
        ("anonymous_id", "B1", "R5", None),
    }
    assert (
        only(fold(page("4", START, (user,)), identify("03-02 08:00", user, mine, source="/other"))).account_id is None
    )


def test_a_strangers_user_id_goes_by_the_address_of_its_identify_call() -> None:
    """So the domain gives the account, and the stranger is one party in the app and in email."""
    user, new = "external_id:segment:u-8", "email:new@acme.example"
    browsed = fold(page("1", "03-01 09:00", (user, ANN)), identify("03-02 09:00", user, new), page("2", START, (ANN,)))
    wrote = only(fold(email("1@x.example", "03-02 11:00", new, ["S1"])))
    assert {row.actor_party_id for row in browsed.touchpoints} == {wrote.actor_party_id}
    assert {(row.account_id, row.account_resolution) for row in browsed.touchpoints} == {("A1", "domain")}


def test_a_user_id_of_two_persons_is_nobodys() -> None:
    """No merging: the id stays unbound, and what disagrees is logged."""
    user = "external_id:segment:u-7"
    folded = fold(
        page("1", START, (user,)),
        identify("03-02 10:00", user, "email:b1@acme.example"),
        identify("03-02 11:00", user, "email:b2@acme.example"),
        identify("03-02 12:00", B1, "email:b2@acme.example"),
    )
    assert only(folded).actor_side == "unknown"
    assert {(one.rule_id, one.chosen_person_id, one.other_person_id) for one in folded.conflicts} == {
        ("R6", None, None),
        ("R1", "B1", "B2"),
    }


def test_an_address_that_a_user_had_beside_a_known_one_is_nobodys_in_the_app() -> None:
    """Nor is another user who shows it; one that a listed user alone shows is that user's, by the rule that knows the user."""
    team, user, other = "email:team@acme.example", "external_id:segment:u-7", "external_id:segment:u-8"
    folded = fold(
        page("1", START, (team,)),
        page("2", START, (other,)),
        page("3", START, (user,)),
        identify("03-01 10:00", other, team),
        identify("03-02 10:00", user, team),
        identify("03-02 11:00", user, "email:b2@acme.example"),
    )
    assert {row.actor_party_id for row in folded.touchpoints} == {"B2", f"u:{hash_id(team)}"}
    assert [(one.person_id, one.identifier_hash, one.rule_id) for one in folded.links] == [("B2", hash_id(user), "R1")]
    folded = fold(page("1", START, (team,)), identify("03-01 10:00", B1, team))
    assert only(folded).actor_party_id == "B1"
    assert [(one.person_id, one.identifier_hash, one.rule_id) for one in folded.links] == [("B1", hash_id(team), "R1")]


def test_a_group_call_names_the_account_of_an_unknown_user() -> None:
    """A1 by groupId, from an identity event of the same user; the user becomes a buyer."""
    stranger = "external_id:segment:zoe"
    folded = fold(page("1", START, (stranger,)), identify("03-05 09:00", stranger, account_hint="A2"))
    row = only(folded)
    assert (row.account_id, row.account_resolution, row.actor_side) == ("A2", "explicit", "buyer")
    assert people(folded, row)["?"].is_engaged


def test_an_account_that_nobody_knows_hides_none_that_is_known() -> None:
    """Of several group ids in the payloads the first that names an account of the directory is the explicit one (A1)."""
    stranger = "external_id:segment:zoe"
    other, mine = page("1", START, (stranger,), account_hint="crm-8"), page("2", START + MINUTE, (stranger,))
    said = msgspec.structs.replace(mine, account_hint="A2")
    called = [
        identify("03-02 08:00", stranger, account_hint="A2"), identify("03-02 08:30", stranger, account_hint="ext-1"),
    ]  # fmt: skip
    for events in ((other, said), (other, *called), (mine, *called)):
        row = only(fold(*events))
        assert (row.account_id, row.account_resolution) == ("A2", "explicit")
    assert only(fold(other)).account_resolution == "unresolved"


def test_our_own_people_looking_at_our_pages_never_count() -> None:
    """A seller's session is internal."""
    row = only(fold(page("1", START, ("external_id:segment:s1",))))
    assert row.is_internal
    assert not row.is_countable


def test_views_of_assets_are_asset_events() -> None:
    """Viewed unless the source says downloaded; one per asset, action and time."""
    link = ("https://ours.example/files/overview.pdf",)
    folded = fold(
        page("1", START, (B1,), "/files", links=link),
        page("2", START + MINUTE, (B1,), None, asset_id="overview", asset_action="download"),
    )
    assert [(row.action, row.asset_id, row.party_id) for row in folded.assets] == [
        ("view", "overview", "B1"),
        ("download", "overview", "B1"),
    ]
    assert only(folded).asset_type == "product_overview"


def test_what_is_done_on_an_assets_page_is_no_second_view_of_it() -> None:
    """A click there is time spent on the asset; a download is of what it names."""
    link = ("https://ours.example/files/overview.pdf",)
    folded = fold(
        page("1", START, (B1,), "/files", links=link),
        page("2", START + MINUTE, (B1,), "/files", event_name="Tab Clicked"),
        page("3", START + 9 * MINUTE, (B1,), "/files", event_name="Document Downloaded", asset_action="download",
             interaction_kind="asset_download", attachments=("comparison-3.pdf",)),
        page("4", START + 12 * MINUTE, (B1,), "/end"),
    )  # fmt: skip
    assert [(row.action, row.asset_id) for row in folded.assets] == [("view", "overview"), ("download", "versus")]
    row = only(folded)
    assert (row.buying_job, row.buying_job_basis) == ("solution_exploration", "asset:product_overview")
    alone = only(fold(page("2", START, (B1,), "/files", event_name="Tab Clicked")))
    assert alone.buying_job == "unclassified"


def test_a_form_alone_is_a_form_and_a_form_among_pages_is_a_session() -> None:
    """The kind is ``form_submit`` only if the session consists of it alone; the tag says that one was sent either way."""
    form, other = page("1", START, (B1,), "/contact", interaction_kind="form_submit"), page("2", START + MINUTE, (B1,))
    found = [only(fold(*events)) for events in ((form,), (form, other), (other,))]
    assert [(one.interaction_kind, one.tags) for one in found] == [
        ("form_submit", ["form_submit"]), ("session", ["form_submit"]), ("session", []),
    ]  # fmt: skip


def test_a_trial_in_the_product_is_access() -> None:
    """A tracked trial is hands-on like a demo, on whatever page it begins; a page about something else is not."""
    trial, other = page("1", START, (B1,), "/pricing", event_name="Trial Started"), page("1", START, (B1,), "/pricing")
    got = [(row.tags, row.dart_dimensions) for row in (only(fold(trial)), only(fold(other)))]
    assert got == [(["trial"], ["access"]), ([], [])]


def test_a_rule_for_a_tag_finds_it_on_a_page_of_a_session() -> None:
    """Also a tag that folding gives for what was done there."""
    rules = Rulebook.load("[{id: own.form, job: validation, tier: kind, when: {tag: [form_submit]}}]")
    form, other = page("1", START, (B1,), "/contact", interaction_kind="form_submit"), page("2", START + MINUTE, (B1,))
    found = [only(fold(*events, rules=rules)) for events in ((form, other), (other,))]
    assert [one.buying_job_rule_id for one in found] == ["own.form", None]


def test_events_without_any_id_are_nobodys_together() -> None:
    """Two events that name no user are two sessions of two strangers."""
    folded = fold(page("1", START, ()), page("2", START + MINUTE, ()))
    assert len({row.actor_party_id for row in folded.touchpoints}) == 2


EVENTS = st.lists(st.tuples(st.integers(0, 60).map(lambda n: n * 10), st.sampled_from([B1, B2, ANN])), max_size=14)


def slow_sessions(events: list[tuple[int, str]]) -> set[tuple[str, ...]]:
    """Sessions as sets of event numbers: two events of a user belong together if no pause between them is longer."""
    found = set()
    for user in (B1, B2, ANN):
        own = sorted((minute, str(number)) for number, (minute, who) in enumerate(events) if who == user)
        for index, (_, number) in enumerate(own):
            low = high = index
            while low > 0 and own[low][0] - own[low - 1][0] <= SETTINGS.folding.app_session_gap_minutes:
                low -= 1
            while high + 1 < len(own) and own[high + 1][0] - own[high][0] <= SETTINGS.folding.app_session_gap_minutes:
                high += 1
            assert number in [name for _, name in own[low : high + 1]]
            found.add(tuple(sorted(name for _, name in own[low : high + 1])))
    return found


@settings(max_examples=100)
@given(EVENTS, st.randoms(use_true_random=False))
def test_sessions_are_those_of_the_definition_in_any_order(events: list[tuple[int, str]], random: object) -> None:
    """Random clicks of three users fold into the sessions that a slow reading finds, in any order, with repetitions."""
    witnesses = [witness(page(str(n), START + minute * MINUTE, (who,))) for n, (minute, who) in enumerate(events)]
    folded = folder().fold(witnesses)
    number_of = {one.event_id: one.event.source_event_id for one in witnesses}
    sessions: dict[str, list[str]] = {}
    for row in folded.events:
        sessions.setdefault(row.touchpoint_id, []).append(number_of[row.event_id])
    assert {tuple(sorted(one)) for one in sessions.values()} == slow_sessions(events)
    shuffled = witnesses + witnesses[:2]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert folder().fold(shuffled) == folded


def live_chat(when: str, *ids: str) -> Event:
    agent = Party(("external_id:live_chat:9",), "to", side="seller")
    return Event(
        family="chat",
        source="/segment",
        source_event_id=f"chat-{when}",
        dedupe_key=f"chat:/segment/c/{when}",
        channel="chat",
        medium="web_chat",
        conversation_id="c",
        occurred_at=at(when),
        direction="inbound",
        parties=(Party(ids, "actor", side="buyer"), agent),
    )


def test_a_live_chat_of_somebody_who_is_logged_in_binds_the_device() -> None:
    """R5: an identified event of the same source, whatever it is about; the next user has the device from their first event on."""
    chat = live_chat("03-02 09:05", B1, ANN)
    before = page("1", START, (ANN,))
    assert set(link_keys(chat)) & {fold_key(before), *link_keys(before)}
    assert {p.person_id for p in fold(before, chat).participants if p.participation_role == "actor"} == {"B1"}
    later = [page("2", START + 10 * MINUTE, (ANN,)), page("3", START + 120 * MINUTE, (B2, ANN))]
    folded = fold(before, chat, *later)
    assert [(row.channel, row.actor_party_id) for row in folded.touchpoints if row.actor_party_id in ("B1", "B2")] == [
        ("chat", "B1"), ("app", "B1"), ("app", "B2"),
    ]  # fmt: skip
    stranger = "external_id:segment:new"
    named = fold(live_chat("03-02 09:05", stranger, ANN, "email:b1@acme.example"), page("1", START, (stranger,)))
    assert {row.actor_party_id for row in named.touchpoints} == {"B1"}


def test_a_group_call_is_of_whoever_had_the_device_then() -> None:
    """The account of one user's group call is nothing to the next who uses that device; to their own sessions it is, also without login."""
    other = "external_id:segment:zoe"
    grouped = identify("03-02 09:00", B1, ANN, account_hint="A2")
    pages = [
        page("1", START + 5 * MINUTE, (ANN,)),
        page("2", START + 120 * MINUTE, (other, ANN)),
        page("3", START + 130 * MINUTE, (ANN,)),
    ]
    first, second = fold(grouped, *pages).touchpoints
    assert (first.account_id, first.account_resolution) == ("A2", "explicit")
    assert (second.account_id, second.account_resolution) == (None, "unresolved")
    by_device = identify("03-02 09:01", ANN, account_hint="A2")
    login = page("0", START, (B1, ANN))
    first, second = fold(login, by_device, *pages).touchpoints
    assert (first.account_id, second.account_id) == ("A2", None)
    nobody = fold(by_device, page("1", START + 5 * MINUTE, (ANN,)))
    assert only(nobody).account_id == "A2"


def test_a_live_chat_is_the_visitors_who_logs_in_later() -> None:
    """R5 holds for every call of a source: a chat under an anonymous id is the person's to whom the id was bound."""
    question = live_chat("03-02 09:00", ANN)
    login = identify("03-05 09:00", B1, ANN)
    folded = fold(question, login)
    assert "B1" in people(folded, only(folded))
    assert set(link_keys(question)) & {fold_key(login), *link_keys(login)}
    elsewhere = fold(question, identify("03-05 09:00", B1, ANN, source="/snowplow"))
    assert "B1" not in people(elsewhere, only(elsewhere))
