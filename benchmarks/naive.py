"""The same job as plain Beam, one element at a time: records as dicts, GroupByKey by fold key and by account, rows to Parquet.

It calls the same transforms, and what it gives is published the same way, so the difference to ``touchloop run`` is how data
is moved. A test holds its tables equal to the run's. ``python -m benchmarks.naive --workspace W --as-of T``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import msgspec
from apache_beam.io.parquetio import WriteToParquet
from apache_beam.io.textio import WriteToText
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from benchmarks.naive_tables import publish, read_world
from pipelines.deriving.journeys import World
from pipelines.deriving.kin import in_apps, whose_name
from pipelines.reading.plan import FileUnit, plan_files
from pipelines.reading.read import unit_rows
from pipelines.workspace import Workspace
from schemas.arrow import arrow_schema
from schemas.registry import TABLES
from transforms.event import Event, Ignored, Party, Reject, Witness, event_id, hash_id
from transforms.folding.linking import OF_ONE_DAY, fold_key, is_app_identity, link_keys
from transforms.journeys.account import build_account
from transforms.sources import Context, all_sources, parse_record
from transforms.times import DAY, parse_iso
from transforms.touchpoint import Participant, Touchpoint

Row = dict[str, Any]
FOLDED = {
    "fact_touchpoint": "touchpoints",
    "fact_touchpoint_participant": "participants",
    "bridge_touchpoint_event": "events",
    "bridge_touchpoint_account": "accounts",
    "fact_asset_event": "assets",
    "fact_internal_step": "steps",
    "touchpoint_resolution": "resolutions",
    "identity_link": "links",
    "identity_conflict": "conflicts",
}
"""Tables and the lists of ``Folded`` that hold their rows."""
REBUILT = {
    "bridge_touchpoint_journey": "members",
    "fact_session": "sessions",
    "fact_visit": "visits",
    "fact_transition": "transitions",
    "fact_loop": "loops",
    "mart_journey_summary": "summaries",
    "journey_gap_sensitivity": "gaps",
    "fact_response": "responses",
    "fact_followup": "followups",
    "fact_enablement_need": "needs",
}
"""Tables and the lists of ``AccountRows`` that hold their rows."""
LANDED = ("fact_event", "ledger_unit", "ignored_record_count", "rejected_record")
WRITTEN = (*LANDED, *FOLDED, *REBUILT)


def table_row(table: str, struct: Any) -> tuple[str, Row]:
    return table, {name: getattr(struct, name) for name in TABLES[table].names}


class Parse(beam.DoFn):
    """A record to its events, each a dict with its keys; tagged ``outcome``: what became of the record."""

    def __init__(self, until: int, received_at: int) -> None:
        self.until, self.received_at = until, received_at

    def process(self, record: Row) -> Iterator[Any]:
        place = (record["unit_id"], record["position"])
        try:
            if record["bad"]:
                raise Reject(record["bad"], None, record["detail"])
            context = Context(name=record["name"], until=self.until)
            parsed = parse_record(all_sources()[record["system"]], record["payload"], context)
        except Reject as reject:
            row = {
                "unit_id": place[0], "position": place[1], "source": record["system"], "reason_code": reject.reason_code,
                "field_path": reject.field_path, "detail": reject.detail[:500], "first_rejected_at": self.received_at,
            }  # fmt: skip
            yield beam.pvalue.TaggedOutput("outcome", (place, ("rejected", row)))
            return
        if isinstance(parsed, Ignored) or not parsed:
            reason = parsed.reason if isinstance(parsed, Ignored) else "nothing_in_it"
            yield beam.pvalue.TaggedOutput("outcome", (place, ("ignored", (record["system"], reason))))
            return
        yield beam.pvalue.TaggedOutput("outcome", (place, ("event", None)))
        for event in parsed:
            yield {
                "event_id": event_id(event),
                "system": record["system"],
                "received_at": self.received_at,
                "unit_id": place[0],
                "position": place[1],
                "payload_hash": hash_id(record["payload"].decode("latin-1")),
                "key": fold_key(event),
                "links": list(link_keys(event)),
                "binding": _binding(event),
                "event": msgspec.structs.asdict(event)
                | {"parties": [msgspec.structs.asdict(p) for p in event.parties]},
            }


def _binding(event: Event) -> tuple[str, ...] | None:
    ids = tuple(one for party in event.parties for one in party.ids)
    return ids if event.family == "identity" and not is_app_identity(event) and len(ids) > 1 else None


def first_copy(pair: tuple[str, Iterable[Row]]) -> Row:
    return min(pair[1], key=lambda row: (row["payload_hash"], row["unit_id"], row["position"]))


def fact_event(row: Row) -> tuple[str, Row]:
    fields = {**row["event"], **row}
    return "fact_event", {name: fields.get(name) for name in TABLES["fact_event"].names}


class Ledger(beam.DoFn):
    """What became of one unit's records to its row of the ledger and the rows of what was set aside."""

    def __init__(self, as_of: int) -> None:
        self.as_of = as_of

    def process(self, pair: tuple[str, Iterable[Row]], units: dict[str, FileUnit]) -> Iterator[tuple[str, Row]]:
        unit_id, outcomes = pair
        unit, counts, ignored = units[unit_id], Counter[str](), Counter[tuple[str, str]]()
        events = 0
        for one in outcomes:
            verdict, told = one["verdict"]
            if verdict == "event":
                verdict = "accepted" if one["fresh"] else "duplicate"
                events += one["fresh"]
            elif verdict == "ignored":
                ignored[told] += 1
            else:
                yield "rejected_record", {name: told.get(name) for name in TABLES["rejected_record"].names}
            counts[verdict] += 1
        for (system, reason), n in ignored.items():
            yield "ignored_record_count", {"unit_id": unit_id, "source": system, "reason": reason, "n": n}
        yield "ledger_unit", {
            "unit_id": unit_id, "source": unit.system, "kind": "file", "location": unit.location, "range_start": 0, "range_end": unit.size,
            "record_count": counts.total(), **{f"{v}_count": counts[v] for v in ("accepted", "duplicate", "ignored", "rejected")},
            "event_count": events, "adapter_version": all_sources()[unit.system].version, "landed_at": self.as_of, "run_id": "naive",
        }  # fmt: skip


