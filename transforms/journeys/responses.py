"""Wait episodes (semantics 5.3, M8): from a buyer's first unanswered message to the first answer by one of us."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from transforms.journey_rows import Response
from transforms.journeys.business_time import BusinessCalendar
from transforms.journeys.reach import Participants, addressed_seller, is_answer, reached_parties, sellers_in
from transforms.times import SECOND
from transforms.touchpoint import Touchpoint

ASK_CHANNELS = frozenset({"email", "chat"})


class _Episode(msgspec.Struct):
    ask: Touchpoint
    ask_count: int = 1
    answer: Touchpoint | None = None


def wait_episodes(
    rows: Sequence[Touchpoint],
    participants: Participants,
    calendar_of: Callable[[str | None], BusinessCalendar],
    horizon_seconds: float,
    as_of: int,
) -> list[Response]:
    """One response per wait episode, in the order of the questions.

    ``rows`` are all countable touchpoints of one account, in order. An episode opens at the first unanswered inbound
    email or chat touchpoint of a thread that is not an acknowledgement; further asks in the thread only raise
    ``ask_count``. It closes at the first answer in the thread or, if earlier, at the first that reaches the asker
    anywhere. A message without a thread is its own. ``calendar_of`` gives the calendar of the addressed seller;
    ``horizon_seconds`` is in business time.
    """
    episodes: list[_Episode] = []
    open_threads: dict[str, _Episode] = {}
    waiting: dict[str, set[str]] = {}  # asker -> threads in which they wait
    for touchpoint in rows:
        thread = touchpoint.thread_id or f"touchpoint:{touchpoint.touchpoint_id}"
        if is_answer(touchpoint):
            answered = {thread} if thread in open_threads else set()
            for party in reached_parties(touchpoint, participants):
                answered |= waiting.pop(party, set())
            for name in answered:
                episode = open_threads.pop(name)
                episode.answer = touchpoint
                waiting.get(episode.ask.actor_party_id or "", set()).discard(name)
        elif is_ask(touchpoint):
            if thread in open_threads:
                open_threads[thread].ask_count += 1
                continue
            episode = open_threads[thread] = _Episode(touchpoint)
            episodes.append(episode)
            if touchpoint.actor_party_id:
                waiting.setdefault(touchpoint.actor_party_id, set()).add(thread)
    return [_response(episode, participants, calendar_of, horizon_seconds, as_of) for episode in episodes]


def is_ask(touchpoint: Touchpoint) -> bool:
    """A buyer's message that waits for an answer; takes for granted that it is countable."""
    return touchpoint.direction == "inbound" and touchpoint.channel in ASK_CHANNELS and not touchpoint.is_ack


def _response(
    episode: _Episode,
    participants: Participants,
    calendar_of: Callable[[str | None], BusinessCalendar],
    horizon_seconds: float,
    as_of: int,
) -> Response:
    """The row of an episode.

    ``is_due`` compares business time with the horizon, not ``as_of`` with ``due_at``: in the night after a horizon
    that ends with the working day an answer would still be in time, and a verdict once given must not change.
    """
    ask, answer = episode.ask, episode.answer
    seller = addressed_seller(ask, participants)
    calendar = calendar_of(seller)
    asked_at = ask.occurred_at
    waited = calendar.business_seconds(asked_at, as_of)
    is_due = waited > horizon_seconds
    taken = None if answer is None else calendar.business_seconds(asked_at, answer.occurred_at)
    answerers = set() if answer is None else sellers_in(answer, participants)
    within = taken <= horizon_seconds if taken is not None else (False if is_due else None)
    return Response(
        ask_touchpoint_id=ask.touchpoint_id,
        account_id=ask.account_id or "",
        opportunity_id=ask.opportunity_id,
        seller_id=seller,
        ask_channel=ask.channel,
        asked_at=asked_at,
        answer_touchpoint_id=answer.touchpoint_id if answer else None,
        answer_channel=answer.channel if answer else None,
        response_business_seconds=taken,
        is_within_horizon=within,
        thread_id=ask.thread_id,
        asker_party_id=ask.actor_party_id,
        ask_count=episode.ask_count,
        answered_at=answer.occurred_at if answer else None,
        response_calendar_seconds=(answer.occurred_at - asked_at) // SECOND if answer else None,
        is_cross_channel=answer.channel != ask.channel if answer else None,
        answered_by_colleague=seller not in answerers if answerers and seller else None,
        due_at=calendar.add_business_seconds(asked_at, horizon_seconds),
        is_due=is_due,
        waiting_business_seconds=waited if answer is None else None,
        calendar_id=calendar.calendar_id,
    )
