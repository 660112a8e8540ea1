"""Loads for a real broker: the payloads of a generated workspace as messages, produced at a rate or at once."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from pipelines.reading.gunzip import MAGIC, Gunzip
from transforms.event import Ignored, Reject
from transforms.records import BadFrame, frames
from transforms.sources import Context, all_sources, parse_record
from transforms.times import DAY

LOAD = int(os.environ.get("TOUCHLOOP_LOAD", "20000"))
"""Native records of a load; 200000 for the whole of it."""
AS_OF = "2026-12-31T00:00:00Z"


def messages(inbox: Path, seed: int = 1) -> list[tuple[str, bytes]]:
    """(source, value) of every frame of every file below an inbox, shuffled: one record a message, or a batch as it was sent."""
    found = []
    for name, spec in all_sources().items():
        for path in sorted(p for p in (inbox / name).rglob("*") if p.is_file()):
            for frame in frames(_plain(path), path.name, spec.framing):
                found.append((name, frame.data if isinstance(frame, BadFrame) else frame))
    random.Random(seed).shuffle(found)
    return found


def as_they_happened(load: Sequence[tuple[str, bytes]], seed: int = 1) -> list[tuple[str, bytes]]:
    """The messages in the order of their times; one in fifty up to five days late, and what tells no time anywhere."""
    dice = random.Random(seed)
    sources = all_sources()
    known: list[int] = []

    def moment(message: tuple[str, bytes]) -> int:
        spec, context = sources[message[0]], Context(name="load", zone="UTC", until=0)
        try:
            record = next(iter(spec.explode(message[1], context))) if spec.explode else message[1]
            parsed = parse_record(spec, record, context)
            happened = None if isinstance(parsed, Ignored) or not parsed else parsed[0].occurred_at
        except (Reject, StopIteration, msgspec.MsgspecError):
            happened = None
        if happened is None:
            return dice.choice(known) if known else 0
        known.append(happened)
        return happened + (dice.randrange(5 * DAY) if dice.random() < 0.02 else 0)

    return sorted(load, key=moment)


def _plain(path: Path) -> BinaryIO:
    data = path.read_bytes()
    if data[:2] != MAGIC:
        return io.BytesIO(data)
    return cast(BinaryIO, io.BufferedReader(Gunzip(io.BytesIO(data))))


TOPIC = "native"


def settings(address: str, **more: object) -> str:
    """The ``[kafka]`` table that reads the load's topic, by its headers, and a topic ``native.<source>`` for each source."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in more.items()]
    mapping = [f'{TOPIC} = "headers"', *(f'"{TOPIC}.{source}" = "{source}"' for source in all_sources())]
    return "\n".join(["", "[kafka]", f'bootstrap_servers = "{address}"', *lines, "[kafka.topics]", *mapping, ""])


def produce(
    producers: Sequence[Any],
    load: Sequence[tuple[str, bytes]],
    *,
    rate: float | None = None,
    seed: int = 1,
    sent: Callable[[int], None] = lambda _: None,
) -> None:
    """Send every message with a random key, the producers (of several compressions) taking turns; ``rate`` a second, or at once."""
    dice = random.Random(seed)
    began = time.monotonic()
    for number, (source, value) in enumerate(load):
        headers = [("ce_source", f"/{source}".encode())]
        producers[number % len(producers)].send(TOPIC, value=value, key=dice.randbytes(8), headers=headers)
        if rate is not None and number % 50 == 0:
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
        sent(number)
    for producer in producers:
        producer.flush()


def touchloop(
    *arguments: str, stderr: Any = subprocess.PIPE, stdout: Any = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """A touchloop of its own, in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines", *arguments], stdout=stdout, stderr=stderr, start_new_session=True
    )


def finish(process: subprocess.Popen[bytes], seconds: float = 900) -> str:
    """Wait for it to end well; what it said."""
    _, err = process.communicate(timeout=seconds)
    said = err.decode() if err else ""
    assert process.returncode == 0, said[-3000:]
    return said
