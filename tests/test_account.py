"""Wait episodes, follow-ups and needs of the worked example (semantics 5.2, 5.3, 5.5), and one account as a whole."""

from __future__ import annotations

import pickle
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worked_example import (
    ACCOUNT,
    CLOSED_AT,
    JOB_ASSETS,
    OPPORTUNITY,
    RB,
    SE,
    SS,
    TAG_ASSETS,
    at,
    participant,
    participants,
    touchpoint,
    touchpoints,
)

from transforms.event import hash_id
from transforms.journey_rows import AccountRows, FollowUp, Need, Response
from transforms.journeys.account import AccountContext, build_account
from transforms.journeys.business_time import SellerCalendars
from transforms.settings import Coverage, Settings
from transforms.times import HOUR
from transforms.touchpoint import Participant, Touchpoint

H = 3600


def context(as_of: str = "05-11 00:00", closed: bool = True, coverage: Coverage | None = None) -> AccountContext:
    configured = Settings(coverage=coverage or Coverage())
    return AccountContext(
        settings=configured,
        as_of=at(as_of),
        calendars=SellerCalendars(configured.business_hours),
        job_assets=JOB_ASSETS,
        tag_assets=TAG_ASSETS,
        closed_at={OPPORTUNITY: CLOSED_AT} if closed else {},
    )


def account(
    rows: list[Touchpoint] | None = None, people: dict[str, list[Participant]] | None = None, **options: Any
) -> AccountRows:
    if rows is None:
        rows, people = touchpoints(), participants()
    return build_account(ACCOUNT, rows, people or {}, context(**options))


def people_of(*rows: Touchpoint, asker: str = "B1", seller: str = "S1") -> dict[str, list[Participant]]:
    """An inbound message from the asker to the seller, an outbound one the other way, a meeting of both."""
    result = {}
    for row in rows:
        name, live = row.touchpoint_id, row.direction == "mutual"
        first, second = (seller, asker) if row.direction == "outbound" else (asker, seller)
        result[name] = [
            participant(name, 0, first, "organizer" if live else "actor", attended=live or None),
            participant(name, 1, second, "required" if live else "to", attended=live or None),
        ]
    return result


@pytest.fixture(scope="module")
def example() -> AccountRows:
    return account()


