"""What has changed since everything below the events was last derived."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from pipelines.deriving import derived
from pipelines.deriving.derived import Was
from pipelines.directory import FoundDirectory, ReadDirectory
from pipelines.summary import version
from pipelines.workspace import Workspace
from transforms.folding.linking import KEYS
from transforms.times import DAY
from warehouse import restated
from warehouse.ledger import counted
from warehouse.store import DERIVE_AGAIN, Store

DIRECTORY_MARK = "directory_files"
"""Of the state: locations of the directory's files that the last derivation read, a line each."""


BEGUN = "begun"
"""Of the state: the directory and the settings of the derivation that began last."""


class Changed(msgspec.Struct, frozen=True):
    """Compared with the marks that the last derivation left; false where nothing has changed."""

    rests_on: dict[str, str]
    """What the tables rest on besides the events: directory, config, folding, version, keys, as_of, bindings, ledger. Under these names
    stand the marks."""
    before: dict[str, str | None]
    bindings: list[tuple[str, ...]]
    """Identifiers that payloads say belong together."""
    was: Was | None
    """Of the last derivation where the directory or the bindings are others, and nothing else is: what is derived again are the events
    and accounts of which they make something else."""
    everything: bool
    """Something that any figure may rest on; else only what the dirty events touch, and what is due, is derived again."""
    remeasured: bool
    """Settings are others, and none on which a touchpoint rests: all accounts are built and measured again, and of events what is dirty."""
    dirty: int
    """Conversations, users and meetings with new events."""
    counted: bool
    """The ledger counts records that it did not: of duplicates, ignored and rejected ones it is all that a mart rests on."""
    due: bool
    """A UTC day has passed: plans fall due and waits grow with the clock alone."""

    def __bool__(self) -> bool:
        return self.of_all or self.dirty > 0 or self.counted or self.due or self.was is not None

    @property
    def of_all(self) -> bool:
        """Every account is built and measured again."""
        return self.everything or self.remeasured

    @property
    def previous(self) -> int | None:
        """The clock of the last derivation."""
        as_of = self.before["as_of"]
        return int(as_of) if as_of else None

    @property
    def has_new_directory(self) -> bool:
        return self.before["directory"] != self.rests_on["directory"]

    @property
    def relinked(self) -> bool:
        """Events were landed with other link keys than they would have now."""
        return self.before["as_of"] is not None and self.before["keys"] != self.rests_on["keys"]

    def reasons(self, store: Store) -> list[str]:
        """Why final figures may come out otherwise (``warehouse.restated``)."""
        is_unknown = self.before["config"] == DERIVE_AGAIN
        return restated.reasons_of(
            self.before,
            self.rests_on,
            events=self.dirty > 0,
            unknown=is_unknown,
            upgraded=is_unknown and restated.is_upgrade(store.connection),
        )

    def begin(self, store: Store) -> None:
        """Before anything is committed."""
        if store.mark(BEGUN) != _told(self.rests_on):
            store.set_mark(BEGUN, _told(self.rests_on))

    def note(self, store: Store, kept: Path, read: ReadDirectory) -> None:
        """After the commit: this is what the tables rest on. ``kept``: where the directory is left for the next one."""
        if self.everything or self.was is not None:
            remember_bindings(store, self.bindings)
        if self.everything or self.has_new_directory:
            derived.keep(kept, read)
        for name, value in self.rests_on.items():
            store.set_mark(name, value)


def changed(store: Store, workspace: Workspace, directory: FoundDirectory, now: int, *, fixed: bool) -> Changed:
    """``fixed``: the user has set the clock, and another time of the clock is another question."""
    bindings = bindings_in(store, "binding")
    rests_on = {
        "directory": directory.digest,
        "config": workspace.settings.meaning_hash(workspace.rulebook.version),
        "folding": workspace.settings.folding_hash(workspace.rulebook.version),
        "version": version(),
        "keys": KEYS,
        "as_of": str(now),
        "bindings": digest_of(bindings),
        "ledger": digest_of(counted(store)),
    }
    before = {name: store.mark(name) for name in rests_on}
    # what another version derived, this one might derive otherwise: no table holds figures of both
    everything = any(before[name] != rests_on[name] for name in ("folding", "version", "keys"))
    everything |= before["config"] == DERIVE_AGAIN
    # a crash may have left tables of another directory, or of other settings, than the marks tell
    everything |= store.mark(BEGUN) not in (None, _told(before), _told(rests_on))
    everything |= before["as_of"] is None or (fixed and before["as_of"] != str(now))
    # a clock set back by days: what it has counted by then is undone nowhere else
    everything |= before["as_of"] is not None and int(before["as_of"]) // DAY > now // DAY
    was = None if everything else was_before(store, workspace, directory, before, rests_on)
    everything |= was is None and any(before[name] != rests_on[name] for name in FOLLOWED)
    return Changed(
        rests_on=rests_on,
        before=before,
        bindings=bindings,
        was=was,
        everything=everything,
        remeasured=not everything and before["config"] != rests_on["config"],
        dirty=store.count("SELECT count(*) FROM vault.dirty"),
        counted=before["ledger"] != rests_on["ledger"],
        due=before["as_of"] is not None and int(before["as_of"]) // DAY < now // DAY,
    )


def _told(marks: Mapping[str, str | None]) -> str:
    return f"{marks['directory']} {marks['config']}"


FOLLOWED = ("directory", "bindings")
"""What another of concerns its own accounts and people."""


def was_before(
    store: Store, workspace: Workspace, found: FoundDirectory, before: Mapping[str, str | None], now: Mapping[str, str]
) -> Was | None:
    """The directory and the bindings that the marks of ``before`` tell of; None if they are those of ``now``, or if it is not known
    what they were, or what of them is another now concerns everything."""
    if all(before[name] == now[name] for name in FOLLOWED):
        return None
    bindings = bindings_in(store, "bound")
    # a crash, or a version that kept only their digest, has left others
    if before["bindings"] != digest_of(bindings):
        return None
    directory = found.read()
    if before["directory"] == now["directory"]:
        return Was(directory.crm, bindings)
    last = derived.kept(workspace.derived, before["directory"])
    if last is None or (store.mark(DIRECTORY_MARK) or "").splitlines() != found.locations:
        return None
    return derived.changed_since(last, directory, bindings)


def bindings_in(store: Store, table: str) -> list[tuple[str, ...]]:
    rows: list[Any] = store.connection.execute(f"SELECT DISTINCT ids FROM vault.{table} ORDER BY ids").fetchall()
    return [tuple(row[0]) for row in rows]


def digest_of(rows: Sequence[tuple[Any, ...]]) -> str:
    return hashlib.sha256(msgspec.json.encode(rows)).hexdigest()[:32]


def remember_bindings(store: Store, bindings: list[tuple[str, ...]]) -> None:
    con = store.connection
    con.register("now_bound", pa.table({"ids": pa.array(map(list, bindings), pa.list_(pa.string()))}))
    con.execute("BEGIN")
    con.execute("DELETE FROM vault.bound")
    con.execute("INSERT INTO vault.bound FROM now_bound")
    con.execute("COMMIT")
    con.unregister("now_bound")
