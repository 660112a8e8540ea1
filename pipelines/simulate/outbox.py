"""Files of native records, dealt out in windows: memory is bounded, and an account's records lie in many files."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from math import ceil
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec

from pipelines.simulate.clock import asctime
from pipelines.simulate.damage import damaged
from pipelines.simulate.world import COMPANY

OUTCOMES = ("accepted", "duplicate", "ignored", "rejected")
FILES_PER_WINDOW = 4
SMALLEST = 10
"""Records below which a window is not worth more files."""
BATCH = 20


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """How records are handed over: shares of each kind, order, and how many lie in a file."""

    duplicates: float
    late: float
    malformed: float
    shuffle: bool
    records_per_file: int


class Item(NamedTuple):
    """One record on its way into a file."""

    at: int
    payload: str
    is_whole: bool = True
    """False for one that is cut off: only a line of its own can hold it."""


class Outbox:
    """Takes records as they happen and writes them below ``inbox/``; counts what is to become of each."""

    def __init__(self, inbox: Path, rng: Random, delivery: Delivery) -> None:
        self._inbox, self._rng, self._delivery = inbox, rng, delivery
        self._waiting: dict[str, list[tuple[int, str, str]]] = {}
        self._windows: dict[str, int] = {}
        self.files = 0
        self.counts: dict[str, dict[str, int]] = {}
        self.produced: dict[str, int] = {}
        """Records put so far, by source."""

    @property
    def records(self) -> int:
        return sum(sum(outcomes.values()) for outcomes in self.counts.values())

    def put(self, stream: str, at: int, payload: str, outcome: str) -> None:
        """``stream`` is a source, or one of its forms (``snowplow.tsv``); ``outcome`` what the record will be."""
        waiting = self._waiting.setdefault(stream, [])
        waiting.append((at, payload, outcome))
        source = stream.partition(".")[0]
        self.produced[source] = self.produced.get(source, 0) + 1
        if len(waiting) >= FILES_PER_WINDOW * self._delivery.records_per_file:
            self._flush(stream)

    def close(self) -> None:
        for stream in sorted(self._waiting):
            if self._waiting[stream]:
                self._flush(stream)

    def _flush(self, stream: str) -> None:
        records = sorted(self._waiting[stream])
        self._waiting[stream] = []
        window = self._windows.get(stream, 0)
        self._windows[stream] = window + 1
        source, _, form = stream.partition(".")
        name = form or source
        for number, items in enumerate(self._deal(source, name, records)):
            if self._delivery.shuffle:
                self._rng.shuffle(items)
            else:
                items.sort()
            folder = self._inbox / source / f"{window:04d}"
            folder.mkdir(parents=True, exist_ok=True)
            turn = window + number + len(name)
            self.files += write_file(folder, f"{name}-{number:03d}", name, items, turn)

    def _deal(self, source: str, form: str, records: list[tuple[int, str, str]]) -> list[list[Item]]:
        """The window's records over files that follow each other; late ones lie in a later file, repeats in another."""
        rng, delivery = self._rng, self._delivery
        count = max(FILES_PER_WINDOW if len(records) >= SMALLEST else 1, ceil(len(records) / delivery.records_per_file))
        size = ceil(len(records) / count)
        files: list[list[Item]] = [[] for _ in range(count)]
        tally = self.counts.setdefault(source, dict.fromkeys(OUTCOMES, 0))
        for index, (at, payload, outcome) in enumerate(records):
            place = index // size
            item = Item(at, payload)
            tally[outcome] += 1
            home = rng.randrange(place + 1, count) if place + 1 < count and rng.random() < delivery.late else place
            files[home].append(item)
            if rng.random() < delivery.duplicates:
                tally["duplicate" if outcome == "accepted" else outcome] += 1
                files[(home + 1 + rng.randrange(count - 1)) % count if count > 1 else home].append(item)
            if delivery.malformed and outcome == "accepted" and rng.random() < delivery.malformed:
                broken, is_whole = damaged(form, payload, rng)
                tally["rejected"] += 1
                files[home].append(Item(at, broken, is_whole))
        return files


def write_file(folder: Path, name: str, form: str, items: list[Item], turn: int) -> int:
    """Write one file (for mail, some single messages beside it) in a form of its source; returns how many files."""
    if not items:
        return 0
    if form == "email":
        return _write_mail(folder, name, items)
    if form == "ics":
        return _write(folder / f"{name}.ics", _calendar(items))
    if form == "tsv":
        return _write(folder / f"{name}.tsv{'.gz' if turn % 5 == 4 else ''}", _lines(items))
    is_whole = all(item.is_whole for item in items)
    kind = turn % 6
    if is_whole and kind == 2 and form in _WRAPPED:
        return _write(folder / f"{name}.json", _WRAPPED[form].format(",".join(item.payload for item in items)))
    if is_whole and kind == 2 and form == "segment":
        return _write(folder / f"{name}.jsonl", "".join(_batches(items)))
    if is_whole and kind == 3:
        return _write(folder / f"{name}.json", "[" + ",\n".join(item.payload for item in items) + "]\n")
    return _write(folder / f"{name}.jsonl{'.gz' if kind == 4 else ''}", _lines(items))


_WRAPPED = {
    "gmail": '{{"messages":[{}],"resultSizeEstimate":1}}',
    "google_calendar": '{{"kind":"calendar#events","summary":"sales","timeZone":"UTC","items":[{}]}}',
    "google_meet": '{{"kind":"admin#reports#activities","items":[{}]}}',
}
"""Pages of an API's list."""


def _write(path: Path, text: str) -> int:
    data = text.encode()
    if path.suffix == ".gz":
        data = gzip.compress(data, compresslevel=zlib.Z_BEST_SPEED, mtime=0)
    path.write_bytes(data)
    return 1


def _lines(items: list[Item]) -> str:
    return "\n".join(item.payload for item in items) + "\n"


def _batches(items: list[Item]) -> Iterator[str]:
    for start in range(0, len(items), BATCH):
        calls = ",".join(item.payload for item in items[start : start + BATCH])
        yield f'{{"batch":[{calls}],"writeKey":"example","sentAt":"2026-01-05T00:00:00.000Z"}}\n'


def _write_mail(folder: Path, name: str, items: list[Item]) -> int:
    """An mbox; every fortieth message lies beside it as a file of its own."""
    boxed = [item for number, item in enumerate(items) if number % 40 != 39]
    written = _write(
        folder / f"{name}.mbox",
        "".join(f"From bridge@{COMPANY} {asctime(item.at)}\n{item.payload}\n" for item in boxed),
    )
    for number, item in enumerate(items):
        if number % 40 == 39:
            written += _write(folder / f"{name}-{number:05d}.eml", item.payload)
    return written


def _calendar(items: list[Item]) -> str:
    head = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//{COMPANY}//Calendar//EN\r\nMETHOD:PUBLISH\r\n"
    return head + "".join(item.payload for item in items) + "END:VCALENDAR\r\n"
