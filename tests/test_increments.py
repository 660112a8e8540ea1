"""Landing: conservation, duplicates, splits, crashes between the two commits, replays."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from workspaces import AS_OF, ROOT, conservation, contents, example, increment, payloads, put, run, shuffled, snapshot

import pipelines.increment as increments
from pipelines.cli.doctor import examine
from pipelines.deriving.derive import Derivation
from pipelines.errors import TooManyRejects, UserError
from pipelines.increment import Increment
from pipelines.rejects import list_rejects, replay, show_reject
from pipelines.run import publish_now
from pipelines.workspace import Workspace
from transforms.times import parse_iso
from warehouse import commit, identity
from warehouse.store import Store, UnpairedState


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[object, ...]]]:
    root = example(tmp_path_factory.mktemp("undisturbed"))
    put(root, payloads())
    increment(root)
    with snapshot(root, published=False) as connection:
        conservation(connection)
        return contents(connection)


def test_little_memory_is_for_what_changes_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first run derives everything, on a new day much is due, and large units land with all of it; some events more do not."""
    root = example(tmp_path / "w")
    workspace = Workspace(root)
    said: list[bool] = []
    monkeypatch.setattr(Store, "allow", lambda store, *, little: said.append(little))

    def after(items: list[tuple[str, bytes]], day: str) -> list[bool]:
        put(root, items)
        said.clear()
        with workspace.writer():
            Increment(workspace, parse_iso(day, "as_of"), fixed=False).run()
        return list(said)

    assert after(payloads()[:-3], "2026-05-11T12:00:00Z") == [True, False]
    assert after(payloads()[-3:-1], "2026-05-11T12:00:05Z") == [True]
    assert after([], "2026-05-12T12:00:00Z") == [True, False]
    monkeypatch.setattr(increments, "LITTLE_BYTES", 0)
    assert after(payloads()[-1:], "2026-05-12T12:00:05Z") == [False]


def test_a_second_run_finds_nothing_new(tmp_path: Path) -> None:
    """What is in the ledger is not read again."""
    root = example(tmp_path)
    put(root, payloads())
    assert increment(root).records > 0
    assert increment(root).records == 0


def test_records_that_tell_nothing_new_are_counted_all_the_same(tmp_path: Path) -> None:
    """Duplicates, ignored and rejected records that come alone change no touchpoint, and do change how far the figures are trusted: the
    mart is that of one run of everything, and the run has its row."""
    again = [(f"again-{name.replace('/', '-')}", data) for name, data in payloads() if name.startswith("email/")]
    nothing_new = [
        *((f"email/{name}", data) for name, data in again),
        ("zoom/bad.json", b'{"x": 1}'),
        ("slack/typing.json", b'{"type": "url_verification", "challenge": "abc", "token": "x"}'),
    ]
    whole, parts = example(tmp_path / "whole"), example(tmp_path / "parts")
    put(whole, [*payloads(), *nothing_new])
    increment(whole)
    put(parts, payloads())
    increment(parts)
    for item in nothing_new:
        put(parts, [item])
        summary = increment(parts)
        assert (summary.records, summary.accepted, summary.touchpoints) == (1, 0, 0)
    found = []
    for root in (whole, parts):
        with snapshot(root, published=False) as connection:
            found.append(connection.execute("SELECT * FROM mart_data_quality ORDER BY source, month").fetchall())
            assert (
                connection.execute(
                    "SELECT DISTINCT run_id FROM ledger_unit ANTI JOIN dim_run USING (run_id)"
                ).fetchall()
                == []
            )
    assert found[0] == found[1]
    with snapshot(parts, published=False) as connection:
        sums = connection.execute(
            "SELECT sum(duplicates_dropped), sum(quarantined), sum(ignored) FROM mart_data_quality"
        ).fetchall()
    assert sums == [(len(again), 1, 1)]
    assert len(again) > 1


