"""Chat bursts, against the definition read slowly."""

from __future__ import annotations

import msgspec
from fold_world import SETTINGS, at, chat, fold, folder, only, party, people, rules_of, witness
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.event import Party
from transforms.journeys.reach import addressed_seller
from transforms.settings import Folding
from transforms.times import MINUTE, SECOND

START = at("03-06 09:00")
GAP = 300


def test_a_burst_ends_where_the_gap_is_exceeded_not_where_it_is_met() -> None:
    """300 seconds after the last message belong to the burst; 301 do not."""
    folded = fold(chat("1", START, "B1"), chat("2", START + 300 * SECOND, "B1"), chat("3", START + 601 * SECOND, "B1"))
    assert [(row.message_count, row.ended_at - row.occurred_at) for row in folded.touchpoints] == [
        (2, 300 * SECOND),
        (1, 0),
    ]


def test_two_buyers_in_a_row_are_one_burst_by_one_side() -> None:
    """The first is the actor; both are engaged; lengths and questions are those of all messages."""
    folded = fold(
        chat("1", START, "B1", content_chars=5),
        chat("2", START + 10 * SECOND, "B2", content_chars=7, first_line="And now?"),
        chat("3", START + 20 * SECOND, "S1"),
    )
    burst = folded.touchpoints[0]
    assert (burst.message_count, burst.content_chars, burst.is_question) == (2, 12, True)
    rows = people(folded, burst)
    assert {who: (row.participation_role, row.is_engaged) for who, row in rows.items()} == {
        "B1": ("actor", True),
        "B2": ("attendee", True),
        "S1": ("cc", False),
    }


def test_a_stranger_among_buyers_writes_on_their_side() -> None:
    """Whoever the thread's account makes a buyer (P5) goes on with a colleague's burst and does not reply to it."""
    for first, second in (("B1", "external_id:slack:U77"), ("external_id:slack:U77", "B1")):
        folded = fold(chat("1", START, first), chat("2", START + 10 * SECOND, second))
        assert [(row.message_count, row.account_id, row.is_reply) for row in folded.touchpoints] == [(2, "A1", False)]
        assert {one.side for one in folded.participants} == {"buyer"}


def test_a_stranger_in_a_customers_channel_writes_for_that_customer() -> None:
    """Where everybody known is one account's, an unknown author is a buyer: no side changes, and nobody replies to a colleague."""
    stranger = (Party(("external_id:slack:X9",), "actor"),)
    folded = fold(
        chat("1", START, "B1"),
        chat("2", START + 60 * SECOND, "x", parties=stranger),
        chat("3", START + 500 * SECOND, "x", parties=stranger),
        chat("4", START + 560 * SECOND, "S1"),
    )
    assert [(row.message_count, row.actor_side, row.interaction_kind) for row in folded.touchpoints] == [
        (2, "buyer", "message"),
        (1, "buyer", "message"),
        (1, "seller", "reply"),
    ]
    two_customers = fold(
        chat("1", START, "B1"), chat("2", START + 60 * SECOND, "x", parties=stranger), chat("3", "03-07 09:00", "C1")
    )
    assert [row.actor_side for row in two_customers.touchpoints] == ["buyer", "unknown", "buyer"]


def test_a_threads_root_belongs_to_its_thread_and_not_to_the_channel() -> None:
    """Messages of a thread are a stream of their own; the channel's stream goes on around it."""
    folded = fold(
        chat("1", START, "B1"),
        chat("2", START + 10 * SECOND, "B1"),
        chat("3", START + 20 * SECOND, "S1", thread_id="1"),
        chat("4", START + 30 * SECOND, "B1"),
    )
    rows = {row.source_event_id: row for row in folded.touchpoints}
    assert {name: row.message_count for name, row in rows.items()} == {"C1/1": 1, "C1/2": 2, "C1/3": 1}
    assert rows["C1/3"].in_reply_to == rows["C1/1"].touchpoint_id
    assert rows["C1/1"].thread_id == rows["C1/3"].thread_id == "/slack/T1/C1/1"
    assert rows["C1/2"].thread_id == "/slack/T1/C1"


