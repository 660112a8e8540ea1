"""The decode-only limit: the parsers alone over the same bytes, in two processes; nothing is kept."""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from email import policy
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import msgspec
from icalendar import Calendar

from transforms.sources import gmail, google_calendar, google_meet, intercom, slack, zoom
from transforms.sources.segment_calls import Call

CORES = 2
TYPES: dict[str, Any] = {
    "segment": Call,
    "slack": slack.Record,
    "intercom": intercom.Record,
    "gmail": gmail.Message,
    "zoom": zoom.Webhook,
    "google_meet": google_meet.Activity,
    "google_calendar": google_calendar.Resource,
    "snowplow": dict[str, Any],
}
"""What the adapters decode their payloads to."""
WRAPPERS = {"segment": "batch", "gmail": "messages", "google_calendar": "items", "google_meet": "items"}
_SEPARATOR = re.compile(rb"^From .*\n", re.MULTILINE)
_mail = BytesParser(policy=policy.compat32)


def decode_limit(inbox: Path) -> tuple[float, float, int]:
    """(seconds, processor seconds, records) for all files below ``inbox``; each process has half of them."""
    files = sorted((path for path in inbox.rglob("*") if path.is_file() and path.suffix != ".csv"), key=_weight)
    jobs = [[(path, path.relative_to(inbox).parts[0]) for path in files[start::CORES]] for start in range(CORES)]
    with ProcessPoolExecutor(CORES) as pool:
        list(pool.map(_warm, range(CORES * 4)))  # imports are not what is measured
        began = time.perf_counter()
        done = list(pool.map(_decode, jobs))
        seconds = time.perf_counter() - began
    return seconds, sum(spent for spent, _ in done), sum(count for _, count in done)


def _weight(path: Path) -> tuple[str, int, str]:
    return path.suffix, path.stat().st_size, path.as_posix()


def _warm(_: int) -> None:
    time.sleep(0.05)


def _decode(files: Iterable[tuple[Path, str]]) -> tuple[float, int]:
    began = time.process_time()
    decoders = {name: msgspec.json.Decoder(kind).decode for name, kind in TYPES.items()}
    lists = {name: msgspec.json.Decoder(list[kind]).decode for name, kind in TYPES.items()}
    count = 0
    for path, system in files:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        count += _decode_file(data, system, path.name, decoders, lists)
    return time.process_time() - began, count


def _decode_file(
    data: bytes, system: str, name: str, decoders: dict[str, Callable[..., Any]], lists: dict[str, Callable[..., Any]]
) -> int:
    if system == "email":
        return sum(1 for text in _SEPARATOR.split(data) if text and _mail.parsebytes(text))
    if system == "ics":
        return sum(len(calendar.subcomponents) for calendar in Calendar.from_ical(data, multiple=True))
    if ".tsv" in name:
        return sum(1 for line in data.decode().split("\n") if line and line.split("\t"))
    if data[:1] == b"[":
        return len(lists[system](data))
    wrapper = WRAPPERS.get(system)
    decode, count = decoders[system], 0
    if wrapper and data[:100].lstrip().startswith(b"{") and f'"{wrapper}":['.encode() in data[:200]:
        page = msgspec.json.Decoder(msgspec.defstruct("Page", [(wrapper, list[TYPES[system]])])).decode
        return sum(len(getattr(page(line), wrapper)) for line in data.splitlines())
    for line in data.splitlines():
        decode(line)
        count += 1
    return count