class TestResponses:
    """M8."""

    def test_of_the_example(self, example: AccountRows) -> None:
        """4.5 h, 1.0 h and 101 h; the acknowledgement T12 and the app sessions ask nothing."""
        got = [(r.ask_touchpoint_id, r.answer_touchpoint_id, r.response_business_seconds) for r in example.responses]
        assert got == [("T02", "T03", 4.5 * H), ("T05", "T06", 1.0 * H), ("T08", "T09", 101 * H)]
        assert [r.is_within_horizon for r in example.responses] == [True, True, False]
        assert [r.ask_channel for r in example.responses] == ["email", "chat", "email"]
        chat = example.responses[1]
        assert chat.response_calendar_seconds == 65 * H
        assert (chat.asker_party_id, chat.seller_id, chat.thread_id, chat.ask_count) == ("B2", "S1", "th2", 1)
        assert (chat.is_cross_channel, chat.answered_by_colleague, chat.is_due) == (False, False, True)
        assert chat.due_at == at("03-13 16:30")
        assert chat.waiting_business_seconds is None

    def respond(
        self, *rows: Touchpoint, people: dict[str, list[Participant]] | None = None, **options: Any
    ) -> list[Response]:
        return account(list(rows), people or people_of(*rows), **options).responses

    def test_a_ping_does_not_restart_the_clock(self) -> None:
        """Further asks before the answer raise ask_count; one after it opens a new episode; an ack does neither."""
        rows = [
            touchpoint("a", "03-02 10:00", thread_id="t"),
            touchpoint("b", "03-03 10:00", thread_id="t"),
            touchpoint("c", "03-03 11:00", thread_id="t", direction="outbound"),
            touchpoint("d", "03-03 12:00", thread_id="t", is_ack=True),
            touchpoint("e", "03-04 10:00", thread_id="t"),
        ]
        first, second = self.respond(*rows, as_of="03-05 10:00")
        assert (first.ask_touchpoint_id, first.ask_count, first.answer_touchpoint_id) == ("a", 2, "c")
        assert first.response_business_seconds == 9 * H
        assert (second.ask_touchpoint_id, second.ask_count, second.answer_touchpoint_id) == ("e", 1, None)
        assert (second.is_within_horizon, second.is_due, second.waiting_business_seconds) == (None, False, 8 * H)

    def test_a_meeting_with_the_asker_answers_earlier(self) -> None:
        """A live exchange that reaches the asker closes every episode of theirs, across channels."""
        rows = [
            touchpoint("a", "03-02 10:00", thread_id="t"),
            touchpoint("b", "03-02 10:30", thread_id="u", channel="chat"),
            touchpoint("m", "03-02 12:00", "03-02 13:00", channel="video", direction="mutual"),
            touchpoint("z", "03-03 10:00", thread_id="t", direction="outbound"),
        ]
        got = self.respond(*rows)
        assert [(r.ask_touchpoint_id, r.answer_touchpoint_id, r.is_cross_channel) for r in got] == [
            ("a", "m", True), ("b", "m", True),
        ]  # fmt: skip

    def test_a_meeting_that_a_partner_called_answers_too(self) -> None:
        """What a partner writes is no answer of ours; a meeting at which our person was is one, whoever called it."""
        ask = touchpoint("a", "03-02 10:00", thread_id="t")
        by_partner = {"actor_party_id": "P1", "actor_side": "partner"}
        met = touchpoint("m", "03-02 12:00", "03-02 13:00", channel="video", direction="mutual", **by_partner)
        wrote = touchpoint("w", "03-02 11:00", thread_id="t", direction="outbound", **by_partner)
        (got,) = self.respond(ask, wrote, met, people=people_of(ask, wrote, met))
        assert (got.answer_touchpoint_id, got.is_cross_channel, got.response_business_seconds) == ("m", True, 2 * H)

    def test_reaching_somebody_else_is_no_answer(self) -> None:
        """A mail to a colleague of the asker in another thread leaves the asker waiting; in the thread it answers."""
        ask = touchpoint("a", "03-02 10:00", thread_id="t")
        other = touchpoint("b", "03-02 11:00", thread_id="u", direction="outbound")
        people = people_of(ask) | people_of(other, asker="B2")
        assert self.respond(ask, other, people=people)[0].answer_touchpoint_id is None
        same = touchpoint("b", "03-02 11:00", thread_id="t", direction="outbound")
        assert self.respond(ask, same, people=people)[0].answer_touchpoint_id == "b"

    def test_a_colleague_may_answer(self) -> None:
        """The clock is the addressed seller's; the answer says that another gave it, unless both wrote the burst."""
        ask = touchpoint("a", "03-02 10:00", thread_id="t", owner_seller_id="S9")
        answer = touchpoint("b", "03-02 11:00", thread_id="t", direction="outbound", actor_party_id="S2")
        (got,) = self.respond(ask, answer, people=people_of(ask) | people_of(answer, seller="S2"))
        assert (got.seller_id, got.answered_by_colleague) == ("S1", True)
        people = people_of(ask) | people_of(answer, seller="S2")
        people["b"].append(participant("b", 2, "S1", "attendee"))
        assert self.respond(ask, answer, people=people)[0].answered_by_colleague is False

    @pytest.mark.parametrize(
        ("to", "owner", "seller"),
        [
            (("S2", "S1"), "S1", "S1"),
            (("S2", "S3"), "S1", "S2"),
            ((), "S1", "S1"),
            (("S2",), None, "S2"),
            ((), None, None),
            (("sales@",), "S1", "S1"),
            (("sales@", "S2"), "S1", "S2"),
            (("sales@",), None, None),
        ],
    )
    def test_the_addressed_seller(self, to: tuple[str, ...], owner: str | None, seller: str | None) -> None:
        """The owner if addressed, else the first addressed, else the owner; a shared mailbox is no seller."""
        ask = touchpoint("a", "03-02 10:00", owner_seller_id=owner)
        people = [
            participant("a", 0, "B1", "actor"),
            *(
                participant("a", n, s, "to", side="seller", person_id=s if s.startswith("S") else None)
                for n, s in enumerate(to, 1)
            ),
        ]
        assert self.respond(ask, people={"a": people})[0].seller_id == seller

    @pytest.mark.parametrize(
        ("as_of", "within", "due"),
        [
            ("03-06 16:59", None, False),
            ("03-06 20:00", None, False),
            ("03-09 09:00", None, False),
            ("03-09 09:01", False, True),
        ],
    )
    def test_a_verdict_is_final(self, as_of: str, within: bool | None, due: bool) -> None:
        """Open until more than the horizon has passed in business time; nights and weekends do not pass it."""
        (got,) = self.respond(touchpoint("a", "03-02 07:00"), as_of=as_of)
        assert (got.is_within_horizon, got.is_due, got.due_at) == (within, due, at("03-06 17:00"))

    def test_messages_without_a_thread_are_their_own(self) -> None:
        """Two unthreaded asks are two episodes."""
        rows = touchpoint("a", "03-02 10:00"), touchpoint("b", "03-02 11:00")
        assert [r.ask_touchpoint_id for r in self.respond(*rows)] == ["a", "b"]


