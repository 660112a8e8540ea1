"""Zoom: what the golden cases cannot say."""

from __future__ import annotations

import json
from collections import Counter
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from chat_mutations import broken, verdict_is_sound
from fold_world import at, fold, only, people
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.event import Event, Ignored
from transforms.records import BadFrame, records
from transforms.sources import Context, parse_record
from transforms.sources.zoom import SOURCE

UUID = "4444AAAiAAAAAiAi/iiAii=="
T14, T15 = "2026-03-05T14:00:00Z", "2026-03-05T15:00:00Z"
PEOPLE = [
    {"id": "zBea", "name": "Bea", "user_id": "1", "join_time": T14, "leave_time": T15},
    {"id": "", "name": "Tom", "user_id": "2", "join_time": "2026-03-05T14:05:00Z", "leave_time": T15},
]


def events_of(record: Any, name: str = "x") -> list[Event]:
    assert SOURCE.explode is not None
    context = Context(name=name)
    found = []
    for one in SOURCE.explode(json.dumps(record).encode(), context):
        parsed = parse_record(SOURCE, one, context)
        assert isinstance(parsed, list), parsed
        found.extend(parsed)
    return found


def test_a_participants_report_is_one_event_for_each_stay() -> None:
    """A page with its meeting's UUID is as many events as it has rows, all of one occurrence."""
    events = events_of({"uuid": UUID, "id": 85700000001, "topic": "Demo", "participants": PEOPLE})
    assert [e.dedupe_key for e in events] == [f"meeting:zoom:{UUID}"] * 2
    assert [e.parties[0].name for e in events] == ["Bea", "Tom"]
    assert {e.subject_text for e in events} == {"Demo"}
    assert len({e.source_event_id for e in events}) == 2


def test_a_report_is_named_as_its_file_is() -> None:
    """The UUID, encoded as Zoom wants it, or the meeting id comes from the file's name where the page has neither."""
    page = {"participants": PEOPLE, "total_records": 2}
    by_uuid = events_of(page, "past_meetings/4444AAAiAAAAAiAi%252FiiAii%3D%3D/participants.json")
    assert {e.dedupe_key for e in by_uuid} == {f"meeting:zoom:{UUID}"}
    by_number = events_of(page, "report-meetings-85700000001-participants.json")
    assert {e.dedupe_key for e in by_number} == {"meeting:zoom:85700000001/20260305"}
    assert {e.join_keys for e in by_number} == {("zoom:85700000001",)}


def test_a_complete_report_without_a_name_is_one_meeting() -> None:
    """A nameless page that holds every row names its meeting by who was there when, in whatever order they stand."""
    forward = events_of({"participants": PEOPLE, "total_records": 2})
    backward = events_of({"total_records": 2, "participants": PEOPLE[::-1]})
    assert len({e.dedupe_key for e in forward + backward}) == 1
    other = events_of({"participants": PEOPLE[:1], "total_records": 1})
    assert other[0].dedupe_key != forward[0].dedupe_key


def test_webhooks_and_reports_share_the_occurrence() -> None:
    """A join by webhook, the report of it and the past meeting have one dedupe key."""
    webhook = {
        "event": "meeting.participant_joined",
        "payload": {"object": {"uuid": UUID, "id": 1, "participant": {"user_id": "1", "join_time": T14}}},
    }
    past = {"uuid": UUID, "id": 1, "start_time": T14, "end_time": T15}
    found = [*events_of(webhook), *events_of({"uuid": UUID, "participants": PEOPLE}), *events_of(past)]
    assert {e.dedupe_key for e in found} == {f"meeting:zoom:{UUID}"}


