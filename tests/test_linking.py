"""Folding groups: which events share a key."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from transforms.event import Event, Party
from transforms.folding.linking import fold_key, link_keys
from transforms.times import HOUR, MINUTE, from_datetime


def at(day: int, hour: int, minute: int = 0) -> int:
    return from_datetime(datetime(2026, 3, day, hour, minute, tzinfo=UTC))


def make(family: str, **fields: Any) -> Event:
    base: dict[str, Any] = {
        "source": "/zoom",
        "source_event_id": "1",
        "occurred_at": at(5, 14),
        "dedupe_key": "meeting:u1",
    }
    return Event(family=family, **(base | fields))  # type: ignore[arg-type]


def keys(event: Event) -> set[str]:
    return {fold_key(event), *link_keys(event)}


def together(*events: Event) -> bool:
    """Whether each event shares a key with the one before it."""
    return all(keys(a) & keys(b) for a, b in pairwise(events))


def test_an_email_folds_with_what_it_refers_to_whichever_mailbox_holds_it() -> None:
    """References tie emails across sources; a provider's thread id ties them within one."""
    first = make("email", source="/email", dedupe_key="email:a@x", message_id="a@x")
    reply = make(
        "email", source="/gmail", dedupe_key="email:b@x", message_id="b@x", references=("a@x",), conversation_id="th"
    )
    stray = make("email", source="/gmail", dedupe_key="email:c@x", message_id="c@x", conversation_id="th")
    foreign = make("email", source="/graph", dedupe_key="email:d@x", message_id="d@x", conversation_id="th")
    assert together(first, reply, stray)
    assert not together(stray, foreign)


def test_messages_of_one_conversation_share_one_key() -> None:
    """Chat costs one key and no edges."""
    event = make("chat", source="/slack/T1", conversation_id="C1", dedupe_key="chat:/slack/T1/C1/1")
    assert keys(event) == {"c:/slack/C1"}
    assert together(event, make("chat", source="/slack", conversation_id="C1", dedupe_key="chat:/slack/C1/2"))


def test_an_identify_call_ties_the_anonymous_id_to_the_user() -> None:
    """Anonymous pages, the identify call and later pages of the user are one group; another source's are not."""
    anonymous, user = "anonymous_id:segment:z", "external_id:segment:u1"
    page = make("app", source="/segment", parties=(Party((anonymous,), "actor"),))
    identify = make("identity", source="/segment", channel="app", parties=(Party((user, anonymous), "actor"),))
    later = make("app", source="/segment", parties=(Party((user,), "actor"),))
    elsewhere = make("app", source="/snowplow", parties=(Party((user,), "actor"),))
    assert together(page, identify, later)
    assert not together(later, elsewhere)


def test_a_chat_profile_is_alone() -> None:
    """A profile of a chat source acts through the directory, so it does not join everybody's conversations."""
    profile = make(
        "identity",
        source="/slack/T1",
        channel="chat",
        dedupe_key="src:/slack/T1/U1",
        parties=(Party(("email:a@x.test",), "actor"),),
    )
    assert keys(profile) == {"i:src:/slack/T1/U1"}


def test_a_calendar_entry_meets_the_report_of_its_meeting_by_join_key() -> None:
    """A report that starts hours after the plan shares the join key of that day; last week's occurrence does not."""
    plan = make("schedule", source="/gcal", dedupe_key="meeting:ical", join_keys=("zoom:123",), ended_at=at(5, 15))
    report = make("attendance", occurred_at=at(5, 19), join_keys=("zoom:123",))
    last_week = make(
        "attendance",
        dedupe_key="meeting:u0",
        source_event_id="0",
        occurred_at=at(5, 14) - 7 * 24 * HOUR,
        join_keys=("zoom:123",),
    )
    assert together(plan, report)
    assert not together(plan, last_week)


def test_join_keys_hold_across_midnight() -> None:
    """A plan at 23:50 and a join at 00:05 of the next day share a key."""
    plan = make(
        "schedule",
        source="/gcal",
        dedupe_key="p",
        source_event_id="p",
        occurred_at=at(5, 23, 50),
        join_keys=("zoom:9",),
    )
    join = make("attendance", occurred_at=at(6, 0, 5), join_keys=("zoom:9",))
    assert together(plan, join)


@pytest.mark.parametrize(("minute", "is_tied"), [(52, True), (30, False)])
def test_one_organisers_meetings_are_tied_across_a_near_midnight(minute: int, is_tied: bool) -> None:
    """Starts within ten minutes may be one meeting, on whichever side of midnight they lie; nothing farther is tied."""
    people = {"organizer": "email:s@ours.example", "parties": (Party(("email:s@ours.example",), "organizer"),)}
    call = make("attendance", occurred_at=at(4, 23, minute), ended_at=at(4, 23, minute + 6), **people)
    entry = make(
        "schedule", source="/ics", dedupe_key="meeting:ical:a", occurred_at=at(5, 0), ended_at=at(5, 1), **people
    )
    assert together(call, entry) is is_tied


def test_two_meetings_of_one_person_on_one_day_share_a_key() -> None:
    """In-person merges and rule 3 need a common participant, not a common name for the meeting."""
    ann = Party(("external_id:crm:9", "email:ann@acme.test"), "required")
    visit = make("schedule", source="/visits", dedupe_key="visit:1", parties=(ann,))
    call = make("attendance", occurred_at=at(5, 9), parties=(Party(("email:ann@acme.test",), "attendee"),))
    assert together(visit, call)
    assert not together(visit, make("attendance", occurred_at=at(6, 9), parties=(ann,)))


@pytest.mark.parametrize("family", ["schedule", "attendance"])
def test_a_cancellation_that_knows_only_the_id_finds_its_entry(family: str) -> None:
    """A void without time or participants shares the native record's key."""
    entry = make(family, occurred_at=at(5, 14), dedupe_key="meeting:abc")
    void = make(family, occurred_at=at(25, 1), dedupe_key="src:/zoom/1", is_void=True, revision=2)
    assert together(entry, void)


def test_a_runaway_interval_gives_a_bounded_number_of_keys() -> None:
    """An entry that claims to last for years does not make thousands of keys."""
    event = make("schedule", ended_at=at(5, 14) + 5000 * 24 * 60 * MINUTE, join_keys=("zoom:1",))
    assert len(link_keys(event)) < 50


def test_keys_are_free_of_repetition_and_of_the_fold_key() -> None:
    """Edges are stored once."""
    event = make("email", dedupe_key="email:a@x", message_id="a@x", references=("a@x", "b@x", "b@x"))
    assert link_keys(event) == ("m:b@x", "v:/zoom/1")