def test_what_a_run_landed_that_came_no_further_is_of_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every unit names a run of dim_run, and each run counts the units that name it: those of the directory too, whoever landed them."""
    root = example(tmp_path)
    put(root, payloads()[:-1])

    class DiskFull(Exception):
        pass

    def fail(derivation: Derivation) -> None:
        raise DiskFull

    with monkeypatch.context() as failing:
        failing.setattr(Derivation, "run", fail)
        with pytest.raises(DiskFull):
            increment(root)
    increment(root)
    put(root, payloads()[-1:])
    increment(root)
    with snapshot(root, published=False) as connection:
        counted = connection.execute("SELECT run_id, unit_count FROM dim_run ORDER BY rowid").fetchall()
        named = connection.execute(
            "SELECT run_id, count(*) FROM ledger_unit GROUP BY run_id ORDER BY 2 DESC"
        ).fetchall()
        of_directory = connection.execute("SELECT count(*) FROM ledger_unit WHERE source = 'crm'").fetchone()
    assert counted == named
    assert [count for _, count in counted] == [len(payloads()) - 1 + of_directory[0], 1]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_of_arrival_does_not_show(tmp_path: Path, undisturbed: object, seed: int) -> None:
    """The same payloads, renamed and so read in another order, give equal tables."""
    root = example(tmp_path)
    put(root, shuffled(payloads(), seed))
    increment(root)
    with snapshot(root, published=False) as connection:
        assert contents(connection) == undisturbed


def test_doubled_input_is_counted_and_changes_nothing(tmp_path: Path, undisturbed: object) -> None:
    """Every payload twice: the second is a duplicate, and the tables are equal."""
    root = example(tmp_path)
    put(root, payloads() + [(f"{n.split('/')[0]}/again/{n.split('/', 1)[1]}", d) for n, d in payloads()])
    summary = increment(root)
    assert summary.accepted == summary.duplicate
    with snapshot(root, published=False) as connection:
        conservation(connection)
        assert contents(connection) == undisturbed


def test_ten_runs_give_what_one_gives(tmp_path: Path, undisturbed: object) -> None:
    """Split into ten runs, in an order that brings late things late."""
    root = example(tmp_path)
    items = sorted(shuffled(payloads(), 7))
    for part in range(10):
        put(root, items[part::10])
        increment(root)
    with snapshot(root, published=False) as connection:
        conservation(connection)
        assert contents(connection) == undisturbed


def test_ids_that_change_hands_leave_no_old_link(tmp_path: Path) -> None:
    """An anonymous id is one person's always until a second has it (R5); a user id of two persons is nobody's."""

    def call(number: int, day: str, **ids: object) -> tuple[str, bytes]:
        said = {"type": "identify" if "traits" in ids else "track", "event": "Opened", "messageId": f"m{number}", **ids}
        said |= {"timestamp": f"{day}T10:00:00Z", "context": {"page": {"path": "/x"}}, "properties": {}}
        return f"segment/{number}.json", json.dumps(said).encode()

    bea, tom = ({"email": f"{one}@northfield.example"} for one in ("bea.winter", "tom.arden"))
    items = [
        call(1, "2026-03-03", anonymousId="tablet", userId="bea-17"),
        call(2, "2026-03-02", anonymousId="tablet"),
        call(3, "2026-03-04", anonymousId="tablet", userId="other-9"),
        call(4, "2026-03-03", anonymousId="phone", userId="u-9"),
        call(5, "2026-03-02", userId="u-9", traits=bea),
        call(6, "2026-03-02", userId="u-9", traits=tom),
    ]
    found = []
    for name, parts in (("split", [[one] for one in items]), ("whole", [items])):
        root = example(tmp_path / name)
        for part in parts:
            put(root, part)
            increment(root)
        with snapshot(root, published=False) as connection:
            found.append(contents(connection))
    assert found[0] == found[1]
    links = [row for row in found[0]["identity_link"] if row[6].startswith("/")]
    assert [(row[2], row[3], row[4] is None, row[5] is None) for row in links] == [("B1", "R5", False, False)]


@pytest.mark.parametrize("user", ["bea-17", "tom.arden@northfield.example"])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_link_goes_with_the_copy_that_told_it(tmp_path: Path, user: str, order: tuple[int, int]) -> None:
    """Two copies of one call name different devices: the one that counts alone binds, also where all that there is is folded again."""

    def call(device: str) -> tuple[str, bytes]:
        said = {"type": "track", "event": "Opened", "messageId": "m1", "userId": user, "anonymousId": device}
        said |= {"timestamp": "2026-03-03T10:00:00Z", "context": {"page": {"path": "/x"}}, "properties": {}}  # type: ignore[dict-item]
        return f"segment/{device}.json", json.dumps(said).encode()

    copies = [call("laptop"), call("phone")]
    whole, split = example(tmp_path / "whole"), example(tmp_path / "split")
    put(whole, copies)
    increment(whole)
    for one in order:
        put(split, [copies[one]])
        increment(split)
    with snapshot(whole, published=False) as at_once, snapshot(split, published=False) as by_turns:
        assert contents(at_once) == contents(by_turns)


@pytest.mark.parametrize("users", [("u-1", "u-2"), ("u-2", "u-1")])
def test_a_copy_that_names_another_user_takes_only_itself_along(tmp_path: Path, users: tuple[str, str]) -> None:
    """One event told of two users, of which one copy counts: what it stood beside in the other's visit stays."""

    def page(number: int, user: str) -> bytes:
        said = {"type": "page", "messageId": f"m{number}", "userId": user, "timestamp": f"2026-03-03T10:0{number}:00Z"}
        return json.dumps(said | {"context": {"page": {"path": "/x"}}, "properties": {}}).encode()

    one, other = users
    items = [("segment/a.jsonl", page(1, one) + b"\n" + page(2, one)), ("segment/b.jsonl", page(2, other))]
    whole, split = example(tmp_path / "whole"), example(tmp_path / "split")
    put(whole, items)
    increment(whole)
    for item in items:
        put(split, [item])
        increment(split)
    with snapshot(whole, published=False) as at_once, snapshot(split, published=False) as by_turns:
        told = "SELECT count(*) FROM bridge_touchpoint_event JOIN fact_event USING (event_id) WHERE system = 'segment'"
        assert by_turns.execute(told).fetchone() == (2,)
        assert contents(by_turns) == contents(at_once)


class Crash(Exception):
    pass


