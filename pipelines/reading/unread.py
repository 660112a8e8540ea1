"""What lies in the inbox and nothing reads: said once, when it is new or has changed, and by ``doctor`` whenever it is asked.

Nothing that lies there makes these raise, closed folders neither: ``os.path`` answers where ``Path`` would raise.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from pipelines.reading.plan import is_ours, is_text
from pipelines.workspace import Workspace
from transforms.crm.files import CRM_FILES
from transforms.sources import all_sources
from warehouse.store import Store

MARK = "unread"
NOT_TEXT = "has a name that is not UTF-8"
NOT_OURS = "may not be read by this user"
CLOSED = "is a folder that may not be looked into"


def unread(workspace: Workspace) -> Iterator[tuple[Path, str]]:
    """(path, sentence): folders of no source, files beside the folders, what in a source's folder is no file that can be read, and
    what the directory's folder holds besides its files."""
    sources = all_sources()
    for folder in (workspace.inbox, workspace.crm):
        if _is_closed(folder):
            yield folder, f"{_shown(workspace, folder)} {CLOSED}: it is not read"
    for path in _entries(workspace.inbox):
        where = _shown(workspace, path)
        if not os.path.isdir(path) and (path == workspace.crm or path.name in sources):
            whose = "the directory" if path == workspace.crm else "a source"
            yield path, f"{where} is no folder, and that of {whose} has this name: it is not read"
        elif not os.path.isdir(path):
            yield (
                path,
                f"{where} lies in no source's folder (inbox/SOURCE/, one of {', '.join(sources)}): it is not read",
            )
        elif path != workspace.crm and path.name not in sources:
            yield path, f"{where}/ is no source that touchloop knows ({', '.join(sources)}): its files are not read"
        elif path.name in sources:
            for below, why in sorted(_unreadable(path)):
                yield below, f"{_shown(workspace, below)} {why}: it is not read"
    for path in _entries(workspace.crm):
        where = _shown(workspace, path) + ("/" if os.path.isdir(path) else "")
        if path.name not in CRM_FILES or os.path.isdir(path):
            yield (
                path,
                f"{where} is none of the directory's files and is not read; these are, by exactly these names: {', '.join(CRM_FILES)}",
            )
        elif not os.path.isfile(path):
            yield path, f"{where} is a link to nothing, or no file: it is not read"


def _unreadable(folder: Path) -> Iterator[tuple[Path, str]]:
    """(path, why) of what lies in a source's folder, at any depth, and is no file that can be read."""
    if _is_closed(folder):
        yield folder, CLOSED
        return
    for entry in os.scandir(folder) if os.path.isdir(folder) else ():
        if not os.path.islink(entry.path) and os.path.isdir(entry.path):
            if entry.name.startswith("."):
                continue
            if is_text(entry.name):
                yield from _unreadable(Path(entry.path))
            else:
                yield Path(entry.path), NOT_TEXT
        elif is_ours(entry.name) and (why := _fault(entry)):
            yield Path(entry.path), why


def _is_closed(folder: Path) -> bool:
    return os.path.isdir(folder) and not os.access(folder, os.R_OK | os.X_OK)


def _fault(entry: os.DirEntry[str]) -> str | None:
    if not is_text(entry.name):
        return NOT_TEXT
    try:
        mode = os.stat(entry.path).st_mode
    except OSError as error:
        if error.errno == errno.EACCES:
            return NOT_OURS
        return "is a link to nothing" if entry.is_symlink() else f"cannot be read ({error.strerror})"
    if stat.S_ISDIR(mode):
        return "is a link to a folder, and such links are not followed"
    if not stat.S_ISREG(mode):
        return "is no file"
    return None if os.access(entry.path, os.R_OK) else NOT_OURS


def _shown(workspace: Workspace, path: Path) -> str:
    """The path below the workspace as text, whatever bytes a name is made of."""
    return os.fsencode(path.relative_to(workspace.root).as_posix()).decode(errors="backslashreplace")


def _entries(folder: Path) -> list[Path]:
    """Names that are not ours to look at, as those of files that are still written, are left out."""
    try:
        return sorted(p for p in folder.iterdir() if is_ours(p.name))
    except OSError:
        return []


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
    if os.path.isdir(path):
        return "folder"
    try:
        entry = path.stat()
    except OSError:  # gone meanwhile, or a link to nothing
        return "gone"
    return f"{entry.st_size}/{entry.st_mtime_ns}"
