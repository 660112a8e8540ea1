"""Which deal a touchpoint belongs to (semantics 2.5): at most one."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from transforms.directory import Directory, ResolvedParty
from transforms.times import DAY

ATTACH_BEFORE_OPENING = 14 * DAY


class OpportunityVerdict(msgspec.Struct, frozen=True, kw_only=True):
    opportunity_id: str | None
    resolution: str
    rule_id: str
    candidates: tuple[str, ...] = ()


def choose_opportunity(
    directory: Directory,
    account_id: str | None,
    at: int,
    parties: Sequence[ResolvedParty],
    hint: str | None,
    attach_before: int = ATTACH_BEFORE_OPENING,
) -> OpportunityVerdict:
    raise NotImplementedError
