"""From a message to rows of raw records: its system, its items, and what is wrong with it before any adapter sees it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from pipelines.gunzip import MAGIC
from pipelines.kafka.plan import position_of
from pipelines.kafka.topics import UnknownSystem, system_of
from pipelines.read import Row, gunzipped
from pipelines.settings import Kafka
from transforms.frame_bytes import SHOWN
from transforms.framing import BadFrame, records_in
from transforms.sources import Context, SourceSpec, all_sources


class Messages:
    """Turns messages into rows of ``pipelines.read.RAW``. Each item of a message succeeds or fails alone."""

    def __init__(self, settings: Kafka) -> None:
        self.max_bytes = settings.max_message_bytes

    def rows(self, unit_id: str, mapped: str, name: str, message: Any) -> Iterator[Row]:
        """Rows of one message (``offset``, ``value``, ``headers``); at least one, whatever is in it.

        ``mapped`` is the source of its topic, ``name`` the ``topic/partition`` that adapters are told. A tombstone and an empty
        message are rows that will be ignored; a message of an unknown system, or above the limit, one that will be rejected.
        """
        offset: int = message.offset
        value: bytes | None = message.value
        system = system_of(message.headers or (), mapped)
        label = system.name if isinstance(system, UnknownSystem) else system
        if value is None:
            yield unit_id, label, name, offset, b"", "tombstone", "a message without a value"
            return
        if len(value) > self.max_bytes:
            detail = (
                f"{len(value):,} bytes, and kafka.max_message_bytes is {self.max_bytes:,}; its first bytes are kept"
            )
            yield unit_id, label, name, offset, value[:SHOWN], "too_large", detail
            return
        if isinstance(system, UnknownSystem):
            yield unit_id, label, name, offset, value, "unknown_system", f"{name} at {offset}: {system.detail}"
            return
        item = 0
        for frame in _items(all_sources()[system], value, Context(name=name)):
            position = position_of(offset, item)
            if isinstance(frame, BadFrame):
                yield unit_id, system, name, position, frame.data, frame.reason_code, frame.detail
            else:
                yield unit_id, system, name, position, frame, None, None
            item += 1
        if item == 0:
            yield unit_id, system, name, offset, b"", "empty_message", "nothing is in it"


def _items(spec: SourceSpec, value: bytes, context: Context) -> Iterator[bytes | BadFrame]:
    if value[:2] == MAGIC:
        return gunzipped(spec, io.BytesIO(value), context, start=value[:SHOWN])
    return records_in(spec, value, context)
