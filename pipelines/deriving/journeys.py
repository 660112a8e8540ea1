"""Journeys: dirty events to touchpoints, dirty accounts to sessions, visits and loops. Both are bounded pipelines over shards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.coders import PipelineOptions, beam, register
from pipelines.collector import collector_paused
from pipelines.deriving.staging import Stage
from pipelines.ingest import RUNNER
from schemas.arrow import values_of
from transforms.crm.assets import AssetBook
from transforms.crm.directory import Directory
from transforms.crm.files import Crm, StageChange
from transforms.crm.stages import StageBook
from transforms.event import Witness, decode_event
from transforms.folding.group import Folder
from transforms.folding.series import SeriesBook
from transforms.jobs.rules import Rulebook
from transforms.journeys.account import AccountContext, build_account
from transforms.journeys.business_time import SellerCalendars
from transforms.settings import Settings
from transforms.touchpoint import AssetEvent, Folded, Participant, Touchpoint

TOUCHPOINT_COLUMNS = (
    "touchpoint_id", "source", "occurred_at", "ended_at", "sequence", "channel", "direction", "interaction_kind", "is_question",
    "is_ack", "tags", "asset_type", "asset_types", "thread_id", "in_reply_to", "actor_party_id", "actor_side",
    "owner_seller_id", "account_id", "opportunity_id", "buying_job", "is_countable",
)  # fmt: skip
PARTICIPANT_COLUMNS = (
    "touchpoint_id", "participant_seq", "party_id", "person_id", "side", "identifier_type", "participation_role",
    "attended", "is_engaged", "home_account_id",
)  # fmt: skip
VIEW_COLUMNS = ("touchpoint_id", "asset_type", "occurred_at")
"""What rebuilding an account looks at, less than half of what the tables hold."""


class World(msgspec.Struct, frozen=True):
    """Everything besides the events that a figure depends on (promise 2)."""

    crm: Crm
    bindings: list[tuple[str, ...]]
    settings: Settings
    rules_text: str | None
    as_of: int
    series: list[tuple[str, str, int, tuple[bytes, ...]]] = []
    """Series of calendar entries of which a newer version or a deletion is known, as ``warehouse.series`` tells them."""
    stages: list[StageChange] = []
    """Of deals, where a rule asks for one; else workers need not be sent them."""

    def __reduce__(self) -> tuple[Any, ...]:
        # a directory is tens of thousands of structs, and pickle asks each of them for its fields
        rest = {name: getattr(self, name) for name in self.__struct_fields__ if name != "crm"}
        return _world, (msgspec.msgpack.encode(self.crm), rest)

    def directory(self) -> Directory:
        return _known(self).directory

    def folder(self) -> Folder:
        return _known(self).folder.at(self.as_of, SeriesBook.of(self.series))

    def account_context(self) -> AccountContext:
        rules = _known(self).rules
        return AccountContext(
            settings=self.settings,
            as_of=self.as_of,
            calendars=SellerCalendars.of_people(self.settings.business_hours, self.crm.people),
            job_assets=rules.job_assets,
            tag_assets=rules.tag_assets,
            closed_at={o.opportunity_id: o.closed_at for o in self.crm.opportunities if o.closed_at is not None},
            accounts_of_people=_known(self).accounts_of_people,
        )


def accounts_of_people(crm: Crm) -> dict[str, set[str]]:
    """For each person of whom it is known: their own account, and those of the deals whose buying group they are in."""
    known = {one.account_id for one in crm.accounts}
    account_of_deal = {one.opportunity_id: one.account_id for one in crm.opportunities}
    belongs = [(one.person_id, one.account_id) for one in crm.people]
    belongs += [(one.person_id, account_of_deal.get(one.opportunity_id)) for one in crm.buying_group]
    found: dict[str, set[str]] = {}
    for person_id, account_id in belongs:
        if account_id in known:
            found.setdefault(person_id, set()).add(account_id)
    return found


def _world(crm: bytes, rest: dict[str, Any]) -> World:
    return World(crm=_crm(crm), **rest)


@lru_cache(maxsize=1)
def _crm(encoded: bytes) -> Crm:
    """Remembered: a worker is sent the same directory with every share of work."""
    return msgspec.msgpack.decode(encoded, type=Crm)


class Known:
    """What follows from a world whatever its clock and its series, made when first asked for, with all that it remembers.

    It stays in the process until another world is asked for: an increment of a stream begins with the people, deals and words
    that those before it have worked out.
    """

    def __init__(self, world: World) -> None:
        self.world = world

    def fits(self, world: World) -> bool:
        mine = self.world
        return (
            mine.rules_text == world.rules_text
            and mine.settings == world.settings
            and mine.bindings == world.bindings
            and mine.stages == world.stages
            and (mine.crm is world.crm or mine.crm == world.crm)
        )

    @cached_property
    def directory(self) -> Directory:
        return Directory.build(self.world.crm, self.world.settings.identity, self.world.bindings)

    @cached_property
    def rules(self) -> Rulebook:
        return Rulebook.load(self.world.rules_text, self.world.settings.journeys.min_confidence)

    @cached_property
    def accounts_of_people(self) -> dict[str, set[str]]:
        return accounts_of_people(self.world.crm)

    @cached_property
    def folder(self) -> Folder:
        return Folder(
            self.directory,
            AssetBook.build(self.world.crm.assets),
            self.rules,
            self.world.settings.of_folding,
            self.world.as_of,
            SeriesBook.of(self.world.series),
            StageBook.of(self.world.crm.opportunities, self.world.stages) if self.rules.asks_stage else None,
        )


def _known(world: World) -> Known:
    found = next((one for one in _KNOWN if one.fits(world)), None)
    if found is None:  # of two threads that ask at once, each goes on with its own, and one of these stays
        found = Known(world)
        _KNOWN[:] = [found]
    return found


_KNOWN: list[Known] = []
"""Of the last world that this process was asked about."""
_HELD: dict[int, World] = {}


class Held(msgspec.Struct, frozen=True):
    """The name of a world that this process holds.

    A step that stays in the process takes the name along: the world itself Beam would pickle, compress and read again.
    """

    name: int

    def folder(self) -> Folder:
        return _HELD[self.name].folder()

    def account_context(self) -> AccountContext:
        return _HELD[self.name].account_context()


@contextmanager
def held(world: World) -> Iterator[Held]:
    """While inside, steps of pipelines in this process find the world by the name that is given."""
    name = id(world)
    _HELD[name] = world
    try:
        yield Held(name)
    finally:
        del _HELD[name]


class ShardJob(msgspec.Struct, frozen=True):
    """A worker's share: folders of Parquet in, staged tables out."""

    shards: list[Path]
    out: Path
    world: World