def test_an_answer_in_a_channel_reaches_those_of_the_other_side_who_write_there() -> None:
    """Slack names no recipients; the authors of the other side in the conversation are whom a burst reaches."""
    folded = fold(chat("1", START, "B2"), chat("2", "03-08 09:00", "S1"))
    answer = folded.touchpoints[1]
    assert (answer.direction, answer.interaction_kind) == ("outbound", "reply")
    assert people(folded, answer)["B2"].participation_role == "to"
    assert not answer.is_internal


def test_what_we_say_in_a_channel_reaches_those_too_who_write_in_its_threads_alone() -> None:
    """Everybody in the channel sees what stands outside threads or begins one; what is said inside a thread, those see who write there."""
    folded = fold(
        chat("1", START, "B2"),
        chat("2", "03-08 09:00", "S1"),
        chat("3", "03-08 10:00", "B1", thread_id="2"),
        chat("4", "03-08 11:00", "S1", thread_id="2"),
        chat("5", "03-08 12:00", "S1"),
    )
    reached = {
        row.source_event_id: {who for who, one in people(folded, row).items() if one.participation_role == "to"}
        for row in folded.touchpoints
        if row.direction == "outbound"
    }
    assert reached == {"C1/2": {"B1", "B2"}, "C1/4": {"B1"}, "C1/5": {"B1", "B2"}}


def test_minutes_of_a_message_are_a_setting() -> None:
    """A burst of two messages takes either side two minutes, or one where the settings say half a minute each."""
    burst = [chat("1", START, "B1", parties=(party("B1", "actor"), party("S1", "to"))), chat("2", START + SECOND, "B1")]
    folding = msgspec.structs.replace(SETTINGS.folding, chat_minutes_per_message=0.5)
    for given_settings, minutes in ((SETTINGS, 2.0), (msgspec.structs.replace(SETTINGS, folding=folding), 1.0)):
        row = only(fold(*burst, settings=given_settings))
        assert (row.buyer_minutes, row.seller_minutes) == (minutes, minutes)


def test_talk_among_ourselves_is_internal() -> None:
    """A channel that nobody outside writes in has no outside party."""
    assert only(fold(chat("1", START, "S1"), chat("2", START + SECOND, "S2"))).is_internal


def test_stated_recipients_are_kept_as_stated() -> None:
    """Where the source names recipients, nobody else is added."""
    to_b1 = chat("1", START, "S1", parties=(party("S1", "actor"), party("B1", "to")))
    from_b2 = chat("2", START + SECOND, "B2")
    folded = fold(to_b1, from_b2)
    assert set(people(folded, folded.touchpoints[0])) == {"S1", "B1"}


def test_an_edit_changes_a_message_and_makes_no_second_one() -> None:
    """The higher revision's text counts, once; the first message's old revision stays a witness."""
    first = chat("1", START, "B1", content_chars=3)
    edit = msgspec.structs.replace(first, revision=77, content_chars=9)
    folded = fold(first, edit)
    row = only(folded)
    assert (row.message_count, row.content_chars) == (1, 9)
    assert rules_of(folded, row) == {"burst": 1, "revision": 1}


def test_a_message_of_a_history_and_of_a_live_feed_is_one() -> None:
    """A history names no workspace: it is of the one that the channel is known in, and an edit or a deletion there is of its message."""
    old = [chat(part, START + n * SECOND, "B1", source="/slack") for n, part in enumerate("123")]
    live = [
        chat("2", START + SECOND, "B1"),
        chat("3", START + 2 * SECOND, "B1", revision=9, is_void=True),
        chat("4", START + 3 * SECOND, "B1"),
    ]
    folded = fold(*old, *live)
    row = only(folded)
    assert (row.message_count, row.source, row.dedupe_key) == (3, "/slack/T1", "chat:/slack/T1/C1/1")
    assert len(folded.events) == 6
    assert fold(*reversed(live), *old).touchpoints == folded.touchpoints


