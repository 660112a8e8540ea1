"""``replay``: what has landed is read again, in place of what it gave before."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from conformance import native
from fake_kafka import FakeBroker, connected
from workspaces import AS_OF, conservation, contents, example, increment, payloads, put, run, snapshot

import pipelines.reading.normalize as normalize
from pipelines.errors import SettingsError, TooManyRejects, UserError
from pipelines.increment import Again, Increment
from pipelines.rejects import replay
from pipelines.replay import replay_units
from pipelines.run import run_once
from pipelines.workspace import Workspace
from transforms.event import Event, Ignored, Reject, hash_id
from transforms.sources import Context, SourceSpec, all_sources, parse_record
from transforms.times import parse_iso
from warehouse.replay_units import Replayed
from warehouse.store import Store

NOW = parse_iso(AS_OF, "as_of")


@pytest.fixture(autouse=True)
def unaudited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the seconds that an audit takes: the warehouse tells as much of what was landed."""

    def unpublished(workspace: Workspace, now: int, *, fixed: bool, again: Again, **_: object) -> None:
        made = Increment(workspace, now, fixed=fixed, again=again)
        made.run()
        for fault in made.faults:
            raise fault

    monkeypatch.setattr("pipelines.replay.run_once", unpublished)


def again(root: Path, location: str = "*", start: int | None = None, end: int | None = None) -> Replayed:
    workspace = Workspace(root)
    with workspace.writer():
        return replay_units(workspace, location, start, end, NOW, fixed=True, say=lambda text: None)


def misread(spec: SourceSpec, record: bytes, context: Context) -> list[Event] | Ignored:
    """A broken adapter: of four records it loses one, rejects one, and reads one as something that did not happen."""
    parsed = parse_record(spec, record, context)
    kind = int(hash_id(record.hex()), 16) % 4
    if isinstance(parsed, Ignored) or kind == 3:
        return parsed
    if kind == 0:
        return Ignored("lost")
    if kind == 1:
        raise Reject("misread", None, "a broken adapter")
    return [
        msgspec.structs.replace(event, source_event_id=f"{event.source_event_id}-wrong", dedupe_key=f"{event.dedupe_key}-wrong")
        for event in parsed
    ]  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[object, ...]]]:
    root = example(tmp_path_factory.mktemp("undisturbed"))
    put(root, payloads())
    increment(root)
    with snapshot(root, published=False) as connection:
        return contents(connection)


def test_nothing_changes_where_nothing_was_mended(tmp_path: Path, undisturbed: object) -> None:
    """The same adapters make the same of everything: no event is new, changed or gone, and nothing is derived again."""
    root = example(tmp_path)
    put(root, payloads())
    landed = increment(root)
    with snapshot(root, published=False) as connection:
        before = connection.execute("SELECT * FROM ledger_unit ORDER BY unit_id").fetchall()
    done = again(root)
    assert (done.records, done.new, done.changed, done.gone) == (landed.records, 0, 0, 0)
    with snapshot(root, published=False) as connection:
        conservation(connection)
        assert contents(connection) == undisturbed
        assert connection.execute("SELECT * FROM ledger_unit ORDER BY unit_id").fetchall() == before


def test_a_replay_that_changes_nothing_is_published_as_the_run_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Units keep the run that landed them; folder, manifest and the page's head name the one run whose tables these are."""
    monkeypatch.setattr("pipelines.replay.run_once", run_once)
    root = example(tmp_path)
    put(root, payloads())
    landed = run(root)
    again(root, "inbox/email/*")
    published = root / "published"
    assert (published / "current").readlink().name == f"{landed.run_id}-2"
    assert json.loads((published / "parquet" / "manifest.json").read_text())["run_id"] == landed.run_id
    assert f'<code title="{landed.run_id}">' in (published / "report" / "index.html").read_text()
    with snapshot(root) as connection:
        for table in ("dim_run", "ledger_unit"):
            assert connection.execute(f"SELECT DISTINCT run_id FROM {table}").fetchall() == [(landed.run_id,)]