def tally(pair: tuple[tuple[str, int], dict[str, Iterable[Any]]]) -> tuple[str, Row]:
    """A record's verdict, and how many events it was the first to tell."""
    (unit_id, _), found = pair
    return unit_id, {"verdict": next(iter(found["outcome"])), "fresh": len(list(found["fresh"]))}


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


class Kin(beam.DoFn):
    """An event's keys tied to those of the people whose identifiers they hold, by the directory and the profiles."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ties: dict[str, set[str]] | None = None
        self.whose: dict[str, set[str]] = {}

    def process(self, row: Row, bindings: list[tuple[str, ...]]) -> Iterator[tuple[str, str]]:
        if self.ties is None:
            self.ties = self._known(bindings)
        for key in (row["key"], *row["links"]):
            yield from ((key, person) for person in self.ties.get(key, ()))
            if key[:2] in OF_ONE_DAY:
                who, _, day = key[2:].rpartition("@")
                yield from ((key, f"{key[:2]}{whose_name(whose)}@{day}") for whose in self.whose.get(who, ()))

    def _known(self, bindings: list[tuple[str, ...]]) -> dict[str, set[str]]:
        kin = msgspec.structs.replace(self.world, bindings=sorted(bindings)).directory().several_names()
        for whose, names in kin.items():
            for name in names:
                self.whose.setdefault(name, set()).add(whose)
        ties: dict[str, set[str]] = {}
        for user, person in in_apps(kin):
            ties.setdefault(user, set()).add(person)
        return ties


class Fold(beam.DoFn):
    """A group's events to rows of tables; tagged ``touchpoint``: each with its participants, by every account that it is in."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.folder: Any = None

    def process(self, group: tuple[str, Iterable[Row]], bindings: list[tuple[str, ...]]) -> Iterator[Any]:
        if self.folder is None:  # a side input is not there before the first element
            self.folder = msgspec.structs.replace(self.world, bindings=sorted(bindings)).folder()
        folded = self.folder.fold([_witness(row) for row in group[1]])
        for table, name in FOLDED.items():
            for struct in getattr(folded, name):
                yield table_row(table, struct)
        people: dict[str, list[Row]] = {}
        for participant in folded.participants:
            people.setdefault(participant.touchpoint_id, []).append(msgspec.structs.asdict(participant))
        touchpoints = {t.touchpoint_id: t for t in folded.touchpoints if t.is_countable}
        for bridge in folded.accounts:
            found = touchpoints.get(bridge.touchpoint_id)
            if found is not None and (bridge.is_primary or found.direction == "mutual"):
                deal = found.opportunity_id if bridge.is_primary else None
                row = msgspec.structs.asdict(found) | {"account_id": bridge.account_id, "opportunity_id": deal}
                row["participants"] = people.get(bridge.touchpoint_id, [])
                yield beam.pvalue.TaggedOutput("touchpoint", (bridge.account_id, row))


def _witness(row: Row) -> Witness:
    fields = row["event"]
    event = Event(**fields | {"parties": tuple(Party(**party) for party in fields["parties"])})
    return Witness(row["event_id"], row["received_at"], row["unit_id"], row["position"], row["payload_hash"], event)