def test_a_history_of_a_channel_of_two_workspaces_is_nobodys() -> None:
    """Which of the two it is, nothing says; another channel's workspace says nothing either."""
    told = [chat("1", START, "B1", source="/slack"), chat("1", START, "B1"), chat("1", START, "B1", source="/slack/T2")]
    assert sorted(row.source for row in fold(*told).touchpoints) == ["/slack", "/slack/T1", "/slack/T2"]
    apart = fold(chat("1", START, "B1", source="/slack"), chat("1", START, "B1", conversation="C2"))
    assert sorted(row.source for row in apart.touchpoints) == ["/slack", "/slack/T1"]


def test_a_deleted_message_is_left_out_of_its_burst() -> None:
    """It neither counts nor bridges a gap; its events stay in the bridge of the burst nearby."""
    gone = chat("2", START + 250 * SECOND, "B1")
    folded = fold(
        chat("1", START, "B1"),
        gone,
        msgspec.structs.replace(gone, is_void=True, revision=2),
        chat("3", START + 500 * SECOND, "B1"),
    )
    assert [row.message_count for row in folded.touchpoints] == [1, 1]
    assert rules_of(folded, folded.touchpoints[0]) == {"burst": 1, "void": 2}


def test_a_burst_of_deleted_messages_is_a_voided_touchpoint() -> None:
    """All of it was said and taken back."""
    gone = chat("1", START, "B1")
    row = only(fold(gone, msgspec.structs.replace(gone, is_void=True, revision=2)))
    assert row.is_voided
    assert not row.is_countable


def test_who_deleted_the_only_message_is_still_there_to_be_written_to() -> None:
    """What was taken back shows nothing of its author, but what we wrote to them in that conversation was said to them."""
    gone = chat("1", START, "B1")
    folded = fold(gone, msgspec.structs.replace(gone, is_void=True, revision=2), chat("2", START + MINUTE, "S1"))
    asked, answer = folded.touchpoints
    assert (asked.is_voided, people(folded, asked)["B1"].is_engaged) == (True, False)
    assert (answer.direction, answer.account_id, answer.is_countable, answer.is_reply) == (
        "outbound",
        "A1",
        True,
        False,
    )
    assert people(folded, answer)["B1"].participation_role == "to"


def test_a_deleted_message_stays_deleted() -> None:
    """No voiding record can be voided: an edit with a later clock brings nothing back, whichever arrives first."""
    first = chat("1", START, "B1")
    gone = msgspec.structs.replace(first, is_void=True, revision=50)
    edit = msgspec.structs.replace(first, revision=60, first_line="again")
    for told in ((first, gone, edit), (edit, first, gone)):
        row = only(fold(*told))
        assert (row.is_voided, row.is_countable) == (True, False)


def test_a_nameless_recipient_is_nobody() -> None:
    """Customers' messages that do not say which agent they are for reach who answers, and nobody where nobody did."""
    asked = (Party(("external_id:segment:b1",), "actor", side="buyer"), Party((), "to", side="seller"))
    question = chat("1", START, "B1", parties=asked)
    alone = only(fold(question))
    assert (alone.seller_participant_count, alone.seller_minutes) == (0, 0.0)
    folded = fold(question, chat("2", START + SECOND, "S1"))
    assert {who: row.participation_role for who, row in people(folded, folded.touchpoints[0]).items()} == {
        "B1": "actor",
        "S1": "cc",
    }


def test_a_chat_that_only_a_bot_answers_is_digital() -> None:
    """With a person of ours in it, the same chat is remote."""
    bot = chat("2", START + SECOND, "x", parties=(Party(("external_id:slack:bot",), "actor", side="system"),))
    alone = fold(chat("1", START, "B1"), bot)
    assert {row.modality for row in alone.touchpoints} == {"digital_self_serve"}
    assert [row.is_automated for row in alone.touchpoints] == [False, True]
    helped = fold(chat("1", START, "B1"), bot, chat("3", START + 2 * SECOND, "S1"))
    assert {row.modality for row in helped.touchpoints} == {"remote_human"}