def test_what_two_units_tell_stays_with_the_first(tmp_path: Path, undisturbed: object) -> None:
    """Copies that arrived later are duplicates when both are read again, whatever their names: no count moves."""
    root = example(tmp_path)
    put(root, payloads())
    increment(root)
    put(root, [(name.replace("/", "/again/", 1), data) for name, data in payloads()])
    increment(root)
    ledger = "SELECT * FROM ledger_unit ORDER BY unit_id"
    places = "SELECT event_id, unit_id, position FROM fact_event ORDER BY event_id"
    with snapshot(root, published=False) as connection:
        before = connection.execute(ledger).fetchall(), connection.execute(places).fetchall()
    assert (done := again(root)) == Replayed(done.units, done.records)
    with snapshot(root, published=False) as connection:
        conservation(connection)
        assert (connection.execute(ledger).fetchall(), connection.execute(places).fetchall()) == before
        assert contents(connection) == undisturbed


def test_an_event_told_elsewhere_moves_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: object
) -> None:
    """What the first unit no longer tells, and a copy still does, is the copy's: in the ledger, the events and the touchpoints."""
    root = example(tmp_path)
    put(root, payloads())
    increment(root)
    put(root, [(name.replace("/", "/again/", 1), data) for name, data in payloads()])
    increment(root)

    def only_again(spec: SourceSpec, record: bytes, context: Context) -> list[Event] | Ignored:
        return parse_record(spec, record, context) if "again/" in context.name else Ignored("elsewhere")

    with monkeypatch.context() as changed:
        changed.setattr(normalize, "parse_record", only_again)
        done = again(root)
    assert (done.new, done.changed, done.gone) == (0, 0, 0)
    with snapshot(root, published=False) as connection:
        conservation(connection)
        assert contents(connection) == undisturbed
        for sql in (
            "SELECT count(*) FROM fact_event JOIN ledger_unit USING (unit_id) WHERE location NOT LIKE '%/again/%'",
            """SELECT count(*) FROM fact_touchpoint t, ledger_unit u WHERE u.source <> 'crm' AND contains(t.raw_ref, u.unit_id)
               AND u.location NOT LIKE '%/again/%'""",
        ):
            assert connection.execute(sql).fetchone() == (0,)


@pytest.mark.parametrize("doubled", [False, True])
def test_a_mended_adapter_leaves_no_trace_of_the_broken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: object, doubled: bool
) -> None:
    """What was lost, rejected or misread is found, accepted and gone: the tables are those of a right first reading."""
    root = example(tmp_path)
    items = payloads()
    if doubled:
        items += [(name.replace("/", "/again/", 1), data) for name, data in payloads()]
    put(root, items)
    with monkeypatch.context() as broken:
        broken.setattr(normalize, "parse_record", misread)
        increment(root)
    with snapshot(root, published=False) as connection:
        conservation(connection)
        assert contents(connection) != undisturbed
    done = again(root)
    assert min(done.new, done.gone) > 0
    with snapshot(root, published=False) as connection:
        conservation(connection)
        assert contents(connection) == undisturbed
        assert connection.execute(
            "SELECT count(*) FILTER (outcome IN ('accepted', 'duplicate')) = count(*), count(*) > 0 FROM rejected_record"
        ).fetchone() == (True, True)
    assert again(root) == Replayed(done.units, done.records)