def test_a_guest_who_changes_the_name_stays_one_guest() -> None:
    """Who joins as a telephone and leaves under a name is one participant, there from the one to the other."""

    def mark(event: str, moment: str, who: str, **person: str) -> Event:
        participant = {"participant_uuid": who, "user_name": who, **person, f"{event}_time": moment}
        event = {"join": "meeting.participant_joined", "leave": "meeting.participant_left"}[event]
        return events_of({"event": event, "payload": {"object": {"uuid": UUID, "participant": participant}}})[0]

    folded = fold(
        mark("join", "2026-03-05T10:00:00Z", "ours", email="s1@ours.example"),
        mark("join", "2026-03-05T10:00:00Z", "B", email="b1@acme.example"),
        mark("join", "2026-03-05T10:05:00Z", "guest", user_name="iPhone"),
        mark("leave", "2026-03-05T10:40:00Z", "B", email="b1@acme.example"),
        mark("leave", "2026-03-05T10:45:00Z", "guest", user_name="Tom (Acme)"),
        mark("leave", "2026-03-05T11:00:00Z", "ours", email="s1@ours.example"),
    )
    row = only(folded)
    assert (row.ended_at, row.buyer_participant_count) == (at("03-05 10:45"), 2)
    assert sorted(one.attended_seconds for one in folded.participants) == [2400, 2400, 3600]


def test_who_is_told_with_an_address_and_without_one_is_one_guest() -> None:
    """What is told of one stay is of one person: a webhook may leave out the address that the list has, and the list what a webhook had.
    Of a stay with two people's addresses, nobody knows whose the rest is; in another occurrence a number is another's."""

    def hook(event: str, moment: str, number: str, uuid: str = UUID, **person: str) -> dict[str, Any]:
        participant = {
            "user_id": number,
            "participant_uuid": f"P{number}",
            **person,
            f"{event}_time": f"2026-03-05T{moment}:00Z",
        }
        event = {"join": "meeting.participant_joined", "leave": "meeting.participant_left"}[event]
        return {"event": event, "payload": {"account_id": "acc", "object": {"uuid": uuid, "participant": participant}}}

    def row(number: str, joined: str, left: str, **person: str) -> dict[str, Any]:
        return {
            "user_id": number,
            "join_time": f"2026-03-05T{joined}:00Z",
            "leave_time": f"2026-03-05T{left}:00Z",
            **person,
        }

    ours = hook("join", "10:00", "1", email="s1@ours.example")
    hooks = [
        ours,
        hook("join", "10:05", "2", user_name="Bea"),
        hook("leave", "10:45", "2", user_name="Bea", email="b1@acme.example"),
        hook("join", "10:00", "3", user_name="Tom", email="b2@acme.example"),
        hook("leave", "10:40", "3", user_name="Tom B."),
    ]
    rows = [
        row("2", "10:05", "10:45", name="Bea Buyer"),
        row("3", "10:00", "10:40", id="zTom", user_email="b2@acme.example"),
    ]
    for reports in (
        hooks,
        [*hooks, {"uuid": UUID, "participants": rows}],
        [ours, *hooks[3:], {"uuid": UUID, "participants": rows[1:]}],
    ):
        folded = fold(*(event for one in reports for event in events_of(one)))
        held = only(folded)
        counted = 2 if hooks[1] in reports else 1
        assert (held.status, held.buyer_participant_count, held.seller_participant_count) == ("held", counted, 1)
        assert {one.person_id for one in folded.participants} == {"S1", "B2", *(["B1"] if counted == 2 else [])}
    shared = [
        ours,
        hook("join", "10:05", "2", email="b1@acme.example"),
        hook("leave", "10:45", "2", email="b2@acme.example"),
    ]
    shared.append(hook("join", "10:46", "2", user_name="Bea"))
    assert only(fold(*(e for one in shared for e in events_of(one)))).buyer_participant_count == 3
    other = [ours, hooks[1], hook("join", "10:05", "2", uuid="other==", email="b1@acme.example")]
    assert {one.person_id for one in fold(*(e for one in other for e in events_of(one))).participants} == {
        "S1",
        None,
        "B1",
    }


