"""Throughput of ``touchloop run`` beside what bounds it from above and what it is to be better than, in one run.

``python -m benchmarks.throughput --records 1000000``: the decode-only limit, the job, the job with nothing new, with 1,000 new
records of the last two weeks and with 1,000 late ones of any day of the half year, and the same job, raw files to published
tables, as one-element-at-a-time Beam on a fifth of the records.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.limit import CORES, decode_limit
from pipelines.simulate import Made, Plan, generate_workspace
from transforms.event import Ignored, Reject
from transforms.sources import Context, all_sources, parse_record
from transforms.times import DAY, parse_iso

NEW = {"segment": 400, "snowplow": 300, "slack": 150, "intercom": 150}
"""Records that are held back until the last runs, once those of the last days and once those of any."""
LAST_DAYS = 14
"""Before the clock: journeys that are simulated thin out towards the end."""
NAIVE_SHARE = 5
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument(
        "--workdir", type=Path, help="where workspaces are made, and found again; else a temporary folder"
    )
    parser.add_argument("--keep", action="store_true", help="leave the workspaces")
    given = parser.parse_args()
    base = given.workdir or Path(tempfile.mkdtemp(prefix="touchloop-bench-"))
    try:
        measure(base.resolve(), given.records)
    finally:
        if not given.keep and given.workdir is None:
            shutil.rmtree(base, ignore_errors=True)


def measure(base: Path, records: int) -> None:
    """Everything, printed line by line as it is known."""
    root = base / f"records-{records}"
    made = workspace(root, records)
    size = sum(path.stat().st_size for path in (root / "inbox").rglob("*") if path.is_file()) / 1e6
    say("workspace", f"{made.records:,} records of {made.accounts:,} accounts, {size:,.0f} MB in {made.files:,} files")
    seconds, spent, decoded = decode_limit(root / "inbox")
    limit = decoded / seconds
    say("decode only", f"{limit:,.0f} records/s ({timing(seconds, spent)}): {CORES} processes, the parsers alone")

    late = hold_back(root, "late", since=None)
    new = hold_back(root, "new", since=parse_iso(made.as_of, "as_of") - LAST_DAYS * DAY)
    whole = run(root, made.as_of)
    landed = whole.summary["records"]
    rate = landed / whole.seconds
    say(
        "touchloop run", f"{rate:,.0f} records/s ({timing(whole.seconds, whole.processor_seconds)}): {landed:,} records"
    )
    say("  by phase", phases(whole))
    say("  memory", f"{whole.together / 1e6:,.0f} MB in all processes, {whole.largest / 1e6:,.0f} MB in the largest")
    again = run(root, made.as_of)
    say("run, nothing new", f"{again.seconds:.2f} s: {again.summary['records']} records")
    for what, rest in (("new", new), ("late", late)):
        give_back(rest)
        more = run(root, made.as_of)
        accounts = more.summary["accounts_rebuilt"]
        say(
            f"run, a little {what}",
            f"{more.seconds:.2f} s, {more.seconds / whole.seconds:.1%} of the whole: {more.summary['records']:,} records, "
            f"{accounts:,} accounts rebuilt",
        )
        say("  by phase", phases(more))

    sample = base / f"records-{records // NAIVE_SHARE}-naive"
    small = workspace(sample, max(1, records // NAIVE_SHARE))
    plain = naive(sample, small.as_of)
    slow = plain["records"] / plain["seconds"]
    taken = timing(plain["seconds"], plain["processor_seconds"])
    say("element at a time", f"{slow:,.0f} records/s ({taken}): the same tables, by one process, from a sample")
    say("", f"of {plain['records']:,.0f} records; all would take about {made.records / slow:,.0f} s")
    say("ratios", f"touchloop run is {rate / slow:.1f} times element at a time and {rate / limit:.2f} of decode only")
    per_record = [whole.processor_seconds / landed, plain["processor_seconds"] / plain["records"], spent / decoded]
    shown = " / ".join(f"{one * 1e6:,.0f}" for one in per_record)
    say("", f"microseconds of processors per record: run / element at a time / decode only = {shown}")


def timing(seconds: float, processor_seconds: float) -> str:
    """Both, for on a busy machine only the second tells anything."""
    return f"{seconds:.1f} s, {processor_seconds:.1f} s of processors"


def phases(done: Run) -> str:
    told = done.summary["seconds"]
    rest = done.seconds - sum(told.values())  # what is imported, and the audit's pages
    return ", ".join(f"{name} {seconds:.1f} s" for name, seconds in (told | {"start and end": rest}).items())


def say(what: str, text: str) -> None:
    print(f"{what:<18}  {text}", flush=True)


def workspace(root: Path, records: int) -> Made:
    """A workspace of so many records that no run has touched; one that is there already is used again."""
    counts = root / "truth" / "counts.json"
    for name in ("state", "published"):
        shutil.rmtree(root / name, ignore_errors=True)
    restore(root)
    if counts.exists():
        told = json.loads(counts.read_text(encoding="utf-8"))
        if told["plan"] == msgspec.to_builtins(Plan(records=records)):
            return msgspec.convert(told["made"], Made)
    return generate_workspace(root, Plan(records=records))


def hold_back(root: Path, what: str, *, since: int | None) -> dict[Path, bytes]:
    """Take lines of some files away, keeping the whole files below ``held/``; gives what was taken, by the file that it is to come in.

    ``since``: lines of events from that time on (microseconds); None for the last ones of a file, whose order tells nothing.
    """
    rest: dict[Path, bytes] = {}
    for source, count in NEW.items():
        taken: list[bytes] = []
        suffix = ".tsv" if source == "snowplow" else ".jsonl"
        for path in sorted((root / "inbox" / source).rglob(f"*{suffix}")):
            whole = path.read_bytes()
            lines = whole.splitlines(keepends=True)
            if lines[0].startswith(b'{"batch"') or len(lines) < 2 * count:
                continue
            wanted = count - len(taken)
            places = (
                range(len(lines))
                if since is None
                else [n for n, line in enumerate(lines) if is_of(source, line, since)]
            )
            going = set(places[-wanted:])
            if not going:
                continue
            keep(root, path, whole)
            path.write_bytes(b"".join(line for n, line in enumerate(lines) if n not in going))
            taken += [lines[n] for n in sorted(going)]
            if len(taken) == count:
                break
        rest[root / "inbox" / source / what / f"{what}{suffix}"] = b"".join(taken)
    return rest


def is_of(source: str, line: bytes, since: int) -> bool:
    """Whether a line tells of something that happened from a time on."""
    try:
        told = parse_record(all_sources()[source], line, Context("bench"))
    except Reject:
        return False
    return not isinstance(told, Ignored) and any(event.occurred_at >= since for event in told)


def keep(root: Path, path: Path, whole: bytes) -> None:
    kept = root / "held" / path.relative_to(root)
    if not kept.exists():  # as it was before anything was taken
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(whole)


def give_back(rest: dict[Path, bytes]) -> None:
    """Deliver what was held back, in files of its own."""
    for path, lines in rest.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(lines)


def restore(root: Path) -> None:
    """Undo ``hold_back`` and ``give_back`` of an earlier measurement."""
    for what in ("new", "late"):
        for folder in root.glob(f"inbox/*/{what}"):
            shutil.rmtree(folder)
    for path in (root / "held").rglob("*.*"):
        path.replace(root / path.relative_to(root / "held"))
    shutil.rmtree(root / "held", ignore_errors=True)


class Run(msgspec.Struct):
    """One run of the command line, as seen from outside."""

    seconds: float
    processor_seconds: float
    summary: dict[str, Any]
    largest: int
    """Peak of bytes resident in the largest process."""
    together: int
    """Most bytes resident in all processes of the run at once (shared pages count in each)."""


def run(root: Path, as_of: str) -> Run:
    """``touchloop run`` in a process of its own. Raises ``SystemExit`` with its message if it fails."""
    command = [sys.executable, "-m", "pipelines", "run", "--workspace", str(root), "--as-of", as_of, "--json"]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        watch = Watch(process.pid)
        watch.start()
        out, err = process.communicate()
        watch.stop.set()
    seconds = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"touchloop run failed: {err}")
    spent = sum(watch.spent.values())
    return Run(seconds, spent, json.loads(out), max(watch.peaks.values(), default=0), watch.together)


class Watch(threading.Thread):
    """Samples memory and processor time of a process and its descendants ten times a second, from ``/proc``.

    A process's own account of its children misses those that a fork server started.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.stop = pid, threading.Event()
        self.together = 0
        self.peaks: dict[int, int] = {}
        """By process: most bytes ever resident."""
        self.spent: dict[int, float] = {}
        """By process: seconds of processors."""

    def run(self) -> None:
        while not self.stop.wait(0.1):
            resident = 0
            for pid, seconds in family(self.pid):
                now, peak = memory(pid)
                resident += now
                self.peaks[pid] = max(peak, self.peaks.get(pid, 0))
                self.spent[pid] = seconds
            self.together = max(self.together, resident)


def family(pid: int) -> list[tuple[int, float]]:
    """(process, seconds of processors) for a process and its descendants; without ``/proc`` none."""
    children: dict[int, list[int]] = {}
    spent: dict[int, float] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        own = int(entry.parent.name)
        children.setdefault(int(fields[1]), []).append(own)
        spent[own] = (int(fields[11]) + int(fields[12])) / TICKS
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        if one in spent:
            found.append((one, spent[one]))
        waiting += children.get(one, [])
    return found


def memory(pid: int, fields: tuple[str, str] = ("VmRSS", "VmHWM")) -> tuple[int, int]:
    """Bytes resident now and at most, or other two fields of a process's status; zeros for a process that has ended."""
    sizes = dict.fromkeys(fields, 0)
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0, 0
    for line in lines:
        name, _, rest = line.partition(":")
        if name in sizes:
            sizes[name] = int(rest.split()[0]) * 1024
    return sizes[fields[0]], sizes[fields[1]]


def naive(root: Path, as_of: str) -> dict[str, float]:
    """The plain Beam job in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.naive", "--workspace", str(root), "--as-of", as_of]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the naive job failed: {done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
