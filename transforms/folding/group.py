"""One folding group in, its touchpoints and everything that hangs on them out (semantics 1 to 3).

``Folder.fold`` is a function of the set of a group's events: neither their order nor their repetition changes a row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from copy import copy
from datetime import UTC

import msgspec

from transforms.channels import modality
from transforms.crm.assets import AssetBook
from transforms.crm.directory import Directory
from transforms.crm.erasure import is_stand_in
from transforms.crm.stages import StageBook
from transforms.event import Witness, hash_id
from transforms.folding.app import fold_apps
from transforms.folding.chat import at_home, fold_chats
from transforms.folding.common import Draft, Fact, Workbench, current_facts, order_key
from transforms.folding.deal import DealChooser
from transforms.folding.email import fold_emails
from transforms.folding.identity import PartyBook
from transforms.folding.internal_steps import plan_steps, reported_step
from transforms.folding.meeting import as_attended, fold_meetings
from transforms.folding.opportunity import OpportunityVerdict, is_candidate
from transforms.folding.people import (
    OurNames,
    participants,
    set_direction,
    set_minutes,
)
from transforms.folding.resolve import (
    AccountVerdict,
    Again,
    inherit_thread,
    resolve_account,
    settle_homes,
    settle_sides,
)
from transforms.folding.series import SeriesBook
from transforms.folding.visit import settle_visits
from transforms.folding.words import Labeller
from transforms.jobs.rules import Rulebook
from transforms.settings import Settings
from transforms.times import DAY, micros, zone_of
from transforms.touchpoint import AssetEvent, Folded, Resolution, TouchpointAccount, TouchpointEvent

EVENT_TYPE = "com.touchloop.engagement.{}.{}.v1"


class Folder:
    """One per worker: a run's directory, rules and settings. ``as_of`` decides which plans lie in the past."""

    def __init__(
        self,
        directory: Directory,
        assets: AssetBook,
        rules: Rulebook,
        settings: Settings,
        as_of: int,
        series: SeriesBook | None = None,
        stages: StageBook | None = None,
    ) -> None:
        self._directory = directory
        self._rules = rules
        self._settings = settings
        self._bench = Workbench(directory, assets, settings.folding, as_of)
        self._ours = OurNames.of(settings.identity)
        self._labeller = Labeller(rules, settings.folding)
        self._deals = DealChooser(directory, micros(settings.journeys.opportunity_attach_days, DAY))
        self._event_types: dict[tuple[str, str], str] = {}
        self._zone = zone_of(settings.coverage.reporting_timezone) or UTC
        self._late_after = settings.folding.late_after
        self._series = series or SeriesBook({})
        self._stages = stages or StageBook({})

    def at(self, as_of: int, series: SeriesBook) -> Folder:
        """This folder at another clock and with other series; they share what they remember, none of which depends on either."""
        other = copy(self)
        other._bench = msgspec.structs.replace(self._bench, as_of=as_of)
        other._series = series
        return other

    def fold(self, witnesses: Sequence[Witness]) -> Folded:
        """All rows below ``fact_event`` that one connected group of witnesses gives, in journey order."""
        facts = current_facts(at_home(witnesses))
        parties = PartyBook(self._directory, facts)
        drafts = self._drafts(facts, parties)
        drafts.sort(key=order_key)
        verdicts = self._accounts(drafts)
        folded = Folded()
        for draft, verdict in zip(drafts, verdicts, strict=True):
            self._attribute(draft, verdict, folded)
        for draft in parents_first(drafts):
            self._labeller.label(draft)
        for draft in drafts:
            self._emit(draft, folded)
        folded.links = parties.links()
        folded.conflicts = parties.conflicts()
        return folded

    def _drafts(self, facts: Sequence[Fact], parties: PartyBook) -> list[Draft]:
        families: dict[str, list[Fact]] = {}
        for fact in facts:
            family = fact.event.family
            if family in families:
                families[family].append(fact)
            else:
                families[family] = [fact]
        drafts: list[Draft] = []
        if "email" in families:
            drafts += fold_emails(families["email"], parties, self._bench)
        if "chat" in families:
            drafts += fold_chats(families["chat"], parties, self._bench)
        if "app" in families:
            drafts += fold_apps(families["app"], parties, self._bench)
        plans = families.get("schedule", [])
        self._series.end(plans)
        live = plans + families.get("attendance", [])
        if live:
            found = fold_meetings(live, parties, self._rules, self._bench)
            drafts += settle_visits(
                found, lambda draft: self._account(draft).of_all, self._settings.folding, self._zone
            )
        return drafts

    # accounts and deals

    def _account(self, draft: Draft, threads: Sequence[Collection[str]] = ()) -> AccountVerdict:
        """A1 to A4 for one touchpoint, alone or with what its thread knows."""
        if draft.is_live:
            draft.seats[:] = map(as_attended, draft.seats)
            if draft.actor is not None:
                acting = draft.actor.party.party_id
                draft.actor = next((seat for seat in draft.seats if seat.party.party_id == acting), None)
        hint = draft.account_hint
        parties = [seat.party for seat in draft.seats]
        verdict = resolve_account(parties, hint, (), threads)
        if len(verdict.accounts) > 1:  # only a choice between several depends on their deals
            at = draft.row.occurred_at
            is_open = {share.account_id for share in verdict.accounts if self._has_open_deal(share.account_id, at)}
            verdict = resolve_account(parties, hint, is_open, threads)
        return verdict

    def _has_open_deal(self, account_id: str, at: int) -> bool:
        deals = self._directory.opportunities_of(account_id)
        return any(is_candidate(deal, at, 0) for deal in deals)

    def _accounts(self, drafts: Sequence[Draft]) -> list[AccountVerdict]:
        """Verdicts in the order of the drafts: each alone, then by thread, then by conversation (A4, A5)."""
        known: dict[object, AccountVerdict] = {}
        verdicts: list[AccountVerdict] = []
        for draft in drafts:
            # of one person another address may tell another side and account
            parties = [seat.party for seat in draft.seats]
            key = (
                draft.account_hint,
                *[(p.party_id, p.side, p.account_id, p.domain_accounts, p.role == "actor") for p in parties],
            )
            verdict = None if draft.is_live else known.get(key)
            if verdict is None:
                verdict = self._account(draft)
                if len(verdict.accounts) < 2:  # the choice between several depends on the time
                    known[key] = verdict
            verdicts.append(verdict)
        if len(drafts) > 1 and any(map(_is_unsettled, verdicts)):
            circles: list[list[Collection[str]]] = [[] for _ in drafts]

            def again(index: int, known: Collection[str]) -> AccountVerdict:
                circles[index].append(known)
                return self._account(drafts[index], circles[index])

            _inherit(verdicts, [draft.row.thread_id for draft in drafts], again)
            _inherit(verdicts, [draft.account_thread for draft in drafts], again)
        return verdicts

    def _attribute(self, draft: Draft, verdict: AccountVerdict, folded: Folded) -> None:
        """Account, deal, sides, direction, minutes."""
        row = draft.row
        row.account_id, row.account_resolution = verdict.account_id, verdict.resolution
        parties = [seat.party for seat in draft.seats]
        if verdict.settled:
            parties = settle_homes(parties, verdict)
            for seat, party in zip(draft.seats, parties, strict=True):
                seat.party = party
        if verdict.account_id is not None and "unknown" in [seat.side for seat in draft.seats]:
            parties = settle_sides(parties, verdict)
            for seat, party in zip(draft.seats, parties, strict=True):
                seat.party, seat.side = party, party.side
        deal = self._deals.choose(verdict.account_id, row.occurred_at, parties, draft.opportunity_hint)
        row.opportunity_id, row.opportunity_resolution = deal.opportunity_id, deal.resolution
        if deal.opportunity_id is not None and self._rules.asks_stage:
            draft.stage = self._stages.at(deal.opportunity_id, row.occurred_at)
        if verdict.account_id is not None:
            row.owner_seller_id = self._directory.owner_of(verdict.account_id, row.occurred_at)
        set_direction(draft, self._ours)
        row.modality = modality(row.channel, draft.is_bot_only)
        if row.channel == "app":
            row.duration_seconds = (row.ended_at - row.occurred_at) // 1_000_000
        set_minutes(draft, self._settings.folding.chat_minutes_per_message)
        row.is_countable = row.account_id is not None and row.status == "held" and not (
            row.is_voided or row.is_internal or row.is_automated
        )  # fmt: skip
        row.is_late = row.received_at - row.occurred_at > self._late_after
        row.event_type = self._event_type(row.channel, row.interaction_kind)
        folded.resolutions.append(_resolution(row.touchpoint_id, verdict, deal))
        folded.accounts.extend(_bridge_accounts(row.touchpoint_id, verdict))
        if draft.steps:
            folded.steps.extend(plan_steps(draft, verdict, self._directory, self._deals))

    def _event_type(self, channel: str, kind: str) -> str:
        key = (channel, kind)
        if key not in self._event_types:
            self._event_types[key] = EVENT_TYPE.format(channel, kind)
        return self._event_types[key]

    # rows

    def _emit(self, draft: Draft, folded: Folded) -> None:
        row = draft.row
        if row.subject_text is not None and any(is_stand_in(seat.party.identifier) for seat in draft.seats):
            row.subject_text = None  # what rules saw of it is kept for them alone
        folded.touchpoints.append(row)
        folded.participants.extend(participants(draft, self._directory))
        touchpoint_id = row.touchpoint_id
        folded.events.extend([TouchpointEvent(touchpoint_id, *witness) for witness in sorted(draft.events.items())])
        if draft.assets:
            folded.assets.extend(_asset_events(draft))
        if (step := reported_step(row)) is not None:
            folded.steps.append(step)


