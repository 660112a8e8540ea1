"""The command line: every fault that a user can cause ends in one message and the right exit code."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
from workspaces import EXAMPLE, ROOT, SOURCES, example, increment, payloads, put

from pipelines import __main__ as begin
from pipelines import interrupt
from pipelines.cli import app as cli
from pipelines.cli import show
from pipelines.errors import UserError
from pipelines.workspace import DEFAULT_TOML, Workspace
from transforms.settings import Settings


def touchloop(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["touchloop", *arguments])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        cli.main()
    code = ended.value.code
    return code if isinstance(code, int) else 0


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[journeys]\nsession_gap_days = 'two'", "journeys.session_gap_days: 'two': Expected `float`, got `str`"),
        ("[journeys]\nsession_gap_day = 3", "session_gap_day"),
        ("[journeys]\nsession_gap_days = 0", "journeys.session_gap_days: 0: Expected `float` > 0.0"),
        ("[coverage]\nsignal_landmark_days = -1", "coverage.signal_landmark_days: -1: Expected `float` > 0.0"),
        ("[journeys]\nsession_gap_days = nan", "journeys.session_gap_days: nan: Expected `float` > 0.0"),
        (
            "[journeys]\ngap_sensitivity_days = [7, inf]",
            "journeys.gap_sensitivity_days[1]: inf: Expected `float` <= 36500",
        ),
        (
            "[folding]\nlate_after_hours = 99999999999999999999",
            "folding.late_after_hours: 99999999999999999999: Expected",
        ),
        ("[coverage]\nhybrid_window_weeks = -13", "coverage.hybrid_window_weeks: -13: Expected `int` >= 1"),
        ("[publish]\nkeep_snapshots = -1", "publish.keep_snapshots: -1: Expected `int` >= 0"),
        ("recurrence_days = -5", "recurrence_days: -5: Expected `int` >= 0"),
        ("[identity]\nsystem_names = ['']", "identity.system_names[0]: '': Expected `str` of length >= 1"),
        ("[business_hours]\ndays = []", "business_hours.days: names no day"),
        ("[sources.isc]\ntimezone = 'UTC'", "sources.isc: there is no such source; there are email,"),
        ("[business_hours]\ntimezone = 'Mars/Olympus'", "business_hours.timezone: 'Mars/Olympus' is no IANA time zone"),
        ("[sources.ics]\ntimezone = 'Nowhere'", "sources.ics.timezone: 'Nowhere' is no IANA time zone"),
        ("[rejects]\nmax_share = 2", "rejects.max_share: 2: Expected `float` <= 1.0"),
        ("[business_hours]\nstart = '9am'", "business_hours.start is '9am'"),
        ("[business_hours]\ndays = ['someday']", "business_hours.days"),
        ("[business_hours]\ndays = ['fri 9-15']", "business_hours.days 'fri 9-15': its time is '9': not a time of day"),
        ("[identity]\nexecutive_titles = ['(']", "identity.executive_titles: '(' is no regular expression"),
        ("[coverage]\nchannels = ['email', 'fax']", "coverage.channels: 'fax' is none of chat, email,"),
        ("[coverage]\nchannels = ['email', 'email']", "coverage.channels: 'email' is named twice"),
        ("[coverage]\nchannels = []", "coverage.channels: names no channel"),
        ("[coverage]\nrequired_roles = ['boss']", "coverage.required_roles: 'boss' is none of"),
        ("[journeys]\nalways_on_jobs = ['VA']", "journeys.always_on_jobs: 'VA' is none of"),
        ("[folding]\nphone_call_channel = 'fax'", "folding.phone_call_channel: 'fax': Invalid enum value 'fax'"),
        (
            "[identity]\ncompany_domains = ['@vendor.example']",
            "identity.company_domains: '@vendor.example' is no domain",
        ),
        (
            "[identity]\npartner_domains = ['https://p.example']",
            "identity.partner_domains: 'https://p.example' is no domain",
        ),
        ("[identity]\nfree_mail_domains = ['com']", "identity.free_mail_domains: 'com' is no domain"),
        (
            "[coverage]\nreporting_timezone = 'localtime'",
            "coverage.reporting_timezone: 'localtime' is no IANA time zone",
        ),
        ("[journeys]\ngap_sensitivity_days = [7, 14, 7]", "journeys.gap_sensitivity_days: 7 is named twice"),
        ("[crm]\ntimezone = 'Berlin'", "crm.timezone: 'Berlin' is no IANA time zone"),
        ("[crm.roles]\n'Decision Maker' = 'king'", "crm.roles.Decision Maker: 'king' is none of economic_buyer"),
        ("[crm.roles]\n'' = 'champion'", "crm.roles: '': Expected `str` of length >= 1"),
        ("[crm.roles]\nBoss = 'champion'\n'V.P.' = 3", "crm.roles.V.P.: 3: Expected `str`, got `int`"),
        (
            "[crm.roles]\nBoss = 'champion'\n'boss ' = 'user'",
            "crm.roles.Boss: 'Boss', 'boss ' are one name, mapped twice",
        ),
        ("[sources.ics]\ntimezone = ''", "sources.ics.timezone: '' is no IANA time zone"),
        ("[identity]\nsystem_domains = ['otter']", "identity.system_domains: 'otter' is no domain"),
        ("[sources]\nslack = 'UTC'", "sources.slack: 'UTC': Expected `object`, got `str`"),
        ("[sources.ics]\n[sources.slack]\ntimezone = 5", "sources.slack.timezone: 5: Expected `str | null`, got `int`"),
        ("[sources.slack]\nzone = 'UTC'", "sources.slack.zone: there is no such setting"),
        ("rules = 'missing.yaml'", "rules: cannot read"),
        ("this is not toml", "not valid TOML"),
        ("recurrence_days = " + "9" * 5000, "not valid TOML: a number in it has thousands of digits"),
        ("recurrence_days = 0x" + "f" * 5000, "recurrence_days: a number of 20,000 bits: Expected"),
        ("recurrence_days = " + "[" * 3000, "not valid TOML: nested too deeply"),
        (r'rules = "a\u0000b"', r"rules: 'a\x00b': there is a NUL character in it"),
        ('[observe]\ntextfile = "a\\u0000b.prom"', r"observe.textfile: 'a\x00b.prom': there is a NUL character"),
        ('[crm.roles]\n"a\\u0000b" = "champion"', r"crm.roles: 'a\x00b': there is a NUL character"),
        (f"[identity]\nexecutive_titles = ['{'(' * 3000}']", "is no regular expression: maximum recursion depth"),
        (
            "[identity]\nsystem_names = ['a{99999999999999}']",
            "identity.system_names: 'a{99999999999999}' is no regular",
        ),
    ],
)
def test_bad_settings_name_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], toml: str, message: str
) -> None:
    """Exit 2, the file, the key and the value; nothing is written."""
    (tmp_path / "inbox").mkdir()
    (tmp_path / "touchloop.toml").write_text(toml)
    assert touchloop(monkeypatch, "run", "--workspace", str(tmp_path)) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert message in error
    assert "touchloop.toml" in error
    assert "Traceback" not in error
    assert not (tmp_path / "published").exists()


def test_every_setting_of_a_figure_is_told() -> None:
    """Whoever wants to change one finds its name in the definitions, else in the file that init writes."""
    told = (ROOT / "docs/definitions.md").read_text(encoding="utf-8") + DEFAULT_TOML
    for group in msgspec.structs.asdict(Settings()).values():
        assert [name for name in group.__struct_fields__ if name not in told] == []


def test_settings_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bad settings like any others: exit 2, and doctor goes on with what it can look at."""
    (tmp_path / "inbox").mkdir()
    (tmp_path / "touchloop.toml").mkdir()
    assert touchloop(monkeypatch, "run", "--workspace", str(tmp_path)) == 2
    assert "touchloop.toml: cannot be read" in " ".join(capsys.readouterr().err.split())
    assert touchloop(monkeypatch, "doctor", "--workspace", str(tmp_path)) == 1
    assert "no directory" in capsys.readouterr().out