class Rebuild(beam.DoFn):
    """An account's touchpoints to the rows of its journeys."""

    def __init__(self, world: World) -> None:
        self.world = world

    def setup(self) -> None:
        self.context = self.world.account_context()

    def process(self, group: tuple[str, Iterable[Row]]) -> Iterator[tuple[str, Row]]:
        account_id, rows = group
        touchpoints, participants = [], {}
        for row in rows:
            people = [Participant(**one) for one in row["participants"]]
            touchpoint = Touchpoint(**{name: value for name, value in row.items() if name != "participants"})
            touchpoints.append(touchpoint)
            participants[touchpoint.touchpoint_id] = people
        rebuilt = build_account(account_id, touchpoints, participants, self.context)
        for table, name in REBUILT.items():
            for struct in getattr(rebuilt, name):
                yield table_row(table, struct)


def read(unit: FileUnit, root: Path) -> Iterator[Row]:
    """A file's records as dicts."""
    for unit_id, system, name, position, payload, bad, detail in unit_rows(root, unit):
        yield {
            "unit_id": unit_id, "system": system, "name": name, "position": position, "payload": payload, "bad": bad, "detail": detail,
        }  # fmt: skip


def run(root: Path, as_of: int) -> dict[str, float]:
    """From the inbox to published tables; gives seconds, processor seconds and records."""
    workspace = Workspace(root)
    for folder in (workspace.state, workspace.published):
        shutil.rmtree(folder, ignore_errors=True)
    scratch = workspace.fresh_scratch()
    rows, told = scratch / "rows", scratch / "bindings" / "told"
    began, spent = time.perf_counter(), time.process_time()
    directory, world = read_world(workspace, as_of)
    units = {unit.unit_id: unit for unit in plan_files(root, all_sources().values(), {})}
    with beam.Pipeline(FnApiRunner(), options=PipelineOptions([])) as pipeline:
        written, bindings = tables(pipeline, units, root, world, as_of)
        _ = written | "write" >> Write(rows)
        _ = bindings | beam.Map(json.dumps) | WriteToText(str(told))
    bound = sorted(tuple(json.loads(line)) for file in told.parent.iterdir() for line in file.open())
    records = publish(workspace, directory, msgspec.structs.replace(world, bindings=bound), rows)
    return {
        "seconds": time.perf_counter() - began, "processor_seconds": time.process_time() - spent, "records": float(records),
    }  # fmt: skip


def tables(pipeline: Any, units: dict[str, FileUnit], root: Path, world: World, as_of: int) -> tuple[Any, Any]:
    """Rows of all tables below the marts, as (table, dict); and the identifiers that profiles bind."""
    parsed = (
        pipeline
        | beam.Create(list(units.values()))
        | beam.FlatMap(read, root)
        | beam.ParDo(Parse(as_of + 400 * DAY, as_of)).with_outputs("outcome", main="events")
    )
    events = (
        parsed.events
        | "by event" >> beam.Map(lambda row: (row["event_id"], row))
        | "same event" >> beam.GroupByKey()
        | "once" >> beam.Map(first_copy)
    )
    fresh = events | "by record" >> beam.Map(lambda row: ((row["unit_id"], row["position"]), 1))
    ledger = (
        {"outcome": parsed.outcome, "fresh": fresh}
        | "records" >> beam.CoGroupByKey()
        | beam.Map(tally)
        | "units" >> beam.GroupByKey()
        | beam.ParDo(Ledger(as_of), beam.pvalue.AsSingleton(pipeline | "all units" >> beam.Create([units])))
    )
    bindings = parsed.events | beam.Map(lambda row: row["binding"]) | beam.Filter(bool) | beam.Distinct()
    linked = events | beam.FlatMap(lambda row: [(row["key"], link) for link in row["links"]])
    kin = events | beam.ParDo(Kin(world), beam.pvalue.AsList(bindings))
    roots = (linked, kin) | "ties" >> beam.Flatten() | beam.CombineGlobally(Components())
    folded = (
        events
        | "by group"
        >> beam.Map(lambda row, known: (known.get(row["key"], row["key"]), row), beam.pvalue.AsSingleton(roots))
        | "groups" >> beam.GroupByKey()
        | beam.ParDo(Fold(world), beam.pvalue.AsList(bindings)).with_outputs("touchpoint", main="rows")
    )
    rebuilt = folded.touchpoint | "accounts" >> beam.GroupByKey() | beam.ParDo(Rebuild(world))
    return (events | beam.Map(fact_event), ledger, folded.rows, rebuilt) | beam.Flatten(), bindings


class Write(beam.PTransform):
    """(table, dict) to Parquet, one folder a table."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def expand(self, rows: Any) -> Any:
        parts = rows | "by table" >> beam.Partition(lambda row, n: WRITTEN.index(row[0]), len(WRITTEN))
        return [
            part
            | f"row of {table}" >> beam.Map(lambda pair: pair[1])
            | table >> WriteToParquet(str(self.folder / table / "rows"), arrow_schema(TABLES[table]))
            for table, part in zip(WRITTEN, parts, strict=True)
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--as-of", required=True)
    given = parser.parse_args()
    print(json.dumps(run(given.workspace.resolve(), parse_iso(given.as_of, "--as-of"))))


if __name__ == "__main__":
    main()
