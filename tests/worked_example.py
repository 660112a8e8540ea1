"""The worked example of semantics 4.7: account A1, opportunity O1, touchpoints T01 to T12, and the late T13.

Ids are the example's own names (``T01``, ``B1``, ``S1``) instead of hashes, so that a failing test can be read.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from transforms.times import MINUTE, SECOND, from_datetime
from transforms.touchpoint import Participant, Touchpoint

ACCOUNT = "A1"
OPPORTUNITY = "O1"
SELLER = "S1"
BUYING_GROUP = {
    "B1": "champion",
    "B2": "technical_evaluator",
    "B3": "economic_buyer",
    "B4": "user",
    "B5": "blocker",
}
EXECUTIVES = {"B3"}
AMOUNT = 640_000


def at(text: str) -> int:
    """``03-02 09:10`` of the year 2026, or a whole ISO date and time, both UTC, to microseconds."""
    moment = datetime.fromisoformat(text if len(text) > 11 else f"2026-{text}").replace(tzinfo=UTC)
    return from_datetime(moment)


OPENED_AT = at("03-02 00:00")
CLOSED_AT = at("05-11 00:00")
JOB_ASSETS = {"solution_exploration": "product_overview", "supplier_selection": "pricing_proposal"}
TAG_ASSETS = {"competitor": "competition_sheet"}

PI, SE, RB, SS, VA, CC = (
    "problem_identification",
    "solution_exploration",
    "requirements_building",
    "supplier_selection",
    "validation",
    "consensus_creation",
)
CONFIDENCE = {"explicit": 1.0, "asset": 0.9, "page": 0.8, "kind": 0.7, "subject": 0.6, "thread": 0.5}
MEDIUM = {"app": "web_app", "email": "email", "chat": "web_chat", "video": "video_call", "in_person": "onsite_visit"}
MODALITY = {"app": "digital_self_serve", "in_person": "in_person"}


def touchpoint(
    touchpoint_id: str,
    start: str | int,
    end: str | int | None = None,
    *,
    channel: str = "email",
    direction: str = "inbound",
    job: str = "unclassified",
    **fields: Any,
) -> Touchpoint:
    """A countable touchpoint of A1 and O1; ``start`` and ``end`` as ``at`` reads them, or microseconds."""
    occurred_at = at(start) if isinstance(start, str) else start
    ended_at = occurred_at if end is None else at(end) if isinstance(end, str) else end
    defaults: dict[str, Any] = {
        "source": f"/{channel}/example",
        "source_event_id": touchpoint_id,
        "dedupe_key": f"src:/{channel}/example/{touchpoint_id}",
        "event_type": f"com.example.engagement.{channel}.{fields.get('interaction_kind', 'message')}.v1",
        "schema_version": "1.0.0",
        "received_at": ended_at + MINUTE,
        "medium": MEDIUM[channel],
        "modality": MODALITY.get(channel, "remote_human"),
        "interaction_kind": "message",
        "status": "held",
        "actor_party_id": SELLER if direction == "outbound" else "B1",
        "actor_side": "seller" if direction == "outbound" else "buyer",
        "owner_seller_id": SELLER,
        "account_id": ACCOUNT,
        "account_resolution": "person",
        "opportunity_id": OPPORTUNITY,
        "opportunity_resolution": "group_member",
        "buying_job": job,
        "is_countable": True,
        "raw_ref": f"example#{touchpoint_id}",
    }
    return Touchpoint(
        touchpoint_id=touchpoint_id,
        occurred_at=occurred_at,
        ended_at=ended_at,
        channel=channel,
        direction=direction,
        **(defaults | fields),
    )


def participant(touchpoint_id: str, seq: int, party: str, role: str, **fields: Any) -> Participant:
    """``B…`` is a buyer, ``S…`` a seller, ``u:…`` a buyer whom nobody knows."""
    seller = party.startswith("S")
    defaults: dict[str, Any] = {
        "person_id": None if party.startswith("u:") else party,
        "side": "seller" if seller else "buyer",
        "identifier_type": "email",
        "buyer_roles": [BUYING_GROUP[party]] if party in BUYING_GROUP else [],
        "is_executive": party in EXECUTIVES,
        "person_rule_id": "R6" if party.startswith("u:") else "R2",
    }
    return Participant(
        touchpoint_id=touchpoint_id,
        participant_seq=seq,
        party_id=party,
        participation_role=role,
        **(defaults | fields),
    )


def _app(touchpoint_id: str, start: str, end: str, who: str, job: str, page: str) -> Touchpoint:
    duration = (at(end) - at(start)) // SECOND
    return touchpoint(
        touchpoint_id, start, end, channel="app", direction="self_serve", job=job, interaction_kind="session",
        actor_party_id=who, page_path=page, duration_seconds=duration, buyer_minutes=duration / 60,
        buyer_participant_count=1, buying_job_basis=page, buying_job_confidence=CONFIDENCE["page"],
        buying_job_rule_id="page.example", native_session_id=f"web-{touchpoint_id}",
    )  # fmt: skip


def _message(
    touchpoint_id: str, start: str, who: str, thread: str, job: str, tier: str | None, *, end: str | None = None,
    channel: str = "email", parent: str | None = None, asset: str | None = None, messages: int = 1,
    dart: tuple[str, ...] = (), **fields: Any,
) -> Touchpoint:  # fmt: skip
    inbound = who != SELLER
    wrote, read = (messages * 1.0, messages * 1.0) if channel == "chat" else (5.0, 2.5)
    return touchpoint(
        touchpoint_id, start, end, channel=channel, direction="inbound" if inbound else "outbound", job=job,
        interaction_kind="reply" if parent else "message", actor_party_id=who, thread_id=thread, in_reply_to=parent,
        is_reply=parent is not None, is_question=bool(fields.pop("question", False)), message_count=messages,
        asset_id=f"asset-{asset}" if asset else None, asset_type=asset, asset_types=[asset] if asset else [],
        buying_job_basis=tier, buying_job_confidence=CONFIDENCE.get(tier or ""),
        buying_job_rule_id=f"{tier}.example" if tier else None, dart_dimensions=list(dart),
        buyer_participant_count=1, seller_participant_count=1,
        buyer_minutes=wrote if inbound else read, seller_minutes=read if inbound else wrote, **fields,
    )  # fmt: skip


def _meeting(
    touchpoint_id: str, start: str, end: str, buyers: int, channel: str, kind: str, job: str, title: str,
    dart: tuple[str, ...],
) -> Touchpoint:  # fmt: skip
    duration = (at(end) - at(start)) // SECOND
    return touchpoint(
        touchpoint_id, start, end, channel=channel, direction="mutual", job=job, interaction_kind=kind,
        actor_party_id=SELLER, actor_side="seller", subject_text=title, duration_seconds=duration,
        buyer_minutes=duration / 60, seller_minutes=duration / 60, buyer_participant_count=buyers,
        seller_participant_count=1, buying_job_basis=kind, buying_job_confidence=CONFIDENCE["kind"],
        buying_job_rule_id="kind.example", dart_dimensions=list(dart),
    )  # fmt: skip


def touchpoints() -> list[Touchpoint]:
    """T01 to T12, freshly made."""
    return [
        _app("T01", "03-02 09:10", "03-02 09:22", "B1", PI, "/cost-of-delay"),
        _message("T02", "03-02 11:00", "B1", "th1", SE, "subject", question=True, subject_text="What are our options?"),
        _message("T03", "03-02 15:30", SELLER, "th1", SE, "asset", parent="T02", asset="product_overview",
                 dart=("dialogue",), subject_text="Re: What are our options?"),
        _meeting("T04", "03-05 14:00", "03-05 15:00", 2, "video", "demo", SE, "Demo", ("dialogue", "access")),
        _message("T05", "03-06 16:30", "B2", "th2", SS, "subject", end="03-06 16:34", channel="chat", messages=3,
                 question=True, tags=["competitor"]),
        _message("T06", "03-09 09:30", SELLER, "th2", SS, "thread", end="03-09 09:31", channel="chat", messages=2,
                 parent="T05", dart=("dialogue",)),
        _meeting("T07", "03-11 10:00", "03-11 12:00", 2, "in_person", "workshop", RB, "Workshop",
                 ("dialogue", "access")),
        _message("T08", "03-12 13:00", "B1", "th3", SS, "subject", question=True, tags=["competitor"],
                 subject_text="Comparison in writing?"),
        _message("T09", "03-31 10:00", SELLER, "th3", SS, "asset", parent="T08", asset="competition_sheet",
                 dart=("dialogue", "transparency"), subject_text="Re: Comparison in writing?"),
        _meeting("T10", "04-01 10:00", "04-01 10:45", 2, "video", "meeting", CC, "Business case", ("dialogue",)),
        _app("T11", "04-07 08:45", "04-07 09:05", "B2", RB, "/docs/integration"),
        _message("T12", "04-09 15:00", "B1", "th4", "unclassified", None, is_ack=True, tags=["ack"],
                 subject_text="Thanks, back to you next week"),
    ]  # fmt: skip


def late_touchpoint() -> Touchpoint:
    """T13: a chat of 03-24 that arrives on 04-20."""
    return _message(
        "T13",
        "03-24 12:00",
        "B1",
        "th5",
        "unclassified",
        None,
        channel="chat",
        received_at=at("04-20 00:00"),
        is_late=True,
    )


def participants() -> dict[str, list[Participant]]:
    """Participants of T01 to T13 by touchpoint id."""
    present = {"T04": ("B1", "B2"), "T07": ("B1", "B2"), "T10": ("B1", "B3")}
    recipients = {"T03": "B1", "T06": "B2", "T09": "B1"}
    result: dict[str, list[Participant]] = {}
    for one in [*touchpoints(), late_touchpoint()]:
        name = one.touchpoint_id
        if name in present:
            everybody = [("organizer", SELLER), *(("required", buyer) for buyer in present[name])]
            result[name] = [
                participant(
                    name, seq, who, role, attended=True, joined_at=one.occurred_at, left_at=one.ended_at,
                    attended_seconds=one.duration_seconds, is_engaged=who != SELLER,
                )
                for seq, (role, who) in enumerate(everybody, start=1)
            ]  # fmt: skip
            continue
        assert one.actor_party_id is not None
        result[name] = [participant(name, 0, one.actor_party_id, "actor", is_engaged=one.actor_party_id != SELLER)]
        if one.direction != "self_serve":
            result[name].append(participant(name, 1, recipients.get(name, SELLER), "to"))
    return result