class TestFollowups:
    """M2 and M2b."""

    def test_of_the_example(self, example: AccountRows) -> None:
        """Three of five are followed up on any channel; of the three channels chat and email are answered."""
        got = {f.touchpoint_id: f for f in example.followups}
        assert {name: f.is_followed_up for name, f in got.items()} == {
            "T01": True, "T02": True, "T05": True, "T08": False, "T11": False,
        }  # fmt: skip
        assert (got["T01"].any_channel_answer_id, got["T01"].same_channel_answer_id) == ("T03", None)
        assert (got["T02"].same_channel_answer_id, got["T02"].same_channel_business_seconds) == ("T03", 4.5 * H)
        assert (got["T05"].same_channel_answer_id, got["T05"].same_channel_business_seconds) == ("T06", 1.0 * H)
        assert (got["T08"].same_channel_answer_id, got["T08"].same_channel_business_seconds) == ("T09", 101 * H)
        assert (got["T11"].any_channel_answer_id, got["T11"].any_channel_business_seconds) == (None, None)
        answered = {f.channel for f in got.values() if f.is_answered_same_channel}
        assert (answered, {f.channel for f in got.values()}) == ({"chat", "email"}, {"app", "chat", "email"})

    def follow(self, *rows: Touchpoint) -> list[FollowUp]:
        return account(list(rows), people_of(*rows)).followups

    def test_the_horizon_is_included(self) -> None:
        """An answer after exactly 40 business hours is in time, a second more is not."""
        ask = touchpoint("a", "03-02 11:00")
        edge = touchpoint("b", "03-09 11:00", direction="outbound")
        assert self.follow(ask, edge)[0].is_answered_same_channel
        late = touchpoint("b", edge.occurred_at + 1_000_000, direction="outbound")
        assert not self.follow(ask, late)[0].is_answered_same_channel

    def test_a_horizon_of_a_fraction_of_an_hour_is_included(self) -> None:
        """4.6 hours are 4 h 36 min, for follow-ups and wait episodes; as a binary fraction they are a little less."""
        rows = [touchpoint("a", "03-02 10:00"), touchpoint("b", "03-02 14:36", direction="outbound")]
        got = account(rows, people_of(*rows), coverage=Coverage(response_horizon_business_hours=4.6))
        assert (got.followups[0].is_followed_up, got.responses[0].is_within_horizon) == (True, True)

    def test_absence_and_other_channels(self) -> None:
        """Who did not attend was not reached; a meeting follows an email up but does not answer it on its channel."""
        ask = touchpoint("a", "03-02 11:00")
        meeting = touchpoint("b", "03-03 11:00", channel="video", direction="mutual")
        (got,) = self.follow(ask, meeting)
        assert (got.is_followed_up, got.is_answered_same_channel) == (True, False)
        people = people_of(ask, meeting)
        people["b"][0].attended = False
        assert not account([ask, meeting], people).followups[0].is_followed_up


