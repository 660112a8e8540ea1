"""What lies in the inbox and nothing reads: said once, when it is new or has changed, and by ``doctor`` whenever it is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from pipelines.plan import is_ours
from pipelines.workspace import Workspace
from transforms.crm import CRM_FILES
from transforms.sources import all_sources
from warehouse.store import Store

MARK = "unread"


def unread(workspace: Workspace) -> Iterator[tuple[Path, str]]:
    """(path, sentence): folders of no source, files beside the folders, and what the directory's folder holds besides its files."""
    sources = all_sources()
    for path in _entries(workspace.inbox):
        where = path.relative_to(workspace.root).as_posix()
        if not path.is_dir():
            yield (
                path,
                f"{where} lies in no source's folder (inbox/SOURCE/, one of {', '.join(sources)}): it is not read",
            )
        elif path != workspace.crm and path.name not in sources:
            yield path, f"{where}/ is no source that touchloop knows ({', '.join(sources)}): its files are not read"
    for path in _entries(workspace.crm):
        if path.name not in CRM_FILES or path.is_dir():
            where = path.relative_to(workspace.root).as_posix() + ("/" if path.is_dir() else "")
            yield (
                path,
                f"{where} is none of the directory's files and is not read; these are, by exactly these names: {', '.join(CRM_FILES)}",
            )


def _entries(folder: Path) -> list[Path]:
    """Names that are not ours to look at, as those of files that are still written, are left out."""
    return sorted(p for p in folder.iterdir() if is_ours(p.name)) if folder.is_dir() else []


def news(workspace: Workspace, store: Store) -> list[str]:
    """The sentences that no run has said yet of what lies there, and remember that they are said now. A file that changed is new."""
    found = {
        path.relative_to(workspace.root).as_posix(): (_state(path), sentence) for path, sentence in unread(workspace)
    }
    before: dict[str, str] = json.loads(store.mark(MARK) or "{}")
    now = {name: state for name, (state, _) in found.items()}
    if now != before:
        store.set_mark(MARK, json.dumps(now) if now else None)
    return [sentence for name, (state, sentence) in found.items() if before.get(name) != state]


def _state(path: Path) -> str:
    """Of a file, what its directory entry says of its content; of a folder nothing."""
    if path.is_dir():
        return "folder"
    try:
        entry = path.stat()
    except FileNotFoundError:  # gone meanwhile, or a link to nothing
        return "gone"
    return f"{entry.st_size}/{entry.st_mtime_ns}"
