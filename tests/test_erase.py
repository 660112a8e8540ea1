"""Erasing a person (semantics C8): who it was is gone everywhere, the touchpoints stay, and nobody comes back with the next record."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from test_kin import page
from test_rebinding import contact, conversation, of_companies, profile
from workspaces import AS_OF, ROOT, conservation, contents, example, increment, payloads, put, run, snapshot

import pipelines.erase as erasing
from pipelines.directory import FoundDirectory
from pipelines.erase import Done, erase
from pipelines.erased import read_erased
from pipelines.errors import SettingsError, UserError
from pipelines.settings import CrmFiles
from pipelines.simulate import Plan, generate_workspace
from pipelines.workspace import Workspace
from schemas.registry import TABLES
from transforms.crm.erasure import DROPPED, Erasures
from transforms.crm.rows import Account, Alias, Crm, Person
from transforms.event import Event, Party, PlanItem, hash_id
from transforms.folding.words import question_pattern
from transforms.jobs.rules import Rulebook
from transforms.times import parse_iso
from warehouse.erase import NOT_KEPT

BEA = ("bea.winter", "bea winter", "u0bea", "bea-17", "c-bea")
"""What says that it was her, in lower case."""
STAYS = ("fact_session", "fact_visit", "fact_loop", "fact_transition", "mart_transition_matrix")
NO_SUBJECT = """SELECT count(*) FROM fact_touchpoint JOIN fact_touchpoint_participant USING (touchpoint_id)
                WHERE identifier_hash = ? AND subject_text IS NOT NULL"""
COUNTS = """SELECT account_id, channel, direction, interaction_kind, buying_job, buying_job_basis, is_countable, is_question, is_ack, tags,
                   count(*), sum(buyer_participant_count) FROM fact_touchpoint GROUP BY ALL ORDER BY ALL"""


def forget(root: Path, *people: str, dry_run: bool = False) -> Done:
    workspace = Workspace(root)
    with workspace.writer():
        return erase(workspace, people, parse_iso(AS_OF, "now"), fixed=True, dry_run=dry_run, say=lambda text: None)


@pytest.fixture
def same_stand_in(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(erasing.secrets, "token_hex", lambda size: "0" * (2 * size))
    return f"email:erased-{'0' * 16}@northfield.example"


def told(root: Path, words: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """Where any of the words stands: (file, table or file, word), in databases row by row and in all files byte by byte."""
    found = []
    for path in sorted(p for p in root.rglob("*") if p.is_file() and "inbox" not in p.parts):
        told = path.read_bytes().lower()
        found += [(path.name, "", word) for word in words if word.encode() in told]
        if path.suffix not in (".duckdb", ".parquet"):
            continue
        with duckdb.connect(str(path) if path.suffix == ".duckdb" else ":memory:") as connection:
            names = [f"read_parquet('{path}')"]
            if path.suffix == ".duckdb":
                tables = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
                names = [f'"{table}"' for (table,) in tables]
            for name in names:
                ((text,),) = connection.execute(f"SELECT lower(string_agg(t::VARCHAR, ' ')) FROM {name} t").fetchall()
                found += [(path.name, name, word) for word in words if word in (text or "")]
    return found


def test_nothing_says_any_more_who_it_was(tmp_path: Path) -> None:
    root = example(tmp_path)
    put(root, payloads())
    run(root)
    assert {word for _, _, word in told(root, BEA)} >= {
        "bea.winter",
        "bea winter",
        "bea-17",
        "c-bea",
    }  # what is looked for can be found
    with snapshot(root) as connection:
        before = contents(connection)
        counts = connection.execute(COUNTS).fetchall()
    assert forget(root, "Bea.Winter@northfield.example", dry_run=True) == Done(1, 7, 16, 0, 0)
    assert not (root / "erased.jsonl").exists()

    assert forget(root, "Bea.Winter@northfield.example") == Done(1, 7, 16, 0, 1)

    assert told(root, BEA) == []
    (erased,) = read_erased(root / "erased.jsonl")
    assert re.fullmatch(r"email:erased-[0-9a-f]{16}@northfield\.example", erased.stand_in)
    with snapshot(root) as connection:
        conservation(connection)
        after = contents(connection)
        assert connection.execute(COUNTS).fetchall() == counts
        assert connection.execute(NO_SUBJECT, [hash_id(erased.stand_in)]).fetchall() == [(0,)]
        assert connection.execute("SELECT count(*) FROM fact_touchpoint WHERE subject_text IS NOT NULL").fetchall() != [
            (0,)
        ]
        people = connection.execute("SELECT person_id FROM dim_person ORDER BY 1").fetchall()
        reasons = connection.execute("SELECT DISTINCT reasons FROM metric_restatement").fetchall()
    assert people == [("B2",), ("B3",), ("B4",), ("B5",), ("S1",)]
    assert reasons == [(["events", "directory"],)]
    unresolved = {t: [i for i, c in enumerate(TABLES[t].names) if c.startswith("unresolved_share")] for t in STAYS}
    for table in STAYS:
        rows = [
            [[v for i, v in enumerate(row) if i not in unresolved[table]] for row in t[table]] for t in (before, after)
        ]
        assert rows[0] == rows[1], table


@pytest.mark.usefixtures("same_stand_in")
def test_it_is_the_same_before_and_after_the_records_come(tmp_path: Path) -> None:
    """Also where the directory goes on to list her, and where the state is built again from the inbox."""
    roots = [example(tmp_path / name) for name in ("after", "between", "before")]
    items = payloads()
    after, between, before = roots
    put(after, items)
    increment(after)
    forget(after, "B1")
    put(between, items[::2])
    increment(between)
    forget(between, "bea.winter@northfield.example")
    put(between, items[1::2])
    increment(between)
    (before / "erased.jsonl").write_bytes((after / "erased.jsonl").read_bytes())
    put(before, items)
    increment(before)
    tables = []
    for root in roots:
        assert told(root, BEA) == []
        with snapshot(root, published=False) as connection:
            conservation(connection)
            tables.append(contents(connection))
    assert tables[0] == tables[2]
    assert tables[0] == tables[1]


def test_a_second_try_does_what_a_crash_has_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = example(tmp_path)
    put(root, payloads())
    increment(root)

    def crash(*_: object) -> None:
        raise OSError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(erasing.kept, "put", crash)
        with pytest.raises(OSError, match="no room"):
            forget(root, "B1")
    increment(root)  # somebody's timer: she is nobody's contact any more, and her address is in the vault
    assert told(root / "state", BEA) != []
    forget(root, "bea.winter@northfield.example")
    assert told(root, BEA) == []
    assert len(read_erased(root / "erased.jsonl")) == 1


@pytest.mark.parametrize("copy", ["_copy_vault", "_copy_warehouse"])
def test_a_kill_while_the_files_are_written_anew_doubles_nothing(tmp_path: Path, copy: str) -> None:
    """What the killed one had in its log is no part of the next try's file."""
    root = example(tmp_path)
    put(root, payloads())
    increment(root)
    with snapshot(root, published=False) as connection:
        events = connection.execute("SELECT event_id FROM fact_event ORDER BY 1").fetchall()
    program = (
        "import os, sys; sys.path.insert(0, 'tests'); from pathlib import Path; from test_erase import forget; import warehouse.erase as kept\n"
        f"copy = kept.{copy}\n"
        "def killed(con):\n copy(con); os._exit(9)\n"
        f"kept.{copy} = killed\n"
        f"forget(Path({str(root)!r}), 'B1')"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 9, done.stderr
    assert list((root / "state").glob("*.anew.wal"))
    forget(root, "B1")
    assert told(root, BEA) == []
    assert not list((root / "state").glob("*.anew*"))
    with snapshot(root, published=False) as connection:
        conservation(connection)
        assert connection.execute("SELECT event_id FROM fact_event ORDER BY 1").fetchall() == events


def test_an_address_of_two_people_is_erased_with_neither(tmp_path: Path) -> None:
    """Nor is that of which somebody else has the base address."""
    root = example(tmp_path)
    people = root / "inbox" / "crm" / "people.csv"
    told = people.read_text().replace(
        "bea.winter@northfield.example", "office@northfield.example;tom.arden+bea@northfield.example"
    )
    people.write_text(
        told.replace("tom.arden@northfield.example,", "office@northfield.example;tom.arden@northfield.example,")
    )
    put(root, payloads())
    increment(root)
    forget(root, "B1")
    (one,) = read_erased(root / "erased.jsonl")
    assert hash_id("email:tom.arden+bea@northfield.example") in one.identifiers
    for kept in ("email:office@northfield.example", "email:tom.arden@northfield.example"):
        assert hash_id(kept) not in one.identifiers
    with snapshot(root) as connection:
        assert connection.execute("SELECT person_id FROM dim_person WHERE person_id IN ('B1', 'B2')").fetchall() == [
            ("B2",)
        ]


def test_unknown_identifiers_in_her_profile_go_unless_somebody_else_shows_them(tmp_path: Path) -> None:
    """An address that she alone has held is hers; a mailbox that a stranger's profile shows too leads to nobody else, nor does a login that
    Tom has used."""
    root = example(tmp_path)
    team, old, private, login = "team@northfield.example", "bea.old@mail.test", "ned@mail.test", "shared-login"
    put(
        root,
        [
            *payloads(),
            profile("U0BEA", 0, email="bea.winter@northfield.example"),
            profile("U0BEA", 1, email=team),
            profile("U0BEA", 2, email=old),
            profile("U0NED", 3, email=team),
            profile("U0NED", 4, email=private),
            page(5, "09:00", userId=login, context={"traits": {"email": "bea.winter@northfield.example"}}),
            page(6, "09:05", userId=login, context={"traits": {"email": "tom.arden@northfield.example"}}),
        ],
    )
    increment(root)
    forget(root, "B1")
    (one,) = read_erased(root / "erased.jsonl")
    expected = {
        f"email:{team}": False,
        f"email:{private}": False,
        "external_id:slack:U0NED": False,
        f"email:{old}": True,
    }
    expected |= {f"external_id:segment:{login}": False, "external_id:slack:U0BEA": True}
    assert {name: hash_id(name) in one.identifiers for name in expected} == expected
    assert told(root / "state", ("bea.winter", "bea winter", "bea.old")) == []
    forget(root, team)  # who that is nobody knows: as in the tables, it is whoever shows it and nobody else
    (_, other) = read_erased(root / "erased.jsonl")
    assert hash_id("external_id:slack:U0NED") in other.identifiers


def test_whom_only_a_contact_tells_stays_in_the_account(tmp_path: Path) -> None:
    """Colleagues share the company of their contacts, and are not erased with each other."""
    root = example(tmp_path)
    companies = of_companies("A1")
    put(root, [conversation(4, "c7"), contact("c7", 1, companies=companies)])
    put(root, [conversation(5, "c8"), contact("c8", 2, companies=companies)])
    increment(root)
    forget(root, "external_id:intercom:c7")
    (one,) = read_erased(root / "erased.jsonl")
    assert one.identifiers == [hash_id("external_id:intercom:c7")]
    with snapshot(root) as connection:
        found = connection.execute("SELECT account_id, count(*) FROM fact_touchpoint GROUP BY ALL").fetchall()
    assert found == [("A1", 2)]


def test_a_restored_state_is_cleaned_without_a_name(tmp_path: Path) -> None:
    root = example(tmp_path)
    put(root, payloads())
    increment(root)
    shutil.copytree(root / "state", root / "inbox.backup" / "inbox")
    with pytest.raises(UserError, match="there is nobody to erase: name a person"):
        forget(root)
    forget(root, "B1")
    shutil.rmtree(root / "state")
    (root / "inbox.backup" / "inbox").rename(root / "state")
    assert told(root / "state", BEA) != []
    assert forget(root).events == 16
    assert told(root, BEA) == []


def test_a_rejected_record_keeps_its_count_and_not_its_bytes(tmp_path: Path) -> None:
    root = example(tmp_path)
    put(
        root,
        [
            *payloads(),
            ("intercom/bad.json", b'{"type": "notification_event", "email": "bea.winter@northfield.example"'),
        ],
    )
    put(root, [("segment/bad.json", b'{"type": "track", "userId": 17')])
    increment(root)
    assert forget(root, "B1").rejects == 1
    assert told(root, BEA) == []
    with snapshot(root) as connection:
        conservation(connection)
        details = connection.execute("SELECT detail FROM rejected_record ORDER BY source").fetchall()
    assert details[0] == ("not kept: it named somebody who was erased",)
    assert "not kept" not in details[1][0]


def test_a_rejected_row_of_the_directory_is_not_kept_either(tmp_path: Path) -> None:
    """It stays in the CRM's file, which is read again by the next run."""
    root = example(tmp_path)
    people = root / "inbox" / "crm" / "people.csv"
    people.write_text(people.read_text() + "B1-copy,nobody,Bea Winter,bea.winter@northfield.example,,A1,,,,,\n")
    put(root, payloads())
    increment(root)
    kept = Workspace(root).directory
    shutil.copy(kept, kept.with_name(f"{kept.name}.new"))  # as a crash leaves it
    names = {name for name, _, _ in told(root, BEA)}
    assert names >= {"directory.msgpack", "directory.msgpack.new", "derived.msgpack", "vault.duckdb"}
    forget(root, "B1")
    assert told(root, BEA) == []
    with snapshot(root) as connection:
        conservation(connection)
        assert connection.execute("SELECT detail FROM rejected_record").fetchall() == [(NOT_KEPT,)]


def test_who_is_not_erased(tmp_path: Path) -> None:
    root = example(tmp_path)
    with pytest.raises(UserError, match="has no warehouse yet"):
        forget(root, "B1")
    put(root, payloads())
    increment(root)
    with pytest.raises(UserError, match=r"nobody in the directory, is known by 'nobody@northfield\.example'"):
        forget(root, "B1", "nobody@northfield.example")
    with (root / "inbox" / "crm" / "people.csv").open("a") as people:
        people.write("B6,buyer,Tim Arden,tom.arden@northfield.example,,A1,,false,,,\n")
    with pytest.raises(UserError, match=r"several people of the directory have tom\.arden@northfield\.example"):
        forget(root, "tom.arden@northfield.example")
    for ours in ("S1", "sam.reyes@vendor.example", "somebody.else@vendor.example"):
        with pytest.raises(UserError, match=f"{re.escape(ours)} is one of our own people"):
            forget(root, ours)
    assert not (root / "erased.jsonl").exists()
    (root / "erased.jsonl").write_text(
        '{"erased_at": "2026-05-11", "stand_in": "email:bea@x.example", "identifiers": []}\n'
    )
    with pytest.raises(SettingsError, match=r"line 1: stand_in is 'email:bea@x\.example'"):
        increment(root)
    (root / "erased.jsonl").write_text("{\n")
    with pytest.raises(SettingsError, match=r"erased\.jsonl: line 1: .*put the file back"):
        increment(root)


ANN, STAND_IN = "email:ann@acme.example", "email:erased-00000000000000aa@acme.example"


def erasures(*more: str) -> Erasures:
    return Erasures({hash_id(one): STAND_IN for one in (ANN, *more)}, Rulebook.load().word_patterns)


def event(**changed: object) -> Event:
    fields = {
        "source": "/segment", "source_event_id": "e-1", "family": "app", "occurred_at": 0, "dedupe_key": "app:/segment/e-1",
        "parties": (Party((ANN,), "actor", "Ann Buyer"), Party(("email:bob@acme.example",), "to", "Bob")),
    }  # fmt: skip
    return Event(**(fields | changed))  # type: ignore[arg-type]


def test_what_an_event_keeps() -> None:
    asked = event(
        source_event_id="join/9/Ann@acme.example/5",
        conversation_id="external_id:crm:a1",
        subject_text="Re: Pricing for Ann Buyer, and the pilot",
        first_line="Where do we stand, Sam? Ann",
        page_path="/quote?for=ann%40acme.example&id=u-17",
        links=("https://example.com/?u=U-17x", "https://example.com/u-17"),
        organizer="email:ann+vip@acme.example",
        plan_items=(PlanItem("i-1", "Ann signs", Party((ANN,), "actor")), PlanItem("i-2", "Bob signs")),
    )
    got = erasures("external_id:segment:u-17").without(
        event(
            **{name: getattr(asked, name) for name in asked.__struct_fields__}
            | {
                "parties": (
                    Party((ANN, "external_id:segment:u-17"), "actor", "Ann Buyer", attended=True),
                    asked.parties[1],
                )
            }
        )
    )
    assert got.parties == (Party((STAND_IN,), "actor", None, attended=True), asked.parties[1])
    assert got.source_event_id == "join/9/erased-00000000000000aa/5"
    assert got.subject_text == "Re: Pricing pilot"
    assert got.first_line == f"? {DROPPED}"
    assert got.page_path == "/quote?for=erased-00000000000000aa&id=erased-00000000000000aa"
    assert got.links == ("https://example.com/?u=U-17x", "https://example.com/erased-00000000000000aa")
    assert got.organizer == STAND_IN
    assert [(item.title, item.owner) for item in got.plan_items] == [(None, Party((STAND_IN,), "actor")), (None, None)]


def test_an_alias_that_is_a_national_number_goes_too() -> None:
    """Whoever has the erased number by now: it is one in the country of their account, and in no other."""
    people = [
        Person(person_id=f"B{number}", side="buyer", account_id=account) for number, account in enumerate(("A1", "A2"))
    ]
    accounts = [Account(account_id="A1", country="DE"), Account(account_id="A2", country="GB")]
    aliases = [
        Alias(identifier_type="phone", identifier="phone:030 87654321", person_id=person.person_id) for person in people
    ]
    left = erasures("phone:+493087654321").without_people(Crm(accounts=accounts, people=people, aliases=aliases))
    assert left.aliases == aliases[1:]


def test_a_number_goes_without_its_extension_too() -> None:
    number = "phone:+493055555550;ext=12"
    called = event(parties=(Party((number,), "actor"),), page_path="/call?to=%2B493055555550&ext=12")
    got = erasures(number).without(called)
    assert got.page_path == "/call?to=erased-00000000000000aa&ext=12"


def test_an_event_without_anybody_of_them_is_left_alone() -> None:
    other = event(parties=(Party(("email:bob@acme.example",), "actor"),))
    assert erasures().without(other) is other
    assert not Erasures()


def test_whoever_was_erased_is_missed_in_no_file(tmp_path: Path) -> None:
    """A seat of theirs in another file names nobody who is not there: no warning, and none that is kept, bears their id."""
    (tmp_path / "people.csv").write_text(
        f"person_id,side,emails\nB1,buyer,{ANN.removeprefix('email:')}\nB2,buyer,b@b.test\n"
    )
    (tmp_path / "buying_group.csv").write_text(
        "opportunity_id,person_id,buyer_role\nO1,B1,user\nO1,B2,user\nO1,B3,user\n"
    )
    read = FoundDirectory(tmp_path, tmp_path, CrmFiles(), erasures=erasures()).read()
    assert [one.person_id for one in read.crm.people] == ["B2"]
    assert [warning for file in read.files for warning in file.warnings] == [
        "buying_group.csv: 1 person_id that people.csv does not have (B3)"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Business case with CFO",
        "Thanks, Ann",
        "Comparison in writing?",
        "Security review for Ann's team: when?",
        "Lunch",
        "Demo",
    ],
)
def test_rules_see_in_what_is_kept_what_they_saw_before(text: str) -> None:
    rules = Rulebook.load()
    kept = erasures().without(event(subject_text=text)).subject_text
    assert kept is not None
    assert "Ann" not in kept
    assert rules.tags(kept, None) == rules.tags(text, None)
    assert rules.meeting_kind(kept) == rules.meeting_kind(text)
    assert rules.is_ack(kept, None, None, False) == rules.is_ack(text, None, None, False)
    assert rules.may_speak(kept) == rules.may_speak(text)