class TestNeeds:
    """M14."""

    def test_of_the_example(self, example: AccountRows) -> None:
        """The overview is on time after 4.5 h; the competition sheet, asked for twice, is 129.5 business hours late."""
        overview, sheet = example.needs
        assert (overview.needed_asset_type, overview.buying_job, overview.ask_count) == ("product_overview", SE, 1)
        assert (overview.outcome, overview.delivery_business_seconds) == ("on_time", 4.5 * H)
        assert (overview.asked_touchpoint_id, overview.delivered_touchpoint_id) == ("T02", "T03")
        assert (sheet.needed_asset_type, sheet.buying_job, sheet.ask_count) == ("competition_sheet", SS, 2)
        assert (sheet.first_asked_at, sheet.delivered_at) == (at("03-06 16:30"), at("03-31 10:00"))
        assert (sheet.outcome, sheet.delivery_business_seconds) == ("late", 129.5 * H)
        assert (sheet.asked_touchpoint_id, sheet.delivered_touchpoint_id, sheet.due_at) == (
            "T05",
            "T09",
            at("03-13 16:30"),
        )
        assert (overview.consumed, sheet.consumed) == (False, False)
        assert (sheet.opportunity_id, sheet.account_id) == (OPPORTUNITY, ACCOUNT)

    def need(self, *rows: Touchpoint, **options: Any) -> list[Need]:
        return account(list(rows), people_of(*rows), **options).needs

    @staticmethod
    def ask(name: str, when: str, **fields: Any) -> Touchpoint:
        return touchpoint(name, when, **({"job": SS, "tags": ["competitor"], "is_question": True} | fields))

    @staticmethod
    def share(name: str, when: str, asset: str = "competition_sheet", **fields: Any) -> Touchpoint:
        return touchpoint(name, when, direction="outbound", asset_types=[asset], **fields)

    def test_already_had(self) -> None:
        """A share at most 90 days before the ask met it; an older one did not."""
        (got,) = self.need(self.share("s", "01-05 10:00"), self.ask("a", "04-05 10:00"))
        assert (got.outcome, got.delivery_business_seconds, got.delivered_touchpoint_id) == ("already_had", 0, "s")
        (old,) = self.need(self.share("s", "01-05 09:59"), self.ask("a", "04-05 10:00"))
        assert (old.outcome, old.delivered_touchpoint_id) == ("never", None)

    def test_days_may_be_fractions(self) -> None:
        """4.1 business days of 8 hours are 32 h 48 min, a lookback of 0.7 days is 16 h 48 min: what comes just then is in time."""
        coverage = Coverage(enablement_business_days=4.1, enablement_lookback_days=0.7)
        (edge,) = self.need(self.ask("a", "03-02 09:00"), self.share("s", "03-06 09:48"), coverage=coverage)
        assert (edge.outcome, edge.due_at) == ("on_time", edge.delivered_at)
        (had,) = self.need(self.share("s", "03-02 10:00"), self.ask("a", "03-03 02:48"), coverage=coverage)
        assert had.outcome == "already_had"

    def test_never_open_and_overdue(self) -> None:
        """Closed unmet is never, not yet due is open, overdue on an open deal is late with no delivery."""
        ask = self.ask("a", "03-02 10:00")
        assert [n.outcome for n in self.need(ask)] == ["never"]
        assert [n.outcome for n in self.need(ask, as_of="03-09 10:00")] == ["open"]
        (overdue,) = self.need(ask, as_of="03-09 10:01")
        assert (overdue.outcome, overdue.delivered_at, overdue.consumed) == ("late", None, None)

    def test_a_share_after_the_deal_closed_meets_nothing(self) -> None:
        """What reaches the account after the close did not help the deal."""
        after = self.share("s", "05-12 10:00", opportunity_id=None)
        (got,) = self.need(self.ask("a", "03-02 10:00"), after, as_of="06-01 00:00")
        assert (got.outcome, got.delivered_at) == ("never", None)

    def test_a_need_of_one_deal(self) -> None:
        """A share on another deal does not meet it, one attached to no deal does; asks of two deals are two needs."""
        ask = self.ask("a", "03-02 10:00")
        assert self.need(ask, self.share("s", "03-02 11:00", opportunity_id="O2"))[0].outcome == "never"
        assert self.need(ask, self.share("s", "03-02 11:00", opportunity_id=None))[0].outcome == "on_time"
        both = self.need(ask, self.ask("b", "03-02 11:00", opportunity_id="O2"), as_of="03-03 00:00")
        assert [(n.opportunity_id, n.ask_count, n.outcome) for n in both] == [("O1", 1, "open"), ("O2", 1, "open")]

    def test_what_asks_for_something(self) -> None:
        """A tag asks by itself, a question or form by its job; a tag comes before the job; an ack asks nothing."""

        def asked(**fields: Any) -> list[str]:
            return [n.needed_asset_type for n in self.need(self.ask("a", "03-02 10:00", **fields))]

        assert asked() == asked(is_question=False) == ["competition_sheet"]
        assert asked(tags=[]) == ["pricing_proposal"]
        assert asked(tags=[], is_question=False) == []
        assert asked(tags=[], is_question=None, interaction_kind="form_submit") == ["pricing_proposal"]
        session = {"channel": "app", "direction": "self_serve", "is_question": None}
        assert asked(**session, tags=["form_submit"]) == ["pricing_proposal"]
        assert asked(**session, tags=[]) == []
        assert asked(tags=[], job=RB) == []
        assert asked(is_ack=True) == asked(direction="outbound") == []

    def test_consumed(self) -> None:
        """A view within 30 days of the delivery consumes it; until they are over it is not known."""
        ask, share = self.ask("a", "03-02 10:00"), self.share("s", "03-02 11:00")
        view = touchpoint("v", "04-01 11:00", channel="app", direction="self_serve", asset_types=["competition_sheet"])
        late = touchpoint("v", "04-01 11:01", channel="app", direction="self_serve", asset_types=["competition_sheet"])
        assert self.need(ask, share, view)[0].consumed is True
        assert self.need(ask, share, late)[0].consumed is False
        assert self.need(ask, share, as_of="03-20 00:00")[0].consumed is None

    def test_consumed_at_the_moment_of_the_view(self) -> None:
        """A session lasts: what was viewed in it was so at its own time, be that before the mail or after the 30 days."""
        ask, share = self.ask("a", "03-02 10:00"), self.share("s", "03-02 11:00")

        def consumed(session: str, view: str) -> bool | None:
            fields = {"channel": "app", "direction": "self_serve", "asset_types": ["competition_sheet"]}
            rows = [ask, share, touchpoint("v", session, **fields)]
            viewed = {"v": [("competition_sheet", at(view))]}
            return build_account(ACCOUNT, rows, {}, context(), viewed).needs[0].consumed

        assert consumed("03-02 10:50", "03-02 11:10") is True
        assert consumed("03-02 10:50", "03-02 10:59") is False
        assert consumed("04-01 10:50", "04-01 11:10") is False

    def test_a_new_ask_after_delivery_is_a_new_need(self) -> None:
        """Met needs do not collect further asks."""
        got = self.need(self.ask("a", "03-02 10:00"), self.share("s", "03-02 11:00"), self.ask("b", "03-05 10:00"))
        assert [(n.ask_count, n.outcome) for n in got] == [(1, "on_time"), (1, "already_had")]
        assert len({n.need_id for n in got}) == 2


