"""Rejected records: listed, shown, and tried again."""

from __future__ import annotations

from typing import Any

from pipelines.directory import SYSTEM as CRM
from pipelines.errors import SettingsError, UserError
from pipelines.observe.observer import Observer
from pipelines.reading.landed import LANDED, land
from pipelines.reading.normalize import Normalizer
from pipelines.reading.read import UNFINISHED_REASONS, Row, to_raw
from pipelines.run import run_once
from pipelines.summary import Say
from pipelines.workspace import Workspace
from transforms.sources import all_sources
from transforms.times import DAY
from warehouse import replay as rows_of
from warehouse.ledger import last_run
from warehouse.store import Store


def _store(workspace: Workspace) -> Store:
    if not workspace.warehouse.exists():
        raise UserError(f"{workspace.root} has no warehouse yet: touchloop run --workspace {workspace.root} makes one")
    return Store(workspace.warehouse, workspace.vault, workspace.scratch)


def list_rejects(
    workspace: Workspace, source: str | None, limit: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(counts by source and reason, the newest records). Raises ``SettingsError`` for a source that is none."""
    with _store(workspace) as store:
        _check_source(store, source)
        return rows_of.reasons(store, source), rows_of.newest(store, source, limit)


def show_reject(workspace: Workspace, unit: str, position: int) -> tuple[dict[str, Any], bytes]:
    """The row of one rejected record and its original bytes. ``unit`` may be the first characters of a unit_id."""
    with _store(workspace) as store:
        found = rows_of.find(store, unit, position)
    if not found:
        raise UserError(
            f"no rejected record at position {position} of a unit that starts with {unit!r} (touchloop rejects list)"
        )
    if len(found) > 1:
        raise UserError(f"{len(found)} units start with {unit!r}: give more characters")
    return found[0]


def replay(
    workspace: Workspace, source: str | None, now: int, *, fixed: bool, say: Say, observer: Observer | None = None
) -> dict[str, int]:
    """Put every rejected record through its adapter again. Counts by outcome.

    What is accepted moves from ``rejected`` to its new count in the ledger; the row stays, with ``replayed_at`` and ``outcome``.
    Rows of the directory are not replayed: the next run reads its files whole. Raises ``SettingsError`` for a source that is none.
    """
    folder = workspace.fresh_scratch() / "replay"
    folder.mkdir()
    settings = workspace.settings
    zones = settings.zones()
    normalizer = Normalizer(now, now + settings.recurrence_days * DAY, zones, workspace.erasures)
    with _store(workspace) as store:
        _check_source(store, source)
        pending = rows_of.pending(store, source, CRM)
        files = []
        for start in range(0, len(pending), settings.ingest.batch_records):
            part = pending[start : start + settings.ingest.batch_records]
            raw = to_raw([_row(r) for r in part])
            files.append(land(normalizer.batch(raw), folder))
        if files:  # the ledger is published too, if nothing is derived of it as another snapshot of the last run
            store.set_mark("unpublished", last_run(store))
        counts = rows_of.commit_replay(store, files, LANDED, now) if files else {}
    if counts:
        if observer is not None:
            observer.replayed(counts)
        run_once(workspace, now, fixed=fixed, say=say, observer=observer)
    return counts


def _check_source(store: Store, source: str | None) -> None:
    """A record may be rejected because a header names a system that nobody knows; such a name is a source here."""
    known = (*all_sources(), CRM)
    if source is not None and source not in known and not rows_of.reasons(store, source):
        raise SettingsError(
            f"--source: {source!r} is no source, nor is a rejected record of one; there are {', '.join(known)}"
        )


def _row(pending: rows_of.Pending) -> Row:
    """The record as it goes to its adapter; one of a system without an adapter is rejected again, until there is one.

    So is one of which only a part was kept, for it would be read as if it ended there: its file must be read again.
    """
    bad, detail = None, None
    if pending.reason_code in UNFINISHED_REASONS:
        bad, detail = pending.reason_code, pending.detail
    elif pending.source not in all_sources():
        bad, detail = "unknown_system", f"{pending.name}: there is no adapter for {pending.source!r}"
    return pending.unit_id, pending.source, pending.name, pending.position, pending.payload, bad, detail
