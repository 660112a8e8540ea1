"""``doctor``: is this workspace in order?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.directory import SYSTEM as CRM
from pipelines.directory import FoundDirectory, crm_paths
from pipelines.errors import SettingsError
from pipelines.reading.plan import inbox_files
from pipelines.reading.unread import unread
from pipelines.summary import counted
from pipelines.workspace import Workspace
from transforms.sources import all_sources
from warehouse.ledger import last_run
from warehouse.publish import is_whole, run_of
from warehouse.store import DERIVE_AGAIN, Store


@dataclass(frozen=True)
class Finding:
    ok: bool
    text: str


def examine(workspace: Workspace) -> list[Finding]:
    """Findings in the order in which they matter; each says what was looked at and what to do."""
    return [*_settings(workspace), *_inbox(workspace), *_state(workspace)]


def _settings(workspace: Workspace) -> Iterator[Finding]:
    try:
        settings = workspace.settings
        rules = workspace.rulebook
        _ = workspace.erasures
    except SettingsError as error:
        yield Finding(False, str(error))
        return
    yield Finding(True, f"settings and {len(rules.dim_rows())} job rules (version {rules.version[:8]})")
    named = settings.identity.company_domains
    yield Finding(
        bool(named),
        f"company domains: {', '.join(named)}"
        if named
        else "identity.company_domains is empty: nobody is known as yours by domain",
    )


def _inbox(workspace: Workspace) -> Iterator[Finding]:
    known = all_sources()
    for folder in sorted(p for p in workspace.inbox.iterdir() if p.is_dir() and p.name in known):
        yield Finding(
            True, f"inbox/{folder.name}/: {counted(sum(1 for _ in inbox_files(workspace.inbox, folder.name)), 'file')}"
        )
    for _, sentence in unread(workspace):
        yield Finding(False, sentence)
    files = [p.name for p in crm_paths(workspace.crm)]
    yield Finding(
        "people.csv" in files and "accounts.csv" in files,
        f"inbox/crm/: {', '.join(files) or 'no directory: nobody can be resolved'}",
    )


def _state(workspace: Workspace) -> Iterator[Finding]:
    for folder in (workspace.state, workspace.published):
        if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
            yield Finding(False, f"{folder.name}/ may not be written to by this user: no run can end")
    if not workspace.warehouse.exists() and not workspace.vault.exists():
        yield Finding(True, "no warehouse yet: touchloop run makes it")
        return
    directory = _directory_units(workspace)
    with workspace.writer(), Store(workspace.warehouse, workspace.vault, workspace.scratch) as store:
        broken = store.count(
            "SELECT count(*) FROM ledger_unit WHERE record_count <> accepted_count + duplicate_count + ignored_count + rejected_count"
        )
        events = store.count("SELECT count(*) FROM fact_event")
        counted = store.count("SELECT coalesce(sum(event_count), 0)::BIGINT FROM ledger_unit")
        details = store.count("SELECT count(*) FROM vault.event_detail")
        rejected = store.connection.execute(
            f"""SELECT location, rejected_count, record_count FROM ledger_unit
                WHERE rejected_count > 0 AND unit_id IN ({", ".join("?" * len(directory)) or "NULL"}) ORDER BY location""",
            directory,
        ).fetchall()
        dirty = store.count("SELECT count(*) FROM vault.dirty")
        unpublished, last = store.mark("unpublished"), last_run(store)
        is_derived = store.mark("config") != DERIVE_AGAIN
        read_by = store.connection.execute(
            "SELECT source, adapter_version, count(*) FROM ledger_unit GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    yield Finding(broken == 0, f"conservation: {broken} units whose counts do not add up")
    yield Finding(
        events == counted == details,
        f"events: {events:,} in fact_event, {counted:,} in the ledger, {details:,} in the vault",
    )
    for location, rows, of in rejected:
        yield Finding(
            False,
            f"{location}: {rows:,} of {of:,} rows are rejected, and what they say is in no figure (touchloop rejects list --source {CRM})",
        )
    now = {name: spec.version for name, spec in all_sources().items()}
    older = [f"{n:,} of {source} by {version} (now {now[source]})" for source, version, n in read_by
             if now.get(source, version) != version]  # fmt: skip
    yield Finding(
        not older,
        "all units were read by the adapters of today"
        if not older
        else f"units read by another version of their adapter: {', '.join(older)}. What they hold stays as that version read it. "
        "touchloop replay LOCATION reads them again: 'inbox/SOURCE/*', or TOPIC/PARTITION as far back as the broker keeps it",
    )
    yield Finding(
        dirty == 0,
        f"{dirty:,} conversations, users or meetings wait to be rebuilt" + (": touchloop run does it" if dirty else ""),
    )
    yield Finding(
        is_derived,
        "the tables are of this version"
        if is_derived
        else "the tables are of another version, or of before a replay: touchloop run derives them again",
    )
    yield _snapshot(workspace, unpublished, last)


def _snapshot(workspace: Workspace, unpublished: str | None, last: str | None) -> Finding:
    if unpublished is not None:
        return Finding(False, f"run {unpublished} is not published yet: touchloop run publishes it, or tells why not")
    if not is_whole(workspace.published):
        return Finding(
            False, "published/ is not whole, a part of the snapshot is gone: touchloop run publishes it again"
        )
    shown = run_of(workspace.published)
    if shown != last:  # somebody went back to another snapshot, or to another state
        return Finding(
            False, f"published/ shows run {shown}, and the warehouse is of run {last}: touchloop publish shows that"
        )
    return Finding(True, "the snapshot shows the warehouse")


def _directory_units(workspace: Workspace) -> list[str]:
    """The directory's files as they lie there, by the ledger's ids; none where the settings cannot be read, which is told by itself."""
    try:
        return FoundDirectory(workspace.root, workspace.crm, workspace.settings.crm).unit_ids
    except (SettingsError, PermissionError):
        return []
