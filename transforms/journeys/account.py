"""Everything that one account's touchpoints give: its journeys, wait episodes, follow-ups and needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from transforms.journey_rows import AccountRows, JourneyRows
from transforms.journeys.business_time import SellerCalendars
from transforms.journeys.followups import followups
from transforms.journeys.needs import NOTHING_VIEWED, Viewed, needs
from transforms.journeys.ordering import ordered
from transforms.journeys.reach import OURS
from transforms.journeys.responses import wait_episodes
from transforms.journeys.sessions import build_journey
from transforms.settings import Settings
from transforms.times import HOUR, SECOND, micros
from transforms.touchpoint import Participant, Touchpoint


class AccountContext(msgspec.Struct, kw_only=True):
    """What an account's history is read against; the same for every account of a run."""

    settings: Settings
    as_of: int
    calendars: SellerCalendars
    job_assets: Mapping[str, str]
    """Buying job to the asset type that a question in it asks for."""
    tag_assets: Mapping[str, str]
    """Rule tag to the asset type that it asks for."""
    closed_at: Mapping[str, int] = {}
    """Closing time of every opportunity that is won or lost."""
    accounts_of_people: Mapping[str, set[str]] = {}
    """Accounts of the directory that a person belongs to: the person's own, and those of deals whose buying group they are in."""


def build_account(
    account_id: str,
    touchpoints: Iterable[Touchpoint],
    participants: Mapping[str, Sequence[Participant]],
    context: AccountContext,
    viewed: Viewed = NOTHING_VIEWED,
) -> AccountRows:
    """Rebuild one account whole: a journey in account scope and one per opportunity, responses, follow-ups and needs.

    ``touchpoints`` are all of the account's, in any order; those that are not countable are left out.
    ``participants`` maps a touchpoint's id to its participants, ``viewed`` to the assets viewed in it. An account without a
    countable touchpoint gives no rows.
    """
    settings = context.settings
    rows = ordered(t for t in touchpoints if t.is_countable)
    result = AccountRows()
    if not rows:
        return result
    by_deal: dict[str, list[Touchpoint]] = {}
    for touchpoint in rows:
        if touchpoint.opportunity_id is not None:
            by_deal.setdefault(touchpoint.opportunity_id, []).append(touchpoint)
    own = _own_people(account_id, rows, participants, context.accounts_of_people)
    unresolved = {t.touchpoint_id for t in rows if _has_unknown(participants.get(t.touchpoint_id, ()))}
    _add(result, build_journey("account", account_id, None, rows, own, settings.journeys, unresolved))
    for deal in sorted(by_deal):
        _add(result, build_journey("opportunity", account_id, deal, by_deal[deal], own, settings.journeys, unresolved))
    horizon = micros(settings.coverage.response_horizon_business_hours, HOUR) / SECOND
    result.responses = wait_episodes(rows, participants, context.calendars, horizon, context.as_of)
    result.followups = followups(rows, participants, context.calendars, horizon)
    result.needs = needs(
        rows,
        participants,
        context.calendars,
        settings.coverage,
        context.job_assets,
        context.tag_assets,
        context.closed_at,
        context.as_of,
        viewed,
    )
    return result


def _has_unknown(participants: Iterable[Participant]) -> bool:
    """Whether there is an outside party that nobody is known by, of whatever customer."""
    return any(one.person_id is None and one.side not in OURS for one in participants)


def _own_people(
    account_id: str,
    rows: Iterable[Touchpoint],
    participants: Mapping[str, Sequence[Participant]],
    accounts_of_people: Mapping[str, set[str]],
) -> dict[str, Sequence[Participant]]:
    """Participants by touchpoint: of a meeting with two customers, without the people of the other one."""
    own: dict[str, Sequence[Participant]] = {}
    for touchpoint in rows:
        here = participants.get(touchpoint.touchpoint_id, ())
        if touchpoint.direction == "mutual":
            here = [
                p
                for p in here
                if account_id in accounts_of_people.get(p.person_id or "", {p.home_account_id or account_id})
            ]
        own[touchpoint.touchpoint_id] = here
    return own


def _add(result: AccountRows, journey: JourneyRows) -> None:
    result.sessions += journey.sessions
    result.visits += journey.visits
    result.transitions += journey.transitions
    result.loops += journey.loops
    result.members += journey.members
    result.gaps += journey.gaps
    result.summaries.append(journey.summary)