def test_what_was_rejected_keeps_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a unit that is read again: whatever becomes of a record, its row tells since when it was rejected, and what the last try made of
    it. What was accepted and is rejected now is a new row; what a replay of rejects had saved keeps its row too."""
    root = example(tmp_path)
    put(root, [("segment/four.jsonl", b"".join(data for name, data in payloads() if name.startswith("segment/")))])
    verdicts: Iterator[str] = iter(())

    def parse(spec: SourceSpec, record: bytes, context: Context) -> list[Event] | Ignored:
        verdict = next(verdicts)
        if verdict == "rejected":
            raise Reject("misread", None, "a broken adapter")
        return Ignored("lost") if verdict == "ignored" else parse_record(spec, record, context)

    def rows() -> list[tuple[object, ...]]:
        with snapshot(root, published=False) as connection:
            conservation(connection)
            return connection.execute(
                """SELECT position, strftime(first_rejected_at, '%m-%d'), strftime(replayed_at, '%m-%d'), outcome
                   FROM rejected_record ORDER BY position"""
            ).fetchall()

    monkeypatch.setattr(normalize, "parse_record", parse)
    verdicts = iter(["rejected", "rejected", "rejected", "accepted"])
    increment(root, "2026-05-01T00:00:00Z")
    workspace = Workspace(root)
    verdicts = iter(["accepted", "rejected", "rejected"])
    monkeypatch.setattr("pipelines.rejects.run_once", lambda *_, **__: None)
    with workspace.writer():
        assert replay(workspace, None, parse_iso("2026-05-02T00:00:00Z", "as_of"), fixed=True, say=print) == {
            "accepted": 1, "rejected": 2,
        }  # fmt: skip
    before = rows()
    assert before == [
        (0, "05-01", "05-02", "accepted"),
        (1, "05-01", "05-02", "rejected"),
        (2, "05-01", "05-02", "rejected"),
    ]
    verdicts = iter(["accepted", "ignored", "rejected", "rejected"])
    again(root)
    day = AS_OF[5:10]
    assert rows() == [
        (0, "05-01", day, "accepted"), (1, "05-01", day, "ignored"), (2, "05-01", day, "rejected"), (3, day, None, None),
    ]  # fmt: skip


def test_an_event_that_reads_otherwise_keeps_its_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: object
) -> None:
    """A field that was read wrongly is corrected in place, and what rests on it follows."""
    root = example(tmp_path)
    put(root, payloads())

    def late(spec: SourceSpec, record: bytes, context: Context) -> list[Event] | Ignored:
        parsed = parse_record(spec, record, context)
        if isinstance(parsed, Ignored) or spec.name != "email":
            return parsed
        return [msgspec.structs.replace(event, subject_text="misread") for event in parsed]

    with monkeypatch.context() as broken:
        broken.setattr(normalize, "parse_record", late)
        increment(root)
    done = again(root, "inbox/email/*")
    assert (done.units, done.new, done.changed, done.gone) == (4, 0, 4, 0)
    with snapshot(root, published=False) as connection:
        assert contents(connection) == undisturbed


def test_records_that_were_taken_for_copies_of_one_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event does not keep what was read of a record that tells another one now, whichever of the two has the smaller hash."""

    def alike(spec: SourceSpec, record: bytes, context: Context) -> list[Event] | Ignored:
        parsed = parse_record(spec, record, context)
        assert not isinstance(parsed, Ignored)
        return [msgspec.structs.replace(e, source_event_id=e.source_event_id.partition("/")[0]) for e in parsed]

    mails = [
        mail
        for number in range(6)
        for mail in (
            native.mail(f"m{number}", "03-02 09:00", native.SAM, native.DANA, "Plan", "X-Box: 1"),
            (
                f"email/sent/m{number}.eml",
                native.mail(
                    f"m{number}", "03-02 09:00", native.SAM, native.DANA, "Plan", "Bcc: bea.winter@northfield.example"
                )[1],
            ),
        )
    ]
    found = []
    for name in ("mended", "fresh"):
        root = example(tmp_path / name)
        put(root, mails)
        with monkeypatch.context() as patch:
            if name == "mended":
                patch.setattr(normalize, "parse_record", alike)
            increment(root)
        if name == "mended":
            assert again(root).new == 6
        with snapshot(root, published=False) as connection:
            conservation(connection)
            found.append(contents(connection))
    assert found[0] == found[1]


