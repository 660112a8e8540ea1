"""The CRM directory and the bindings that the tables were last derived by, and what those of today make of them.

A nightly export has some other rows, and profiles come with the events. What neither concerns is not derived again.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from pipelines import checked
from pipelines.directory import ReadDirectory
from pipelines.summary import version
from transforms.crm.change import CrmChange, crm_change
from transforms.crm.rows import Crm, StageChange

UNCHANGED = CrmChange()


class Derived(msgspec.Struct, frozen=True):
    """What a derivation read of the directory."""

    digest: str
    crm: Crm
    stages: list[StageChange]


class Was(msgspec.Struct, frozen=True):
    """Directory and bindings of the last derivation, of which one at least is another by now."""

    crm: Crm
    bindings: list[tuple[str, ...]]
    change: CrmChange = UNCHANGED
    """From its rows to those of today."""


def changed_since(derived: Derived, now: ReadDirectory, bindings: list[tuple[str, ...]]) -> Was | None:
    """None where any figure may be another. ``bindings``: those of the last derivation."""
    change = crm_change(derived.crm, now.crm, derived.stages, now.stages)
    return None if change is None else Was(derived.crm, bindings, change)


def keep(file: Path, read: ReadDirectory) -> None:
    """Leave what the tables rest on from now on for the next process; without it, it derives everything again."""
    checked.write(file, _head(), msgspec.msgpack.encode(Derived(read.digest, read.crm, read.stages)))


def kept(file: Path, digest: str | None) -> Derived | None:
    """The directory that was kept, if it is that of ``digest`` and whole."""
    body = checked.read(file, _head())
    try:
        derived = None if body is None else msgspec.msgpack.decode(body, type=Derived)
    except msgspec.DecodeError:
        return None
    return derived if derived is not None and derived.digest == digest else None


def _head() -> bytes:
    return f"touchloop {version()} derived\n".encode()