def test_a_bot_answers_for_us_whatever_address_it_has() -> None:
    """By its vendor's address or by a colleague's account a bot is our system, never a colleague; a customer's own is not ours."""
    for address in ("email:operator@chat.example", "email:s1@ours.example"):
        bot = Party(("external_id:intercom:9", address), "actor", side="system")
        folded = fold(chat("1", START, "B1"), chat("2", START + SECOND, "x", parties=(bot,), is_automated=True))
        asked, answer = folded.touchpoints
        assert (answer.actor_side, answer.direction, answer.modality) == ("system", "outbound", "digital_self_serve")
        assert asked.seller_participant_count == 0
    theirs = Party(("external_id:slack:9", "email:jira@acme.example"), "actor", side="system")
    folded = fold(chat("1", START, "S1"), chat("2", START + SECOND, "x", parties=(theirs,), is_automated=True))
    assert folded.touchpoints[1].direction == "inbound"


def test_a_colleagues_own_words_are_apart_from_what_a_machine_says_in_his_name() -> None:
    """One account, a person and an AI agent: the person's message is no automated one, and the person is whom buyers reach."""
    agent = Party(("external_id:slack:S1",), "actor", side="system")
    folded = fold(
        chat("1", START, "B1"),
        chat("2", START + SECOND, "x", parties=(agent,), is_automated=True),
        chat("3", START + 2 * SECOND, "S1"),
        chat("4", START + 3 * SECOND, "B1"),
        chat("5", START + 4 * SECOND, "x", parties=(agent,), is_automated=True),
    )
    assert [(row.actor_side, row.is_automated) for row in folded.touchpoints] == [
        ("buyer", False),
        ("system", True),
        ("seller", False),
        ("buyer", False),
        ("system", True),
    ]
    assert people(folded, folded.touchpoints[3])["S1"].side == "seller"


def test_a_recipient_named_by_id_is_whom_the_conversation_knows_by_that_id() -> None:
    """A list of people holds ids alone; who wrote under that id is the one who is answered."""
    buyer = Party(("external_id:intercom:7", "email:b1@acme.example"), "actor", side="buyer")
    listed = Party(("external_id:intercom:7",), "to", side="buyer")
    answer = chat("2", START + SECOND, "S1", parties=(party("S1", "actor"), listed))
    folded = fold(chat("1", START, "B1", parties=(buyer,)), answer)
    assert set(people(folded, folded.touchpoints[1])) == {"S1", "B1"}
    moved = msgspec.structs.replace(buyer, ids=(buyer.ids[0], "email:b2@acme.example"))
    torn = fold(chat("1", START, "B1", parties=(buyer,)), answer, chat("3", START + 2 * SECOND, "x", parties=(moved,)))
    assert set(people(torn, torn.touchpoints[1])) == {"S1", "?"}


def test_a_campaign_in_a_colleagues_name_is_apart_from_his_own_words() -> None:
    """Within the gap and by one person: what was sent automatically counts for nobody, and what he writes is his touch."""
    folded = fold(
        chat("1", START, "B1"),
        chat("2", START + 60 * SECOND, "S1", is_automated=True),
        chat("3", START + 160 * SECOND, "S1"),
    )
    assert [(row.is_automated, row.is_countable) for row in folded.touchpoints] == [
        (False, True),
        (True, False),
        (False, True),
    ]


def test_who_answers_is_not_whom_the_buyer_turned_to() -> None:
    """Until a seller writes nobody is addressed, and the account's owner is; afterwards it is the one who has written."""
    folded = fold(
        chat("1", START, "B1"),
        chat("2", START + 600 * SECOND, "S2"),
        chat("3", START + 1200 * SECOND, "B1"),
    )
    roles = [people(folded, row)["S2"].participation_role for row in folded.touchpoints]
    assert roles == ["cc", "actor", "to"]
    seats = {
        row.touchpoint_id: [p for p in folded.participants if p.touchpoint_id == row.touchpoint_id]
        for row in folded.touchpoints
    }
    assert [addressed_seller(row, seats) for row in folded.touchpoints[::2]] == ["S1", "S2"]