def test_settings_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    """Editors on Windows write one, and line ends of two characters."""
    toml = tmp_path / "touchloop.toml"
    toml.write_bytes(b'\xef\xbb\xbf[identity]\r\ncompany_domains = ["vendor.example"]\r\n')
    assert Workspace(tmp_path).settings.identity.company_domains == ("vendor.example",)


def test_bad_rules_name_the_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rule with an unknown job stops the run before anything is read."""
    (tmp_path / "inbox").mkdir()
    (tmp_path / "touchloop.toml").write_text("rules = 'rules.yaml'")
    (tmp_path / "rules.yaml").write_text("- {id: mine, job: winning, tier: page, when: {page_glob: ['/x']}}\n")
    assert touchloop(monkeypatch, "run", "--workspace", str(tmp_path)) == 2
    error = capsys.readouterr().err
    assert "mine" in error
    assert "winning" in error


def test_a_folder_that_is_no_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message says what is missing and which command makes it."""
    assert touchloop(monkeypatch, "run", "--workspace", str(tmp_path / "nowhere")) == 2
    assert "touchloop init" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["init", "run", "generate"])
def test_a_workspace_whose_path_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """A link to itself, or a folder whose name is no text (where we stand in it, the arguments do not tell): exit 2, and nothing is made."""
    (tmp_path / "loop").symlink_to("loop")
    assert touchloop(monkeypatch, command, "--workspace", str(tmp_path / "loop")) == 2
    assert "loop" in capsys.readouterr().err
    unreadable = tmp_path / "s\udcff"
    (unreadable / "inbox").mkdir(parents=True)
    monkeypatch.chdir(unreadable)
    assert touchloop(monkeypatch, command) == 2
    assert "\\udcff' is no UTF-8" in capsys.readouterr().err.replace("\n", "")
    assert [one.name for one in unreadable.iterdir()] == ["inbox"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain", "\udcff"],
        ["rejects", "show", "\udcff", "1"],
        ["rejects", "list", "--source", "\udcff"],
        ["replay", "\udcff"],
        ["report", "--html", "\udcff.html"],
        ["run", "--workspace", "s\udcff"],
        ["\udcff"],
    ],
)
def test_an_argument_that_is_no_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """Bytes that are no UTF-8 reach Python as halves of characters, which no database and no JSON takes."""
    assert touchloop(monkeypatch, *arguments) == 2
    assert "\\udcff" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["rejects", "list", "--limit", "9" * 23],
        ["rejects", "show", "abc", "9" * 40],
        ["stream", "--every", "inf"],
        ["stream", "--every", "1e300"],
        ["stream", "--every", "nan"],
        ["follow", "--landing", "x", "--every", "inf"],
        ["replay", "*", "--from", "9" * 23],
        ["replay", "*", "--to", "9" * 5000],
        ["ingest", "--landing", "x", "--streaming", "--offset", "native/1=" + "9" * 5000],
        ["generate", "--duplicates", "nan"],
    ],
)
def test_a_number_beyond_what_anything_takes(
    example_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """Exit 2, and the option is named."""
    assert touchloop(monkeypatch, *arguments, "--workspace", str(example_root)) == 2
    option = next((one for one in reversed(arguments) if one.startswith("--")), "position")
    assert option in capsys.readouterr().err
    assert not (example_root / "published" / "touchloop.duckdb").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["stream", "--every", "often"], "'--every': 'often': Input should be a valid number"),
        (["stream", "--every", "nan"], "'--every': 'nan': "),
        (["follow", "--landing", "x", "--metrics-port", "70000"], "'--metrics-port': '70000': "),
        (["rejects", "list", "--limit", "0"], "'--limit': '0': Input should be greater than or equal to 1"),
        (["rejects", "show", "ab", "first"], "'position': 'first': "),
        (["run", "--log-format", "xml"], "): Value error, 'xml' is not one of 'text', 'json'."),
    ],
)
def test_a_wrong_value_is_told_with_its_option(
    example_root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    """Exit 2, and what was given stands behind the option, once."""
    assert touchloop(monkeypatch, *arguments, "--workspace", str(example_root)) == 2
    told = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert message in told


@pytest.fixture
def listening() -> Iterator[None]:
    """Ctrl-C as the command line hears it, and again as pytest does."""
    before, interrupt._heard = signal.signal(signal.SIGINT, interrupt.end_in_order), False
    yield
    signal.signal(signal.SIGINT, before)
    interrupt._heard = False


@pytest.mark.parametrize("made", [None, RuntimeError("Query interrupted"), UserError("a worker process ended")])
def test_a_ctrl_c_is_one_message(
    example_root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    listening: None,
    made: Exception | None,
) -> None:
    """Exit 130, whatever a library that was at work makes of it."""

    def pressed(*arguments: object, **named: object) -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            if made is None:
                raise
            raise made from None

    monkeypatch.setattr("pipelines.run.run_once", pressed)
    assert touchloop(monkeypatch, "run", "--workspace", str(example_root)) == 130
    assert capsys.readouterr().err == f"touchloop: {interrupt.MESSAGE}\n"


def test_a_bug_is_told_as_one(example_root: Path, monkeypatch: pytest.MonkeyPatch, listening: None) -> None:
    """With its traceback, where nobody has pressed Ctrl-C."""

    def wrong(*arguments: object, **named: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("pipelines.run.run_once", wrong)
    monkeypatch.setattr(sys, "argv", ["touchloop", "run", "--workspace", str(example_root)])
    with pytest.raises(RuntimeError, match="a bug"):
        cli.main()


def test_a_ctrl_c_is_heard_from_the_start(monkeypatch: pytest.MonkeyPatch, listening: None) -> None:
    """While the command line is imported it ends the process at once; where a shell has it ignored, it stays so."""
    heard = []
    monkeypatch.setattr(cli, "main", lambda: heard.append(signal.getsignal(signal.SIGINT)))
    monkeypatch.setattr(begin, "open_standard_streams", lambda: heard.append(signal.getsignal(signal.SIGINT)))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    begin.main()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    begin.main()
    assert heard == [interrupt.end_at_once, interrupt.end_in_order, signal.SIG_IGN, signal.SIG_IGN]


def test_closed_standard_streams_are_no_files_of_ours(tmp_path: Path) -> None:
    """What is printed goes nowhere, and not into the first file that is opened."""
    script = (
        "import pathlib, sys; from pipelines.__main__ import open_standard_streams as begin; begin(); opened = open(sys.argv[1], 'w');"
        "print('said'); print('told', file=sys.stderr); opened.write(str(opened.fileno() > 2))"
    )
    command = ["sh", "-c", 'exec "$0" -c "$1" "$2" <&- >&- 2>&-', sys.executable, script, str(tmp_path / "file")]
    subprocess.run(command, check=True, cwd=ROOT)
    assert (tmp_path / "file").read_text() == "True"


@pytest.mark.parametrize("command", [["run"], ["follow", "--landing", "x"], ["ingest", "--landing", "x"]])
@pytest.mark.parametrize(
    ("runner", "why"), [("Nope", "Unexpected pipeline runner: Nope"), ("pathlib.Path", "no runner")]
)
def test_a_runner_that_is_none(
    example_root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    runner: str,
    why: str,
) -> None:
    """Exit 2 at once, also where nothing is new and nothing would be sent to it."""
    monkeypatch.chdir(example_root)
    assert touchloop(monkeypatch, *command, "--runner", runner) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert f"--runner {runner}: " in told
    assert why in told
    assert not (example_root / "state" / "warehouse.duckdb").exists()
    assert not (example_root / "x").exists()


@pytest.mark.parametrize("moment", ["yesterday", "2026-05-11T00:00:00", "0026-05-11T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_bad_clock(
    example_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], moment: str
) -> None:
    """--as-of wants a time with a zone, of years that an event may have, and says so with what it was given."""
    assert touchloop(monkeypatch, "run", "--workspace", str(example_root), "--as-of", moment) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert moment in told
    assert "with its zone, of the years 1990 to 2099" in told


@pytest.mark.parametrize(("years", "warned"), [(1, False), (3, True)])
def test_a_clock_that_is_far_ahead_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], years: int, warned: bool
) -> None:
    """A slip in the year gives every assigned pair hundreds of periods of zeros: it is done, and said."""
    (tmp_path / "inbox").mkdir()
    as_of = f"{time.gmtime().tm_year + years}-01-01T00:00:00Z"
    assert touchloop(monkeypatch, "run", "--workspace", str(tmp_path), "--as-of", as_of) == 0
    assert (f"--as-of {as_of} lies more than a year ahead" in " ".join(capsys.readouterr().err.split())) is warned