def parents_first(drafts: Sequence[Draft]) -> list[Draft]:
    """The drafts in order, but a parent before its replies even where a clock was wrong; circles do no harm."""
    placed: set[str] = set()
    found: list[Draft] = []
    for draft in drafts:
        if draft.parent is None or draft.parent.row.touchpoint_id in placed:
            # the usual case: nothing has to come before it that has not come
            if draft.row.touchpoint_id not in placed:
                placed.add(draft.row.touchpoint_id)
                found.append(draft)
            continue
        chain = []
        entered: set[str] = set()
        step: Draft | None = draft
        while step is not None and step.row.touchpoint_id not in placed and step.row.touchpoint_id not in entered:
            entered.add(step.row.touchpoint_id)
            chain.append(step)
            step = step.parent
        for one in reversed(chain):
            placed.add(one.row.touchpoint_id)
            found.append(one)
    return found


def _is_unsettled(verdict: AccountVerdict) -> bool:
    """Whether a thread may tell more."""
    return verdict.account_id is None or verdict.is_torn


def _inherit(verdicts: list[AccountVerdict], threads: Sequence[str | None], again: Again) -> None:
    """Let the verdicts of one thread complete each other, in place."""
    members: dict[str, list[int]] = {}
    for index, thread in enumerate(threads):
        if thread is not None:
            members.setdefault(thread, []).append(index)
    for indexes in members.values():
        if len(indexes) > 1 and any(_is_unsettled(verdicts[index]) for index in indexes):
            for index, verdict in inherit_thread({n: verdicts[n] for n in indexes}, again).items():
                verdicts[index] = verdict


