"""Direction, minutes, counts and engagement of a touchpoint, from the sides of its people (semantics 0, 1.1)."""

from __future__ import annotations

import re

import msgspec

from transforms.crm.directory import Directory
from transforms.folding.common import OURS, PARTNER, Draft, Seat
from transforms.normal import is_machine, machine_pattern, registrable_domain
from transforms.settings import Identity
from transforms.touchpoint import Participant

EMAIL_WRITE_MINUTES = 5.0
EMAIL_READ_MINUTES = 2.5
"""Dynamics' published estimates."""
DIRECTIONS = frozenset({"inbound", "outbound", "mutual", "self_serve"})
_ROLE_RANK = {role: rank for rank, role in enumerate(("actor", "organizer", "viewer", "to", "required", "attendee"))}


class OurNames(msgspec.Struct, frozen=True):
    """What tells our machines from people, ready for look-ups."""

    domains: frozenset[str]
    """Our registrable domains."""
    machines: re.Pattern[str]
    """Local parts of addresses that no human writes from."""

    @staticmethod
    def of(identity: Identity) -> OurNames:
        domains = frozenset(registrable_domain(one) or one.strip().lower() for one in identity.company_domains)
        return OurNames(domains, machine_pattern(identity.system_localparts, identity.likely_system_localparts))


def set_direction(draft: Draft, names: OurNames) -> None:
    """``is_internal``, ``is_automated``, ``direction`` and the actor's columns."""
    row = draft.row
    row.is_internal = OURS.issuperset([seat.side for seat in draft.seats])
    actor = draft.actor
    if actor is not None:
        row.actor_party_id, row.actor_side = actor.party.party_id, actor.side
        if not draft.is_live:  # who meets are people, whatever address had it booked
            row.is_automated = row.is_automated or actor.side == "system" or _is_robot(actor, names)
    row.direction = _direction(draft, names)


def _is_robot(seat: Seat, names: OurNames) -> bool:
    """Our own no-reply address: by its domain it is on the seller's side (P2 before P4), but nobody writes from it."""
    party = seat.party
    if party.person_id is not None or party.identifier_type != "email" or party.identifier is None:
        return False
    return is_machine(party.identifier, names.machines)


def _direction(draft: Draft, names: OurNames) -> str:
    row, actor = draft.row, draft.actor
    if draft.is_live and row.status == "held":
        return "mutual"  # whoever called, both sides were in it
    if draft.stated_direction in DIRECTIONS:
        return draft.stated_direction
    if draft.is_live:
        return "mutual"
    if row.channel == "app":
        return "outbound" if actor is not None and actor.side in OURS else "self_serve"
    if actor is None:
        return "outbound" if any(seat.side not in OURS for seat in draft.seats) else "inbound"
    if actor.side == "system":
        return "outbound" if _is_our_system(actor, names, row.channel) else "inbound"
    if actor.side == PARTNER and any(seat.side == "buyer" for seat in draft.seats):
        return "outbound"  # said to the customer, or before them: nothing that the customer did
    return "outbound" if actor.side == "seller" else "inbound"


def _is_our_system(seat: Seat, names: OurNames, channel: str) -> bool:
    """A bot without an address speaks for us; an automatic sender with one does if its domain is ours.

    A chat's bot has its vendor's address, and speaks for us unless that is a customer's.
    """
    party = seat.party
    if channel == "chat" and party.account_id is None and not party.domain_accounts:
        return True
    if party.identifier_type != "email" or party.identifier is None:
        return True
    return registrable_domain(party.identifier.rpartition("@")[2]) in names.domains


def set_minutes(draft: Draft, chat_minutes: float) -> None:
    """Participant counts and minutes: customer time once however many attended, ours for each of us.

    ``chat_minutes`` is the time that one message of a chat takes either side (``Folding.chat_minutes_per_message``).
    """
    row = draft.row
    present = [seat for seat in draft.seats if seat.attended] if draft.is_live else draft.seats
    sides = [seat.side for seat in present]
    buyers, sellers = sides.count("buyer"), sides.count("seller")
    row.buyer_participant_count, row.seller_participant_count = buyers, sellers
    if row.status != "held" or row.is_voided:
        return
    author = draft.actor.side if draft.actor is not None else None
    if draft.is_live:
        # how long a thing took of which only the days are known, nobody has said
        minutes = (row.duration_seconds or 0) / 60 if row.time_quality != "date_only" else 0.0
        row.buyer_minutes = minutes if buyers else 0.0
        row.seller_minutes = minutes * sellers
    elif row.channel == "app":
        minutes = (row.duration_seconds or 0) / 60
        row.buyer_minutes = 0.0 if author in OURS else minutes
        row.seller_minutes = minutes if author == "seller" else 0.0
    elif row.channel == "email":
        row.buyer_minutes = _email_minutes(author == "buyer", min(buyers, 1))
        row.seller_minutes = _email_minutes(author == "seller", sellers)
    else:
        row.buyer_minutes = chat_minutes * row.message_count if buyers else 0.0
        row.seller_minutes = chat_minutes * row.message_count if sellers else 0.0


def _email_minutes(has_written: bool, readers: int) -> float:
    return EMAIL_WRITE_MINUTES if has_written else EMAIL_READ_MINUTES * readers


def is_engaged(draft: Draft, seat: Seat) -> bool:
    """A buyer who acted in an inbound or self-serve one, or attended a mutual one; a recipient is only reached."""
    row = draft.row
    if seat.side != "buyer" or row.status != "held" or row.is_voided or row.is_automated:
        return False
    if row.direction == "mutual":
        return bool(seat.attended)
    if row.direction not in ("inbound", "self_serve"):
        return False
    # all authors of a burst or a mail wrote it; the first is its actor
    return seat is draft.actor or (seat.role in ("actor", "attendee") and not draft.is_live)


def participants(draft: Draft, directory: Directory) -> list[Participant]:
    """Rows of ``fact_touchpoint_participant``, who acted first; buyer roles as of the touchpoint."""
    row = draft.row
    found = []
    # the people of a mail in the order in which it names them
    seats = sorted(draft.seats, key=_role_rank if row.channel == "email" else _seat_order)
    touchpoint_id, deal = row.touchpoint_id, row.opportunity_id
    for number, seat in enumerate(seats, start=1):
        party = seat.party
        roles: list[str] = []
        if deal is not None and party.person_id is not None:
            roles = directory.roles_of(deal, party.person_id, row.occurred_at)
        found.append(
            Participant(
                touchpoint_id=touchpoint_id,
                participant_seq=number,
                party_id=party.party_id,
                person_id=party.person_id,
                side=seat.side,
                identifier_type=party.identifier_type,
                identifier_hash=party.identifier_hash,
                participation_role=seat.role,
                attended=seat.attended,
                joined_at=seat.joined_at,
                left_at=seat.left_at,
                attended_seconds=seat.attended_seconds,
                is_engaged=is_engaged(draft, seat),
                buyer_roles=roles,
                is_executive=party.is_executive,
                person_rule_id=party.rule_id,
                home_account_id=_home(seat),
            )
        )
    return found


def _home(seat: Seat) -> str | None:
    """Where an outside person works: by the directory, else by a domain of one account."""
    if seat.side in OURS:
        return None
    party = seat.party
    return party.account_id or (party.domain_accounts[0] if len(party.domain_accounts) == 1 else None)


def _role_rank(seat: Seat) -> int:
    return _ROLE_RANK.get(seat.role, len(_ROLE_RANK))


def _seat_order(seat: Seat) -> tuple[int, str]:
    return _role_rank(seat), seat.party.party_id
