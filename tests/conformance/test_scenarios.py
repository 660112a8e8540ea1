"""Scenarios written from the definitions alone: native payloads in, figures that were worked out by hand out.

All scenarios lie in one workspace, an account (or a few) for each, and are run at once: none may disturb another.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest
from conformance.native import (
    DANA,
    SAM,
    File,
    answers,
    epoch,
    gmail,
    google_event,
    ics,
    intercom,
    mail,
    meet_left,
    segment,
    slack,
    snowplow,
    zoom,
)
from workspaces import conservation, increment, put, snapshot

AS_OF = "2026-06-01T00:00:00Z"
PLACE = "LOCATION:12 Mill Road\\, Springfield"


class Case(NamedTuple):
    name: str
    files: list[File]
    asks: list[tuple[str, list[tuple[Any, ...]]]]
    accounts: tuple[str, ...] = ()
    """Beside the one that has the scenario's name."""
    deals: tuple[str, ...] = ()
    """Rows of opportunities.csv."""
    members: tuple[str, ...] = ()
    people: tuple[str, ...] = ()


def touches(account: str, columns: str, where: str = "true") -> str:
    return f"SELECT {columns} FROM fact_touchpoint WHERE account_id = '{account}' AND {where} ORDER BY occurred_at, subject_text"


def lifetime(account: str, columns: str, seller: str = "S1") -> str:
    return (
        f"SELECT {columns} FROM mart_seller_account_period "
        f"WHERE account_id = '{account}' AND seller_id = '{seller}' AND period_grain = 'lifetime'"
    )


def b(account: str, number: int = 1) -> str:
    return f"b{number}@{account}.example"


