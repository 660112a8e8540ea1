"""Batches of records as a broker keeps them, told to kafka-python."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from kafka.codec import snappy_encode
from kafka.record import MemoryRecords, default_records

from pipelines.kafka import wire

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
VALUES = [b'{"type":"page"}', b"", b'{"type":"track"}' * 20_000]

wire.teach()


def batch(codec: int, *values: bytes, headers: tuple[tuple[str, bytes], ...] = ()) -> bytes:
    """As producers send it."""
    builder = default_records.DefaultRecordBatchBuilder(2, codec, False, -1, -1, -1, 1 << 20)
    for offset, value in enumerate(values):
        builder.append(offset, 0, b"k", value, headers)
    return bytes(builder.build())


def read(sent: bytes) -> list[Any]:
    return list(MemoryRecords(sent).next_batch())


@pytest.mark.parametrize("name", CODECS)
def test_every_compression_of_kafka_is_read(name: str) -> None:
    sent = batch(CODECS[name], *VALUES)
    assert (len(sent) < 100_000) == (name != "none")
    assert [record.value for record in read(sent)] == VALUES


def test_snappy_is_read_in_blocks_and_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients of Java's kind frame it in blocks, those built on librdkafka send it bare."""
    assert b"SNAPPY" in batch(CODECS["snappy"], *VALUES)
    monkeypatch.setattr(default_records, "snappy_encode", partial(snappy_encode, xerial_compatible=False))
    bare = batch(CODECS["snappy"], *VALUES)
    assert b"SNAPPY" not in bare
    assert [record.value for record in read(bare)] == VALUES


class Name(str):
    """Of a header, as clients write it that take any bytes for one."""

    def encode(self, *_: Any) -> bytes:
        return bytes(map(ord, self))


@pytest.mark.parametrize("name", CODECS)
def test_a_header_whose_name_is_no_text_keeps_no_record_away(name: str) -> None:
    """What stands beside it is read as it is: the value, and the headers that say of which system it is."""
    headers = (("ce_source", b"/zoom"), (Name("\xff\xfe"), b"\xff"), (Name("caf\xe9"), b""), ("\u00fc", b"1"))
    first, *_, last = read(batch(CODECS[name], *VALUES, headers=headers))
    assert (first.value, last.value) == (VALUES[0], VALUES[-1])
    assert last.headers == [("ce_source", b"/zoom"), ("??", b"\xff"), ("????", b""), ("\u00fc", b"1")]
    assert (last.key, last.offset) == (b"k", len(VALUES) - 1)