def test_a_first_sight_stays_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that was lost when it landed was received then, not when it was read again."""
    root = example(tmp_path)
    put(root, payloads())
    with monkeypatch.context() as broken:
        broken.setattr(normalize, "parse_record", misread)
        increment(root, "2026-05-10T00:00:00Z")
    again(root)
    with snapshot(root, published=False) as connection:
        assert connection.execute("SELECT DISTINCT received_at::VARCHAR FROM fact_event").fetchall() == [
            ("2026-05-10 00:00:00+00",)
        ]


@pytest.fixture
def broker() -> Iterator[FakeBroker]:
    made = FakeBroker()
    with connected(made):
        yield made


def test_a_range_of_offsets_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broker: FakeBroker, undisturbed: object
) -> None:
    """Only the ranges that hold an offset between the two; those of a whole topic give the tables of a right reading."""
    from pipelines.kafka.connection import Connection

    root = example(tmp_path)
    toml = root / "touchloop.toml"
    toml.write_text(
        toml.read_text()
        + '\n[kafka]\nbootstrap_servers = "memory:9092"\nmax_records_per_increment = 5\n[kafka.topics]\nnative = "headers"\n'
    )
    for name, data in payloads():
        broker.produce("native", data, ce_source="/" + name.split("/")[0])
    workspace = Workspace(root)
    assert workspace.settings.kafka is not None
    kafka = Connection(root, workspace.settings.kafka)
    with monkeypatch.context() as broken, workspace.writer():
        broken.setattr(normalize, "parse_record", misread)
        Increment(workspace, NOW, fixed=True, kafka=kafka).run()
    assert again(root, "native/0", 5, 10).units == 1
    assert again(root, "native/0", 4, 6).units == 2
    again(root, "native/*")
    with snapshot(root, published=False) as connection:
        conservation(connection)
        assert contents(connection) == undisturbed


def test_a_crash_between_the_two_commits_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: object
) -> None:
    """The vault has committed and the warehouse has not: nothing is lost, and a second replay ends it."""
    root = example(tmp_path)
    put(root, payloads())
    with monkeypatch.context() as broken:
        broken.setattr(normalize, "parse_record", misread)
        increment(root)

    class Crash(Exception):
        pass

    def crash(store: Store) -> None:
        raise Crash

    with monkeypatch.context() as crashing:
        crashing.setattr("warehouse.replay_units._replace_ledger", crash)
        with pytest.raises(Crash):
            again(root)
    increment(root)
    with snapshot(root, published=False) as connection:
        conservation(connection)
    again(root)
    with snapshot(root, published=False) as connection:
        conservation(connection)
        assert contents(connection) == undisturbed


def test_what_cannot_be_read_again_is_named(tmp_path: Path) -> None:
    """A file that is gone or another now, a pattern that matches nothing, offsets the wrong way round or of files."""
    root = example(tmp_path)
    with pytest.raises(UserError, match="has no warehouse yet"):
        again(root)
    put(root, payloads())
    increment(root)
    with pytest.raises(UserError, match="nothing that has landed matches 'inbox/fax/"):
        again(root, "inbox/fax/*")
    with pytest.raises(SettingsError, match="--from is 9 and --to is 9"):
        again(root, "*", 9, 9)
    for start, end in ((0, None), (None, 7), (3, 9)):
        with pytest.raises(
            SettingsError, match=r"--from and --to are offsets .* 'inbox/s\*' matches inbox/segment/.*, a file"
        ):
            again(root, "inbox/s*", start, end)
    mail = root / "inbox" / "email" / "sam" / "t02.eml"
    whole = mail.read_bytes()
    known = mail.stat().st_mtime_ns
    mail.write_bytes(whole.replace(b"e", b"a", 1))
    os.utime(mail, ns=(known, known))
    with pytest.raises(
        UserError, match=r"touchloop run lands what it holds now, once its time is another \(touch it\)"
    ):
        again(root, "inbox/email/*")
    mail.write_bytes(whole + b"\nmore\n")
    with pytest.raises(UserError, match=r"inbox/email/sam/t02\.eml is not what it was when it landed"):
        again(root, "inbox/email/*")
    increment(root)
    assert again(root, "inbox/email/*").units == 4
    mail.unlink()
    with pytest.raises(UserError, match=r"inbox/email/sam/t02\.eml has landed, but is no longer there"):
        again(root, "inbox/email/*")


def test_units_of_an_adapter_that_is_gone_stay_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: object
) -> None:
    """What nothing can read any more is named, and nothing is replaced; what has an adapter is read again."""
    root = example(tmp_path)
    put(root, payloads())
    increment(root)
    left = {name: spec for name, spec in all_sources().items() if name != "zoom"}
    monkeypatch.setattr("pipelines.replay.all_sources", lambda: left)
    with pytest.raises(UserError, match=r"inbox/zoom/.* by an adapter that is no longer there, 'zoom': put it back"):
        again(root)
    assert again(root, "inbox/email/*").units == 4
    with snapshot(root, published=False) as connection:
        assert contents(connection) == undisturbed


def test_an_adapter_that_makes_too_little_of_a_unit_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: object
) -> None:
    """A replay with a broken adapter is refused as a landing is, and what was there stays."""
    root = example(tmp_path)
    toml = root / "touchloop.toml"
    toml.write_text(toml.read_text() + "\n[rejects]\nmin_records = 1\n")
    put(root, payloads())
    increment(root)

    def broken(spec: SourceSpec, record: bytes, context: Context) -> list[Event] | Ignored:
        raise Reject("misread", None, "a broken adapter")

    with monkeypatch.context() as breaking:
        breaking.setattr(normalize, "parse_record", broken)
        with pytest.raises(TooManyRejects, match=r"rejected by the slack adapter.* What it gave before stays"):
            again(root, "inbox/slack/*")
    with snapshot(root, published=False) as connection:
        conservation(connection)
        assert contents(connection) == undisturbed
