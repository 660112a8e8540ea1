"""``explain`` says in words what the tables say of a touchpoint."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from workspaces import example, increment, put, snapshot

from pipelines.explain import explain_touchpoint
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
    increment(root)
    with snapshot(root, published=False) as connection:
        found = connection.execute(
            "SELECT e.source_event_id, b.touchpoint_id FROM bridge_touchpoint_event b JOIN fact_event e USING (event_id)"
        ).fetchall()
    return {name: "\n".join(explain_touchpoint(Workspace(root).warehouse, touchpoint)) for name, touchpoint in found}


BUYER = "bea.winter@northfield.example"


def test_why_there_is_no_deal(told: dict[str, str]) -> None:
    """An account without a deal at that time is another reason than no account."""
    assert "Deal: none, the account had none at that time" in told["before"]
    assert "Deal: none, no account, so no deal" in told["nobody"]


def test_a_meeting_of_two_customers_names_both(told: dict[str, str]) -> None:
    """The primary account with its rule, and the one that it counts for as well."""
    assert "Account: A2, domain: A3, the domain of an address belongs to exactly one account" in told["both"]
    assert "it counts for A1 too" in told["both"]
    assert "too, whose people took part" not in told["before"]
