"""Whether what a buyer began was taken up (semantics 5.2, M2 and M2b): on the same channel, and on any."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

from transforms.journey_rows import FollowUp
from transforms.journeys.business_time import BusinessCalendar
from transforms.journeys.reach import Participants, addressed_seller, is_answer, reached_parties
from transforms.touchpoint import Touchpoint

ANY_CHANNEL = ""


def followups(
    rows: Sequence[Touchpoint],
    participants: Participants,
    calendar_of: Callable[[str | None], BusinessCalendar],
    horizon_seconds: float,
) -> list[FollowUp]:
    """One row per buyer-initiated touchpoint that is no acknowledgement, in order.

    ``rows`` are all countable touchpoints of one account, in order. An answer is the first later outbound or mutual
    touchpoint that reaches the same person; it counts if no more than ``horizon_seconds`` of the addressed seller's
    business time have passed.
    """
    reached: dict[tuple[str, str], list[int]] = {}  # (party, channel) -> positions in rows, ascending
    for position, touchpoint in enumerate(rows):
        if is_answer(touchpoint):
            for person in reached_parties(touchpoint, participants):
                reached.setdefault((person, touchpoint.channel), []).append(position)
                reached.setdefault((person, ANY_CHANNEL), []).append(position)

    def next_reach(party: str | None, channel: str, position: int) -> Touchpoint | None:
        if party is None:
            return None
        positions = reached.get((party, channel), [])
        index = bisect_right(positions, position)
        return rows[positions[index]] if index < len(positions) else None

    result = []
    for position, touchpoint in enumerate(rows):
        if touchpoint.direction not in ("inbound", "self_serve") or touchpoint.is_ack:
            continue
        party = touchpoint.actor_party_id
        calendar = calendar_of(addressed_seller(touchpoint, participants))
        same = next_reach(party, touchpoint.channel, position)
        anywhere = next_reach(party, ANY_CHANNEL, position)
        same_seconds = calendar.business_seconds(touchpoint.occurred_at, same.occurred_at) if same else None
        any_seconds = calendar.business_seconds(touchpoint.occurred_at, anywhere.occurred_at) if anywhere else None
        result.append(
            FollowUp(
                touchpoint_id=touchpoint.touchpoint_id,
                account_id=touchpoint.account_id or "",
                opportunity_id=touchpoint.opportunity_id,
                channel=touchpoint.channel,
                occurred_at=touchpoint.occurred_at,
                party_id=party,
                same_channel_answer_id=same.touchpoint_id if same else None,
                same_channel_business_seconds=same_seconds,
                is_answered_same_channel=same_seconds is not None and same_seconds <= horizon_seconds,
                any_channel_answer_id=anywhere.touchpoint_id if anywhere else None,
                any_channel_business_seconds=any_seconds,
                is_followed_up=any_seconds is not None and any_seconds <= horizon_seconds,
                calendar_id=calendar.calendar_id,
            )
        )
    return result