@beam.typehints.with_output_types(pa.RecordBatch)
class ReadGroups(beam.DoFn):
    """A shard's folder to batches of whole groups, in the order of their keys; the shard's name travels in the schema."""

    def __init__(self, rows: int = 20_000) -> None:
        self.rows = rows

    def process(self, shard: Path) -> Iterator[Any]:
        table = pq.read_table(shard, partitioning=None).combine_chunks()
        table = table.sort_by("group_hash")  # of a group nobody asks for an order
        groups = table.column("group_hash").combine_chunks().to_numpy()
        start = 0
        while start < len(groups):
            end = min(start + self.rows, len(groups))
            while end < len(groups) and groups[end] == groups[end - 1]:
                end += 1
            part = table.slice(start, end - start).combine_chunks().to_batches()[0]
            yield part.replace_schema_metadata({"shard": f"{shard.name.removeprefix('shard=')}-{start}"})
            start = end


@beam.typehints.with_input_types(pa.RecordBatch)
class Fold(beam.DoFn):
    """A batch of whole groups to touchpoints and what hangs on them, staged; gives how many there were."""

    def __init__(self, world: World | Held, out: Path) -> None:
        self.world, self.out = world, out

    def setup(self) -> None:
        with collector_paused():
            self.folder = self.world.folder()

    def process(self, batch: Any) -> Iterator[int]:
        stage = Stage(self.out, batch.schema.metadata[b"shard"].decode())
        count = 0
        with collector_paused():
            for group, witnesses in groups_of(batch):
                folded = self.folder.fold(witnesses)
                count += len(folded.touchpoints)
                stage_folded(stage, folded, group)
            stage.close()
        yield count


def groups_of(batch: Any) -> Iterator[tuple[int, list[Witness]]]:
    """Rows sorted by group to (group, its witnesses), decoded one group at a time."""
    names = ("event_id", "received_at", "unit_id", "position", "payload_hash")
    columns = [values_of(batch.column(name)) for name in names]
    witnesses = map(Witness, *columns, map(decode_event, values_of(batch.column("detail"))))
    groups = batch.column("group_hash").to_numpy()
    ends = np.append(np.flatnonzero(groups[1:] != groups[:-1]) + 1, len(groups))
    for size, group in zip(np.diff(ends, prepend=0).tolist(), groups[ends - 1].tolist(), strict=True):
        yield group, list(islice(witnesses, size))


