"""The CRM directory's files: read whole each run, landed in the ledger when their content is new."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from transforms.crm import CRM_FILES, Crm, read_crm_file, unknown_columns
from transforms.event import Reject, hash_id

SYSTEM = "crm"
ADAPTER_VERSION = "1.0.0"


class CrmFile(msgspec.Struct, frozen=True):
    """One file of the directory as read: its rows' verdicts by position."""

    unit_id: str
    location: str
    size: int
    accepted: int
    rejects: list[tuple[int, bytes, str, str | None, str]]
    """(position, original bytes, reason_code, field_path, detail)"""
    warnings: list[str]


class ReadDirectory(msgspec.Struct, frozen=True):
    crm: Crm
    files: list[CrmFile]
    digest: str
    """Hash of all files: a change rebuilds what rests on the directory."""


LISTS: dict[str, str] = {
    "accounts.csv": "accounts",
    "people.csv": "people",
    "opportunities.csv": "opportunities",
    "buying_group.csv": "buying_group",
    "assignments.csv": "assignments",
    "assets.csv": "assets",
    "aliases.csv": "aliases",
}


def read_directory(root: Path, folder: Path) -> ReadDirectory:
    """All seven files below ``inbox/crm`` (any may be missing). A bad row is set aside and the others count."""
    crm = Crm()
    files: list[CrmFile] = []
    digest = hashlib.sha256()
    for path in crm_paths(folder):
        data = path.read_bytes()
        content = hashlib.sha256(data).hexdigest()
        digest.update(f"{path.name}\x1f{content}\x1e".encode())
        location = path.relative_to(root).as_posix()
        rows: list[Any] = getattr(crm, LISTS[path.name])
        accepted, rejects = 0, []
        for position, original, row in read_crm_file(path.name, data):
            if isinstance(row, Reject):
                rejects.append((position, original, row.reason_code, row.field_path, row.detail))
            else:
                rows.append(row)
                accepted += 1
        warnings = [
            f"{location}: column {c!r} is not one of the directory's and is left out"
            for c in unknown_columns(path.name, data)
        ]
        unit_id = hash_id(f"file\x1f{SYSTEM}\x1f{location}\x1f{content}")
        files.append(CrmFile(unit_id, location, len(data), accepted, rejects, warnings))
    return ReadDirectory(crm, files, digest.hexdigest()[:32])


def crm_paths(folder: Path) -> Iterator[Path]:
    """The directory's files that are there, in a fixed order. There is one of each: keys are unique in a file."""
    if folder.is_dir():
        yield from sorted(p for p in folder.iterdir() if p.name in CRM_FILES and p.is_file())


def dimension_rows(crm: Crm, executives: dict[str, bool | None]) -> dict[str, list[dict[str, Any]]]:
    """Rows of the dimension tables. ``executives``: the directory's verdict by person."""
    return {
        "dim_account": [_fields(a) | {"domains": list(a.domains)} for a in crm.accounts],
        "dim_person": [_fields(p) | {"is_executive": executives.get(p.person_id)} for p in crm.people],
        "dim_seller": [_fields(p) | {"seller_id": p.person_id} for p in crm.people if p.side == "seller"],
        "dim_opportunity": [_fields(o) for o in crm.opportunities],
        "dim_buying_group_member": [_fields(m) for m in crm.buying_group],
        "dim_assignment": [_fields(a) for a in crm.assignments],
        "dim_asset": [_fields(a) for a in crm.assets],
    }


def _fields(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__struct_fields__}
