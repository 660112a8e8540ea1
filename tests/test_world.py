"""What a process keeps of a world between increments: the same is not worked out twice, another one never answers for it."""

from __future__ import annotations

import pickle
from typing import Any

import msgspec
import pytest
from fold_world import AS_OF, CRM, SETTINGS, at, party, plan, witness

from pipelines.deriving.journeys import World
from transforms.crm.files import Account, Crm, StageChange
from transforms.event import encode_event
from transforms.settings import Journeys

VISIT = plan("v", "03-11 10:00", "03-11 12:00", ["S1", party("B1", "required")], channel="in_person")


def world(**changes: Any) -> World:
    """Equal to every other one, and not the same object: each increment reads its directory anew."""
    crm = msgspec.msgpack.decode(msgspec.msgpack.encode(CRM), type=Crm)
    return msgspec.structs.replace(World(crm, [], SETTINGS, None, AS_OF), **changes)


def test_an_equal_world_is_not_built_again() -> None:
    """Also if it has come from another process, and whatever its clock says."""
    first = world().directory()
    assert world().directory() is first
    assert pickle.loads(pickle.dumps(world())).directory() is first
    assert world(as_of=0).directory() is first


@pytest.mark.parametrize(
    "other",
    [
        {
            "crm": msgspec.structs.replace(
                CRM, accounts=[*CRM.accounts, Account(account_id="A3", domains=("new.example",))]
            )
        },
        {"bindings": [("external_id:slack:U7", "email:b1@acme.example")]},
        {"settings": msgspec.structs.replace(SETTINGS, journeys=Journeys(min_confidence=0.9))},
        {"rules_text": "rules: []"},
        {"stages": [StageChange(opportunity_id="O1", stage="Proposal", entered_at=AS_OF)]},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_world_is_built(other: dict[str, Any]) -> None:
    """A difference in any of the things that a directory and rules follow from, there and back."""
    first = world().directory()
    changed = world(**other)
    assert changed.directory() is not first
    assert world().directory() is not first


def test_the_clock_is_the_asking_worlds() -> None:
    """What is kept from an earlier increment keeps nothing of that one's time."""
    early, late = world(as_of=at("03-11 11:59")).folder(), world().folder()
    assert [one.fold([witness(VISIT)]).touchpoints[0].status for one in (early, late, early)] == [
        "scheduled",
        "held",
        "scheduled",
    ]


def test_the_series_are_the_asking_worlds() -> None:
    """An occurrence that its series has ended is void in the increment that knows of it, and in no other."""
    visit = msgspec.structs.replace(VISIT, source_event_id="weekly/20260311T100000Z")
    deletion = msgspec.structs.replace(VISIT, source_event_id="weekly", is_void=True, parties=())
    ended = world(series=[(visit.source, "weekly", 1, (encode_event(deletion),))])
    voided = [one.folder().fold([witness(visit)]).touchpoints[0].is_voided for one in (world(), ended, world())]
    assert voided == [False, True, False]