def test_both_scopes_are_built(example: AccountRows) -> None:
    """One journey of the account and one per opportunity, each with its own rows."""
    assert [(s.journey_scope, s.opportunity_id, s.journey_id) for s in example.summaries] == [
        ("account", None, hash_id("account:A1")),
        ("opportunity", "O1", hash_id("opportunity:O1")),
    ]
    assert [s.loop_count for s in example.summaries] == [2, 2]
    assert len(example.members) == 24
    assert len(example.loops) == 4


def test_opportunity_scope_holds_its_own_touchpoints_only() -> None:
    """A touchpoint outside the deal is in the account's journey alone."""
    rows = [*touchpoints(), touchpoint("R1", "02-01 09:00", job=SE, opportunity_id=None)]
    got = account(rows, participants())
    assert [s.touchpoint_count for s in got.summaries] == [13, 12]


def test_the_people_of_another_customer_are_no_stakeholders() -> None:
    """In a meeting of two customers, whom the other one brought explains no return of this one; its own newcomer does."""
    rows = [
        touchpoint("a", "03-02 10:00", job=SE),
        touchpoint("b", "03-02 12:00", job=RB),
        touchpoint("m", "03-03 10:00", "03-03 11:00", channel="video", direction="mutual", job=SE),
    ]
    people = people_of(*rows)
    people["a"][0].is_engaged = True
    people["m"].append(participant("m", 2, "C1", "required", attended=True, is_engaged=True))
    triggers = []
    for accounts in ({"C1": {"A2"}}, {"C1": {"A2", ACCOUNT}}, {}):
        known = msgspec.structs.replace(context(), accounts_of_people=accounts)
        triggers.append(build_account(ACCOUNT, rows, people, known).loops[0].trigger_type)
    assert triggers == ["buyer_initiated", "new_stakeholder", "new_stakeholder"]