def test_a_crash_between_the_two_commits_loses_and_doubles_nothing(
    tmp_path: Path, undisturbed: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vault has committed, the warehouse has not: the next run starts clean and ends equal."""
    root = example(tmp_path)
    put(root, payloads())
    original = commit.insert_events

    def vault_only(store: object, *arguments: object) -> None:
        original(store, *arguments)  # type: ignore[arg-type]
        raise Crash

    monkeypatch.setattr(commit, "insert_events", vault_only)
    with pytest.raises(Crash):
        increment(root)
    monkeypatch.undo()
    increment(root)
    with snapshot(root, published=False) as connection:
        conservation(connection)
        assert contents(connection) == undisturbed


def test_a_crash_after_landing_leaves_the_rest_to_the_next_run(
    tmp_path: Path, undisturbed: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows and ledger are in, nothing is derived: a run with no new file derives it."""
    root = example(tmp_path)
    put(root, payloads())

    def crash(*_: object) -> None:
        raise Crash

    monkeypatch.setattr(increments.Increment, "_rebuild", crash)
    with pytest.raises(Crash):
        increment(root)
    monkeypatch.undo()
    assert increment(root).records == 0
    with snapshot(root, published=False) as connection:
        assert contents(connection) == undisturbed


def slack_message(number: int) -> dict[str, object]:
    lines = (ROOT / "examples" / "worked-example" / "inbox" / "slack" / "2026-03.jsonl").read_text().splitlines()
    message: dict[str, dict[str, object]] = json.loads(lines[0])
    message["event"]["ts"] = f"{1772800000 + number}.000000"
    return message  # type: ignore[return-value]


def test_damaged_gzip_keeps_what_came_before(tmp_path: Path) -> None:
    """A cut-off file gives its whole records and one reject that says what is wrong."""
    root = example(tmp_path)
    # written in two members, so that the cut lies behind the first
    whole = gzip.compress(b"".join(json.dumps(slack_message(i)).encode() + b"\n" for i in range(3)))
    put(root, [("slack/cut.jsonl.gz", whole + gzip.compress(b"{}")[:9])])
    summary = increment(root)
    assert (summary.accepted, summary.rejected) == (3, 1)
    workspace = Workspace(root)
    groups, _ = list_rejects(workspace, None, 5)
    assert groups[0]["reason_code"] == "corrupt_compression"
    assert "cut.jsonl.gz" in groups[0]["example"]


def test_a_record_that_damage_cuts_off_is_one_reject(tmp_path: Path) -> None:
    """It is not accepted as far as it goes: it is rejected with what is left of it, and stays so when it is replayed."""
    root = example(tmp_path)
    letters = b"".join(
        b"From a@example.com Thu Mar  5 10:00:0%d 2026\nMessage-ID: <%d@example.com>\nDate: Thu, 5 Mar 2026 10:00:00 +0000\n"
        b"From: Ann <a@example.com>\nTo: Sam <sam@vendor.example>\nSubject: A reply\n\nHello\n\n" % (n, n)
        for n in range(3)
    )
    cut = gzip.compress(letters, 0)[: -len("Subject: A reply\n\nHello\n\n") - 8]
    put(root, [("email/cut.mbox.gz", cut)])
    summary = increment(root)
    assert (summary.records, summary.accepted, summary.rejected) == (3, 2, 1)
    workspace = Workspace(root)
    _, rows = list_rejects(workspace, None, 5)
    row, payload = show_reject(workspace, rows[0]["unit_id"], 2)
    assert row["reason_code"] == "corrupt_compression"
    assert payload.endswith(b"To: Sam <sam@vendor.example>\n")
    with workspace.writer():
        assert replay(workspace, None, parse_iso(AS_OF, "as_of"), fixed=True, say=lambda text: None) == {"rejected": 1}


def test_a_reject_keeps_its_bytes_and_its_reason(tmp_path: Path) -> None:
    """One bad line among good ones: rejected alone, named, and shown as it came."""
    root = example(tmp_path)
    bad = b'{"type": "event_callback", "event": {"type": "message", "ts": 12'
    put(
        root,
        [
            (
                "slack/a.jsonl",
                json.dumps(slack_message(1)).encode() + b"\n" + bad + b"\n" + json.dumps(slack_message(2)).encode(),
            )
        ],
    )
    summary = increment(root)
    assert (summary.accepted, summary.rejected) == (2, 1)
    workspace = Workspace(root)
    _, rows = list_rejects(workspace, "slack", 5)
    row, payload = show_reject(workspace, rows[0]["unit_id"][:12], rows[0]["position"])
    assert payload == bad
    assert row["reason_code"] == "malformed_json"
    with snapshot(root, published=False) as connection:
        assert connection.execute("SELECT count(*) FROM rejected_record WHERE payload IS NOT NULL").fetchone() == (0,)
        conservation(connection)


def test_too_many_rejects_stop_the_job_and_land_everything_else(tmp_path: Path) -> None:
    """A misplaced file does not become a thousand rejects, and does not keep the others from landing."""
    root = example(tmp_path)
    put(root, [("slack/orders.jsonl", b"\n".join(b'{"order": %d}' % i for i in range(500)))])
    put(root, [("slack/right.jsonl", json.dumps(slack_message(1)).encode())])
    with pytest.raises(TooManyRejects, match=r"orders\.jsonl: 500 of 500 records were rejected by the slack adapter"):
        increment(root)
    with snapshot(root, published=False) as connection:
        landed = connection.execute("SELECT location FROM ledger_unit WHERE source <> 'crm'").fetchall()
        assert landed == [("inbox/slack/right.jsonl",)]
        assert connection.execute("SELECT count(*) FROM rejected_record").fetchone() == (0,)
        conservation(connection)


def test_a_directory_that_cannot_be_read_stops_the_job(tmp_path: Path) -> None:
    """Semicolons instead of commas: nobody would be known any more. The rows that stand are those of the directory before."""
    root = example(tmp_path)
    put(root, [("slack/right.jsonl", json.dumps(slack_message(1)).encode())])
    increment(root)
    people, toml = root / "inbox" / "crm" / "people.csv", root / "touchloop.toml"
    toml.write_text(toml.read_text() + "\n[rejects]\nmin_records = 5\n")
    proper = people.read_text()
    people.write_text(proper.replace(",", ";"))
    put(root, [("slack/later.jsonl", json.dumps(slack_message(2)).encode())])
    rows = len(proper.splitlines()) - 1
    told = rf"crm/people\.csv: {rows} of {rows} rows were rejected.*malformed_csv \({rows} times\): the header's columns are separated by ';'"
    for _ in range(2):
        with pytest.raises(TooManyRejects, match=told):
            increment(root)
    with snapshot(root, published=False) as connection:
        assert connection.execute("SELECT count(*) FROM dim_person").fetchone() == (rows,)
        assert connection.execute("SELECT count(*) FROM ledger_unit WHERE source = 'slack'").fetchone() == (2,)
        conservation(connection)
    people.write_text(proper)
    assert increment(root).touchpoints > 0


def test_a_small_file_of_the_directory_without_its_header_is_warned_of(tmp_path: Path) -> None:
    """Its few rows are rejects; an empty file is told of too."""
    root = example(tmp_path)
    (root / "inbox" / "crm" / "aliases.csv").write_text("kind,identifier,person_id\nemail,x@buyer.example,B1\n")
    (root / "inbox" / "crm" / "assets.csv").write_text("")
    warnings = " ".join(increment(root).warnings)
    assert "aliases.csv: the header has no column identifier_type, so every row was rejected (1)" in warnings
    assert "inbox/crm/assets.csv is empty: there is not even a header" in warnings


def test_an_export_that_came_empty_is_told(tmp_path: Path) -> None:
    """A file of the directory that has lost all of its rows; one that never had any is as it should be."""
    root = example(tmp_path)
    crm = root / "inbox" / "crm"
    header = (crm / "aliases.csv").read_text().splitlines(keepends=True)[0]
    (crm / "aliases.csv").write_text(header)
    assert increment(root).warnings == []
    deals = (crm / "people.csv").read_text()
    (crm / "people.csv").write_text(deals.splitlines(keepends=True)[0])
    told = "inbox/crm/people.csv has no rows, where it had 6 before: what rests on them is derived again without what they said"
    assert told in increment(root).warnings
    (crm / "people.csv").write_text(deals)
    assert increment(root).warnings == []


def test_rejected_rows_of_the_directory_are_told(tmp_path: Path) -> None:
    """A deal that is left out would be missed in every figure: the run says so when the file is new, ``doctor`` whenever it is asked."""
    root = example(tmp_path)
    deals = root / "inbox" / "crm" / "opportunities.csv"
    proper = deals.read_text()
    deals.write_text(proper.replace(",lost,", ",Closed Lost,"))
    summary = increment(root)
    of_groups, of_deals, of_stages = summary.warnings
    assert of_deals.startswith(
        "inbox/crm/opportunities.csv: 1 of 1 rows were rejected, and what they say is in no figure. Most often: invalid_field status (1 time): "
    )
    assert "Closed Lost" in of_deals
    assert of_deals.endswith("touchloop rejects list --source crm shows them")
    assert "inbox/crm/stage_history.csv: 4 of 4 rows were rejected" in of_stages
    assert "buying_group.csv: 1 opportunity_id that opportunities.csv does not have (O1)" in of_groups
    assert (summary.rejected, summary.directory_rejected) == (0, 5)
    assert increment(root).warnings == []
    told = "inbox/crm/opportunities.csv: 1 of 1 rows are rejected, and what they say is in no figure"
    assert any(told in found.text for found in examine(Workspace(root)) if not found.ok)
    deals.write_text(proper)
    assert increment(root).directory_rejected == 0
    assert not any("rows are rejected" in found.text for found in examine(Workspace(root)))


def test_what_the_directory_names_and_does_not_have_is_told(tmp_path: Path) -> None:
    """Its rows are taken: a contact of an account that is in no file is that account's, which has no name and no domain."""
    root = example(tmp_path)
    crm = root / "inbox" / "crm"
    increment(root)
    people = (crm / "people.csv").read_text()
    (crm / "people.csv").write_text(
        people + people.splitlines()[1].replace("B1,", "B99,", 1).replace(",A1,", ",A9,") + "\n"
    )
    with (crm / "buying_group.csv").open("a") as file:
        file.writelines(f"O1,{person},user,,\n" for person in ("B99", "B7", "B8", "B91", "B92"))
    assert increment(root).warnings == [
        "inbox/crm/buying_group.csv: 4 person_id that people.csv does not have (B7, B8, B91, ...)",
        "inbox/crm/people.csv: 1 account_id that accounts.csv does not have (A9)",
    ]
    (crm / "accounts.csv").unlink()
    assert not any("account_id" in warning for warning in increment(root).warnings)


def test_an_asset_that_no_link_will_be_is_told(tmp_path: Path) -> None:
    """Links are compared without their query, so an address with one is met by none."""
    root = example(tmp_path)
    with (root / "inbox" / "crm" / "assets.csv").open("a") as file:
        file.write("deck,business_case,,https://drive.example.com/file/d/17/view?usp=sharing,\n")
    assert increment(root).warnings == [
        "inbox/crm/assets.csv: 1 url with a query (?...), by which no link is known: links are compared without theirs (deck)"
    ]
    assert increment(root).warnings == []


def test_settings_and_files_of_the_directory_that_are_gone_are_told(tmp_path: Path) -> None:
    """A share that is not mounted would change every figure without a word: the run that finds it so says what is missing, once."""
    root = example(tmp_path)
    toml, people = root / "touchloop.toml", root / "inbox" / "crm" / "people.csv"
    put(root, [("slack/first.jsonl", json.dumps(slack_message(1)).encode())])
    increment(root)
    text, rows = toml.read_text(), people.read_text()
    toml.unlink()
    people.unlink()
    told = [
        "touchloop.toml is not there any more: what rests on it is derived again with the defaults",
        "inbox/crm/people.csv is not there any more: everything is derived again without what it said",
    ]
    assert increment(root).warnings == told
    assert increment(root).warnings == []
    toml.write_text(text)
    people.write_text(rows)
    assert increment(root).warnings == []


def test_files_of_state_from_different_times_are_refused(tmp_path: Path) -> None:
    """A vault of yesterday beside the warehouse of today would give tables of yesterday's events; together they are taken."""
    root = example(tmp_path)
    state = root / "state"
    put(root, [("slack/first.jsonl", json.dumps(slack_message(1)).encode())])
    increment(root)
    shutil.copy(state / "vault.duckdb", root / "vault.old")
    shutil.copy(state / "warehouse.duckdb", root / "warehouse.old")
    put(root, [("slack/second.jsonl", json.dumps(slack_message(2)).encode())])
    increment(root)
    shutil.copy(root / "vault.old", state / "vault.duckdb")
    with pytest.raises(
        UnpairedState, match=r"warehouse\.duckdb has 2 events, and .*vault\.duckdb has 1: they do not belong"
    ):
        increment(root)
    shutil.copy(root / "warehouse.old", state / "warehouse.duckdb")
    assert increment(root).accepted == 1


def test_a_second_writer_is_turned_away(tmp_path: Path) -> None:
    """One writer per workspace, told in words."""
    root = example(tmp_path)
    with (
        Workspace(root).writer(),
        pytest.raises(UserError, match="another touchloop is writing"),
        Workspace(root).writer(),
    ):
        pass


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_edits_of_the_directory_leave_no_trace(tmp_path: Path, undisturbed: object, seed: int) -> None:
    """Rows of the CRM taken out and changed between runs, payloads arriving meanwhile: the last directory is what counts."""
    root = example(tmp_path)
    crm = root / "inbox" / "crm"
    final = {path: path.read_text() for path in sorted(crm.iterdir())}
    dice = random.Random(seed)
    items = shuffled(payloads(), seed)
    for part in range(3):
        for path in dice.sample(list(final), 4):
            header, *rows = final[path].splitlines()
            kept = [row for row in rows if dice.random() < 0.6]
            changed = [
                row.replace("northfield.example", "elsewhere.example") if dice.random() < 0.3 else row for row in kept
            ]
            path.write_text("\n".join([header, *changed, ""]))
        put(root, items[part::3])
        increment(root)
    for path, text in final.items():
        path.write_text(text)
    increment(root)
    with snapshot(root, published=False) as connection:
        assert contents(connection) == undisturbed


def test_a_changed_directory_rebuilds_what_rests_on_it(tmp_path: Path) -> None:
    """A person who was unknown becomes known with the next directory, without any event coming again."""
    root = example(tmp_path)
    people = root / "inbox" / "crm" / "people.csv"
    full = people.read_text()
    people.write_text("\n".join(line for line in full.splitlines() if not line.startswith("B2")) + "\n")
    put(root, payloads())
    increment(root)
    people.write_text(full)
    assert increment(root).records == 0
    with snapshot(root, published=False) as connection:
        known = connection.execute(
            "SELECT count(*) > 0 FROM fact_touchpoint_participant WHERE person_id = 'B2'"
        ).fetchone()
    assert known == (True,)


def test_a_full_disk_is_told_and_lands_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of the machine is one sentence, not the engine's traceback, and no reject."""
    root = example(tmp_path)
    put(root, payloads())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipelines.ingest.land", full)
    with pytest.raises(UserError, match="No space left on device; what was not committed is done again"):
        increment(root)
    with snapshot(root, published=False) as connection:
        assert connection.execute("SELECT count(*) FROM ledger_unit").fetchone() == (0,)


def test_a_replay_moves_what_a_fix_mends(tmp_path: Path) -> None:
    """A floating calendar time is rejected; with a zone configured, the replay accepts it and conservation holds throughout."""
    root = example(tmp_path)
    entry = (ROOT / "examples" / "worked-example" / "inbox" / "ics" / "sam.ics").read_text()
    floating = entry.replace("DTSTART:20260311T100000Z", "DTSTART:20260311T100000").replace(
        "DTEND:20260311T120000Z", "DTEND:20260311T120000"
    )
    put(root, [("ics/sam.ics", floating.encode())])
    assert (increment(root).accepted, increment(root).rejected) == (1, 0)
    with snapshot(root, published=False) as connection:
        assert connection.execute("SELECT reason_code, field_path FROM rejected_record").fetchall() == [
            ("naive_timestamp", "DTSTART")
        ]
    (root / "touchloop.toml").write_text((root / "touchloop.toml").read_text() + '\n[sources.ics]\ntimezone = "UTC"\n')
    workspace = Workspace(root)
    now = parse_iso(AS_OF, "as_of")
    with workspace.writer():
        assert replay(workspace, None, now, fixed=True, say=lambda text: None) == {"accepted": 1}
    with snapshot(root) as connection:
        conservation(connection)
        assert connection.execute(
            "SELECT rejected_count, accepted_count FROM ledger_unit WHERE source = 'ics'"
        ).fetchall() == [(0, 2)]
        assert connection.execute("SELECT outcome FROM rejected_record").fetchall() == [("accepted",)]
        assert connection.execute(
            "SELECT place IS NOT NULL FROM fact_touchpoint WHERE channel = 'in_person'"
        ).fetchall() == [(True,)]
    with workspace.writer():
        assert replay(workspace, None, now, fixed=True, say=lambda text: None) == {}


def test_a_replay_that_mends_nothing_is_published(tmp_path: Path) -> None:
    """Readers see when a record was last tried again and what became of it, as the ledger has it."""
    root = example(tmp_path)
    put(root, [("slack/broken.json", b'{"type"')])
    run(root)
    workspace = Workspace(root)
    with workspace.writer():
        assert replay(workspace, None, parse_iso(AS_OF, "as_of"), fixed=True, say=lambda text: None) == {"rejected": 1}
    for published in (True, False):
        with snapshot(root, published=published) as connection:
            found = connection.execute("SELECT outcome, replayed_at IS NOT NULL FROM rejected_record").fetchall()
            assert found == [("rejected", True)]


def test_a_replay_takes_no_part_of_a_record_for_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is cut off, or too large to be kept, would pass if it were read as if it ended there: it stays rejected, and for its reason."""
    for module in ("chunks", "mail_records"):
        monkeypatch.setattr(f"transforms.frames.{module}.FRAME_LIMIT", 10_000)
    root = example(tmp_path)
    letter = next(data for name, data in payloads() if name.endswith(".eml"))
    calendar = next(data for name, data in payloads() if name.endswith(".ics"))
    entry, _, _ = calendar.partition(b"END:VEVENT")
    put(
        root,
        [
            ("email/large.eml", letter + b"More of it.\r\n" * 1_000),
            ("ics/cut.ics", entry),
            ("ics/open.ics", b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"),
        ],
    )
    run(root)
    workspace = Workspace(root)
    before = list_rejects(workspace, None, 5)
    assert [(row["source"], row["reason_code"], row["n"]) for row in before[0]] == [
        ("ics", "truncated", 2),
        ("email", "too_large", 1),
    ]
    with workspace.writer():
        assert replay(workspace, None, parse_iso(AS_OF, "as_of"), fixed=True, say=lambda text: None) == {"rejected": 3}
    assert list_rejects(workspace, None, 5) == before
    with snapshot(root) as connection:
        conservation(connection)
        assert connection.execute("SELECT count(*) FROM fact_event").fetchone() == (0,)


def test_a_crash_after_the_commit_still_publishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables are committed and the marks are not: the next run, with nothing new, knows that they are unpublished."""
    root = example(tmp_path)
    put(root, payloads())

    def crash(*_: object) -> None:
        raise Crash

    monkeypatch.setattr("warehouse.derive.clear_dirty", crash)
    with pytest.raises(Crash):
        increment(root)
    monkeypatch.undo()
    assert increment(root).unpublished is not None


def test_the_clock_alone_moves_waits_and_plans(tmp_path: Path) -> None:
    """A day later, with nothing new, an open wait has grown."""
    root = example(tmp_path)
    put(root, [(name, data) for name, data in payloads() if "t09" not in name and "google" not in name])
    workspace = Workspace(root)

    def waiting(day: str) -> int:
        with workspace.writer():
            Increment(workspace, parse_iso(day, "as_of"), fixed=False).run()
        with snapshot(root, published=False) as connection:
            row = connection.execute("SELECT max(waiting_business_seconds) FROM fact_response").fetchone()
        assert row is not None
        return int(row[0])

    assert waiting("2026-05-11T12:00:00Z") < waiting("2026-05-12T12:00:00Z")


def test_a_clock_that_was_ahead_leaves_no_trace(tmp_path: Path) -> None:
    """A run with a clock of next year, then one of today, with nothing new or with the rest: the tables are today's, also a month on."""
    later, again = "2026-05-20T00:00:00Z", "2026-08-20T00:00:00Z"
    plain = example(tmp_path / "plain")
    put(plain, payloads())
    increment(plain, again)
    with snapshot(plain, published=False) as connection:
        expected = contents(connection)
    root = example(tmp_path / "ahead")
    workspace = Workspace(root)

    def routine(day: str) -> None:
        with workspace.writer():
            Increment(workspace, parse_iso(day, "as_of"), fixed=False).run()

    put(root, payloads()[:-4])
    increment(root, "2027-06-01T00:00:00Z")
    routine(later)
    with snapshot(root, published=False) as connection:
        last = connection.execute("SELECT max(period_start) < DATE '2026-06-01' FROM mart_account_period").fetchone()
    assert last == (True,)
    put(root, payloads()[-4:])
    routine(again)
    with snapshot(root, published=False) as connection:
        assert contents(connection) == expected


def test_the_directory_is_read_again_in_the_way_that_the_settings_say(tmp_path: Path) -> None:
    """A zone and names of roles mend rows that were rejected: the next run has them, as one that began with these settings."""
    mended = '\n[crm]\ntimezone = "Europe/Berlin"\n[crm.roles]\n"Decision Maker" = "economic_buyer"\n'
    roots = []
    for name, first in (("later", ""), ("at-once", mended)):
        root = example(tmp_path / name)
        group = root / "inbox" / "crm" / "buying_group.csv"
        group.write_text(group.read_text().replace("economic_buyer", "Decision maker"))
        deals = root / "inbox" / "crm" / "opportunities.csv"
        deals.write_text(deals.read_text().replace("2026-03-02T00:00:00Z", "2026-03-02T01:00:00"))
        toml = root / "touchloop.toml"
        plain = toml.read_text()
        toml.write_text(plain + first)
        put(root, payloads())
        increment(root)
        toml.write_text(plain + mended)
        increment(root)
        roots.append(root)
    tables = []
    for root in roots:
        with snapshot(root, published=False) as connection:
            tables.append(contents(connection))
            role = connection.execute(
                "SELECT count(*) FROM dim_buying_group_member WHERE buyer_role = 'economic_buyer'"
            ).fetchone()
            assert role == (1,)
            assert connection.execute("SELECT epoch(opened_at) % 86400 FROM dim_opportunity").fetchall() == [(0,)]
    assert tables[0] == tables[1]


def test_a_first_week_that_reaches_into_another_month(tmp_path: Path) -> None:
    """A late touchpoint in the first week, a month earlier: assigned pairs owe their rows of zeros in that month too."""

    def of(name: str, day: str) -> tuple[str, bytes]:
        head = [
            f"Message-ID: <{name}@x.example>",
            f"Date: {day} 2026 10:00:00 +0000",
            f"From: {name}@{name}.example",
            "To: sam@vendor.example",
        ]
        text = "\r\n".join([*head, "", "Hi", ""])
        return f"email/sam/{name}.eml", text.encode()

    crm = "account_id,name,domains,owner_seller_id\nA,a,a.example,S1\nB,b,b.example,S1\nC,c,c.example,S1\n"
    files = [
        ("crm/accounts.csv", crm.encode()),
        ("crm/people.csv", b"person_id,side,emails\nS1,seller,sam@vendor.example\n"),
        of("a", "Sun, 01 Mar"), of("b", "Fri, 20 Mar"), of("c", "Sat, 28 Feb"),
    ]  # fmt: skip
    found = []
    for parts in ([files], [files[:-1], files[-1:]]):
        root = tmp_path / str(len(parts))
        for part in parts:
            put(root, part)
            increment(root, "2026-04-01T00:00:00Z")
        with snapshot(root, published=False) as connection:
            found.append(contents(connection))
    assert found[0] == found[1]


def test_the_clock_alone_settles_a_need(tmp_path: Path) -> None:
    """A delivery that nobody opened within 30 days, on an account that nothing else keeps open, is told of as at once."""
    for name, days in (
        ("step", ("2026-04-10T12:00:00Z", "2026-05-12T12:00:00Z")),
        ("whole", ("2026-05-12T12:00:00Z",)),
    ):
        root = example(tmp_path / name)
        (root / "inbox" / "crm" / "assignments.csv").unlink()
        put(root, payloads())
        workspace = Workspace(root)
        for day in days:
            with workspace.writer():
                Increment(workspace, parse_iso(day, "as_of"), fixed=False).run()
    found = []
    for name in ("step", "whole"):
        with snapshot(tmp_path / name, published=False) as connection:
            found.append(connection.execute("SELECT * FROM fact_enablement_need ORDER BY ALL").fetchall())
    assert found[0] == found[1]


def test_a_missing_vault_is_refused(tmp_path: Path) -> None:
    """Half of the state is not taken for the whole."""
    root = example(tmp_path)
    put(root, payloads())
    increment(root)
    (root / "state" / "vault.duckdb").unlink()
    with pytest.raises(FileNotFoundError, match="they belong together"):
        increment(root)


def test_a_vault_without_its_warehouse_is_refused(tmp_path: Path) -> None:
    """Its marks say that what the warehouse no longer has was done: the directory would never be written again."""
    root = example(tmp_path)
    increment(root)
    (root / "state" / "warehouse.duckdb").unlink()
    with pytest.raises(FileNotFoundError, match="they belong together"):
        increment(root)
    assert not (root / "state" / "warehouse.duckdb").exists()


def test_a_table_that_lacks_a_column_is_brought_up_to_date(tmp_path: Path) -> None:
    """The state of another version, of which no table may be left: one lacks columns, one has a column more."""
    root = example(tmp_path / "w")
    put(root, payloads())
    increment(root)
    with snapshot(root, published=False) as fresh:
        expected = contents(fresh)
    del expected["fact_event"]
    with duckdb.connect(str(root / "state" / "warehouse.duckdb")) as state:
        state.execute("ALTER TABLE fact_touchpoint DROP COLUMN buying_job_basis")
        state.execute("ALTER TABLE fact_loop DROP COLUMN journey_id")
        state.execute("ALTER TABLE fact_visit ALTER COLUMN visit_no TYPE VARCHAR")
        state.execute("ALTER TABLE fact_session ADD COLUMN of_a_newer_version INTEGER")
        state.execute("ALTER TABLE fact_event DROP COLUMN recorded_at")  # cannot be derived: NULL for what has landed
    workspace = Workspace(root)
    with workspace.writer(), pytest.raises(UserError, match="derived again first: touchloop run"):
        publish_now(workspace, say=lambda _: None)
    assert [f.text for f in examine(workspace) if "of another version" in f.text and not f.ok] != []
    increment(root)
    assert [f.text for f in examine(workspace) if "of another version" in f.text] == []
    with snapshot(root, published=False) as again:
        found = contents(again)
        assert {row[-1] for row in found.pop("fact_event")} == {None}  # a column that came later stands last
        assert found == expected


def test_a_state_that_knows_no_tellers_is_derived_again(tmp_path: Path) -> None:
    """Who told a row of the identity log, older versions did not keep."""
    root = example(tmp_path / "w")
    put(root, payloads())
    increment(root)
    tellers = f"SELECT * FROM {identity.TELLERS} ORDER BY ALL"
    with duckdb.connect(str(root / "state" / "warehouse.duckdb")) as state:
        before = state.execute(tellers).fetchall()
        state.execute(f"DROP TABLE {identity.TELLERS}")
    assert before
    increment(root)
    with snapshot(root, published=False) as again:
        assert again.execute(tellers).fetchall() == before


def test_a_table_that_an_older_version_did_not_have_is_filled(tmp_path: Path) -> None:
    """It is not left empty until something else has everything derived again."""
    root = example(tmp_path / "w")
    put(root, payloads())
    increment(root)
    with snapshot(root, published=False) as fresh:
        expected = contents(fresh)
    with duckdb.connect(str(root / "state" / "warehouse.duckdb")) as state:
        state.execute("DROP TABLE mart_relationship")
    increment(root)
    with snapshot(root, published=False) as again:
        assert contents(again) == expected


@pytest.mark.parametrize("column", ["family", "occurred_at"])
def test_a_state_that_cannot_be_brought_up_to_date_is_refused(tmp_path: Path, column: str) -> None:
    """One column is gone that may not be NULL, one has another type: nothing is changed, and the way out is told."""
    root = example(tmp_path / "w")
    put(root, payloads()[:3])
    increment(root)
    with duckdb.connect(str(root / "state" / "warehouse.duckdb")) as state:
        change = "DROP COLUMN family" if column == "family" else "ALTER COLUMN occurred_at TYPE VARCHAR"
        state.execute(f"ALTER TABLE fact_event {change}")
    with pytest.raises(OSError, match=rf"another version of touchloop: fact_event\.{column} .* move .* aside"):
        increment(root)


def test_another_version_derives_everything_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = example(tmp_path / "w")
    put(root, payloads())
    assert increment(root).accounts_rebuilt > 0
    assert increment(root).accounts_rebuilt == 0
    monkeypatch.setattr("pipelines.deriving.changed.version", lambda: "9.9.9")
    assert increment(root).accounts_rebuilt > 0
    assert increment(root).accounts_rebuilt == 0


@pytest.mark.parametrize("some", [0, 10**9])
def test_marts_are_the_same_whole_and_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: dict[str, list[tuple[object, ...]]], some: int
) -> None:
    """Where most cells have changed the marts are built whole, else in place: in either way the tables of one run."""
    monkeypatch.setattr("warehouse.marts.SOME_CELLS", some)
    root = example(tmp_path)
    items = shuffled(payloads(), seed=3)
    for part in (items[::3], items[1::3], items[2::3]):
        put(root, part)
        increment(root)
    with snapshot(root, published=False) as connection:
        assert contents(connection) == undisturbed


