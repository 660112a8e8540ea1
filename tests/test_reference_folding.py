"""Touchpoints, their people, accounts, deals and jobs are what a slow and obvious reading of the definitions gives."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from reference_folding.compare import Tables, differences
from reference_folding.directory import Directory, micros
from reference_folding.fold import fold
from reference_folding.touches import History, Witness
from reference_folding.worlds import world
from ruamel.yaml import YAML
from workspaces import ROOT, increment, put, snapshot

from transforms.event import decode_event
from warehouse.rows import dicts

AS_OF = "2026-06-01T00:00:00Z"
SETTINGS = """
[identity]
company_domains = ["vendor.example"]
partner_domains = ["partner.example"]
free_mail_domains = ["freemail.example"]
"""
COMPARED = (
    "fact_touchpoint",
    "fact_touchpoint_participant",
    "bridge_touchpoint_event",
    "bridge_touchpoint_account",
)
SEEDS = {
    "mails": range(20, 23),
    "chats": range(20, 24),
    "pages": (20, 22),
    "rooms": range(20, 22),
    "clashes": range(20, 23),
    "visits": range(20, 22),
    "days": (12, 14, 20, 22),
    "names": range(20, 24),
    "trackers": range(20, 23),
}
"""Worlds of a family in which nothing is told that the definitions leave open."""
SHOWN = 12


def landed(root: Path) -> History:
    """The normalised events of a workspace's vault."""
    with duckdb.connect(str(root / "state" / "vault.duckdb"), read_only=True) as vault:
        rows = vault.execute(
            "SELECT event_id, received_at, payload_hash, detail FROM event_detail ORDER BY 1"
        ).fetchall()
    return History([Witness(event_id, at, payload, decode_event(detail)) for event_id, at, payload, detail in rows])


def found(root: Path) -> Tables:
    with snapshot(root, published=False) as connection:
        return {name: list(dicts(connection, f'SELECT * FROM "{name}"')) for name in COMPARED}


@pytest.mark.usefixtures("no_marts")
@pytest.mark.parametrize(("family", "seed"), [(family, seed) for family, seeds in SEEDS.items() for seed in seeds])
def test_touchpoints_are_those_of_a_slow_reference(tmp_path: Path, family: str, seed: int) -> None:
    """Which events make one, its times, status, sides, accounts, deal, counts, minutes, words, assets and job, and who was there."""
    files = world(family, seed)
    (tmp_path / "touchloop.toml").write_text(SETTINGS)
    put(tmp_path, files)
    increment(tmp_path, AS_OF)
    tables, history = found(tmp_path), landed(tmp_path)
    crm = {Path(name).stem: data for name, data in files if name.startswith("crm/")}
    directory = Directory(crm, company={"vendor.example"}, partners={"partner.example"})
    rules = YAML(typ="safe").load((ROOT / "transforms" / "jobs" / "rules.yaml").read_text())
    touches = fold(history, directory, rules, micros(AS_OF) or 0)
    assert touches, "no touch at all compares nothing"
    lines = differences(touches, history, directory, tables)
    if lines:
        shown = "\n".join(lines[:SHOWN])
        pytest.fail(f"{len(lines)} differences, the first of them:\n{shown}", pytrace=False)
