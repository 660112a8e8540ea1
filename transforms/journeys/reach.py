"""Who asked, whom an answer reached and whose clock runs: shared by wait episodes, follow-ups and needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from transforms.touchpoint import Participant, Touchpoint

OURS = frozenset({"seller", "system"})

Participants = Mapping[str, Sequence[Participant]]
"""Participants by touchpoint id."""


def is_answer(touchpoint: Touchpoint) -> bool:
    """A touchpoint in which a person of ours spoke; takes for granted that it is countable, so not automated.

    What a partner writes is none; in a live exchange we were, whoever called it.
    """
    return touchpoint.direction == "mutual" or (
        touchpoint.direction == "outbound" and touchpoint.actor_side != "partner"
    )


def reached_parties(touchpoint: Touchpoint, participants: Participants) -> set[str]:
    """Outside parties that an answer reached: the recipients of a message, those present in a live exchange."""
    here = participants.get(touchpoint.touchpoint_id, ())
    if touchpoint.direction == "mutual":
        return {p.party_id for p in here if p.side not in OURS and (p.attended or p.is_engaged)}
    return {p.party_id for p in here if p.side not in OURS and p.participation_role != "actor"}


def sellers_in(touchpoint: Touchpoint, participants: Participants) -> set[str]:
    """Sellers who gave an answer: all who wrote a message or a burst of them, those present in a live exchange."""
    here = participants.get(touchpoint.touchpoint_id, ())
    live = touchpoint.direction == "mutual"
    spoke = {
        p.party_id
        for p in here
        if p.side == "seller" and (p.attended if live else p.participation_role in ("actor", "attendee"))
    }
    if touchpoint.actor_side == "seller" and touchpoint.actor_party_id:
        spoke.add(touchpoint.actor_party_id)
    return spoke


def addressed_seller(touchpoint: Touchpoint, participants: Participants) -> str | None:
    """The seller to whom a buyer turned.

    Among the sellers in To the account's owner, else the first named; with no seller in To the account's owner; with
    no owner the first seller named at all. An address of ours that is nobody's, such as ``sales@``, is no seller.
    """
    here = sorted(participants.get(touchpoint.touchpoint_id, ()), key=lambda p: p.participant_seq)
    sellers = [p for p in here if p.side == "seller" and p.person_id and p.participation_role != "actor"]
    direct = [p.party_id for p in sellers if p.participation_role == "to"]
    owner = touchpoint.owner_seller_id
    if owner is not None and (owner in direct or not direct):
        return owner
    if direct:
        return direct[0]
    return sellers[0].party_id if sellers else None
