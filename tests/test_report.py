"""The report's page: it says what the tables say, loads nothing, and stays readable."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from threading import Thread
from zoneinfo import ZoneInfo

import duckdb
import pytest
from workspaces import example, payloads, put, run

from pipelines.cli import app as cli
from schemas.ddl import create
from schemas.registry import TABLES
from warehouse.publish import SELLER_TABLES, copy_without
from warehouse.report import timeline, views
from warehouse.report.page import render, write_report

VOID = {"meta", "link", "br", "wbr", "img"}
ALL_VIEWS = [view for view in vars(views).values() if isinstance(view, views.View)]


class Page(HTMLParser):
    """Reads a page and raises where a tag is left open or closed out of turn."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.tables: dict[str, list[list[tuple[str, list[str]]]]] = {}
        """By id: rows of cells, each its text and the exact values in it."""
        self._table = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self._table = given["id"] or ""
            self.tables[self._table] = []
        elif tag == "tr":
            self.tables[self._table].append([])
        elif tag in ("td", "th"):
            self.tables[self._table][-1].append(("", []))
        elif tag == "data" and "table" in self.open:
            self.tables[self._table][-1][-1][1].append(given["value"] or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if {"td", "th"} & set(self.open):
            text, values = self.tables[self._table][-1][-1]
            self.tables[self._table][-1][-1] = (text + data, values)

    def column(self, table: str, label: str) -> list[tuple[str, list[str]]]:
        head, *body = self.tables[table]
        place = [text for text, _ in head].index(label)
        return [row[place] for row in body]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = example(tmp_path_factory.mktemp("report"))
    put(made, payloads())
    run(made)
    return made


@pytest.fixture(scope="module")
def html(root: Path) -> str:
    return (root / "published" / "report" / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def elsewhere(html: str) -> str:
    """The same page outside of the snapshot, where a link to what lies beside it would be dead."""
    link = '<a href="../data-docs/index.html">the audit’s own pages</a>'
    assert link in html
    return html.replace(link, "the audit’s own pages, <code>published/data-docs/</code>,")


@pytest.fixture
def copied(root: Path, tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The snapshot's database to write in."""
    shutil.copy(root / "published" / "touchloop.duckdb", tmp_path / "copy.duckdb")
    with duckdb.connect(str(tmp_path / "copy.duckdb")) as connection:
        connection.execute("SET TimeZone='UTC'")
        yield connection


def one(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[object, ...]:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return row


def test_a_run_publishes_the_page_with_its_snapshot(root: Path) -> None:
    """published/report leads into the current snapshot: it is swapped with the tables that it tells of."""
    link = root / "published" / "report"
    assert link.is_symlink()
    assert link.resolve() == (root / "published" / "touchloop.duckdb").resolve().parent / "report"


def test_without_the_setting_there_is_no_page(tmp_path: Path) -> None:
    """publish.report = false leaves none in the next snapshot, and no link to one before."""
    made = example(tmp_path)
    put(made, payloads()[:6])
    run(made)
    assert (made / "published" / "report" / "index.html").is_file()
    with (made / "touchloop.toml").open("a") as settings:
        settings.write("\n[publish]\nreport = false\n")
    put(made, payloads())
    run(made)
    assert not (made / "published" / "report").is_symlink()
    assert not (made / "published" / "current" / "report").exists()


def test_the_command_tells_the_page_and_writes_another(
    root: Path, tmp_path: Path, elsewhere: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """touchloop report ends with the page's path; --html makes the same page of the published snapshot elsewhere."""
    for given in ([], ["--html", str(tmp_path / "new" / "page.html")]):
        monkeypatch.setattr(sys, "argv", ["touchloop", "report", "--workspace", str(root), *given])
        with suppress(SystemExit):
            cli.main()
    said = capsys.readouterr().out
    assert f"Open in a browser: {root}/published/report/index.html" in said
    assert f"Wrote {tmp_path}/new/page.html" in said
    assert (tmp_path / "new" / "page.html").read_text(encoding="utf-8") == elsewhere


def test_a_pipe_or_a_link_stays_what_it_is(root: Path, tmp_path: Path, elsewhere: str) -> None:
    """A pipe's reader gets the page, as the file behind a link does, which is replaced in one piece like any."""
    pipe, link, behind = tmp_path / "pipe", tmp_path / "link", tmp_path / "folder" / "page.html"
    os.mkfifo(pipe)
    heard: list[str] = []
    reader = Thread(target=lambda: heard.append(pipe.read_text(encoding="utf-8")), daemon=True)
    reader.start()
    write_report(root / "published" / "touchloop.duckdb", pipe)
    reader.join(60)
    assert heard == [elsewhere]
    assert pipe.is_fifo()
    link.symlink_to(behind)
    for _ in ("made", "replaced"):
        write_report(root / "published" / "touchloop.duckdb", link)
        assert link.is_symlink()
        assert behind.read_text(encoding="utf-8") == elsewhere
    assert [one.name for one in behind.parent.iterdir()] == ["page.html"]


def test_the_page_is_whole_and_its_parts_are_named(html: str) -> None:
    """Tags nest, ids are unique, links inside lead somewhere, tables have captions and scoped heads, headings do not skip."""
    page = Page(html)
    ids = [given["id"] for _, given in page.tags if "id" in given]
    assert len(ids) == len(set(ids))
    for tag, given in page.tags:
        if (given.get("href") or "").startswith("#"):
            assert (given["href"] or "")[1:] in ids
        if tag == "th":
            assert given.get("scope") in ("row", "col")
        if tag == "svg":
            assert given.get("aria-hidden") == "true" or given.get("aria-label")
    names = [tag for tag, _ in page.tags]
    assert names.count("caption") == names.count("table") > 10
    assert names.count("h1") == 1
    assert names.index("h1") < names.index("h2")
    assert dict(page.tags)["html"]["lang"] == "en"


def test_the_page_loads_nothing(html: str) -> None:
    """No address of another machine, no script, no import; the policy in the page forbids them too."""
    assert not re.search(r"https?:|@import|<script|srcset=|javascript:", html)
    assert re.findall(r"url\((.*?)\)", html) == ["#tip"] * html.count("url(")
    page = Page(html)
    for _, given in page.tags:
        assert "src" not in given
        assert not any(name.startswith("on") for name in given)
    assert any("default-src 'none'" in (given.get("content") or "") for _, given in page.tags)


@pytest.mark.parametrize("place", ["report", "current/report", "snapshots/*/report"])
def test_its_links_lead_somewhere_from_every_name_of_it(root: Path, place: str) -> None:
    """As a browser follows them, which knows nothing of links to folders, and as a file manager does, which has resolved them."""
    (folder,) = (root / "published").glob(place)
    for base in (os.path.abspath(folder), os.path.realpath(folder)):
        page = Page((Path(base) / "index.html").read_text(encoding="utf-8"))
        links = [given["href"] for tag, given in page.tags if tag == "a" and not (given["href"] or "").startswith("#")]
        assert links == ["../data-docs/index.html"]
        assert Path(os.path.normpath(f"{base}/{links[0]}")).is_file()
        assert Path(f"{base}/{links[0]}").is_file()


def test_figures_are_those_of_the_tables(root: Path, html: str) -> None:
    """Journey, coverage, review and ledger, exact to the last digit, with numerator and denominator beside a share."""
    page = Page(html)
    with duckdb.connect(str(root / "published" / "touchloop.duckdb"), read_only=True) as connection:
        journey = one(
            connection,
            "SELECT session_count, visit_count, loop_count, loop_rate FROM mart_journey_summary WHERE journey_scope = 'opportunity'",
        )
        pair = one(
            connection,
            """SELECT channel_coverage, touch_followup_share, hybrid_score, response_median_business_seconds, contact_coverage
               FROM mart_seller_account_period WHERE period_grain = 'lifetime'""",
        )
        gaps = one(connection, "SELECT gap_count_core, gap_count_extended FROM mart_lost_deal_review")
        ledger = connection.execute(
            "SELECT source, sum(record_count), sum(accepted_count) FROM ledger_unit GROUP BY 1 ORDER BY 1"
        ).fetchall()
    shown = [page.column("t-journeys", label)[0] for label in ("Sessions", "Visits", "Loops", "Loop rate")]
    assert [float(values[0]) for _, values in shown] == list(journey)
    assert shown[3][0].split() == ["33%", "2", "of", "6"]
    labels = ("Channels used", "Followed up", "Hybrid score", "Median answer, business hours", "Buying group engaged")
    for table in ("t-coverage_pair", "t-coverage_seller", "t-coverage_account", "t-coverage_team"):
        assert [float(page.column(table, label)[0][1][0]) for label in labels] == list(pair)
    assert page.column("t-coverage_pair", "Channels used")[0][0].split() == ["80%", "4", "of", "5"]
    labels = ("Gaps, strict", "Gaps, all")
    assert [int(page.column("t-lost_deals", label)[0][1][0]) for label in labels] == list(gaps)
    assert [text for text, _ in page.column("t-conservation", "Source")] == [row[0] for row in ledger]
    assert [int(values[0]) for _, values in page.column("t-conservation", "Records")] == [row[1] for row in ledger]
    assert [int(values[0]) for _, values in page.column("t-conservation", "Accepted")] == [row[2] for row in ledger]
    assert "It adds up." in html


def test_the_loops_at_its_head_are_told_apart_as_the_table_does(html: str, copied: duckdb.DuckDBPyConnection) -> None:
    """A loop that comes back to an always-on job is parallel by whichever way; and parallel loops alone are loops of their journey."""
    whole = " ".join(Page(html).text)
    assert "parallel loop: back to an always-on job, or by way of always-on jobs alone" in whole
    assert "in 1 of 1 journey; 2 core" in whole
    copied.execute("UPDATE mart_journey_summary SET core_loop_count = 0")
    assert "in 1 of 1 journey; 0 core" in render(copied)


def test_one_thing_is_no_plural(html: str) -> None:
    tiles = re.findall(r"<li><data[^>]*>(.*?)</data><span>(.*?)</span>", html)
    assert ("1", "deal") in tiles
    assert ("12", "touchpoints") in tiles
    assert "(1 of 1 seller with enough touches" in html


def test_days_and_months_are_of_the_reporting_time_zone(copied: duckdb.DuckDBPyConnection, html: str) -> None:
    """Where months are counted in Auckland, a return at noon UTC is told on the day that it was there; the page says so."""
    assert "is of the zone UTC." in " ".join(html.split())
    assert one(copied, "SELECT DISTINCT reporting_timezone FROM dim_run") == ("UTC",)
    copied.execute("UPDATE dim_run SET reporting_timezone = 'Pacific/Auckland'")
    page = " ".join(render(copied).split())
    assert "12:00 Pacific/Auckland</strong>" in page
    assert "is of the zone Pacific/Auckland." in page
    assert "UTC" not in page
    there = "timezone('Pacific/Auckland', {})::DATE::VARCHAR"
    days = copied.execute(
        f"""SELECT {there.format("left_at")}, {there.format("returned_at")} FROM fact_loop WHERE journey_scope = 'opportunity'
            ORDER BY returned_at DESC"""
    ).fetchall()
    told = Page(page)
    for label, expected in zip(("Left", "Returned"), zip(*days, strict=True), strict=True):
        assert [text for text, _ in told.column("t-loops", label)] == list(expected)
    assert [text for text, _ in Page(html).column("t-loops", "Returned")] != [returned for _, returned in days]
    copied.execute("UPDATE dim_run SET reporting_timezone = NULL")
    assert "is of the zone UTC." in " ".join(render(copied).split())


def test_the_axis_is_of_days_where_the_clock_is_put_back() -> None:
    """A tick stands at midnight before and after it, and an hour is as wide as any other."""
    berlin = ZoneInfo("Europe/Berlin")
    scale = timeline.Scale(datetime(2026, 10, 24, tzinfo=berlin), datetime(2026, 10, 27, tzinfo=berlin))
    width = scale.x(scale.end) - scale.x(scale.begin)
    first, *_, last = scale.ticks()
    assert (first[1], last[1]) == ("24 Oct 2026", "27 Oct")
    assert [round((x - first[0]) / width * 73) for x, _ in scale.ticks()] == [0, 24, 49, 73]


def test_loops_are_listed_with_their_triggers(html: str) -> None:
    """The worked example's two loops stand under the chart and are drawn as arcs."""
    page = Page(html)
    assert [text for text, _ in page.column("t-loops", "Trigger")] == ["new stakeholder", "competitor mention"]
    assert [text for text, _ in page.column("t-loops", "By way of")] == ["SS>CC", "RB"]
    arcs = [given for tag, given in page.tags if tag == "path" and given.get("marker-end")]
    assert len(arcs) == 2


def test_too_little_evidence_is_said_in_words(copied: duckdb.DuckDBPyConnection) -> None:
    """A NULL is never shown as a figure: the cell says why there is none."""
    copied.execute(
        "UPDATE mart_seller_account_period SET is_hybrid_13w = NULL, hybrid_score = NULL, response_median_business_seconds = NULL"
    )
    copied.execute("UPDATE mart_journey_summary SET loop_rate = NULL, unclassified_share = NULL")
    page = Page(render(copied))
    assert page.column("t-journeys", "Evidence") == [("no buyer evidence", [])]
    assert page.column("t-coverage_pair", "Hybrid, 13 weeks") == [("too few touches", [])]
    assert page.column("t-coverage_pair", "Median answer, business hours") == [("no answer yet", [])]
    assert page.column("t-journeys", "Loop rate") == [("under 2 visits", [])]
    assert {text for text, _ in page.column("t-transitions", "LOST")} <= {"·", "1"}  # below 30: a number, no share


def test_losses_with_a_signal_stand_beside_their_numbers(html: str) -> None:
    """One lost deal with two signals at its landmark: rates with their deals, no rate where there is no deal, and never without a word
    of how few they are."""
    page = Page(html)
    signals = [text for text, _ in page.column("t-signal_lift", "Signal")]
    lost = [" ".join(text.split()) for text, _ in page.column("t-signal_lift", "Lost with it")]
    assert signals[:2] == ["no next step", "validation or consensus missing"]
    assert lost[:3] == ["100% 1 of 1", "100% 1 of 1", "no such deal"]
    assert {text for text, _ in page.column("t-signal_lift", "Enough deals")} == {"too few to compare"}


def test_an_open_deal_stands_with_its_stage(copied: duckdb.DuckDBPyConnection) -> None:
    """And with the days in it, unless nobody knows since when."""
    copied.execute(
        """INSERT INTO mart_deal_risk BY NAME
           SELECT 'O1' AS opportunity_id, DATE '2026-05-11' AS as_of_date, [] AS signals, 0 AS signal_count, 'low' AS risk_level"""
    )
    copied.execute("UPDATE fact_stage_history SET stage = '<b>talks</b>', stage_days = 12.25 WHERE is_current")
    page = Page(render(copied))
    assert page.column("t-risk", "Stage")[0][0] == "<b>talks</b>"
    assert page.column("t-risk", "In it for")[0][0] == "12.2 days"
    copied.execute("UPDATE fact_stage_history SET basis = 'current_stage'")
    assert Page(render(copied)).column("t-risk", "In it for") == [("no history", [])]


def test_a_stage_that_comes_after_the_clock_is_not_shown(copied: duckdb.DuckDBPyConnection) -> None:
    """On 03-20 the example's deal had been in proposal for a week, whatever the history says of the weeks after it."""
    copied.execute("UPDATE dim_run SET as_of = TIMESTAMPTZ '2026-03-20 00:00:00+00'")
    copied.execute(
        """INSERT INTO mart_deal_risk BY NAME
           SELECT 'O1' AS opportunity_id, DATE '2026-03-20' AS as_of_date, [] AS signals, 0 AS signal_count, 'low' AS risk_level"""
    )
    page = Page(render(copied))
    assert page.column("t-risk", "Stage")[0][0] == "proposal"
    assert page.column("t-risk", "In it for")[0][0] == "7.4 days"


def test_names_from_payloads_stay_text(copied: duckdb.DuckDBPyConnection) -> None:
    """A name that is markup is shown as its letters, in text and in attributes."""
    hostile = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"
    for table, column in (
        ("dim_account", "name"), ("dim_opportunity", "name"), ("dim_opportunity", "loss_reason"), ("dim_opportunity", "currency"),
        ("dim_seller", "full_name"), ("mart_team_period", "team_id"), ("ledger_unit", "source"), ("dim_run", "touchloop_version"),
    ):  # fmt: skip
        copied.execute(f"UPDATE {table} SET {column} = ?", [hostile])
    html = render(copied)
    assert "<script" not in html
    page = Page(html)
    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    assert not any(name.startswith("on") for _, given in page.tags for name in given)
    assert "".join(page.text).count(hostile) >= 8


def test_a_deal_is_told_as_it_stands_at_the_clock(copied: duckdb.DuckDBPyConnection) -> None:
    """One that closes later is open, as the table of open deals has it, and one that opens later is none yet."""
    assert "0 open, 0 won, 1 lost" in " ".join(render(copied).split())
    copied.execute("UPDATE dim_opportunity SET closed_at = (SELECT as_of + INTERVAL 1 DAY FROM dim_run)")
    html = " ".join(render(copied).split())
    assert "1 open, 0 won, 0 lost" in html
    assert "· lost" not in html
    copied.execute("UPDATE dim_opportunity SET opened_at = closed_at, closed_at = NULL")
    assert "0 open, 0 won, 0 lost" in " ".join(render(copied).split())


def test_a_name_keeps_its_direction_to_itself(copied: duckdb.DuckDBPyConnection) -> None:
    """One that turns the direction of writing round does not turn its key, status and figures."""
    turned = "\u202etfel ot thgir"
    for table in ("dim_account", "dim_opportunity"):
        copied.execute(f"UPDATE {table} SET name = ?", [turned])
    html = render(copied)
    bare = html.count(turned) - html.count(f"<bdi>{turned}</bdi>")
    in_attributes = sum(turned in (value or "") for _, given in Page(html).tags for value in given.values())
    assert html.count(f"<bdi>{turned}</bdi>") >= 4
    assert bare == in_attributes


def test_long_lists_are_cut_and_say_so(copied: duckdb.DuckDBPyConnection) -> None:
    """However many deals there are, a table holds its first rows and tells of how many."""
    copied.execute(
        """INSERT INTO mart_lost_deal_review BY NAME
           SELECT 'X' || i AS opportunity_id, r.* EXCLUDE (opportunity_id) FROM mart_lost_deal_review r, range(1500) t(i)"""
    )
    html = render(copied)
    assert len(Page(html).tables["t-lost_deals"]) == 1 + 20
    assert "20 of 1,501 lost deals shown" in html


def test_without_seller_level_no_seller_is_named(root: Path, tmp_path: Path, html: str) -> None:
    """The page of a snapshot without marts by seller names none, and keeps teams and accounts; it quotes no column that is not there."""
    assert "Sam Reyes" in html
    copy_without(root / "state" / "warehouse.duckdb", tmp_path / "teams.duckdb", SELLER_TABLES)
    write_report(tmp_path / "teams.duckdb", tmp_path / "index.html")
    without = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "Sam Reyes" not in without
    assert "Figures by named seller are not published here." in without
    assert {"t-coverage_team", "t-coverage_account"} <= set(Page(without).tables)
    assert not {"t-coverage_seller", "t-coverage_pair", "t-hybrid_months"} & set(Page(without).tables)
    for page, tables in ((html, set(TABLES)), (without, set(TABLES) - set(SELLER_TABLES))):
        assert {name.split(".")[0] for name in re.findall(r"<code>(\w+\.\w+)</code></dd>", page)} <= tables


def test_an_empty_warehouse_gives_a_page_that_says_so() -> None:
    """No run, no rows: every section stands and says that it has nothing yet."""
    with duckdb.connect() as connection:
        for table in TABLES.values():
            connection.execute(create(table))
        html = render(connection)
    page = Page(html)
    assert page.tables == {}
    assert "Nothing has been run yet." in html
    assert html.count("none yet.") >= 10


def test_deals_without_touchpoints_leave_the_page_to_accounts(copied: duckdb.DuckDBPyConnection) -> None:
    """Where no touchpoint has a deal, the accounts' journeys are shown instead of nothing."""
    copied.execute("DELETE FROM mart_journey_summary WHERE journey_scope = 'opportunity'")
    page = Page(render(copied))
    assert "Journeys: accounts over time" in "".join(page.text)
    assert page.column("t-journeys", "Loops")[0][1] == ["2"]


@pytest.mark.parametrize("view", ALL_VIEWS, ids=lambda view: view.query)
def test_every_meaning_quotes_a_declared_column(view: views.View) -> None:
    """A figure is explained by its column's declaration: a renamed column fails here, not on the page."""
    for field in view.fields:
        if field.of:
            assert field.meaning
    assert (files("warehouse.report") / "sql" / f"{view.query}.sql").is_file()


def luminance(colour: tuple[float, ...]) -> float:
    """Relative luminance of sRGB 0..255 (WCAG 2)."""
    linear = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_words_and_marks_stand_out(theme: int) -> None:
    """Contrast of text is at least 4.5, on the warmest cell of the heat map too; of marks at least 3 (WCAG 2 AA)."""
    css = (files("warehouse.report") / "templates" / "style.css").read_text(encoding="utf-8")
    block = re.findall(r":root \{(.*?)\}", css, re.S)[theme]
    colour = {
        name: tuple(int(value[i : i + 2], 16) for i in (0, 2, 4))
        for name, value in re.findall(r"--(\w+): #([0-9a-f]{6})", block)
    }
    for text in ("ink", "soft", "accent", "good", "bad"):
        for ground in ("paper", "panel", "band"):
            assert contrast(colour[text], colour[ground]) >= 4.5, (text, ground)
    for mark in ("chat", "email", "video", "app", "in_person", "loop", "parallel", "digital", "remote", "person"):
        for ground in ("paper", "band"):
            assert contrast(colour[mark], colour[ground]) >= 3, (mark, ground)
    found = re.search(r"--heat: (\d+) (\d+) (\d+)", block)
    assert found
    strongest = float(re.search(r"calc\(var\(--p\) \* ([.\d]+)\)", css).group(1))  # type: ignore[union-attr]
    heat = [float(part) for part in found.groups()]
    for step in range(11):
        alpha = strongest * step / 10
        cell = tuple(alpha * h + (1 - alpha) * p for h, p in zip(heat, colour["paper"], strict=True))
        assert contrast(colour["ink"], cell) >= 4.5, step


def test_ticks_are_few_whatever_the_span() -> None:
    """From an hour to twenty years the axis has at least one and at most ten ticks, all on the chart."""
    begin = datetime(2026, 1, 5, tzinfo=UTC)
    for days in (0, 0.04, 1, 6, 20, 70, 200, 900, 7300):
        scale = timeline.Scale(begin, begin + timedelta(days=days))
        ticks = scale.ticks()
        assert 1 <= len(ticks) <= 11, days
        assert all(timeline.LEFT <= x <= timeline.WIDTH for x, _ in ticks)