CASES = [
    Case(
        "copies",
        [
            mail("copies-1", "03-02 09:00", b("copies"), SAM, "Options"),
            (
                "email/sent/copies.eml",
                mail("copies-1", "03-02 09:00", b("copies"), SAM, "Options", "X-Box: 2")[1].replace(
                    b"@mail.example", b"@MAIL.Example"
                ),
            ),
        ],
        [(touches("copies", "direction, buying_job"), [("inbound", "solution_exploration")])],
    ),
    Case(  # whichever of two mailboxes' copies has the smaller hash, the sender's tells of the reader in Bcc
        "blind",
        [
            file
            for name in ("blind-1", "blind-2", "blind-3", "blind-4")
            for file in (
                mail(name, "03-02 09:00", SAM, DANA, "Plan", "X-Box: 1"),
                (f"email/sent/{name}.eml", mail(name, "03-02 09:00", SAM, DANA, "Plan", f"Bcc: {b('blind')}")[1]),
            )
        ],
        [
            (
                touches("blind", "direction, is_countable, buyer_minutes, buyer_participant_count"),
                [("outbound", True, 2.5, 1)] * 4,
            ),
            (
                """SELECT count(*) FROM bridge_touchpoint_event JOIN fact_touchpoint USING (touchpoint_id)
                WHERE account_id = 'blind'""",
                [(8,)],
            ),
        ],
    ),
    Case(  # a copy that has lost the zone of its Date is told of by its Received header, and goes behind one that has it
        "undated",
        [
            file
            for name in ("undated-1", "undated-2", "undated-3", "undated-4")
            for dated in [
                mail(
                    name,
                    "03-02 09:00",
                    b("undated"),
                    SAM,
                    "Plan",
                    "Received: from a by b; Mon, 2 Mar 2026 11:30:00 +0000",
                )
            ]
            for file in (dated, (f"email/old/{name}.eml", dated[1].replace(b"09:00:00 +0000", b"10:00:00")))
        ],
        [
            (
                touches("undated", "strftime(occurred_at, '%H:%M'), time_quality"),
                [("09:00", "source")] * 4,
            )
        ],
    ),
    Case(
        "told_twice",
        [
            segment(
                f"told-{name}",
                "track",
                when,
                userId="u-told_twice",
                event=f"Live Chat {event}",
                properties={
                    "conversation_id": "told",
                    "message_id": "told-1",
                    "message_body": "Which options are there?",
                },
            )
            for name, event, when in (
                ("start", "Conversation Started", "03-02 09:00"),
                ("page", "Message Sent", "03-02 09:00:01"),
                ("server", "Message Sent", "03-02 09:10"),
            )
        ],
        [
            (
                touches("told_twice", "strftime(ended_at, '%H:%M:%S'), message_count, buyer_minutes"),
                [("09:00:00", 1, 1.0)],
            )
        ],
    ),
    Case(
        "told_apart",  # the page knows the visitor's device and the agent's name, the server who they are
        [
            segment(
                f"apart-{name}",
                "track",
                when,
                **who,
                event=f"Live Chat Message {event}",
                properties={"conversation_id": "apart", "message_id": message, "message_body": "Which one?", **agent},
            )
            for name, when, event, message, who, agent in (
                ("page-1", "03-02 09:00", "Sent", "1", {"anonymousId": "d-told_apart"}, {"agent_name": "Sam"}),
                ("server-1", "03-02 09:00:02", "Sent", "1", {"userId": "u-told_apart"}, {"agent_username": SAM}),
                ("page-2", "03-02 09:01", "Received", "2", {"anonymousId": "d-told_apart"}, {"agent_name": "Sam"}),
                ("server-2", "03-02 09:01:02", "Received", "2", {"userId": "u-told_apart"}, {"agent_username": SAM}),
            )
        ],
        [
            (
                touches("told_apart", "direction, buyer_participant_count, seller_participant_count"),
                [("inbound", 1, 1), ("outbound", 1, 1)],
            )
        ],
    ),
    Case(
        "slashes",  # what one id holds behind a slash another one begins with
        [
            segment(
                f"slashes-{name}",
                "track",
                when,
                userId="u-slashes",
                event="Live Chat Message Sent",
                properties={"conversation_id": conversation, "message_id": message, "message_body": "Which one?"},
            )
            for name, when, conversation, message in (
                ("team", "03-02 09:00", "slashes", "eu/1"),
                ("room", "03-03 09:00", "slashes/eu", "1"),
            )
        ]
        + [
            segment(message, "page", when, userId=user, context={"groupId": "slashes"}, properties={"path": "/"})
            for message, when, user in (
                ("eu/page", "03-04 09:00", "visitor-slashes"),
                ("page", "03-05 09:00", "visitor-slashes/eu"),
            )
        ],
        [
            (
                touches("slashes", "channel, count(*) OVER (PARTITION BY touchpoint_id)"),
                [("chat", 1), ("chat", 1), ("app", 1), ("app", 1)],
            )
        ],
    ),
    Case(
        "thread",
        [
            mail("thread-1", "03-02 09:00", b("thread"), SAM, "Plan"),
            mail("thread-2", "03-02 10:00", "jane.home@gmail.com", SAM, "Re: Plan", answers("thread-1")),
            mail("thread-3", "03-02 11:00", "nobody.known@gmail.com", SAM, "Hello there"),
        ],
        [
            (
                touches("thread", "account_resolution, interaction_kind, is_countable"),
                [("person", "message", True), ("thread", "reply", True)],
            ),
            (
                "SELECT account_id, account_resolution, is_countable FROM fact_touchpoint WHERE subject_text = 'Hello there'",
                [(None, "unresolved", False)],
            ),
        ],
    ),
    Case(
        "plus",
        [
            mail("plus-1", "03-02 09:00", "b1+news@plus.example", SAM, "Hi"),
            mail("plus-2", "03-02 10:00", "annasmith+x@gmail.com", SAM, "Hi"),
        ],
        [
            (
                """SELECT person_id, person_rule_id FROM fact_touchpoint_participant p JOIN fact_touchpoint t USING (touchpoint_id)
             WHERE t.account_id = 'plus' AND participation_role = 'actor' ORDER BY t.occurred_at""",
                [("plus-b1", "R3"), ("anna", "R3")],
            )
        ],
        people=("anna,buyer,Anna Smith,anna.smith@gmail.com,,plus,,,,,",),
    ),
    Case(
        "machines",
        [
            mail("machines-1", "03-02 09:00", b("machines"), SAM, "Out of office", "Auto-Submitted: auto-replied"),
            mail("machines-2", "03-02 10:00", b("machines"), SAM, "A note", "X-Auto-Response-Suppress: All"),
            mail(
                "machines-3",
                "03-02 11:00",
                b("machines"),
                SAM,
                "News",
                "Precedence: bulk",
                "List-Id: <news.machines.example>",
            ),
        ],
        [(touches("machines", "is_automated, is_countable"), [(True, False), (False, True), (True, False)])],
    ),
    Case(
        "ack",
        [
            mail("ack-1", "03-02 09:00", SAM, b("ack"), "Overview"),
            mail(
                "ack-2",
                "03-02 10:00",
                b("ack"),
                SAM,
                "Re: Overview",
                answers("ack-1"),
                body="Thanks, see you next week",
            ),
        ],
        [
            (touches("ack", "is_ack, is_countable, direction"), [(False, True, "outbound"), (True, True, "inbound")]),
            ("SELECT count(*) FROM fact_response WHERE account_id = 'ack'", [(0,)]),
            (
                lifetime("ack", "dialogue_ratio, buyer_channel_answer_coverage, touch_followup_share"),
                [(1.0, None, None)],
            ),
        ],
    ),
    Case(
        "weekend",
        [
            mail("weekend-1", "03-06 16:30", b("weekend"), SAM, "When can we start?"),
            mail("weekend-2", "03-09 09:30", SAM, b("weekend"), "Re: When can we start?", answers("weekend-1")),
        ],
        [
            (
                """SELECT ask_channel, response_business_seconds, response_calendar_seconds, is_within_horizon, seller_id, is_cross_channel
             FROM fact_response WHERE account_id = 'weekend'""",
                [("email", 3600, 65 * 3600, True, "S1", False)],
            )
        ],
    ),
    Case(  # New York's clocks go forward on Sunday 2026-03-08: Friday 16:00 (UTC-5) to Monday 10:00 (UTC-4) is one hour and one hour
        "summertime",
        [
            mail("summertime-1", "03-06 21:00", b("summertime"), DANA, "What does it cost?"),
            mail(
                "summertime-2", "03-09 14:00", DANA, b("summertime"), "Re: What does it cost?", answers("summertime-1")
            ),
        ],
        [
            (
                "SELECT seller_id, response_business_seconds, response_calendar_seconds FROM fact_response WHERE account_id = 'summertime'",
                [("S2", 7200, 65 * 3600)],
            )
        ],
    ),
    Case(
        "ping",
        [
            mail("ping-1", "03-02 10:00", b("ping"), SAM, "Which version?"),
            mail("ping-2", "03-03 10:00", b("ping"), SAM, "Re: Which version?", answers("ping-1"), body="Any news?"),
            mail("ping-3", "03-03 12:00", DANA, b("ping"), "Re: Which version?", answers("ping-2")),
        ],
        [
            (
                """SELECT ask_count, response_business_seconds, answered_by_colleague, seller_id FROM fact_response
             WHERE account_id = 'ping'""",
                [(2, 10 * 3600, True, "S1")],
            )
        ],
    ),
    Case(
        "cross",
        [
            slack("C0CROSS1", "U-cross-b1", "03-02 10:00", "Is it on the roadmap?"),
            mail("cross-1", "03-02 12:00", SAM, b("cross"), "The roadmap"),
            slack("C0CROSS1", "U0SAM", "03-02 13:00", "I wrote you a mail."),
        ],
        [
            (
                """SELECT ask_channel, answer_channel, is_cross_channel, response_business_seconds FROM fact_response
                WHERE account_id = 'cross'""",
                [("chat", "email", True, 7200)],
            ),
            # the channel itself was answered too, within the horizon
            (lifetime("cross", "buyer_channel_answer_coverage_num, buyer_channel_answer_coverage_den"), [(1, 1)]),
        ],
    ),
    Case(
        "burst",
        [
            slack("C0BURST1", "U-burst-b1", "03-02 10:00:00", "One"),
            slack("C0BURST1", "U-burst-b1", "03-02 10:05:00", "Two"),
            slack("C0BURST1", "U-burst-b1", "03-02 10:10:01", "Three"),
            slack("C0BURST1", "U0SAM", "03-02 10:10:30", "Four"),
        ],
        [
            (
                touches("burst", "message_count, direction, interaction_kind, buyer_minutes"),
                [(2, "inbound", "message", 2.0), (1, "inbound", "message", 1.0), (1, "outbound", "reply", 1.0)],
            )
        ],
    ),
    Case(
        "edits",
        [
            slack("C0EDITS1", "U-edits-b1", "03-02 10:00", "Hello"),
            slack(
                "C0EDITS1",
                "U-edits-b1",
                "03-02 10:30",
                "",
                subtype="message_changed",
                ts="1772447400.000100",
                event_ts="1772447400.000100",
                message={
                    "type": "message",
                    "user": "U-edits-b1",
                    "text": "Which price?",
                    "ts": "1772445600.000000",
                    "edited": {"user": "U-edits-b1", "ts": "1772447400.000000"},
                },
            ),
            slack("C0EDITS1", "U-edits-b1", "03-02 12:00", "A slip"),
            slack(
                "C0EDITS1",
                "U-edits-b1",
                "03-02 12:01",
                "",
                subtype="message_deleted",
                deleted_ts="1772452800.000000",
                previous_message={"type": "message", "user": "U-edits-b1", "text": "A slip", "ts": "1772452800.000000"},
            ),
        ],
        [
            (
                touches("edits", "subject_text, is_voided, is_countable, is_question"),
                [("Which price?", False, True, True), ("A slip", True, False, False)],
            ),
            ("SELECT count(*) FROM fact_response WHERE account_id = 'edits'", [(1,)]),
        ],
    ),
    Case(  # edited and deleted within one second, and the deletion does not repeat what it deletes
        "undone",
        [
            file
            for channel in ("C-undone-1", "C-undone-2", "C-undone-3", "C-undone-4")
            for file in (
                slack(channel, "U-undone-b1", "03-02 12:00", "A slip"),
                slack(
                    channel,
                    "",
                    "03-02 12:01",
                    "",
                    subtype="message_changed",
                    message={
                        "type": "message",
                        "user": "U-undone-b1",
                        "text": "Another slip",
                        "ts": f"{epoch('03-02 12:00')}.000000",
                        "edited": {"user": "U-undone-b1", "ts": f"{epoch('03-02 12:01')}.000000"},
                    },
                ),
                slack(
                    channel,
                    "",
                    "03-02 12:01",
                    "",
                    subtype="message_deleted",
                    event_ts=f"{epoch('03-02 12:01')}.900000",
                    deleted_ts=f"{epoch('03-02 12:00')}.000000",
                ),
            )
        ],
        [(touches("undone", "is_voided, is_countable"), [(True, False)] * 4)],
    ),
    Case(
        "gap14",
        [
            segment("gap14-1", "page", "03-02 09:00", userId="u-gap14", path="/docs/api"),
            segment("gap14-2", "page", "03-16 09:00", userId="u-gap14", path="/docs/api"),
            segment("gap15-1", "page", "03-02 09:00", userId="u-gap15", path="/docs/api"),
            segment("gap15-2", "page", "03-16 09:00:01", userId="u-gap15", path="/docs/api"),
        ],
        [
            (
                """SELECT account_id, session_count, visit_count, self_loop_count, resume_count, loop_count, loop_rate FROM mart_journey_summary
             WHERE account_id IN ('gap14', 'gap15') AND journey_scope = 'account' ORDER BY 1""",
                [("gap14", 1, 1, 1, 0, 0, None), ("gap15", 2, 2, 0, 1, 0, 0.0)],
            )
        ],
        accounts=("gap15",),
    ),
    Case(
        "tie",
        [
            mail("tie-1", "03-02 09:00", b("tie"), SAM, "Requirements"),
            mail("tie-2", "03-03 09:00", b("tie"), SAM, "Our options"),
            mail("tie-3", "03-03 09:00", b("tie"), SAM, "More requirements"),
        ],
        [
            (
                """SELECT variant, loop_count, visit_count, self_loop_count FROM mart_journey_summary
             WHERE account_id = 'tie' AND journey_scope = 'account'""",
                [("RB>SE", 0, 2, 1)],
            )
        ],
    ),
    Case(
        "silence",
        [
            mail("silence-1", "03-02 09:00", b("silence"), SAM, "Our options"),
            mail("silence-2", "03-03 09:00", b("silence"), SAM, "Requirements"),
            mail("silence-3", "03-23 09:00", b("silence"), SAM, "Other options"),
        ],
        [
            (
                """SELECT revisited_job, loop_length, loop_kind, trigger_type, loop_duration_seconds FROM fact_loop
                WHERE account_id = 'silence' AND journey_scope = 'account'""",
                [("solution_exploration", 1, "core", "silence_break", 21 * 86400)],
            ),
            (
                """SELECT transition_type FROM fact_transition WHERE account_id = 'silence' AND journey_scope = 'account'
                ORDER BY to_visit_no""",
                [("forward",), ("backward",)],
            ),
        ],
    ),
    Case(
        "always",
        [
            mail("always-1", "03-02 09:00", b("always"), SAM, "Our options"),
            mail("always-2", "03-03 09:00", b("always"), SAM, "Case study"),
            mail("always-3", "03-04 09:00", b("always", 2), SAM, "Price list"),
            mail("always-4", "03-05 09:00", b("always"), SAM, "Another case study"),
        ],
        [
            (
                """SELECT revisited_job, path, loop_kind, trigger_type FROM fact_loop WHERE account_id = 'always'
                AND journey_scope = 'account'""",
                [("validation", "SS", "parallel", "new_stakeholder")],
            ),
            (
                """SELECT transition_type FROM fact_transition WHERE account_id = 'always' AND journey_scope = 'account'
                ORDER BY to_visit_no""",
                [("lateral",), ("lateral",), ("lateral",)],
            ),
        ],
    ),
    Case(  # one meeting in a calendar and in two reports of Zoom's: 30 minutes, two of ours
        "once",
        [
            ics(
                "once-1",
                "20260310T100000Z",
                "20260310T110000Z",
                SAM,
                [b("once"), DANA],
                "SUMMARY:Demo",
                "LOCATION:https://vendor.zoom.us/j/81111111111",
            ),
            *zoom(
                "once",
                "81111111111",
                (SAM, "03-10 09:58", "03-10 10:35"),
                (DANA, "03-10 10:00", "03-10 10:40"),
                (b("once"), "03-10 10:02", "03-10 10:32"),
            ),
        ],
        [
            (
                touches(
                    "once",
                    "status, channel, interaction_kind, duration_seconds, buyer_minutes, seller_minutes, direction, time_quality",
                ),
                [("held", "video", "demo", 1800, 30.0, 60.0, "mutual", "source")],
            )
        ],
    ),
    Case(
        "short",
        [
            *zoom(
                "short1",
                "82222222221",
                (SAM, "03-10 10:00:00", "03-10 10:30:00"),
                (b("short"), "03-10 10:00:00", "03-10 10:01:59"),
            ),
            *zoom(
                "short2",
                "82222222222",
                (SAM, "03-11 10:00:00", "03-11 10:30:00"),
                (b("short"), "03-11 10:00:00", "03-11 10:02:00"),
            ),
        ],
        [(touches("short", "status, is_countable, buyer_minutes"), [("no_show", False, 0.0), ("held", True, 2.0)])],
    ),
    Case(
        "rejoin",
        zoom(
            "rejoin",
            "83333333331",
            (SAM, "03-10 10:00", "03-10 11:00"),
            (b("rejoin"), "03-10 10:05", "03-10 10:15"),
            (b("rejoin"), "03-10 10:30", "03-10 10:45"),
        ),
        [
            (
                touches(
                    "rejoin", "strftime(occurred_at, '%H:%M'), strftime(ended_at, '%H:%M'), buyer_participant_count"
                ),
                [("10:05", "10:45", 1)],
            ),
            (
                """SELECT attended_seconds FROM fact_touchpoint_participant JOIN fact_touchpoint USING (touchpoint_id)
                WHERE account_id = 'rejoin' AND side = 'buyer'""",
                [(1500,)],
            ),
        ],
    ),
    Case(
        "dialin",
        [
            ics(
                "dialin-1",
                "20260310T100000Z",
                "20260310T110000Z",
                SAM,
                [b("dialin"), b("dialin", 2)],
                PLACE,
                "DESCRIPTION:or https://vendor.zoom.us/j/84444444441",
            ),
            *zoom(
                "dialin",
                "84444444441",
                (SAM, "03-10 10:00", "03-10 11:00"),
                (b("dialin", 2), "03-10 10:00", "03-10 11:00"),
            ),
        ],
        [(touches("dialin", "channel, modality, status, direction"), [("in_person", "in_person", "held", "mutual")])],
    ),
    Case(
        "two_a",
        [ics("two-1", "20260310T100000Z", "20260310T110000Z", SAM, [b("two_a"), b("two_b"), b("two_b", 2)], PLACE)],
        [
            (
                "SELECT account_id, is_primary FROM bridge_touchpoint_account WHERE account_id IN ('two_a', 'two_b') ORDER BY 1",
                [("two_a", False), ("two_b", True)],
            ),
            (
                "SELECT count(DISTINCT touchpoint_id) FROM bridge_touchpoint_account WHERE account_id IN ('two_a', 'two_b')",
                [(1,)],
            ),
        ],
        accounts=("two_b",),
    ),
    Case(
        "plans",
        [
            ics(
                "plans-1",
                "20260310T100000Z",
                "20260310T110000Z",
                SAM,
                [b("plans")],
                "SUMMARY:Call",
                "LOCATION:https://vendor.zoom.us/j/85555555551",
            ),
            ics(
                "plans-2",
                "20260311T100000Z",
                "20260311T110000Z",
                SAM,
                [b("plans")],
                "SUMMARY:Visit",
                PLACE,
                "SEQUENCE:0",
            ),
            ics(
                "plans-2",
                "20260311T100000Z",
                "20260311T110000Z",
                SAM,
                [b("plans")],
                "SUMMARY:Visit",
                PLACE,
                "SEQUENCE:1",
                method="CANCEL",
            ),
        ],
        [
            (
                touches("plans", "subject_text, status, is_countable, time_quality"),
                [("Call", "scheduled", False, "estimated"), ("Visit", "cancelled", False, "estimated")],
            )
        ],
    ),
    Case(  # Berlin's clocks go forward on 2026-03-29
        "berlin",
        [
            ics(
                "berlin-1",
                ";TZID=Europe/Berlin:20260324T090000",
                ";TZID=Europe/Berlin:20260324T100000",
                SAM,
                [b("berlin")],
                PLACE,
                "RRULE:FREQ=WEEKLY;COUNT=2",
            )
        ],
        [
            (
                touches("berlin", "strftime(occurred_at, '%m-%d %H:%M'), status"),
                [("03-24 08:00", "held"), ("03-31 07:00", "held")],
            )
        ],
    ),
    Case(
        "merge",
        [
            ics("merge-1", "20260310T090000Z", "20260310T100000Z", SAM, [b("merge")], PLACE),
            ics("merge-2", "20260310T110000Z", "20260310T120000Z", SAM, [b("merge"), b("merge", 2)], PLACE),
            ics("merge-3", "20260310T130100Z", "20260310T140000Z", SAM, [b("merge")], PLACE),
        ],
        [
            (
                touches("merge", "strftime(occurred_at, '%H:%M'), strftime(ended_at, '%H:%M')", "is_countable"),
                [("09:00", "12:00"), ("13:01", "14:00")],
            )
        ],
    ),
    Case(
        "edge",
        [mail("edge-1", "2026-03-31T23:30:00-05:00", b("edge"), SAM, "Hello")],
        [
            (
                """SELECT period_grain, CAST(period_start AS VARCHAR), inbound_count FROM mart_seller_account_period
                WHERE account_id = 'edge' AND inbound_count > 0 AND period_grain IN ('week', 'month') ORDER BY 1""",
                [("month", "2026-04-01", 1), ("week", "2026-03-30", 1)],
            ),
        ],
    ),
    Case(
        "deal",
        [
            mail("deal-1", "03-05 23:59:59", b("deal"), SAM, "a"),
            mail("deal-2", "03-06 00:00", b("deal"), SAM, "b"),
            mail("deal-3", "04-02 00:00", b("deal"), SAM, "c"),
        ],
        [(touches("deal", "opportunity_id"), [(None,), ("deal-o",), (None,)])],
        deals=("deal-o,deal,D,S1,2026-03-20T00:00:00Z,2026-04-01T00:00:00Z,won,,1000,USD,",),
    ),
    Case(
        "choice",
        [
            mail("choice-1", "03-05 10:00", b("choice", 2), SAM, "a"),
            mail("choice-2", "03-06 10:00", b("choice"), SAM, "b"),
        ],
        [
            (
                touches("choice", "opportunity_id, opportunity_resolution"),
                [(None, "ambiguous"), ("choice-y", "group_member")],
            )
        ],
        deals=(
            "choice-x,choice,X,S1,2026-03-01T00:00:00Z,,open,,1000,USD,",
            "choice-y,choice,Y,S1,2026-03-01T00:00:00Z,,open,,1000,USD,",
        ),
        members=("choice-y,choice-b1,user,2026-03-01T00:00:00Z,",),
    ),
    Case(
        "device",
        [
            segment("device-1", "page", "03-02 09:00", anonymousId="anon-device", path="/docs/api"),
            segment(
                "device-2",
                "identify",
                "03-02 09:10",
                anonymousId="anon-device",
                userId="x1",
                traits={"email": b("device")},
            ),
            segment("device-3", "page", "03-02 09:20", anonymousId="anon-device", path="/docs/api"),
        ],
        [
            (
                touches("device", "direction, duration_seconds, buying_job, modality"),
                [("self_serve", 1200, "requirements_building", "digital_self_serve")],
            )
        ],
    ),
    Case(  # two people on one device: only what follows each binding is theirs
        "shared",
        [
            segment("shared-1", "page", "03-02 09:00", anonymousId="anon-shared", path="/docs/api"),
            segment(
                "shared-2",
                "identify",
                "03-02 10:00",
                anonymousId="anon-shared",
                userId="s1",
                traits={"email": b("shared")},
            ),
            segment("shared-3", "page", "03-02 10:01", anonymousId="anon-shared", path="/docs/api"),
            segment(
                "shared-4",
                "identify",
                "03-02 11:00",
                anonymousId="anon-shared",
                userId="s2",
                traits={"email": b("shared", 2)},
            ),
            segment("shared-5", "page", "03-02 11:01", anonymousId="anon-shared", path="/docs/api"),
        ],
        [
            (
                """SELECT person_id, strftime(occurred_at, '%H:%M') FROM fact_touchpoint_participant JOIN fact_touchpoint USING (touchpoint_id)
             WHERE account_id = 'shared' ORDER BY 2""",
                [("shared-b1", "10:01"), ("shared-b2", "11:01")],
            )
        ],
    ),
    Case(
        "group",
        [segment("group-1", "page", "03-02 09:00", userId="who-knows", path="/docs/api", context={"groupId": "group"})],
        [(touches("group", "account_resolution, is_countable"), [("explicit", True)])],
    ),
    Case(
        "appgap",
        [
            segment(f"appgap-{n}", "page", f"03-02 {clock}", userId="u-appgap", path="/docs/api")
            for n, clock in enumerate(("09:00:00", "09:30:00", "10:00:01"))
        ],
        [(touches("appgap", "duration_seconds, buyer_minutes"), [(1800, 30.0), (0, 0.0)])],
    ),
    Case(
        "words",
        [
            mail("words-1", "03-02 09:00", b("words"), SAM, "=?iso-2022-jp?B?GyRCOCtAUSRiJGobKEI=?="),
            mail("words-2", "03-02 10:00", b("words"), SAM, ""),
            mail("words-3", "03-02 11:00", b("words"), SAM, "long " * 2000),
            (
                "email/words-4.eml",
                mail("words-4", "03-02 12:00", b("words"), SAM, "Grüße")[1].decode().encode("latin-1"),
            ),
        ],
        [
            (
                touches("words", "count(*), count(*) FILTER (is_countable), max(length(subject_text)) <= 1000").replace(
                    " ORDER BY occurred_at, subject_text", ""
                ),
                [(4, 4, True)],
            )
        ],
    ),
    Case(
        "ours",
        [
            mail("ours-1", "03-02 09:00", SAM, b("ours"), "Hello", f"Cc: {DANA}"),
            mail("ours-2", "03-02 10:00", SAM, DANA, "Fwd: Hello from ours", answers("ours-1")),
        ],
        [
            (lifetime("ours", "seller_touch_count"), [(1,)]),
            (lifetime("ours", "coalesce(sum(seller_touch_count), 0)", "S2"), [(0,)]),
            (
                "SELECT is_internal, is_countable FROM fact_touchpoint WHERE subject_text = 'Fwd: Hello from ours'",
                [(True, False)],
            ),
        ],
    ),
    Case(
        "idle",
        [],
        [
            (
                lifetime(
                    "idle",
                    "seller_touch_count, channel_coverage, channel_balance, channel_fit, dialogue_ratio, mutual_share, is_hybrid, hybrid_score",
                ),
                [(0, 0.0, None, None, None, None, None, None)],
            )
        ],
    ),
    Case(
        "mix",
        [
            mail("mix-1", "03-02 10:00", b("mix"), SAM, "Which options?"),
            mail("mix-2", "03-02 12:00", SAM, b("mix"), "Re: Which options?", answers("mix-1")),
            *zoom("mix", "86666666661", (SAM, "03-03 10:00", "03-03 10:30"), (b("mix"), "03-03 10:00", "03-03 10:30")),
            segment("mix-3", "page", "03-04 09:00", userId="u-mix", path="/pricing"),
        ],
        [
            (
                lifetime(
                    "mix",
                    "channel_coverage, round(channel_balance, 4), round(channel_fit, 4), modality_reach, buyer_channel_answer_coverage",
                ),
                [(0.4, round(math.log(2) / math.log(5), 4), round(1 - 1 / 3, 4), 0.5, 0.5)],
            ),
            (
                lifetime(
                    "mix",
                    "dialogue_ratio, round(mutual_share, 4), is_hybrid, round(response_median_business_seconds), job_coverage_num",
                ),
                [(1.0, round(1 / 3, 4), None, 7200.0, 2)],
            ),
        ],
    ),
    Case(
        "mailboxes",
        [
            mail("mailboxes-1", "03-02 09:00", b("mailboxes"), SAM, "Options"),
            gmail("mailboxes-1", "03-02 09:00", b("mailboxes"), SAM, "Options"),
        ],
        [
            (touches("mailboxes", "direction, buyer_minutes, seller_minutes"), [("inbound", 5.0, 2.5)]),
            (
                """SELECT count(*) FROM bridge_touchpoint_event JOIN fact_touchpoint USING (touchpoint_id)
                WHERE account_id = 'mailboxes'""",
                [(2,)],
            ),
        ],
    ),
    Case(  # the calendar's hour is a plan; the report tells 09:30 to 10:30 of us and 09:40 to 10:30 of the buyer
        "meet",
        [
            google_event(
                "meetplan",
                "03-10 09:30",
                "03-10 10:30",
                SAM,
                [b("meet")],
                summary="Business case review",
                hangoutLink="https://meet.google.com/abc-defg-hij",
                conferenceData={
                    "conferenceId": "abc-defg-hij",
                    "entryPoints": [{"uri": "https://meet.google.com/abc-defg-hij"}],
                },
            ),
            meet_left(
                "conf-meet", "ABCDEFGHIJ", SAM, "03-10 10:30", 3600, calendar_event_id="meetplan", organizer_email=SAM
            ),
            meet_left(
                "conf-meet",
                "ABCDEFGHIJ",
                b("meet"),
                "03-10 10:30",
                3000,
                calendar_event_id="meetplan",
                organizer_email=SAM,
            ),
        ],
        [
            (
                touches("meet", "status, strftime(occurred_at, '%H:%M'), duration_seconds, buying_job, modality"),
                [("held", "09:40", 3000, "consensus_creation", "remote_human")],
            )
        ],
    ),
    Case(
        "bot",
        [
            intercom(
                "bot-1",
                ("user", b("bot"), "03-02 09:00", "Is there an API?"),
                ("bot", "", "03-02 09:00:30", "Yes, see the docs."),
            ),
            intercom(
                "bot-2",
                ("user", b("bot"), "03-03 09:00", "Is there a person?"),
                ("admin", SAM, "03-03 10:00", "Yes, me."),
            ),
        ],
        [
            (
                touches("bot", "direction, modality, is_automated, is_countable"),
                [
                    ("inbound", "digital_self_serve", False, True),
                    ("outbound", "digital_self_serve", True, False),
                    ("inbound", "remote_human", False, True),
                    ("outbound", "remote_human", False, True),
                ],
            ),
            # a bot answers nobody: the first question waits until a person writes to its asker, here on the same channel
            (
                """SELECT strftime(asked_at, '%m-%d'), response_business_seconds, is_cross_channel FROM fact_response WHERE account_id = 'bot'
                ORDER BY 1""",
                [("03-02", 9 * 3600, False), ("03-03", 3600, False)],
            ),
        ],
    ),
    Case(
        "dwell",
        [
            snowplow("dwell-1", "03-02 09:00", "sp-dwell", "/pricing"),
            snowplow("dwell-2", "03-02 09:02", "sp-dwell", "/docs/api"),
            snowplow("dwell-3", "03-02 09:04", "sp-dwell", "/about"),
        ],
        [(touches("dwell", "buying_job, page_path, duration_seconds"), [("requirements_building", "/docs/api", 240)])],
        people=("dwell-x,buyer,X,x@dwell.example,,dwell,,,,,snowplow:sp-dwell",),
    ),
    Case(
        "collector",
        [
            # whoever is identified binds both cookies; a browser with one of its own is known by that
            snowplow("collector-1", "03-02 08:30", "sp-col", "/pricing", network_userid="nu-col", domain_userid="du-1"),
            snowplow("collector-2", "03-03 08:30", "", "/docs/api", network_userid="nu-col", domain_userid="du-2"),
            snowplow("collector-3", "03-04 08:30", "", "/pricing", network_userid="nu-col", domain_userid=None),
        ],
        [
            (
                """SELECT t.account_id, p.person_id, p.person_rule_id, strftime(t.occurred_at, '%m-%d') FROM fact_touchpoint t
                JOIN fact_touchpoint_participant p USING (touchpoint_id) WHERE t.account_id = 'collector' ORDER BY 4""",
                [
                    ("collector", "collector-x", "R1", "03-02"),
                    ("collector", "collector-x", "R5", "03-04"),
                ],
            )
        ],
        people=("collector-x,buyer,X,x@collector.example,,collector,,,,,snowplow:sp-col",),
    ),
    Case(
        "need",
        [
            mail("need-1", "03-02 10:00", b("need"), SAM, "How do you compare?"),
            mail("need-2", "03-04 10:00", b("need"), SAM, "Can we see a comparison?"),
            mail("need-3", "03-09 10:00", SAM, b("need"), "As asked", body="https://assets.vendor.example/versus?u=1"),
            segment(
                "need-4",
                "page",
                "03-20 10:00",
                userId="u-need",
                context={"page": {"url": "https://assets.vendor.example/versus"}},
            ),
            mail("late-1", "03-02 10:00", b("late"), SAM, "How do you compare?"),
            mail("late-2", "03-09 10:00:01", SAM, b("late"), "As asked", body="https://assets.vendor.example/versus"),
            mail("never-1", "03-02 10:00", b("never"), SAM, "How do you compare?"),
        ],
        [
            (
                """SELECT DISTINCT account_id, needed_asset_type, ask_count, delivery_business_seconds, outcome, consumed FROM fact_enablement_need
             WHERE account_id IN ('need', 'late', 'never') ORDER BY 1""",
                [
                    ("late", "competition_sheet", 1, 40 * 3600 + 1, "late", False),
                    ("need", "competition_sheet", 2, 40 * 3600, "on_time", True),
                    ("never", "competition_sheet", 1, None, "never", None),
                ],
            )
        ],
        accounts=("late", "never"),
        deals=(
            "never-o,never,N,S1,2026-03-01T00:00:00Z,2026-03-30T00:00:00Z,lost,price,1000,USD,",
            "need-o,need,N,S1,2026-03-01T00:00:00Z,,open,,1000,USD,",
            "late-o,late,N,S1,2026-03-01T00:00:00Z,,open,,1000,USD,",
        ),
    ),
    Case(  # written to once at the start, and again 20 days later without an answer
        "outreach",
        [
            mail("outreach-1", "03-02 10:00", b("outreach"), SAM, "Our options"),
            mail("outreach-2", "03-10 10:00", SAM, b("outreach"), "More"),
            mail("outreach-3", "03-22 10:00", SAM, b("outreach"), "Still there?"),
        ],
        [
            (
                """SELECT t.subject_text, j.session_no FROM fact_touchpoint t JOIN bridge_touchpoint_journey j USING (touchpoint_id)
             JOIN mart_journey_summary s USING (journey_id)
             WHERE t.account_id = 'outreach' AND s.journey_scope = 'account' ORDER BY t.occurred_at""",
                [("Our options", 1), ("More", 1), ("Still there?", None)],
            )
        ],
    ),
    Case(  # half of the median won cycle (the twelve days of another scenario) has passed without an executive
        "risk",
        [mail("risk-1", "03-02 10:00", b("risk"), SAM, "Price list")],
        [
            (
                "SELECT list_sort(signals), signal_count, risk_level FROM mart_deal_risk WHERE opportunity_id = 'risk-o'",
                [
                    (
                        [
                            "buyer_silent",
                            "exec_absent",
                            "no_next_step",
                            "single_threaded",
                            "unmet_need",
                            "validation_or_consensus_missing",
                        ],
                        6,
                        "high",
                    )
                ],
            )
        ],
        deals=("risk-o,risk,R,S1,2026-03-01T00:00:00Z,,open,,1000,USD,",),
    ),
    Case(  # closed on 04-10: what comes later cannot change the review
        "lost",
        [
            mail("lost-1", "03-02 10:00", b("lost"), SAM, "Our options"),
            mail("lost-2", "03-03 10:00", b("lost"), SAM, "Case study"),
            mail("lost-3", "04-20 10:00", b("lost", 2), SAM, "Board meeting"),
        ],
        [
            (
                """SELECT single_threaded, exec_never_engaged, buyer_silent_before_close, internal_steps_never_seen, validation_never_seen,
                    no_good_reason FROM mart_lost_deal_review WHERE opportunity_id = 'lost-o'""",
                [(True, True, True, True, False, True)],
            )
        ],
        deals=("lost-o,lost,L,S1,2026-03-01T00:00:00Z,2026-04-10T00:00:00Z,lost,no_decision,1000,USD,",),
    ),
    Case(  # a form among pages asks for what its job needs
        "form",
        [
            segment("form-1", "page", "03-02 10:00", userId="u-form", path="/pricing"),
            segment("form-2", "track", "03-02 10:02", userId="u-form", event="Form Submitted"),
        ],
        [
            (touches("form", "interaction_kind, buying_job"), [("session", "supplier_selection")]),
            (
                "SELECT needed_asset_type, ask_count, outcome FROM fact_enablement_need WHERE account_id = 'form'",
                [("competition_sheet", 1, "late")],
            ),
        ],
    ),
    Case(  # written to nobody by name: the owner's question
        "nobody",
        [
            mail("nobody-1", "03-02 10:00", b("nobody"), "sales@vendor.example", "Our options"),
            mail("nobody-2", "03-02 12:00", SAM, b("nobody"), "Re: Our options", answers("nobody-1")),
        ],
        [
            (
                "SELECT seller_id, response_business_seconds, answered_by_colleague FROM fact_response WHERE account_id = 'nobody'",
                [("S1", 7200, False)],
            ),
            (lifetime("nobody", "response_rate, response_rate_den"), [(1.0, 1)]),
        ],
    ),
    Case(  # two customers in one meeting: whom the other one brought explains no return of this one
        "joint",
        [
            mail("joint-1", "03-02 10:00", b("joint"), SAM, "Our options"),
            mail("joint-2", "03-02 12:00", b("joint"), SAM, "Requirements list"),
            *zoom("joint", "881", *((one, "03-03 10:00", "03-03 11:00") for one in (SAM, b("joint"), b("joint_b")))),
            ics(
                "joint",
                "20260303T100000Z",
                "20260303T110000Z",
                SAM,
                [b("joint"), b("joint_b")],
                "SUMMARY:Demo",
                "LOCATION:https://zoom.us/j/881",
            ),
        ],
        [
            (
                """SELECT account_id, revisited_job, path, trigger_type FROM fact_loop
                WHERE account_id IN ('joint', 'joint_b') AND journey_scope = 'account'""",
                [("joint", "solution_exploration", "RB", "buyer_initiated")],
            ),
            (
                """SELECT account_id, variant FROM mart_journey_summary WHERE account_id IN ('joint', 'joint_b')
                AND journey_scope = 'account' ORDER BY 1""",
                [("joint", "SE>RB>SE"), ("joint_b", "SE")],
            ),
        ],
        accounts=("joint_b",),
    ),
    Case(
        "quality",
        [mail("quality-1", "03-02 10:00", "someone@elsewhere-unknown.example", SAM, "Unknown sender")],
        [
            (
                """SELECT t.account_id, t.account_resolution, p.person_rule_id, p.side FROM fact_touchpoint t
             JOIN fact_touchpoint_participant p USING (touchpoint_id)
             WHERE t.subject_text = 'Unknown sender' AND participation_role = 'actor'""",
                [(None, "unresolved", "R6", "unknown")],
            )
        ],
    ),
]