def test_first_words_are_those_of_the_whole_burst() -> None:
    """Up to 120 characters, over its messages; a greeting, or a file without a word, hides nothing of what follows."""
    hello = chat("1", START, "B1", first_line="Hi Sam!")
    asks = chat("2", START + 30 * SECOND, "B1", first_line="We would like a comparison")
    row = only(fold(hello, asks))
    assert (row.subject_text, row.buying_job) == ("Hi Sam! We would like a comparison", "supplier_selection")
    file = chat("1", START, "B1", first_line=None, content_chars=0)
    row = only(
        fold(
            file, chat("2", START + 30 * SECOND, "B1", first_line="This is our RFP", subject_text="This is our RFP now")
        )
    )
    assert (row.subject_text, row.buying_job) == ("This is our RFP now", "requirements_building")
    long = [chat(str(n), START + n * SECOND, "B1", first_line="word " * 10) for n in range(4)]
    assert len(only(fold(*long)).subject_text or "") == 120


def test_thanks_after_a_greeting_are_thanks() -> None:
    row = only(fold(chat("1", START, "B1", first_line="Hi Sam,"), chat("2", START + SECOND, "B1", first_line="Thanks")))
    assert row.is_ack


def test_a_partner_before_the_customer_is_no_customer() -> None:
    """In a channel that a buyer writes in, what a partner says reaches the buyer: outbound, and no evidence of a purchase. So it does in a
    thread that nobody else has written in."""
    channel = [
        chat("1", START, "B1"),
        chat("2", START + 600 * SECOND, "S1"),
        chat("3", START + 1200 * SECOND, "P1"),
    ]
    for continued in ([], [chat("4", START + 2400 * SECOND, "P1", thread_id="3")]):
        folded = fold(*channel, *continued)
        by_partner = [row for row in folded.touchpoints if row.actor_side == "partner"]
        assert [row.direction for row in by_partner] == ["outbound"] * (1 + len(continued))
        assert all("B1" in people(folded, row) for row in by_partner)


def test_first_words_can_be_kept_out() -> None:
    """Without ``chat_subject_text`` no words of a chat reach the table, and the job is still found."""
    quiet = msgspec.structs.replace(SETTINGS, folding=Folding(chat_subject_text=False))
    row = only(fold(chat("1", START, "B1", first_line="How do you compare?"), settings=quiet))
    assert (row.subject_text, row.buying_job) == (None, "supplier_selection")
    second_line = {"first_line": "We have met", "subject_text": "We have met and would like to compare"}
    for each in (SETTINGS, quiet):
        assert only(fold(chat("1", START, "B1", **second_line), settings=each)).buying_job == "supplier_selection"


MESSAGES = st.lists(
    st.tuples(
        st.integers(0, 40).map(lambda n: n * 100),
        st.sampled_from(["B1", "B2", "S1", "S2"]),
        st.sampled_from(["C1", "C2"]),
        st.sampled_from([None, "0", "1"]),
    ),
    max_size=14,
)


def slow_bursts(messages: list[tuple[int, str, str, str | None]]) -> set[tuple[str, ...]]:
    """Bursts as sets of message numbers, by comparing each with the one before."""
    streams: dict[tuple[str, str | None], list[tuple[int, str, str]]] = {}
    for number, (second, author, conversation, thread) in enumerate(messages):
        own = str(number)
        is_root = any(c == conversation and t == own for _, _, c, t in messages)
        stream = (conversation, thread if thread is not None else own if is_root else None)
        streams.setdefault(stream, []).append((second, own, author))
    found = set()
    for stream_messages in streams.values():
        ordered = sorted(stream_messages, key=lambda m: (m[0], m[1]))
        cuts = [0]
        for index in range(1, len(ordered)):
            before, now = ordered[index - 1], ordered[index]
            if before[2][0] != now[2][0] or now[0] - before[0] > GAP:
                cuts.append(index)
        for start, end in zip(cuts, [*cuts[1:], len(ordered)], strict=True):
            found.add(tuple(own for _, own, _ in ordered[start:end]))
    return found