@pytest.fixture
def example_root(tmp_path: Path) -> Path:
    return example(tmp_path)


@pytest.mark.parametrize(
    "command",
    [["report"], ["report", "--html", "page.html"], ["explain", "abc"], ["rejects", "list"], ["audit"], ["publish"]],
)
def test_commands_before_the_first_run(
    example_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    """Nothing there yet: exit 1 and the command that comes first."""
    assert touchloop(monkeypatch, *command, "--workspace", str(example_root)) == 1
    assert "touchloop run" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["sources"], ["sources", "--json"], ["--help"]])
def test_a_reader_that_went_away_is_told_by_the_exit_code(command: list[str]) -> None:
    """Nothing else failed, and nothing is said of it: whether the words go out at once or at the end."""
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, "-m", "pipelines", *command], stdout=writing, stderr=subprocess.PIPE, cwd=ROOT
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")


@pytest.mark.parametrize("command", ["list", "replay"])
def test_rejects_of_a_source_that_is_none(
    example_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """A misspelt source has no rejected records to show: exit 2, and the sources that there are. One without rejects is fine."""
    increment(example_root)
    assert touchloop(monkeypatch, "rejects", command, "--source", "slak", "--workspace", str(example_root)) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "'slak' is no source" in told
    assert "slack" in told
    assert touchloop(monkeypatch, "rejects", command, "--source", "slack", "--workspace", str(example_root)) == 0


def test_init_makes_a_workspace_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The settings that init writes are valid, and a second init keeps what is there."""
    root = tmp_path / "new"
    assert touchloop(monkeypatch, "init", "--workspace", str(root)) == 0
    (root / "touchloop.toml").write_text((root / "touchloop.toml").read_text() + "# mine\n")
    assert touchloop(monkeypatch, "init", "--workspace", str(root)) == 0
    assert "# mine" in (root / "touchloop.toml").read_text()
    assert increment(root).records == 0


def test_a_command_to_be_copied_stands_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """However long the workspace's path is: a line that is broken could not be copied, nor searched for in a log."""
    root = tmp_path / ("deep" * 40) / "workspace"
    assert touchloop(monkeypatch, "init", "--workspace", str(root)) == 0
    assert f"\nThen: touchloop run --workspace {root}\n" in capsys.readouterr().out


def test_sources_lists_all_ten(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Each source with what it reads."""
    assert touchloop(monkeypatch, "sources", "--json", "--workspace", "anywhere") == 0
    names = {row["name"] for row in json.loads(capsys.readouterr().out)}
    assert names >= set(SOURCES)
    assert {p.name for p in (EXAMPLE / "inbox").iterdir()} - {"crm"} <= names


def test_a_run_that_fails_has_told_what_it_found(
    example_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With too many rejects the rest is landed and published: its summary and warnings come before the exit with 1."""
    put(example_root, [*payloads(), ("slack/bad.json", b"{}\n" * 150), ("teams/a.json", b"{}")])
    arguments = ("run", "--workspace", str(example_root), "--as-of", "2026-05-11T00:00:00Z", "--json")
    assert touchloop(monkeypatch, *arguments) == 1
    told = capsys.readouterr()
    summary = json.loads(told.out)
    assert summary["published"] is True
    assert summary["unpublished"] is None
    assert any("inbox/teams/ is no source" in warning for warning in summary["warnings"])
    assert "were rejected by the slack adapter" in told.err


def test_doctor_finds_a_misnamed_folder(
    example_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that no source reads is the fault that costs most to find by hand."""
    put(example_root, payloads())
    assert touchloop(monkeypatch, "doctor", "--workspace", str(example_root)) == 0
    (example_root / "inbox" / "slak").mkdir()
    assert touchloop(monkeypatch, "doctor", "--workspace", str(example_root)) == 1
    assert "inbox/slak/ is no source that touchloop knows" in capsys.readouterr().out


def test_doctor_finds_a_folder_that_may_not_be_written_to(
    example_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By what the system says of it; whoever runs the tests may be allowed everything."""
    increment(example_root)
    monkeypatch.setattr("pipelines.cli.doctor.os.access", lambda folder, mode: Path(folder).name != "state")
    assert touchloop(monkeypatch, "doctor", "--workspace", str(example_root)) == 1
    assert "state/ may not be written to by this user" in capsys.readouterr().out


def test_doctor_tells_what_an_older_adapter_read(
    example_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After an upgrade, the units that another version of their adapter read are named, and how to read them again."""
    import dataclasses

    from pipelines.cli import doctor
    from transforms.sources import all_sources

    put(example_root, payloads())
    increment(example_root)
    newer = {
        name: msgspec.structs.replace(spec, version="99") if name == "slack" else spec
        for name, spec in all_sources().items()
    }
    monkeypatch.setattr(doctor, "all_sources", lambda: newer)
    capsys.readouterr()
    findings = [dataclasses.asdict(one) for one in doctor.examine(Workspace(example_root))]
    told = [one["text"] for one in findings if not one["ok"]]
    assert any(f"of slack by {all_sources()['slack'].version} (now 99)" in one for one in told), told


@pytest.mark.parametrize(
    "fault", [duckdb.FatalException, duckdb.IOException, duckdb.OutOfMemoryException, duckdb.TransactionException]
)
def test_a_full_disk_is_told_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fault: type[Exception]
) -> None:
    """DuckDB has several errors for it; each ends in a message that tells what is safe and what to do."""

    def full(*arguments: object, **named: object) -> None:
        raise fault("Could not write file: No space left on device")

    example(tmp_path)
    monkeypatch.setattr("pipelines.run.run_once", full)
    assert touchloop(monkeypatch, "run", "--workspace", str(tmp_path)) == 1
    said = capsys.readouterr().err
    assert "No space left on device" in said
    assert "done again by the next run" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PermissionError(13, "Permission denied", "/w/state/scratch"), "/w/state/scratch: Permission denied. The user who runs touchloop may not"),
        (OSError(28, "No space left on device", "/w/a", None, "/w/b"), "/w/a -> /w/b: No space left on device. Make room; what was not"),
        (OSError(30, "Read-only file system", "/w"), "/w: Read-only file system. The disk is mounted for reading only"),
        (OSError(95, "Operation not supported", "/w"), "/w: Operation not supported"),
        (FileNotFoundError("a sentence of ours"), "a sentence of ours"),
    ],
)  # fmt: skip
def test_what_the_system_refuses_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: OSError, told: str
) -> None:
    def refused(*arguments: object, **named: object) -> None:
        raise error

    example(tmp_path)
    monkeypatch.setattr("pipelines.run.run_once", refused)
    assert touchloop(monkeypatch, "run", "--workspace", str(tmp_path)) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert said.startswith(f"touchloop: {told}")
    assert "Errno" not in said


@pytest.mark.parametrize("name", ["state", "published"])
def test_something_else_in_the_place_of_a_folder_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    example(tmp_path)
    (tmp_path / name).write_text("mine")
    for command in ("run", "report", "doctor"):
        assert touchloop(monkeypatch, command, "--workspace", str(tmp_path)) == 2
        assert (
            f"{tmp_path / name} is no folder, and touchloop keeps its own there: move it away"
            in capsys.readouterr().err
        )
    assert (tmp_path / name).read_text() == "mine"


def test_what_lies_where_somebody_stands_is_not_run(tmp_path: Path) -> None:
    """Folders are named as ours are, and files as those of libraries; the audit and the workers have processes of their own."""
    root, here = example(tmp_path / "workspace"), tmp_path / "here"
    put(root, payloads()[:5])
    (here / "warehouse").mkdir(parents=True)
    for name in ("warehouse/__init__.py", "duckdb.py", "json.py", "pickle.py"):
        (here / name).write_text("raise SystemExit('not ours')")
    touchloop_here = str(Path(sys.executable).parent / "touchloop")
    for arguments in (["run", "--as-of", "2026-05-11T00:00:00Z"], ["publish"]):
        done = subprocess.run(
            [touchloop_here, *arguments, "--workspace", str(root)],
            cwd=here,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, "not ours" in done.stderr) == (0, False), done.stderr
    program = (
        "from pipelines import __main__; from pipelines.cli import app as cli; from pipelines.workers import Workers; import operator\n"
        "def work():\n with Workers(2) as workers:\n  workers.warm(); workers.run(operator.neg, [1, 2])\n  print('worked')\n"
        "cli.main = work\n"
        "if __name__ == '__main__': __main__.main()\n"
    )
    (tmp_path / "program.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "-P", str(tmp_path / "program.py")], cwd=here, capture_output=True, text=True, check=False
    )
    assert done.stdout == "worked\n", done.stderr


def test_brackets_are_no_markup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In paths of workspaces and files, and in ids of the CRM: none of it is lost, and none of it an error."""
    root = example(tmp_path / "[bold]here[/x]")
    for file in (root / "inbox" / "crm").iterdir():
        file.write_text(re.sub(r"\bA1\b", "[/red]A1", file.read_text()))
    put(root, payloads())
    assert touchloop(monkeypatch, "run", "--workspace", str(root), "--as-of", "2026-05-11T00:00:00Z") == 0
    assert f"published: {root}/published/touchloop.duckdb" in capsys.readouterr().out
    for arguments, told in (
        (["report"], "Coverage of [/red]A1 by S1"),
        (["publish"], str(root)),
        (["replay", "inbox/slack/*"], "read again"),
        (["doctor"], "ok"),
        (["init"], str(root)),
    ):
        assert touchloop(monkeypatch, *arguments, "--workspace", str(root)) == 0
        assert told in capsys.readouterr().out.replace("\n", "")


def test_doctor_finds_a_list_of_the_erased_that_cannot_be_read(
    example_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No run goes on without it."""
    (example_root / "erased.jsonl").write_text("{\n")
    assert touchloop(monkeypatch, "doctor", "--workspace", str(example_root)) == 1
    assert "erased.jsonl: line 1: " in capsys.readouterr().out


def test_every_command_that_tells_something_tells_it_to_a_machine_too(
    example_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """``--json`` gives one object and nothing beside it, with the figures that the words have."""

    def told(command: str, *arguments: str, code: int = 0) -> Any:
        assert touchloop(monkeypatch, command, *arguments, "--json", "--workspace", str(example_root)) == code
        return json.loads(capsys.readouterr().out)

    assert told("init") == {"workspace": str(example_root.resolve())}
    put(example_root, [*payloads(), ("zoom/bad.json", b'{"x": 1}')])
    assert told("run", "--as-of", "2026-05-11T00:00:00Z")["published"] is True

    shown = told("report")
    assert [(row["key"], row["loops"]) for row in shown["journeys"]] == [("O1", 2), ("A1", 2)]
    assert [row["period_grain"] for row in shown["coverage"]] == ["month", "month", "month", "lifetime"]
    assert shown["coverage"][-1]["job_coverage"] == pytest.approx(5 / 6)
    assert shown["as_of"] == "2026-05-11T00:00:00Z"
    page = tmp_path / "page.html"
    assert told("report", "--html", str(page)) == {"page": str(page)}

    with duckdb.connect(shown["snapshot"], read_only=True) as connection:
        ((name,),) = connection.execute(
            "SELECT DISTINCT return_touchpoint_id FROM fact_loop WHERE loop_length = 1"
        ).fetchall()
    why = told("explain", name)
    assert why["touchpoint"]["touchpoint_id"] == name
    assert [(row["system"], row["rule_id"]) for row in why["witnesses"]] == [("email", "dedupe_key")]
    assert [row["party_id"] for row in why["people"]] == ["B1", "S1"]
    assert [row["account_rule_id"] for row in why["resolution"]] == ["A2"]
    assert {(row["key"], row["visit_no"], row["path"]) for row in why["journeys"]} == {("O1", 5, "RB"), ("A1", 5, "RB")}
    assert why["not_counted"] == []

    (rejected,) = told("rejects", "list")["records"]
    one = told("rejects", "show", rejected["unit_id"], str(rejected["position"]))
    assert base64.b64decode(one["payload"]) == b'{"x": 1}'
    assert one["reason_code"] == rejected["reason_code"]

    assert told("doctor")["ok"] is True
    (example_root / "inbox" / "slak").mkdir()
    found = told("doctor", code=1)
    assert found["ok"] is False
    assert next(one["text"] for one in found["findings"] if not one["ok"]).startswith("inbox/slak/ is no source")


def test_generate_tells_a_machine_what_it_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The counts, and the clock for the run that follows."""
    arguments = ("generate", "--records", "300", "--json", "--workspace", str(tmp_path / "world"))
    assert touchloop(monkeypatch, *arguments) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["records"] == pytest.approx(300, rel=0.2)
    assert made["as_of"].endswith("Z")


def test_generate_warns_of_what_has_landed_of_another_world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run would add this world to that one, and no count would be its truth's."""
    world = tmp_path / "world"
    arguments = ("generate", "--records", "100", "--workspace", str(world))
    assert touchloop(monkeypatch, *arguments) == 0
    assert "warning" not in capsys.readouterr().err
    increment(world)
    assert touchloop(monkeypatch, *arguments, "--seed", "2") == 0
    assert f"warning: {world / 'state'} holds what has landed of the simulation before" in capsys.readouterr().err


def test_a_report_says_of_how_many_journeys_and_loops_it_shows_the_first(
    example_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(example_root, payloads())
    assert touchloop(monkeypatch, "run", "--workspace", str(example_root), "--as-of", "2026-05-11T00:00:00Z") == 0
    assert touchloop(monkeypatch, "report", "--workspace", str(example_root)) == 0
    assert "shown)" not in capsys.readouterr().out
    monkeypatch.setattr(show, "MOST", 1)
    assert touchloop(monkeypatch, "report", "--workspace", str(example_root)) == 0
    said = capsys.readouterr().out
    assert "Journeys (1 of 2 shown)" in said
    assert "Loops: where buyers came back to a job they had left (1 of 4 shown)" in said


def test_a_report_of_many_months_ends_with_the_lifetime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = example(tmp_path)
    put(root, payloads())
    assert touchloop(monkeypatch, "run", "--workspace", str(root), "--as-of", "2026-12-31T00:00:00Z") == 0
    capsys.readouterr()
    assert touchloop(monkeypatch, "report", "--json", "--workspace", str(root)) == 0
    rows = json.loads(capsys.readouterr().out)["coverage"]
    months = [f"2026-{month:02}-01" for month in range(7, 13)]
    assert [row["period_start"] for row in rows if row["period_grain"] == "month"] == months
    assert (rows[-1]["period_grain"], rows[-1]["seller_touch_count"]) == ("lifetime", 6)


def test_one_of_something_is_told_as_one(
    example_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(example_root, [(name, data) for name, data in payloads() if name.endswith("t02.eml")])
    assert touchloop(monkeypatch, "run", "--workspace", str(example_root), "--as-of", "2026-05-11T00:00:00Z") == 0
    told = capsys.readouterr()
    assert "landed 1 unit: 1 record = 1 accepted" in told.err
    assert "rebuilt 1 touchpoint and 1 account\n" in told.err
    assert "1 record in 1 new unit: 1 accepted" in told.out
    assert "1 touchpoint and 1 account rebuilt" in told.out
    assert touchloop(monkeypatch, "doctor", "--workspace", str(example_root)) == 0
    assert "inbox/email/: 1 file\n" in capsys.readouterr().out
