"""Emails: one touchpoint per Message-ID, threads, copies."""

from __future__ import annotations

import msgspec
import pytest
from fold_world import (
    AS_OF,
    ASSETS,
    CRM,
    RULES,
    SETTINGS,
    at,
    email,
    fold,
    folder,
    only,
    party,
    people,
    rules_of,
    witness,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.crm.directory import Directory
from transforms.crm.files import Person
from transforms.event import Event
from transforms.folding.group import Folder
from transforms.touchpoint import Folded


def copy_in(source: str, event: Event, **fields: object) -> Event:
    return msgspec.structs.replace(event, source=source, source_event_id=f"{source}:{event.source_event_id}", **fields)  # type: ignore[arg-type]


def test_one_message_in_three_mailboxes_is_one_touchpoint() -> None:
    """All copies are witnesses, the message itself is the winner, and a bcc that one copy knows is kept."""
    sent = email("1@x.example", "03-02 11:00", "B1", ["S1"], subject_text="Hello")
    bcc = copy_in("/gmail/s2", sent, parties=(*sent.parties, party("S2", "bcc")), content_chars=40)
    other = copy_in("/graph/s1", sent, subject_text="HELLO")
    folded = fold(other, bcc, sent)
    row = only(folded)
    assert (row.source, row.subject_text, row.content_chars) == ("/email", "Hello", 40)
    assert rules_of(folded, row) == {"dedupe_key": 3}
    assert {who: seat.participation_role for who, seat in people(folded, row).items()} == {
        "B1": "actor",
        "S1": "to",
        "S2": "bcc",
    }


def test_a_copy_with_a_date_tells_when_the_message_was_sent() -> None:
    """Source time beats an estimate (1.5), though the copy that has lost its Date is the richer one otherwise."""
    undated = email("1@x.example", "03-02 11:20", "B1", ["S1"], time_quality="estimated")
    dated = copy_in("/gmail/s1", msgspec.structs.replace(undated, occurred_at=at("03-02 11:00"), time_quality="source"))
    row = only(fold(undated, dated))
    assert (row.source, row.occurred_at, row.ended_at, row.time_quality) == (
        "/email",
        at("03-02 11:00"),
        at("03-02 11:00"),
        "source",
    )


def test_a_copy_deleted_from_one_mailbox_does_not_unsend_the_other() -> None:
    """Only a message that is deleted everywhere is voided; its events stay its witnesses."""
    sent = email("1@x.example", "03-02 11:00", "B1", ["S1"])
    copy = copy_in("/gmail/s1", sent)
    void = msgspec.structs.replace(copy, is_void=True, revision=9)
    assert not only(fold(sent, copy, void)).is_voided
    folded = fold(copy, void)
    row = only(folded)
    assert row.is_voided
    assert not row.is_countable
    assert rules_of(folded, row) == {"dedupe_key": 1, "void": 1}


def test_a_deletion_of_something_never_seen_is_no_touchpoint() -> None:
    """Nothing describes it."""
    assert fold(email("1@x.example", "03-02 11:00", "B1", ["S1"], is_void=True)).touchpoints == []


def test_the_highest_revision_speaks() -> None:
    """An older revision is a witness that says nothing."""
    first = email("1@x.example", "03-02 11:00", "B1", ["S1"], subject_text="Old")
    second = msgspec.structs.replace(first, revision=2, subject_text="New")
    folded = fold(first, second)
    row = only(folded)
    assert (row.subject_text, row.revision) == ("New", 2)
    assert rules_of(folded, row) == {"dedupe_key": 1, "revision": 1}


def test_messages_of_one_reference_chain_share_the_root_as_thread() -> None:
    """The thread is the root of References even where the root was never received."""
    a = email("2@x.example", "03-02 12:00", "S1", ["B1"], references=("root@x.example", "1@x.example"))
    b = email("3@x.example", "03-02 13:00", "B1", ["S1"], references=("root@x.example", "2@x.example"))
    c = email("4@x.example", "03-02 14:00", "B1", ["S1"])
    folded = fold(b, c, a)
    by_id = {row.source_event_id: row for row in folded.touchpoints}
    assert by_id["2@x.example"].thread_id == by_id["3@x.example"].thread_id == "root@x.example"
    assert by_id["4@x.example"].thread_id == "4@x.example"
    assert by_id["3@x.example"].in_reply_to == by_id["2@x.example"].touchpoint_id
    assert by_id["2@x.example"].in_reply_to is None
    assert by_id["2@x.example"].interaction_kind == "reply"


def test_a_reply_whose_parent_has_no_readable_id_is_a_reply() -> None:
    """Its subject is the parent's all the same, and names no job."""
    told = email("1@x.example", "03-02 11:00", "B1", ["S1"], subject_text="Re: pricing", interaction_kind="reply")
    row = only(fold(told))
    assert (row.interaction_kind, row.is_reply, row.buying_job) == ("reply", True, "unclassified")


def test_a_reply_under_a_subject_of_thanks_is_an_acknowledgement() -> None:
    """A subject without Re: is the writer's own; with it, it is the parent's and neither thanks nor asks."""
    asked = email("1@x.example", "03-02 11:00", "B1", ["S1"], subject_text="What does it cost?")
    bodies = {
        "Thanks, back to you next week": "Sent from my phone",
        "Re: What does it cost?": "Thank you",
        "Re: Thanks": "Hm",
    }
    for subject, line in bodies.items():
        answer = email(
            "2@x.example",
            "03-02 12:00",
            "B1",
            ["S1"],
            subject_text=subject,
            first_line=line,
            references=("1@x.example",),
        )
        row = next(one for one in fold(asked, answer).touchpoints if one.is_reply)
        assert (row.is_ack, row.is_question) == (subject != "Re: Thanks", False), subject


@pytest.mark.parametrize(
    ("subject", "line", "is_question", "is_ack", "job"),
    [
        ("How do you compare with others?", "Thanks, see you", True, False, "supplier_selection"),
        ("What does it cost?", "Sam, I attach our list.", True, False, "supplier_selection"),
        ("Our list", "Sam, I attach it.", False, False, "supplier_selection"),
        ("Got it", None, False, True, "unclassified"),
        ("価格を教えてください。いつですか？", None, True, False, "supplier_selection"),
        ("متى يبدأ؟", "شكرا", True, False, "supplier_selection"),
        ("OK\uff1f", None, True, False, "supplier_selection"),
        ("Re: What does it cost?", "Sam, I attach our list.", False, False, "supplier_selection"),
        ("VS: What does it cost?", None, None, False, "supplier_selection"),
        ("答复：What does it cost?", None, None, False, "supplier_selection"),
    ],
)
def test_a_reply_under_a_new_subject_asks_by_it(
    subject: str, line: str | None, is_question: bool | None, is_ack: bool, job: str
) -> None:
    """Only what repeats the parent's subject, by its prefix, is the parent's; for jobs and tags the words of no reply's subject count."""
    first = email("1@x.example", "03-02 11:00", "S1", ["B1"], subject_text="Pricing")
    answer = email(
        "2@x.example", "03-03 10:00", "B1", ["S1"], subject_text=subject, first_line=line, references=("1@x.example",)
    )
    row = fold(first, answer).touchpoints[1]
    assert (row.is_question, row.is_ack, row.buying_job) == (is_question, is_ack, job)
    assert row.tags == (["ack"] if is_ack else [])


def test_a_label_on_a_message_names_its_job() -> None:
    """Whatever its subject says, and whichever mailbox's copy carries it."""
    sent = email("1@x.example", "03-02 11:00", "B1", ["S1"], subject_text="Pricing")
    labelled = copy_in("/gmail/s1", sent, explicit_job="validation")
    row = only(fold(sent, labelled))
    assert (row.buying_job, row.buying_job_rule_id, row.buying_job_confidence) == ("validation", "explicit.label", 1.0)


def test_a_parent_that_we_do_not_hold_is_replaced_by_no_other() -> None:
    """In-Reply-To was never received; the message before it was, and is the thread's, but not what was answered."""
    a = email("1@x.example", "03-02 12:00", "B1", ["S1"])
    c = email("3@x.example", "03-02 14:00", "S1", ["B1"], references=("1@x.example", "2@x.example"))
    folded = fold(a, c)
    first, last = folded.touchpoints
    assert last.in_reply_to is None
    assert last.thread_id == first.thread_id


def test_another_address_of_one_person_may_tell_another_account() -> None:
    """In one thread: from the first nothing is known, by the second it is the domain's; whichever of them comes first."""
    person = Person(person_id="B9", side="buyer", emails=("email:x@acme.example", "email:x@gmail.com"))
    known = Directory.build(msgspec.structs.replace(CRM, people=[*CRM.people, person]), SETTINGS.identity)
    for one, other in (("x@gmail.com", "x@acme.example"), ("x@acme.example", "x@gmail.com")):
        first = email("1@x.example", "03-02 12:00", one, ["S1"])
        second = email("2@x.example", "03-02 13:00", other, ["S1"], references=("1@x.example",))
        folded = Folder(known, ASSETS, RULES, SETTINGS, AS_OF).fold([witness(first), witness(second)])
        found = {row.touchpoint_id: (row.account_id, row.account_resolution) for row in folded.touchpoints}
        private, work = ("thread", "domain") if one == "x@gmail.com" else ("domain", "thread")
        assert list(found.values()) == [("A1", private), ("A1", work)]


def test_of_two_addresses_of_one_recipient_the_one_with_an_account_counts() -> None:
    person = Person(person_id="B9", side="buyer", emails=("email:x@acme.example", "email:x@gmail.com"))
    known = Directory.build(msgspec.structs.replace(CRM, people=[*CRM.people, person]), SETTINGS.identity)
    for to in (["x@gmail.com", "x@acme.example"], ["x@acme.example", "x@gmail.com"]):
        sent = email("1@x.example", "03-02 12:00", "S1", to)
        row = only(Folder(known, ASSETS, RULES, SETTINGS, AS_OF).fold([witness(sent)]))
        assert (row.account_id, row.account_resolution) == ("A1", "domain")


def test_the_providers_thread_joins_what_references_do_not() -> None:
    """A provider's thread id unites its messages within one source."""
    a = email("1@x.example", "03-02 12:00", "B1", ["S1"], source="/gmail/s1", conversation_id="t1")
    b = email("2@x.example", "03-02 14:00", "S1", ["B1"], source="/gmail/s1", conversation_id="t1")
    assert {row.thread_id for row in fold(a, b).touchpoints} == {"1@x.example"}


def test_a_stranger_inherits_the_account_of_the_thread() -> None:
    """A5: the account comes from the thread, the person stays unresolved and becomes a buyer."""
    a = email("1@x.example", "03-02 12:00", "B1", ["S1"])
    b = email("2@x.example", "03-02 14:00", "ann@gmail.com", ["S1"], references=("1@x.example",))
    folded = fold(a, b)
    row = folded.touchpoints[1]
    assert (row.account_id, row.account_resolution, row.actor_side) == ("A1", "thread", "buyer")
    assert people(folded, row)["?"].person_id is None


def test_a_circle_of_references_still_folds() -> None:
    """Two messages that claim to answer each other do no harm."""
    a = email("1@x.example", "03-02 12:00", "B1", ["S1"], references=("2@x.example",))
    b = email("2@x.example", "03-02 12:00", "S1", ["B1"], references=("1@x.example",))
    assert len(fold(a, b).touchpoints) == 2


def test_bounces_and_auto_replies_are_kept_but_never_count() -> None:
    """Their status says so, and no minutes are theirs."""
    for status in ("bounced", "auto_reply"):
        row = only(fold(email("1@x.example", "03-02 12:00", "B1", ["S1"], status=status)))
        assert (row.status, row.is_countable, row.buyer_minutes) == (status, False, 0.0)


def test_assets_are_recognised_and_one_is_named() -> None:
    """A link and an attachment of two assets make two asset events, and then no single asset is named."""
    link, file = "https://ours.example/files/overview.pdf#p2", "COMPARISON 1.PDF"
    one = fold(email("1@x.example", "03-02 12:00", "S1", ["B1"], links=(link, link)))
    assert (only(one).asset_id, only(one).asset_type) == ("overview", "product_overview")
    assert [row.action for row in one.assets] == ["share"]
    two = fold(email("1@x.example", "03-02 12:00", "S1", ["B1"], links=(link,), attachments=(file,)))
    assert (only(two).asset_id, only(two).asset_types) == (None, ["competition_sheet", "product_overview"])
    assert sorted(row.asset_id for row in two.assets) == ["overview", "versus"]


@settings(max_examples=60)
@given(st.data())
def test_threads_do_not_depend_on_order(data: st.DataObject) -> None:
    """Random references between eight messages, in two mailboxes: any order, with repetitions, gives equal rows."""
    ids = [f"{n}@x.example" for n in range(8)]
    events = []
    for index, name in enumerate(ids):
        references = tuple(data.draw(st.lists(st.sampled_from(ids), max_size=2), label="references"))
        event = email(
            name, f"03-02 1{data.draw(st.integers(0, 3))}:00", ("S1", "B1")[index % 2], ["S2"], references=references
        )
        events.append(event)
        if data.draw(st.booleans()):
            events.append(copy_in("/gmail/s2", event))
    witnesses = [witness(event) for event in events]
    expected: Folded = folder().fold(witnesses)
    shuffled = data.draw(st.permutations(witnesses + witnesses[:3]))
    assert folder().fold(shuffled) == expected