@pytest.mark.parametrize("name", ["Room 1", "Room 2", "Room 3", "Room 4"])
def test_who_is_a_user_of_the_account_is_ours(name: str) -> None:
    """Our room and our host without an address are no customers, whichever of webhooks and report comes first."""
    host = {"id": "zHost", "user_name": "Sam", "join_time": T14}
    joined = [
        {
            "event": "meeting.participant_joined",
            "payload": {"object": {"uuid": UUID, "host_id": "zHost", "participant": one}},
        }
        for one in (host, {"user_id": "7", "user_name": name, "join_time": T14})
    ]
    times = {"join_time": T14, "leave_time": T15}
    rows = [{"user_id": "7", "name": name, "internal_user": True, **times}]
    guest = {"user_id": "8", "name": "B", "user_email": "b1@acme.example", "internal_user": False, **times}
    for who, status, count in (([], None, 0), ([guest], "held", 1)):
        found = [event for one in (*joined, {"uuid": UUID, "participants": [*rows, *who]}) for event in events_of(one)]
        row = only(fold(*found))
        assert (row.is_internal, row.buyer_participant_count, row.seller_participant_count) == (not who, count, 2)
        assert status is None or row.status == status


def test_lists_of_meetings_are_split() -> None:
    """Lists of planned and of past meetings are as many records as they have elements."""
    plan = {"id": 1, "topic": "a", "start_time": T14, "duration": 30}
    past = {"meeting_uuid": UUID, "meeting_id": 1, "start_time": T14, "end_time": T15}
    assert [e.family for e in events_of({"meetings": [plan, plan]})] == ["schedule"] * 2
    assert [e.family for e in events_of({"history_meetings": [past]})] == ["attendance"]


def test_participants_of_a_webinar_are_ignored() -> None:
    """Webinars are told from meetings by the file's name alone, for their lists look alike."""
    context = Context(name="report-webinars-85700000001-participants.json")
    assert SOURCE.explode is not None
    page = json.dumps({"participants": PEOPLE}).encode()
    assert [parse_record(SOURCE, one, context) for one in SOURCE.explode(page, context)] == [Ignored("webinar")] * 2


@pytest.mark.parametrize(
    ("name", "product"),
    [
        ("app_deauthorized", "app"),
        ("bot_installed", "team_chat"),
        ("bot_notification", "team_chat"),
        ("interactive_message_actions", "team_chat"),
        ("interactive_message_editable", "team_chat"),
        ("interactive_message_fields_editable", "team_chat"),
        ("interactive_message_select", "team_chat"),
        ("mail.history_event", "mail"),
        ("revenue_accelerator.conversation_analysis_completed ", "revenue_accelerator"),
    ],
)
def test_webhooks_of_other_products_are_ignored(name: str, product: str) -> None:
    """What chatbots, mail and the analysis of calls are sent is counted by product, also where a space follows the name."""
    assert parse_record(SOURCE, json.dumps({"event": name, "payload": {}}).encode(), Context(name="x")) == Ignored(
        product
    )


def test_a_space_behind_the_name_of_a_webhook_says_nothing() -> None:
    """A meeting's webhook is read the same with it and without."""
    meeting = {"uuid": UUID, "id": 1, "start_time": T14}
    one, other = (
        parse_record(SOURCE, json.dumps({"event": name, "payload": {"object": meeting}}).encode(), Context(name="x"))
        for name in ("meeting.started", "meeting.started ")
    )
    assert one == other


MADE = {
    "uuid": "uc==", "id": 7, "topic": "Demo", "type": 2, "start_time": "2026-06-01T10:00:00Z", "duration": 60,
    "host_email": "s1@ours.example", "settings": {"meeting_invitees": [{"email": "b1@acme.example"}]},
}  # fmt: skip


def plans(*changes: dict[str, Any], **made: Any) -> list[Event]:
    """A meeting of Zoom's as it was made, and what changed later, as events."""
    told = [("created", MADE | made), *(("updated", {"id": 7} | change) for change in changes)]
    return [
        event
        for number, (what, meeting) in enumerate(told)
        for event in events_of(
            {"event": f"meeting.{what}", "event_ts": 1772000000000 + number * 60_000, "payload": {"object": meeting}}
        )
    ]


def test_a_change_leaves_the_rest_of_a_plan_as_it_was() -> None:
    """Zoom tells of a change only what changed: topic, people and length stand, whatever comes first."""
    first, second = {"start_time": "2026-06-02T10:00:00Z"}, {"start_time": "2026-06-03T09:00:00Z", "topic": "Pricing"}
    for order in permutations(plans(first, second)):
        folded = fold(*order)
        row = only(folded)
        assert (row.status, row.account_id, row.subject_text) == ("scheduled", "A1", "Pricing")
        assert (row.occurred_at, row.ended_at) == (at("06-03 09:00"), at("06-03 10:00"))
        assert {who: one.participation_role for who, one in people(folded, row).items()} == {
            "S1": "organizer",
            "B1": "required",
        }


