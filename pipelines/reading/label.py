"""What a batch of records is of: offsets of a partition, or whole files. It travels in the metadata of the batch's schema."""

from __future__ import annotations

from typing import Any

import msgspec

KEY = b"touchloop"
"""Of the Arrow schema's metadata, where a ``Label`` stands as JSON."""


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch's rows, and a parcel's, come from: offsets ``start`` up to ``end`` of a partition, or whole files."""

    topic: str = ""
    partition: int = 0
    start: int = 0
    end: int = 0
    is_gap: bool = False
    system: str = ""
    """Source of the topic, as the ledger names it."""
    files: list[FileLabel] = []

    def on(self, schema: Any) -> Any:
        """The schema with this label."""
        return schema.with_metadata({KEY: msgspec.json.encode(self)})

    @staticmethod
    def of(schema: Any) -> Label:
        return msgspec.json.decode((schema.metadata or {})[KEY], type=Label)


class FileLabel(msgspec.Struct, frozen=True):
    """A file that a parcel holds all records of."""

    unit_id: str
    system: str
    location: str
    size: int
    modified: int