def test_a_question_stays_one_at_the_end_of_its_line() -> None:
    """A mail in Intercom has its subject and its first line on two lines, and either may ask."""
    asks = question_pattern(())
    for text, is_question in (
        ("Review for Ann?\nSee below", True),
        ("To Ann\nDone?", True),
        ("Done? Yes, Ann\nBye", False),
    ):
        kept = erasures().without(event(first_line=text)).first_line
        assert kept is not None
        assert "Ann" not in kept
        assert (asks.search(kept) is not None) == is_question


SAME = (
    COUNTS.replace(", buying_job_basis", ""),
    "SELECT account_id, opportunity_id, journey_scope, visit_no, buying_job, started_at, touchpoint_count FROM fact_visit ORDER BY ALL",
    "SELECT * EXCLUDE (return_touchpoint_id, trigger_touchpoint_id) FROM fact_loop ORDER BY ALL",
    "SELECT account_id, ask_channel, asked_at, answer_touchpoint_id IS NULL, response_business_seconds FROM fact_response ORDER BY ALL",
    "SELECT account_id, opportunity_id, buying_job, outcome FROM fact_enablement_need ORDER BY ALL",
)


def test_journeys_of_a_made_world_stay(tmp_path: Path) -> None:
    """Whatever identifiers people have in ten systems, and whoever else used their devices."""
    as_of = generate_workspace(tmp_path, Plan(records=2_000)).as_of
    increment(tmp_path, as_of)
    people = [
        line.split(",")[0]
        for line in (tmp_path / "inbox" / "crm" / "people.csv").read_text().splitlines()
        if ",buyer," in line
    ]
    chosen = people[::6]
    told = []
    for erases in (False, True):
        if erases:
            with Workspace(tmp_path).writer():
                erase(Workspace(tmp_path), chosen, parse_iso(as_of, "now"), fixed=True, say=lambda text: None)
        with snapshot(tmp_path, published=False) as connection:
            told.append([connection.execute(query).fetchall() for query in SAME])
            (left,) = connection.execute("SELECT count(*) FROM dim_person WHERE side = 'buyer'").fetchone() or (0,)
    assert told[0] == told[1]
    assert left == len(people) - len(chosen) > 0
