"""``erased.jsonl``: who was erased in a workspace, by hashes of their identifiers, so that nobody comes back with the next record."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pipelines.errors import SettingsError
from transforms.crm.erasure import STAND_INS


class Erased(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One person: a line of the file."""

    erased_at: str
    stand_in: str
    """What the person's identifiers became."""
    identifiers: list[str]
    """Hashes (``hash_id``) of prefixed identifiers."""


def read_erased(path: Path) -> list[Erased]:
    """Empty where there is no such file. Raises ``SettingsError`` for a line that says nothing: its person would come back."""
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            one = msgspec.json.decode(line, type=Erased)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"{path}: line {number}: {error}; put the file back as touchloop erase wrote it"
            ) from None
        if not one.stand_in.startswith(STAND_INS):
            raise SettingsError(f"{path}: line {number}: stand_in is {one.stand_in!r}, and begins like no stand-in")
        found.append(one)
    return found


def write_erased(path: Path, people: Sequence[Erased]) -> None:
    """All of them, at once and on the disk before this returns."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        file.writelines(msgspec.json.encode(one) + b"\n" for one in people)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