def table(header: str, rows: list[str]) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def directory() -> list[File]:
    """A buyer group of two in each account, their accounts known to each system; S1 owns every account."""
    names = [name for case in CASES for name in (case.name, *case.accounts)]
    people = [
        "S1,seller,Sam,sam@vendor.example,,,AE,,west,UTC,slack:U0SAM",
        "S2,seller,Dana,dana@vendor.example,,,AE,,east,America/New_York,",
    ]
    for name in names:
        people.append(f"{name}-b1,buyer,One,b1@{name}.example,,{name},,,,,slack:U-{name}-b1;segment:u-{name}")
        people.append(f"{name}-b2,buyer,Two,b2@{name}.example,,{name},,,,,")
    people += [row for case in CASES for row in case.people]
    return [
        (
            "crm/accounts.csv",
            table("account_id,name,domains,owner_seller_id,country", [f"{n},{n},{n}.example,S1,US" for n in names]),
        ),
        (
            "crm/people.csv",
            table(
                "person_id,side,full_name,emails,phones,account_id,title,is_executive,team_id,timezone,external_ids",
                people,
            ),
        ),
        (
            "crm/assignments.csv",
            table(
                "account_id,seller_id,role,valid_from,valid_to", [f"{n},S1,owner,2026-03-01T00:00:00Z," for n in names]
            ),
        ),
        (
            "crm/assets.csv",
            table(
                "asset_id,asset_type,name,url,filename",
                ["versus,competition_sheet,V,https://assets.vendor.example/versus,"],
            ),
        ),
        (
            "crm/opportunities.csv",
            table(
                "opportunity_id,account_id,name,owner_seller_id,opened_at,closed_at,status,loss_reason,amount,currency,stage",
                [row for case in CASES for row in case.deals],
            ),
        ),
        (
            "crm/buying_group.csv",
            table(
                "opportunity_id,person_id,buyer_role,valid_from,valid_to",
                [row for case in CASES for row in case.members],
            ),
        ),
    ]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    root: Path = tmp_path_factory.mktemp("conformance")
    (root / "touchloop.toml").write_text('[identity]\ncompany_domains = ["vendor.example"]\n')
    put(root, directory())
    put(root, [file for case in CASES for file in case.files])
    increment(root, AS_OF)
    with snapshot(root, published=False) as connection:
        yield connection


def test_the_inputs_are_sound(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Nothing was rejected and everything adds up, so that a scenario fails for what it is about."""
    conservation(warehouse)
    assert warehouse.execute("SELECT source, reason_code, detail FROM rejected_record").fetchall() == []
    names = [name for name, _ in directory()]
    assert all(len(list(csv.reader(io.StringIO(data.decode())))) > 1 for _, data in directory()), names


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_scenario(warehouse: duckdb.DuckDBPyConnection, case: Case) -> None:
    """The figures are the ones worked out by hand."""
    for question, expected in case.asks:
        assert warehouse.execute(question).fetchall() == expected, question
