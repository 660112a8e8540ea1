"""``explain`` says in words what the tables say of a touchpoint."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from workspaces import example, increment, put, snapshot

from pipelines.cli.explain import explain_touchpoint
from pipelines.workspace import Workspace


def meeting(name: str, day: str, *guests: str) -> tuple[str, bytes]:
    """A Google Calendar entry at a customer's place: who was invited is taken to have come."""
    entry = {
        "kind": "calendar#event", "id": name, "iCalUID": f"{name}@google.com", "status": "confirmed", "summary": "Review",
        "created": "2026-01-02T08:00:00Z", "updated": "2026-01-02T08:00:00Z", "location": "Works canteen, 1 Mill Road",
        "organizer": {"email": "sam@vendor.example"}, "start": {"dateTime": f"{day}T10:00:00Z"}, "end": {"dateTime": f"{day}T11:00:00Z"},
        "attendees": [{"email": guest, "responseStatus": "accepted"} for guest in ("sam@vendor.example", *guests)],
    }  # fmt: skip
    return f"google_calendar/{name}.json", json.dumps(entry).encode()


@pytest.fixture
def told(tmp_path: Path) -> dict[str, str]:
    """By calendar entry, what explain says of it, in one text."""
    root = example(tmp_path)
    crm = root / "inbox" / "crm"
    with (crm / "accounts.csv").open("a") as accounts:
        accounts.write("A2,Second,second.example,S1,DE\n")
    put(root, [meeting("before", "2026-01-10", "b@second.example"), meeting("both", "2026-03-20", "x@second.example", "y@second.example", BUYER),
               meeting("nobody", "2026-03-21", "who@stranger.example")])  # fmt: skip
    return told_of(root)


BUYER = "bea.winter@northfield.example"


def test_why_there_is_no_deal(told: dict[str, str]) -> None:
    """An account without a deal at that time is another reason than no account."""
    assert "Deal: none, the account had none that was open then or opened soon after" in told["before"]
    assert "Deal: none, no account, so no deal" in told["nobody"]


def test_a_meeting_of_two_customers_names_both(told: dict[str, str]) -> None:
    """The primary account with its rule, and the one that it counts for as well."""
    assert "Account: A2, domain: A3, the domain of an address belongs to exactly one account" in told["both"]
    assert "it is of A1 too" in told["both"]
    assert "whose people are among those named" not in told["before"]


def mail(name: str, sender: str, recipient: str, subject: str, at: str, *headers: str) -> tuple[str, bytes]:
    lines = (
        f"Message-ID: <{name}@mail.example>",
        f"Date: {at}",
        f"From: {sender}",
        f"To: {recipient}",
        f"Subject: {subject}",
        *headers,
    )
    return f"email/{name}.eml", "\n".join((*lines, "", "Hello.\n")).encode()


def told_of(root: Path) -> dict[str, str]:
    """By native id of a witness, what explain says of its touchpoint."""
    increment(root)
    with snapshot(root, published=False) as connection:
        found = connection.execute(
            "SELECT e.source_event_id, b.touchpoint_id FROM bridge_touchpoint_event b JOIN fact_event e USING (event_id)"
        ).fetchall()
    return {name: "\n".join(explain_touchpoint(Workspace(root).warehouse, touchpoint)) for name, touchpoint in found}


def test_a_domain_of_several_accounts_is_told_as_what_came_of_it(tmp_path: Path) -> None:
    """Where the thread settles it, and where nothing does."""
    root = example(tmp_path)
    with (root / "inbox" / "crm" / "accounts.csv").open("a") as accounts:
        accounts.write("A2,North,twin.example,S1,US\nA3,South,twin.example,S1,US\n")
    with (root / "inbox" / "crm" / "people.csv").open("a") as people:
        people.write("T1,buyer,Tia Twin,tia@twin.example,,A2,Buyer,false,,,\n")
    day = "Tue, 03 Mar 2026 {}:00:00 +0000"
    put(root, [mail("asked", "tia@twin.example", "sam.reyes@vendor.example", "Hello", day.format(10)),
               mail("joined", "xan@twin.example", "sam.reyes@vendor.example", "Re: Hello", day.format(11), "In-Reply-To: <asked@mail.example>"),
               mail("alone", "xan@twin.example", "sam.reyes@vendor.example", "Hi", day.format(12))])  # fmt: skip
    told = told_of(root)
    assert (
        "Account: A2, domain: A4, the domain belongs to several accounts, and others in its thread"
        in told["joined@mail.example"]
    )
    assert (
        "Account: none, conflict: A4, the domain belongs to several accounts, and nothing else in the message"
        in told["alone@mail.example"]
    )
    assert "Buying job: unclassified, no rule found evidence" in told["alone@mail.example"]


def test_outreach_that_was_answered_is_not_called_unanswered(tmp_path: Path) -> None:
    """It lies before the session that its answer opens, and so in none."""
    root = example(tmp_path)
    put(root, [mail("cold", "sam.reyes@vendor.example", "bea.winter@northfield.example", "Lunch", "Tue, 03 Mar 2026 10:00:00 +0000"),
               mail("yes", "bea.winter@northfield.example", "sam.reyes@vendor.example", "Re: Lunch", "Tue, 03 Mar 2026 11:00:00 +0000",
                    "In-Reply-To: <cold@mail.example>")])  # fmt: skip
    told = told_of(root)["cold@mail.example"]
    assert "Journey of account A1: no session: outreach outside of all, no visit of a job" in told


def test_rules_that_tie_are_named(tmp_path: Path) -> None:
    root = example(tmp_path)
    (root / "rules.yaml").write_text(
        "- {id: mine.goat, job: validation, tier: subject, priority: 500, when: {subject_regex: goat}}\n"
        "- {id: mine.hare, job: supplier_selection, tier: subject, priority: 500, when: {subject_regex: hare}}\n"
    )
    toml = root / "touchloop.toml"
    toml.write_text('rules = "rules.yaml"\n' + toml.read_text())
    put(root, [mail("tie", BUYER, "sam.reyes@vendor.example", "goat and hare", "Tue, 03 Mar 2026 10:00:00 +0000")])
    told = told_of(root)["tie@mail.example"]
    assert "Buying job: unclassified, rules of equal priority name different jobs: mine.goat, mine.hare" in told
