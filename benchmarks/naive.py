"""The same job as plain Beam, one element at a time: records as dicts, GroupByKey by fold key and by account.

It calls the same transforms and writes nothing, so the difference to ``touchloop run`` is how the data is moved.
``python -m benchmarks.naive --workspace W --as-of T``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import msgspec
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pipelines.directory import read_directory
from pipelines.journeys import World
from pipelines.plan import FileUnit, plan_files
from pipelines.read import unit_rows
from pipelines.settings import load_settings
from transforms.account import build_account
from transforms.event import Event, Ignored, Party, Reject, Witness, event_id, hash_id
from transforms.linking import fold_key, link_keys
from transforms.sources import Context, all_sources, parse_record
from transforms.times import DAY, parse_iso
from transforms.touchpoint import Participant, Touchpoint

Row = dict[str, Any]


class Parse(beam.DoFn):
    """A record to its events, each a dict with its keys; what is ignored or rejected is only counted."""

    def __init__(self, until: int, received_at: int) -> None:
        self.until, self.received_at = until, received_at

    def process(self, record: Row) -> Iterator[Row]:
        if record["bad"]:
            return
        try:
            context = Context(name=record["name"], until=self.until)
            parsed = parse_record(all_sources()[record["system"]], record["payload"], context)
        except Reject:
            return
        if isinstance(parsed, Ignored):
            return
        for event in parsed:
            yield {
                "event_id": event_id(event),
                "received_at": self.received_at,
                "unit_id": record["unit_id"],
                "position": record["position"],
                "payload_hash": hash_id(record["payload"].decode("latin-1")),
                "key": fold_key(event),
                "links": list(link_keys(event)),
                "event": msgspec.structs.asdict(event)
                | {"parties": [msgspec.structs.asdict(p) for p in event.parties]},
            }


class Components(beam.CombineFn):
    """Pairs of keys to the smallest key of each key's connected component."""

    def create_accumulator(self) -> dict[str, str]:
        return {}

    def add_input(self, accumulator: dict[str, str], pair: tuple[str, str]) -> dict[str, str]:
        left, right = self._root(accumulator, pair[0]), self._root(accumulator, pair[1])
        if left != right:
            accumulator[max(left, right)] = min(left, right)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[dict[str, str]]) -> dict[str, str]:
        whole: dict[str, str] = {}
        for accumulator in accumulators:
            for pair in accumulator.items():
                whole = self.add_input(whole, pair)
        return whole

    def extract_output(self, accumulator: dict[str, str]) -> dict[str, str]:
        return {key: self._root(accumulator, key) for key in list(accumulator)}

    @staticmethod
    def _root(parent: dict[str, str], key: str) -> str:
        while (above := parent.setdefault(key, key)) != key:
            parent[key] = parent[above]
            key = above
        return key


class Fold(beam.DoFn):
    """A group's events to touchpoints, each a dict with its participants."""

    def __init__(self, world: World) -> None:
        self.world = world

    def setup(self) -> None:
        self.folder = self.world.folder()

    def process(self, group: tuple[str, Iterable[Row]]) -> Iterator[tuple[str, Row]]:
        folded = self.folder.fold([_witness(row) for row in group[1]])
        people: dict[str, list[Row]] = {}
        for participant in folded.participants:
            people.setdefault(participant.touchpoint_id, []).append(msgspec.structs.asdict(participant))
        for touchpoint in folded.touchpoints:
            row = msgspec.structs.asdict(touchpoint) | {"participants": people.get(touchpoint.touchpoint_id, [])}
            yield touchpoint.account_id or "", row


def _witness(row: Row) -> Witness:
    fields = row["event"]
    event = Event(**fields | {"parties": tuple(Party(**party) for party in fields["parties"])})
    return Witness(row["event_id"], row["received_at"], row["unit_id"], row["position"], row["payload_hash"], event)


class Rebuild(beam.DoFn):
    """An account's touchpoints to the number of its loops."""

    def __init__(self, world: World) -> None:
        self.world = world

    def setup(self) -> None:
        self.context = self.world.account_context()

    def process(self, group: tuple[str, Iterable[Row]]) -> Iterator[int]:
        account_id, rows = group
        if not account_id:
            return
        touchpoints, participants = [], {}
        for row in rows:
            people = [Participant(**one) for one in row["participants"]]
            touchpoint = Touchpoint(**{name: value for name, value in row.items() if name != "participants"})
            touchpoints.append(touchpoint)
            participants[touchpoint.touchpoint_id] = people
        yield len(build_account(account_id, touchpoints, participants, self.context).loops)


def read(unit: FileUnit, root: Path) -> Iterator[Row]:
    """A file's records as dicts."""
    for unit_id, system, name, position, payload, bad, _ in unit_rows(root, unit):
        yield {
            "unit_id": unit_id, "system": system, "name": name, "position": position, "payload": payload, "bad": bad,
        }  # fmt: skip


def world_of(root: Path, as_of: int) -> World:
    crm = read_directory(root, root / "inbox" / "crm").crm
    return World(crm, [], load_settings(root / "touchloop.toml").transforms(), None, as_of)


def run(root: Path, as_of: int) -> dict[str, float]:
    """Fold and rebuild everything in the inbox; gives seconds, processor seconds, records, touchpoints and loops."""
    world = world_of(root, as_of)
    units = list(plan_files(root, all_sources().values(), {}))
    began, spent = time.perf_counter(), time.process_time()
    with beam.Pipeline(FnApiRunner(), options=PipelineOptions([])) as pipeline:
        records = pipeline | beam.Create(units) | beam.FlatMap(read, root)
        events = (
            records
            | beam.ParDo(Parse(as_of + 400 * DAY, as_of))
            | "by event" >> beam.Map(lambda row: (row["event_id"], row))
            | "same event" >> beam.GroupByKey()
            | "once" >> beam.Map(lambda pair: min(pair[1], key=lambda row: (row["unit_id"], row["position"])))
        )
        roots = (
            events
            | beam.FlatMap(lambda row: [(row["key"], link) for link in row["links"]])
            | beam.CombineGlobally(Components())
        )
        touchpoints = (
            events
            | "by group"
            >> beam.Map(lambda row, known: (known.get(row["key"], row["key"]), row), beam.pvalue.AsSingleton(roots))
            | "groups" >> beam.GroupByKey()
            | beam.ParDo(Fold(world))
        )
        loops = (
            touchpoints
            | "accounts" >> beam.GroupByKey()
            | beam.ParDo(Rebuild(world))
            | "sum" >> beam.CombineGlobally(sum)
        )
        for name, counted in (
            ("records", records | "count records" >> beam.combiners.Count.Globally()),
            ("touchpoints", touchpoints | "count touchpoints" >> beam.combiners.Count.Globally()),
            ("loops", loops),
        ):
            _ = counted | f"note {name}" >> beam.Map(_note, name, str(root))
    found = {"seconds": time.perf_counter() - began, "processor_seconds": time.process_time() - spent}
    for name in ("records", "touchpoints", "loops"):
        found[name] = float((root / f"naive-{name}").read_text())
        (root / f"naive-{name}").unlink()
    return found


def _note(value: int, name: str, root: str) -> None:
    (Path(root) / f"naive-{name}").write_text(str(value))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--as-of", required=True)
    given = parser.parse_args()
    print(json.dumps(run(given.workspace.resolve(), parse_iso(given.as_of, "--as-of"))))


if __name__ == "__main__":
    main()
