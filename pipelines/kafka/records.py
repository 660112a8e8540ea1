"""From a message to rows of raw records: its system, its items, and what is wrong with it before any adapter sees it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

from pipelines.kafka.envelope import carried
from pipelines.kafka.plan import position_of
from pipelines.kafka.topics import UnknownSystem, system_of
from pipelines.reading.gunzip import MAGIC
from pipelines.reading.read import Row, gunzipped
from pipelines.settings import Kafka
from transforms.frames.chunks import SHOWN
from transforms.frames.envelopes import Payload
from transforms.records import BadFrame, records_in
from transforms.sources import Context, all_sources


class Messages:
    """Turns messages into rows of ``pipelines.reading.read.RAW``. Each item of a message succeeds or fails alone."""

    def __init__(self, settings: Kafka) -> None:
        self.max_bytes = settings.max_message_bytes

    def rows(self, unit_id: str, mapped: str, name: str, message: Any) -> Iterator[Row]:
        """Rows of one message (``offset``, ``value``, ``headers``); at least one, whatever is in it.

        ``mapped`` is the source of its topic, ``name`` the ``topic/partition`` that adapters are told. A tombstone and an empty
        message are rows that will be ignored; a message of an unknown system, or above the limit, one that will be rejected.
        """
        offset: int = message.offset
        value: bytes | None = message.value
        if value is None:
            label = _label(system_of(message.headers or (), mapped))
            yield unit_id, label, name, offset, b"", "tombstone", "a message without a value"
            return
        if len(value) > self.max_bytes:
            label = _label(system_of(message.headers or (), mapped))
            detail = (
                f"{len(value):,} bytes, and kafka.max_message_bytes is {self.max_bytes:,}; its first bytes are kept"
            )
            yield unit_id, label, name, offset, value[:SHOWN], "too_large", detail
            return
        item = 0
        for system, payload in carried(value, message.headers or (), mapped):
            label, first = _label(system), item
            for frame in _items(system, payload, f"{name} at {offset}", name):
                position = position_of(offset, item)
                if isinstance(frame, BadFrame):
                    yield unit_id, label, name, position, frame.data, frame.reason_code, frame.detail
                else:
                    yield unit_id, label, name, position, frame, None, None
                item += 1
            if item == first:
                yield unit_id, label, name, position_of(offset, item), b"", "empty_message", "nothing is in it"
                item += 1


def _label(system: str | UnknownSystem) -> str:
    return system.name if isinstance(system, UnknownSystem) else system


def _items(system: str | UnknownSystem, payload: Payload, where: str, name: str) -> Iterable[bytes | BadFrame]:
    """The items of one payload, or what is wrong with it; ``where`` names the message."""
    if payload is None:
        return ()
    if isinstance(system, UnknownSystem):
        data = payload.data if isinstance(payload, BadFrame) else payload
        return (BadFrame(data, "unknown_system", f"{where}: {system.detail}"),)
    if isinstance(payload, BadFrame):
        return (BadFrame(payload.data, payload.reason_code, f"{where}: {payload.detail}"),)
    spec, context = all_sources()[system], Context(name=name)
    if payload[:2] == MAGIC:
        return gunzipped(spec, io.BytesIO(payload), context, start=payload[:SHOWN])
    return records_in(spec, payload, context, depth=0)  # whatever was around it is off