def test_a_change_of_who_is_invited_keeps_the_host() -> None:
    """New invitees take the place of the old ones, beside the organiser; a new length counts from the new start."""
    change = {
        "start_time": "2026-06-02T10:00:00Z", "duration": 30, "settings": {"meeting_invitees": [{"email": "b2@acme.example"}]},
    }  # fmt: skip
    folded = fold(*plans(change))
    row = only(folded)
    assert (row.occurred_at, row.ended_at) == (at("06-02 10:00"), at("06-02 10:30"))
    assert set(people(folded, row)) == {"S1", "B2"}


def test_a_change_of_one_date_leaves_the_rest_of_it_as_it_was() -> None:
    """The date of a recurring meeting that was moved alone keeps its topic and people."""
    dates = [{"occurrence_id": "1780308000000", "start_time": "2026-06-01T10:00:00Z", "duration": 60}]
    moved = [{"occurrence_id": "1780308000000", "start_time": "2026-06-02T10:00:00Z"}]
    row = only(fold(*plans({"occurrences": moved}, occurrences=dates)))
    assert (row.account_id, row.subject_text) == ("A1", "Demo")
    assert (row.occurred_at, row.ended_at) == (at("06-02 10:00"), at("06-02 11:00"))


def test_a_deletion_outranks_every_change() -> None:
    """A later change has the higher revision, by the time that Zoom gives it."""
    meeting = {"id": 1, "start_time": T14}
    made, moved, gone = (
        events_of({"event": f"meeting.{what}", "event_ts": at, "payload": {"object": meeting}})[0]
        for what, at in (("created", 1772000000000), ("updated", 1772100000000), ("deleted", 1772200000000))
    )
    assert made.revision < moved.revision < gone.revision
    assert {e.source_event_id for e in (made, moved, gone)} == {"meeting/1"}
    assert gone.is_void


def test_a_date_that_the_api_lists_as_deleted_is_no_repeat() -> None:
    """Without a webhook's time, the deleted date of a series still outranks the same date as it was planned."""
    (planned,), (gone,) = (
        events_of(
            {
                "id": 1,
                "topic": "a",
                "type": 8,
                "occurrences": [{"occurrence_id": "7", "start_time": T14, "status": status}],
            }
        )
        for status in ("available", "deleted")
    )
    assert planned.source_event_id == gone.source_event_id
    assert (planned.is_void, gone.is_void) == (False, True)
    assert planned.revision < gone.revision


def test_real_payloads(real_dir: Path) -> None:
    """Of Zoom's own sample payloads none is rejected, and those that tell of meetings are accepted."""
    outcomes: Counter[str] = Counter()
    for path in sorted([*(real_dir / "video/zoom_webhooks").iterdir(), *(real_dir / "video/zoom_rest").iterdir()]):
        context = Context(name=f"{path.parent.name}/{path.name}")
        with path.open("rb") as stream:
            for record in records(SOURCE, stream, context):
                assert not isinstance(record, BadFrame), path
                parsed = parse_record(SOURCE, record, context)
                outcomes[parsed.reason if isinstance(parsed, Ignored) else "accepted"] += 1
    assert outcomes["accepted"] == 18
    assert (outcomes["webinar"], outcomes["session"], outcomes["partial_update"]) == (24, 40, 1)
    assert outcomes.total() == 190


@given(broken("zoom"))
@settings(max_examples=150)
def test_broken_payloads_are_judged(frame: bytes) -> None:
    """A payload with fields dropped or replaced becomes events, ignored or a reject."""
    verdict_is_sound(SOURCE, frame)


@given(st.binary(max_size=200))
@settings(max_examples=100)
def test_any_bytes_are_judged(frame: bytes) -> None:
    """Arbitrary bytes become events, ignored or a reject."""
    verdict_is_sound(SOURCE, frame)