def _resolution(touchpoint_id: str, account: AccountVerdict, deal: OpportunityVerdict) -> Resolution:
    return Resolution(
        touchpoint_id=touchpoint_id,
        account_id=account.account_id,
        account_resolution=account.resolution,
        account_rule_id=account.rule_id,
        account_candidates=list(account.candidates),
        opportunity_id=deal.opportunity_id,
        opportunity_resolution=deal.resolution,
        opportunity_rule_id=deal.rule_id,
        opportunity_candidates=list(deal.candidates),
    )


def _bridge_accounts(touchpoint_id: str, verdict: AccountVerdict) -> list[TouchpointAccount]:
    """Every account with people in it; the one that the touchpoint names is primary, even by its thread alone. None while it names none."""
    primary = verdict.account_id
    if primary is None:
        return []
    accounts = {primary, *(share.account_id for share in verdict.accounts)}
    return [TouchpointAccount(touchpoint_id, account, account == primary) for account in sorted(accounts)]


def _asset_events(draft: Draft) -> Iterable[AssetEvent]:
    row = draft.row
    found: dict[str, AssetEvent] = {}
    for trace in draft.assets:
        key = f"{row.touchpoint_id}\x1f{trace.asset.asset_id}\x1f{trace.action}\x1f{trace.occurred_at}"
        asset_event_id = hash_id(key)
        found[asset_event_id] = AssetEvent(
            asset_event_id=asset_event_id,
            touchpoint_id=row.touchpoint_id,
            account_id=row.account_id,
            asset_id=trace.asset.asset_id,
            asset_type=trace.asset.asset_type,
            action=trace.action,
            occurred_at=trace.occurred_at,
            party_id=trace.party_id,
        )
    return found.values()