@settings(max_examples=100)
@given(MESSAGES, st.randoms(use_true_random=False))
def test_bursts_are_those_of_the_definition_in_any_order(
    messages: list[tuple[int, str, str, str | None]], random: object
) -> None:
    """Random conversations fold into the bursts that a slow reading finds, whatever the order and with repetitions."""
    events = [
        chat(str(number), START + second * SECOND, author, conversation, thread_id=thread)
        for number, (second, author, conversation, thread) in enumerate(messages)
    ]
    witnesses = [witness(event) for event in events]
    folded = folder().fold(witnesses)
    number_of = {one.event_id: one.event.source_event_id.partition("/")[2] for one in witnesses}
    bursts: dict[str, list[str]] = {}
    for row in folded.events:
        bursts.setdefault(row.touchpoint_id, []).append(number_of[row.event_id])
    assert {tuple(sorted(one)) for one in bursts.values()} == {tuple(sorted(one)) for one in slow_bursts(messages)}
    shuffled = witnesses + witnesses[:2]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert folder().fold(shuffled) == folded


def test_a_message_that_two_records_tell_of_is_one_message() -> None:
    """Records of one dedupe key, however far apart their times are: one message, sent at the earliest, of the author who is known better."""
    key = "chat:/segment/C1/m1"
    device, user = Party(("anonymous_id:segment:d1",), "actor"), Party(("email:anna@acme.example",), "actor")
    by_page = chat("page", START, "B1", source="/segment", dedupe_key=key, parties=(device,))
    by_server = chat(
        "server", START + 600 * SECOND, "B1", source="/segment", dedupe_key=key, parties=(user,), first_line=None
    )
    answer = chat("2", START + 700 * SECOND, "S1", source="/segment")
    for events in ((by_page, by_server, answer), (by_server, by_page, answer)):
        folded = fold(*events)
        asked, _ = folded.touchpoints
        assert (asked.message_count, asked.dedupe_key, asked.actor_side, asked.content_chars) == (1, key, "buyer", 10)
        assert (asked.subject_text, asked.occurred_at, asked.ended_at) == ("line page", START, START)
        assert rules_of(folded, asked) == {"burst": 1, "dedupe_key": 1}


def test_a_message_is_of_whom_its_records_name_together() -> None:
    """A record that knows a user id and one that knows an address tell of one author, who is the same where a message has the user id alone."""
    user, address = "external_id:segment:u9", "email:zoe@acme.example"
    sent = [
        chat(
            f"{n}-{name}",
            START + at * SECOND,
            "B1",
            source="/segment",
            dedupe_key=f"chat:/segment/C1/m{n}",
            parties=(who,),
        )
        for n, name, at, who in (
            (1, "page", 2, Party((address, "anonymous_id:segment:d1"), "actor")),
            (1, "server", 0, Party((user,), "actor")),
            (2, "server", 400, Party((user,), "actor")),
            (2, "page", 410, Party(("anonymous_id:segment:d1",), "actor")),
        )
    ]
    for events in (sent, sent[::-1]):
        folded = fold(*events)
        assert [one.account_resolution for one in folded.touchpoints] == ["domain", "domain"]
        assert len({one.party_id for one in folded.participants}) == 1


def test_a_record_that_names_an_unknown_account_hides_none_that_another_names() -> None:
    """Of two records of one message the poorer may be the one that knows the account (A1)."""
    page, server = (
        chat(
            name, START, "B1", source="/segment", dedupe_key="chat:/segment/C1/m1", parties=(who,), account_hint=account
        )
        for name, who, account in (
            ("page", Party(("anonymous_id:segment:d1",), "actor"), "A2"),
            ("server", Party(("external_id:segment:u9",), "actor"), "tool-7"),
        )
    )
    for events in ((page, server), (server, page)):
        (asked,) = fold(*events).touchpoints
        assert (asked.account_id, asked.account_resolution) == ("A2", "explicit")
