"""Deriving: dirty events to touchpoints, touched accounts to journeys, inside one warehouse transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import msgspec

from pipelines.deriving.changed import Changed
from pipelines.deriving.derived import UNCHANGED, Was
from pipelines.deriving.journeys import PARTICIPANT_COLUMNS, TOUCHPOINT_COLUMNS, ShardJob, World, run_accounts, run_fold
from pipelines.deriving.kin import tell_change, tell_kin
from pipelines.deriving.rebinding import mark_named
from pipelines.deriving.relink import link_again
from pipelines.deriving.staging import Stage, staged
from pipelines.directory import ReadDirectory
from pipelines.workers import Crew
from pipelines.workspace import Workspace
from transforms.calendars.entries import EXCEPTION
from transforms.crm.directory import Directory
from transforms.folding.series import OCCURRENCE
from warehouse import derive, groups, identity, series
from warehouse.store import Store

SMALL_EVENTS = 5_000
"""Events below which, where all are folded, other processes cost more than they save; else the workers say what is worth it."""
MOST = 0.5
"""Of the conversations, users and meetings: where more of them are dirty, it costs less to derive everything than to compare it with what was."""
MANY_GROUPS, MANY_ACCOUNTS = 50_000, 5_000
"""Conversations, users and meetings that are folded, and accounts that are rebuilt, above which the warehouse takes all the memory that it may."""


class Derivation:
    """Replaces what rests on dirty events. ``run`` opens the warehouse transaction and leaves it open; ``done`` follows the commit."""

    def __init__(
        self,
        store: Store,
        workers: Crew,
        workspace: Workspace,
        directory: ReadDirectory,
        change: Changed,
        now: int,
        scratch: Path,
        phase: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self.store, self.workers, self.workspace, self.directory = store, workers, workspace, directory
        self.change, self.now, self.scratch, self.phase = change, now, scratch, phase
        self.settings = workspace.settings.ingest
        self.world = World(
            directory.crm, change.bindings, workspace.settings.transforms(), workspace.rules_text, now,
            stages=directory.stages if workspace.rulebook.asks_stage else [],
        )  # fmt: skip
        events = store.count("SELECT count(*) FROM vault.event_detail") if change.of_all else change.dirty
        self.small = events < (SMALL_EVENTS if change.of_all else workers.worth_groups)
        self.is_long = events > self.settings.shard_events
        """More than a worker folds at a time."""
        self.rebound: frozenset[str] = frozenset()
        """Identifiers (hashes) that another directory, or profiles landed since, make somebody else's."""
        self.touchpoints = 0
        self.accounts = 0

    def executives(self) -> dict[str, bool | None]:
        directory = self.world.directory()
        return {p.person_id: directory.is_executive(p.person_id) for p in self.world.crm.people}

    def run(self) -> None:
        con = self.store.connection
        if self.change.of_all or self.change.due:
            self.store.allow(little=False)
        with self.phase("group"):
            groups.forget_change(self.store)
            if self.change.relinked:
                link_again(self.store)
            if self.change.was is not None:
                self._mark_elsewhere(self.change.was)
            everything = self.change.everything
            if everything:
                groups.mark_everything_dirty(self.store)
                tell_kin(self.store, self.world.directory())
            elif self.change.previous is not None:
                self._mark_due()
            has_series = self._find_series()
            if groups.close_over_edges(self.store, everything=everything) > MANY_GROUPS:
                self.store.allow(little=False)
            if has_series:
                self.world = msgspec.structs.replace(self.world, series=series.affected_series(self.store))
            groups.label_groups(self.store)
            shards = derive.write_event_shards(
                self.store, self.scratch / "events", self.settings.shard_events, self._hands
            )
        folded = self._out("folded")
        with self.phase("fold"), self._given_room(shards):
            self.workers.run(
                run_fold, [ShardJob(hand, folded, self.world) for hand in self._deal(shards)], here=self.small
            )
        with self.phase("load touchpoints"):
            con.execute("BEGIN")
            derive.begin_touchpoints(self.store, everything=everything)
            self.touchpoints = derive.put_touchpoints(self.store, partial(staged, folded), everything=everything)
            if self.change.was is not None and (change := self.change.was.change) != UNCHANGED:
                derive.touch_accounts(self.store, change.accounts, change.people | change.members)
            if everything:
                identity.forget_all(con)
            else:
                identity.take_back(con, self.rebound or None)
            if everything or self.rebound:
                self._stage_directory(folded, None if everything else self.rebound)
            for name in identity.LOG:
                identity.tell(con, name, staged(folded, name))
            self.accounts = derive.finish_touchpoints(self.store, due=self.change.due, of_all=self.change.of_all)
            if self.accounts > MANY_ACCOUNTS:
                self.store.allow(little=False)
            account_shards = derive.write_account_shards(
                self.store, self.scratch / "accounts", TOUCHPOINT_COLUMNS, PARTICIPANT_COLUMNS,
                self.settings.shard_touchpoints, self._hands,
            )  # fmt: skip
        rebuilt = self._out("rebuilt")
        with self.phase("journeys"), self._given_room(account_shards):
            self.workers.run(
                run_accounts,
                [ShardJob(hand, rebuilt, self.world) for hand in self._deal(account_shards)],
                here=self.small,
            )
        with self.phase("load journeys"):
            derive.put_accounts(self.store, partial(staged, rebuilt), everything=self.change.of_all)

    def done(self) -> None:
        if self.change.was is not None:
            groups.keep_kin(self.store)
        derive.clear_dirty(self.store)

    def _mark_elsewhere(self, was: Was) -> None:
        """Mark dirty what another directory, or other profiles, may make different; where that is most of all, all of it is derived again."""
        before = Directory.build(was.crm, self.world.settings.identity, was.bindings)
        now = self.world.directory()
        elsewhere = now.differing(before, was.change.people)
        if not elsewhere and was.change == UNCHANGED:  # as most profiles: of people whom nobody knows
            return
        mark_named(self.store, elsewhere, was.change.known)
        derive.mark_accounts(self.store, was.change.accounts)
        if derive.dirty_share(self.store) > MOST:
            self.change = msgspec.structs.replace(self.change, everything=True, was=None)
            self.store.allow(little=False)
            self.small = self.store.count("SELECT count(*) FROM vault.event_detail") < SMALL_EVENTS
            return
        self.rebound = elsewhere.identifiers
        tell_change(self.store, before, now)
        self.small &= self.store.count("SELECT count(*) FROM vault.dirty") < self.workers.worth_groups

    def _stage_directory(self, folded: Path, only: frozenset[str] | None = None) -> None:
        """What the directory itself says of identifiers, or of these (hashes), and what its rows disagree about; folding adds what
        the payloads say."""
        directory = self.world.directory()
        stage = Stage(folded, "directory")
        stage.add("identity_link", [one for one in directory.links() if only is None or one.identifier_hash in only])
        stage.add("identity_conflict", list(directory.conflicts()))
        stage.close()

    def _mark_due(self) -> None:
        """Plans whose time has come since the run before: a visit at a place is held once it is over."""
        assert self.change.previous is not None
        derive.mark_due_plans(self.store, self.change.previous, self.now)

    def _find_series(self) -> bool:
        """Of the calendar: occurrences that lie in other groups than the new version or the deletion that ends them. Whether there are any."""
        found = series.find_series(self.store, OCCURRENCE, EXCEPTION)
        if found:
            series.mark_series_dirty(self.store)
        return found

    def _deal(self, shards: list[Path]) -> list[list[Path]]:
        return [hand for hand in (shards[n :: self._hands] for n in range(self._hands)) if hand]

    @property
    def _hands(self) -> int:
        return 1 if self.small else self.settings.workers

    @contextmanager
    def _given_room(self, shards: list[Path]) -> Iterator[None]:
        """Where every worker has several shards, not all that it takes is in memory at once: the warehouse's buffer goes while the
        workers are at it, and what they hold goes afterwards."""
        if len(shards) <= self._hands:
            yield
            return
        with self.store.at_rest():
            yield
        self.workers.release()

    def _out(self, name: str) -> Path:
        folder = self.scratch / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder
