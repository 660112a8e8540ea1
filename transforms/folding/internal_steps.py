"""Internal steps (semantics 5.4, 5.6, 5.8): items of a mutual action plan, and steps that a buyer reports.

An item's events lie in the sessions of whoever edits it, so that no folding group sees all of them: here each is told as its own
event tells it, and ``warehouse.steps`` puts them in order.

Decisions where the text is silent: a plan's item belongs to the account that its event names, else to that of the session, else
to that of its owner; a report is the buyer's word (a countable inbound, mutual or self-serve touchpoint with the tag), and the
step that it tells of is the buyer's own. A session of our own people alone is no touchpoint that counts, but what it does to a
plan is done; a robot's is not.
"""

from __future__ import annotations

from collections.abc import Iterator

from transforms.crm.directory import Directory, ResolvedParty
from transforms.event import hash_id
from transforms.folding.common import Draft, StepTrace
from transforms.folding.deal import DealChooser
from transforms.folding.resolve import AccountVerdict, resolve_account, settle_sides
from transforms.journey_rows import BUYER_EVIDENCE
from transforms.touchpoint import InternalStep, Touchpoint

TAG = "internal_step"


def plan_steps(
    draft: Draft, verdict: AccountVerdict, directory: Directory, deals: DealChooser
) -> Iterator[InternalStep]:
    """What a session tells of a plan's items, once its account is known; each with what it does not say left out."""
    row = draft.row
    if row.status != "held" or row.is_voided or row.is_automated:
        return
    for trace in draft.steps:
        own = _verdict(trace, verdict, directory)
        people = settle_sides([trace.teller, *([] if trace.owner is None else [trace.owner])], own)
        if own is verdict and trace.event.opportunity_hint in (None, draft.opportunity_hint):
            deal = row.opportunity_id
        else:
            hint = trace.event.opportunity_hint
            deal = deals.choose(own.account_id, trace.event.occurred_at, people, hint).opportunity_id
        yield _plan_step(row, trace, own.account_id, deal, people)


def _verdict(trace: StepTrace, verdict: AccountVerdict, directory: Directory) -> AccountVerdict:
    hint = directory.known_account(trace.event.account_hint)
    if hint is not None and hint != verdict.account_id:
        return resolve_account([], hint)  # one session of ours may edit the plans of several customers
    if verdict.account_id is None and trace.owner is not None:
        return resolve_account([trace.owner], None)
    return verdict


def _plan_step(
    row: Touchpoint, trace: StepTrace, account_id: str | None, opportunity_id: str | None, people: list[ResolvedParty]
) -> InternalStep:
    item, event = trace.item, trace.event
    teller, owner = people[0], people[1] if len(people) > 1 else None
    said = {
        "account_id": account_id,
        "opportunity_id": opportunity_id,
        "owner": owner,
        "subject_text": item.title,
        "due_at": item.due_at,
        "is_done": item.is_done,
        "is_risk": item.is_risk,
        "is_removed": item.is_removed,
    }
    return InternalStep(
        step_id=hash_id(f"step:{event.source}\x1f{item.item_id}"),
        basis="plan_item",
        account_id=account_id,
        opportunity_id=opportunity_id,
        touchpoint_id=row.touchpoint_id,
        event_id=trace.event_id,
        source=event.source,
        occurred_at=event.occurred_at,
        told_by_party_id=teller.party_id,
        told_by_side=teller.side,
        owner_side=None if owner is None else owner.side,
        owner_party_id=None if owner is None or owner.identifier is None else owner.party_id,
        subject_text=item.title,
        due_at=item.due_at,
        is_done=bool(item.is_done),
        is_risk=bool(item.is_risk),
        is_removed=bool(item.is_removed),
        told=[name for name, value in said.items() if value is not None],
    )


def reported_step(row: Touchpoint) -> InternalStep | None:
    """The step that a touchpoint of the buyer tells of, once its tags are known; it has one revision."""
    if TAG not in row.tags or not row.is_countable or row.direction not in BUYER_EVIDENCE:
        return None
    return InternalStep(
        step_id=hash_id(f"report:{row.touchpoint_id}"),
        basis="reported",
        account_id=row.account_id,
        opportunity_id=row.opportunity_id,
        touchpoint_id=row.touchpoint_id,
        source=row.source,
        occurred_at=row.occurred_at,
        told_by_party_id=row.actor_party_id,
        told_by_side=row.actor_side,
        owner_side="buyer",
        told=["account_id", *(["opportunity_id"] if row.opportunity_id is not None else []), "owner"],
    )