def stage_folded(stage: Stage, folded: Folded, group: int) -> None:
    stage.add("fact_touchpoint", folded.touchpoints)
    stage.add("fact_touchpoint_participant", folded.participants)
    stage.add("bridge_touchpoint_event", folded.events)
    stage.add("bridge_touchpoint_account", folded.accounts)
    stage.add("fact_asset_event", folded.assets)
    stage.add("fact_internal_step", folded.steps)
    stage.add("touchpoint_resolution", folded.resolutions)
    told_by = str(group)
    stage.add("identity_link", [msgspec.structs.replace(one, told_by=told_by) for one in folded.links])
    stage.add("identity_conflict", [msgspec.structs.replace(one, told_by=told_by) for one in folded.conflicts])


class BuildAccounts(beam.DoFn):
    """A shard of accounts' touchpoints to their journeys, episodes and needs, staged; gives how many accounts there were."""

    def __init__(self, world: World | Held, out: Path) -> None:
        self.world, self.out = world, out

    def setup(self) -> None:
        with collector_paused():
            self.context = self.world.account_context()

    def process(self, shard: Path) -> Iterator[int]:
        with collector_paused():
            count = self._build(shard)
        yield count

    def _build(self, shard: Path) -> int:
        participants: dict[str, list[Participant]] = {}
        for participant in structs(Participant, PARTICIPANT_COLUMNS, shard.parent.parent / "participants" / shard.name):
            participants.setdefault(participant.touchpoint_id, []).append(participant)
        for people in participants.values():
            people.sort(key=lambda p: p.participant_seq)
        viewed: dict[str, list[tuple[str, int]]] = {}
        for view in structs(AssetEvent, VIEW_COLUMNS, shard.parent.parent / "views" / shard.name):
            viewed.setdefault(view.touchpoint_id, []).append((view.asset_type, view.occurred_at))
        touchpoints = sorted(
            structs(Touchpoint, TOUCHPOINT_COLUMNS, shard), key=lambda t: (t.account_id or "", t.touchpoint_id)
        )
        stage = Stage(self.out, shard.name.removeprefix("shard="))
        count = 0
        for account_id, own in groupby(touchpoints, key=lambda t: t.account_id):
            assert account_id is not None
            rows = build_account(account_id, list(own), participants, self.context, viewed)
            stage.add("bridge_touchpoint_journey", rows.members)
            stage.add("fact_session", rows.sessions)
            stage.add("fact_visit", rows.visits)
            stage.add("fact_transition", rows.transitions)
            stage.add("fact_loop", rows.loops)
            stage.add("mart_journey_summary", rows.summaries)
            stage.add("journey_gap_sensitivity", rows.gaps)
            stage.add("fact_response", rows.responses)
            stage.add("fact_followup", rows.followups)
            stage.add("fact_enablement_need", rows.needs)
            count += 1
        stage.close()
        return count


def structs(kind: Any, fields: Sequence[str], folder: Path) -> Iterable[Any]:
    """Rows of a Parquet folder as structs that have the fields of these names and no others; timestamps become microseconds."""
    if not folder.exists():
        return
    types = {one.name: one.type for one in msgspec.structs.fields(kind)}
    # by position: a struct that is made of names costs seven times as much
    make = msgspec.defstruct(kind.__name__, [(name, types[name]) for name in fields], gc=False)
    for file in sorted(folder.glob("*.parquet")):
        for batch in pq.ParquetFile(file).iter_batches(20_000, columns=list(fields)):
            yield from map(make, *(values_of(batch.column(name)) for name in fields))


def fold_steps(shards: Any, out: Path, world: World | Held) -> Any:
    """What is done to the shards of a fold, wherever that is."""
    return shards | "read" >> beam.ParDo(ReadGroups()) | "fold" >> beam.ParDo(Fold(world, out))


def account_steps(shards: Any, out: Path, world: World | Held) -> Any:
    """What is done to the shards of accounts, wherever that is."""
    return shards | "rebuild" >> beam.ParDo(BuildAccounts(world, out))


def run_fold(job: ShardJob) -> None:
    """Fold the shards of one worker, as a bounded pipeline in this process."""
    register()
    with held(job.world) as world, beam.Pipeline(RUNNER, options=PipelineOptions([])) as pipeline:
        fold_steps(pipeline | "shards" >> beam.Create(job.shards, reshuffle=False), job.out, world)


def run_accounts(job: ShardJob) -> None:
    """Rebuild the accounts of one worker's shards, as a bounded pipeline in this process."""
    register()
    with held(job.world) as world, beam.Pipeline(RUNNER, options=PipelineOptions([])) as pipeline:
        account_steps(pipeline | "shards" >> beam.Create(job.shards, reshuffle=False), job.out, world)