def test_an_account_without_countable_touchpoints_gives_no_rows() -> None:
    """Nothing is made up for an account that only ever had internal mail."""
    assert account([touchpoint("a", "03-02 10:00", is_countable=False)]) == AccountRows()


def test_a_stranger_of_another_customer_is_unresolved_in_the_journey_too() -> None:
    """Of a meeting with two customers the journey counts its own people, but what is not known of it is not known (5.9)."""
    met = touchpoint("t1", "03-04 10:00", "03-04 11:00", channel="video", direction="mutual")
    stranger = participant("t1", 2, "u:stranger", "required", attended=True, is_engaged=True, home_account_id="A2")
    people = {"t1": [participant("t1", 1, "B1", "required", attended=True, is_engaged=True), stranger]}
    shares = [(s.unresolved_share_num, s.unresolved_share_den) for s in account([met], people).summaries]
    assert shares == [(1, 1), (1, 1)]


def test_the_context_can_be_sent_to_a_worker() -> None:
    """A pickled context gives the same rows."""
    sent = pickle.loads(pickle.dumps(context()))
    assert build_account(ACCOUNT, touchpoints(), participants(), sent) == account()


@settings(max_examples=60)
@given(st.data(), st.randoms(use_true_random=False))
def test_order_of_arrival_does_not_matter(data: st.DataObject, chance: random.Random) -> None:
    """Any permutation of the touchpoints and of a touchpoint's participants gives equal tables."""
    count = data.draw(st.integers(0, 12))
    rows = []
    for number in range(count):
        direction, channel, thread, hour = data.draw(
            st.tuples(
                st.sampled_from(("inbound", "outbound", "mutual", "self_serve")),
                st.sampled_from(("email", "chat", "app")),
                st.sampled_from((None, "t", "u")),
                st.integers(0, 5),
            )
        )
        rows.append(
            touchpoint(
                f"t{number:02}",
                at("03-02 09:00") + hour * HOUR,
                channel=channel,
                direction=direction,
                thread_id=thread,
                job=data.draw(st.sampled_from((SE, SS, "unclassified"))),
                tags=data.draw(st.sampled_from(([], ["competitor"]))),
                asset_types=data.draw(st.sampled_from(([], ["competition_sheet"]))),
            )
        )
    people = people_of(*rows)
    shuffled = list(rows)
    chance.shuffle(shuffled)
    turned = {name: people[name][::-1] for name in reversed(people)}
    assert msgspec.to_builtins(account(shuffled, turned)) == msgspec.to_builtins(account(rows, people))