@pytest.mark.parametrize("made", [[], ["vault.duckdb"], ["vault.duckdb.new"], ["vault.duckdb", "warehouse.duckdb.new"]])
def test_a_crash_while_the_state_is_made_is_no_loss_of_it(tmp_path: Path, made: list[str]) -> None:
    """Whatever of the two files a first run got to make before it was killed, the next run makes the rest."""
    root = example(tmp_path)
    put(root, payloads())
    (root / "state").mkdir(exist_ok=True)
    for name in made:
        if name.endswith(".new"):
            (root / "state" / name).write_bytes(b"half written")
        else:
            duckdb.connect(str(root / "state" / name)).close()
    assert increment(root).records > 0


def test_a_warehouse_appears_after_its_vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill at the moment that the warehouse's file appears finds the vault's there: the two are never taken for a torn pair."""
    root = example(tmp_path)
    workspace = Workspace(root)
    order = []
    replace = os.replace

    def seen(new: Path, path: Path) -> None:
        order.append((Path(path).name, workspace.vault.exists()))
        replace(new, path)

    monkeypatch.setattr("warehouse.store.os.replace", seen)
    increment(root)
    assert [(name, there) for name, there in order if name.endswith(".duckdb")][:2] == [
        ("vault.duckdb", False),
        ("warehouse.duckdb", True),
    ]


def test_a_run_with_nothing_new_imports_no_library_for_work(tmp_path: Path) -> None:
    """What takes longest to import is for work; DuckDB imports pandas, unasked, for the parameter of a query."""
    root = example(tmp_path)
    put(root, payloads())
    run(root)
    program = (
        "import sys; sys.path.insert(0, 'tests'); from pathlib import Path; from workspaces import run; "
        f"summary = run(Path({str(root)!r})); print(summary.units, *{{'pandas', 'apache_beam', 'great_expectations', 'kafka'}} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["0"]
