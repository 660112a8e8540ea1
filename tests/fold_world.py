"""A small company to fold events for: the people of semantics 4.7, a second customer, and makers of events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from transforms.crm.assets import AssetBook
from transforms.crm.directory import Directory
from transforms.crm.rows import Account, Asset, Assignment, Crm, GroupMember, Opportunity, Person
from transforms.event import Event, Party, Witness, event_id, hash_id
from transforms.folding.group import Folder
from transforms.jobs.rules import Rulebook
from transforms.settings import Identity, Settings
from transforms.times import MINUTE, from_datetime
from transforms.touchpoint import Folded, Participant, Touchpoint

SETTINGS = Settings(identity=Identity(company_domains=("ours.example",), partner_domains=("partner.example",)))


def at(text: str) -> int:
    """``03-02 09:10`` of 2026, UTC, to microseconds."""
    return from_datetime(datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC))


AS_OF = at("05-11 00:00")


def _person(person_id: str, domain: str, side: str, **fields: Any) -> Person:
    low = person_id.lower()
    return Person(
        person_id=person_id,
        side=side,
        emails=(f"email:{low}@{domain}",),
        external_ids=(f"external_id:slack:{person_id}", f"external_id:segment:{low}"),
        **fields,
    )


CRM = Crm(
    accounts=[
        Account(account_id="A1", domains=("acme.example",), owner_seller_id="S1"),
        Account(account_id="A2", domains=("beta.example",), owner_seller_id="S2"),
    ],
    people=[
        *(_person(one, "ours.example", "seller", team_id="T") for one in ("S1", "S2", "S3")),
        *(_person(one, "acme.example", "buyer", account_id="A1") for one in ("B1", "B2", "B4", "B5")),
        _person("B3", "acme.example", "buyer", account_id="A1", title="CFO"),
        _person("C1", "beta.example", "buyer", account_id="A2"),
    ],
    opportunities=[
        Opportunity(
            opportunity_id="O1",
            account_id="A1",
            owner_seller_id="S1",
            opened_at=at("03-02 00:00"),
            closed_at=at("05-11 00:00"),
            status="lost",
        )
    ],
    buying_group=[
        GroupMember(opportunity_id="O1", person_id="B1", buyer_role="champion"),
        GroupMember(opportunity_id="O1", person_id="B3", buyer_role="economic_buyer"),
    ],
    assignments=[Assignment(account_id="A1", seller_id="S1", role="owner")],
    assets=[
        Asset(asset_id="overview", asset_type="product_overview", url="https://ours.example/files/overview.pdf"),
        Asset(asset_id="versus", asset_type="competition_sheet", filename="comparison*.pdf"),
    ],
)
RULES = Rulebook.load()
DIRECTORY = Directory.build(CRM, SETTINGS.identity)
ASSETS = AssetBook.build(CRM.assets)


def folder(settings: Settings = SETTINGS, as_of: int = AS_OF, rules: Rulebook = RULES) -> Folder:
    return Folder(DIRECTORY, ASSETS, rules, settings, as_of)


def mail(name: str) -> str:
    """``S1`` to ``email:s1@ours.example``; whoever is no seller is Acme's, ``C…`` Beta's, and others as they stand."""
    if "@" in name or ":" in name:
        return name if ":" in name else f"email:{name}"
    domain = {"S": "ours.example", "C": "beta.example", "P": "partner.example"}.get(name[0], "acme.example")
    return f"email:{name.lower()}@{domain}"


def party(name: str, role: str, **fields: Any) -> Party:
    return Party((mail(name),), role, **fields)


def witness(event: Event, received_at: int | None = None, unit: str = "unit") -> Witness:
    seen = event.occurred_at + MINUTE if received_at is None else received_at
    return Witness(event_id(event), seen, unit, 0, hash_id(repr(event)), event)


def email(message_id: str, when: str, sender: str, to: Iterable[str], **fields: Any) -> Event:
    base: dict[str, Any] = {
        "source": "/email",
        "source_event_id": message_id,
        "message_id": message_id,
        "dedupe_key": f"email:{message_id}",
        "occurred_at": at(when),
        "parties": (party(sender, "actor"), *(party(one, "to") for one in to)),
    }
    return Event(family="email", **(base | fields))


def chat(part: str, when: str | int, author: str, conversation: str = "C1", **fields: Any) -> Event:
    source = fields.pop("source", "/slack/T1")
    base: dict[str, Any] = {
        "source": source,
        "source_event_id": f"{conversation}/{part}",
        "dedupe_key": f"chat:{source}/{conversation}/{part}",
        "conversation_id": conversation,
        "occurred_at": at(when) if isinstance(when, str) else when,
        "parties": (party(author, "actor"),),
        "first_line": f"line {part}",
        "has_question": False,
        "content_chars": 10,
    }
    return Event(family="chat", **(base | fields))


def page(number: str, when: str | int, ids: tuple[str, ...], path: str | None = "/home", **fields: Any) -> Event:
    source = fields.pop("source", "/segment")
    base: dict[str, Any] = {
        "source": source,
        "source_event_id": number,
        "dedupe_key": f"app:{source}/{number}",
        "conversation_id": ids[0] if ids else None,
        "occurred_at": at(when) if isinstance(when, str) else when,
        "page_path": path,
        "channel": "app",
        "parties": (Party(ids, "actor"),) if ids else (),
    }
    return Event(family="app", **(base | fields))


def plan(key: str, start: str, end: str, people: Iterable[str | Party], **fields: Any) -> Event:
    """A calendar entry; the first of ``people`` organises it."""
    first, *others = people
    base: dict[str, Any] = {
        "source": "/gcal",
        "source_event_id": key,
        "dedupe_key": f"meeting:{key}",
        "occurred_at": at(start),
        "ended_at": at(end),
        "channel": "video",
        "organizer": mail(first) if isinstance(first, str) else first.ids[0],
        "parties": (
            party(first, "organizer") if isinstance(first, str) else first,
            *(party(one, "required") if isinstance(one, str) else one for one in others),
        ),
    }
    return Event(family="schedule", **(base | fields))


def report(key: str, start: str, end: str, people: Iterable[Party], **fields: Any) -> Event:
    """A whole attendance report."""
    base: dict[str, Any] = {
        "source": "/zoom",
        "source_event_id": key,
        "dedupe_key": f"meeting:{key}",
        "occurred_at": at(start),
        "ended_at": at(end),
        "channel": "video",
        "parties": tuple(people),
    }
    return Event(family="attendance", **(base | fields))


def was(name: str, joined: str, left: str, role: str = "attendee") -> Party:
    return party(name, role, attended=True, joined_at=at(joined), left_at=at(left))


def fold(*events: Event, **options: Any) -> Folded:
    return folder(**options).fold([witness(event) for event in events])


def only(folded: Folded) -> Touchpoint:
    assert len(folded.touchpoints) == 1, [one.dedupe_key for one in folded.touchpoints]
    return folded.touchpoints[0]


def people(folded: Folded, touchpoint: Touchpoint) -> dict[str, Participant]:
    """Party id to row; provisional parties under ``?``."""
    rows = [row for row in folded.participants if row.touchpoint_id == touchpoint.touchpoint_id]
    return {row.person_id or "?": row for row in rows}


def rules_of(folded: Folded, touchpoint: Touchpoint) -> dict[str, int]:
    """How many events each rule joined to the touchpoint."""
    counts: dict[str, int] = {}
    for row in folded.events:
        if row.touchpoint_id == touchpoint.touchpoint_id:
            counts[row.rule_id] = counts.get(row.rule_id, 0) + 1
    return counts
