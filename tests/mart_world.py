"""The worked example, and variations on it, loaded into DuckDB as the pipeline would."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import worked_example as example
from worked_example import (
    ACCOUNT,
    AMOUNT,
    BUYING_GROUP,
    CLOSED_AT,
    EXECUTIVES,
    JOB_ASSETS,
    OPENED_AT,
    OPPORTUNITY,
    SELLER,
    TAG_ASSETS,
)

from schemas.arrow import dicts_to_batch, to_batch
from schemas.ddl import create
from schemas.registry import TABLES
from transforms.folding.internal_steps import reported_step
from transforms.journeys.account import AccountContext, build_account
from transforms.journeys.business_time import SellerCalendars
from transforms.settings import Settings
from transforms.touchpoint import InternalStep, Participant, Touchpoint
from warehouse import digests, steps
from warehouse.marts import build_marts
from warehouse.terms import Parameters

ACCOUNT_FACTS = {
    "fact_session": "sessions",
    "fact_visit": "visits",
    "fact_transition": "transitions",
    "fact_loop": "loops",
    "mart_journey_summary": "summaries",
    "bridge_touchpoint_journey": "members",
    "journey_gap_sensitivity": "gaps",
    "fact_response": "responses",
    "fact_followup": "followups",
    "fact_enablement_need": "needs",
}


class World:
    """A warehouse in memory. ``load`` and ``take_out`` note the accounts they touch; ``build`` builds the marts."""

    def __init__(self, as_of: int = CLOSED_AT, settings: Settings | None = None) -> None:
        self.as_of = as_of
        self.settings = settings or Settings()
        self.con = duckdb.connect()
        self.con.execute("SET TimeZone='UTC'")
        for table in TABLES.values():
            self.con.execute(create(table))
        self.con.execute("CREATE TEMP TABLE touched (account_id VARCHAR)")
        self.con.execute("CREATE TEMP TABLE changed (account_id VARCHAR, happened_at TIMESTAMPTZ, is_ours BOOLEAN)")
        self.closed: dict[str, int] = {}
        self.dim("dim_calendar", *(s._asdict() for s in SellerCalendars(self.settings.business_hours).slots()))

    def insert(self, table: str, batch: Any) -> None:
        self.con.register("incoming", pa.Table.from_batches([batch]))
        self.con.execute(f'INSERT INTO "{table}" BY NAME SELECT * FROM incoming')
        self.con.unregister("incoming")

    def dim(self, table: str, *rows: dict[str, Any]) -> None:
        self.insert(table, dicts_to_batch(TABLES[table], rows))

    def load(
        self,
        touchpoints: Sequence[Touchpoint],
        participants: Mapping[str, Sequence[Participant]],
        also_in: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        """Add touchpoints; ``also_in`` names further accounts of a meeting."""
        self.insert("fact_touchpoint", to_batch(TABLES["fact_touchpoint"], touchpoints))
        people = [p for t in touchpoints for p in participants.get(t.touchpoint_id, ())]
        self.insert("fact_touchpoint_participant", to_batch(TABLES["fact_touchpoint_participant"], people))
        members = [
            {"touchpoint_id": t.touchpoint_id, "account_id": account, "is_primary": account == t.account_id}
            for t in touchpoints
            for account in (t.account_id, *(also_in or {}).get(t.touchpoint_id, ()))
        ]
        self.dim("bridge_touchpoint_account", *members)
        self.tell(*(step for t in touchpoints if (step := reported_step(t)) is not None))
        by_account: dict[str, list[Touchpoint]] = {}
        for t in touchpoints:
            by_account.setdefault(t.account_id or "", []).append(t)
        for account, rows in by_account.items():
            self._load_account(account, rows, participants)

    def _load_account(
        self, account: str, rows: list[Touchpoint], participants: Mapping[str, Sequence[Participant]]
    ) -> None:
        for table, found in self.account_facts(account, rows, participants).items():
            self.insert(table, to_batch(TABLES[table], found))
        self.con.execute("INSERT INTO touched VALUES (?)", [account])

    def account_facts(
        self, account: str, rows: list[Touchpoint], participants: Mapping[str, Sequence[Participant]]
    ) -> dict[str, list[Any]]:
        """Journeys, responses, follow-ups and needs by table, from all touchpoints of one account at once."""
        built = build_account(
            account,
            rows,
            participants,
            AccountContext(
                settings=self.settings,
                as_of=self.as_of,
                calendars=SellerCalendars(self.settings.business_hours),
                job_assets=JOB_ASSETS,
                tag_assets=TAG_ASSETS,
                closed_at=self.closed,
            ),
        )
        return {table: found for table, attribute in ACCOUNT_FACTS.items() if (found := getattr(built, attribute))}

    def tell(self, *told: InternalStep, gone: Collection[str] = (), everything: bool = False) -> None:
        """Put in what touchpoints tell of internal steps, in place of what those in ``gone`` told, or all."""
        self.con.execute(
            "CREATE OR REPLACE TEMP TABLE old_touchpoint AS SELECT unnest(?::VARCHAR[]) AS touchpoint_id",
            [sorted(gone)],
        )
        self.con.execute("CREATE OR REPLACE TEMP TABLE fresh_step AS SELECT * FROM fact_internal_step LIMIT 0")
        self.insert("fresh_step", to_batch(TABLES["fact_internal_step"], told))
        digests.begin(self.con)
        steps.replace(self.con, "fresh_step", everything=everything)

    def take_out(self, account: str) -> None:
        """Remove an account's touchpoints and what hangs on them."""
        self.con.execute(
            "CREATE OR REPLACE TEMP TABLE gone AS SELECT touchpoint_id FROM fact_touchpoint WHERE account_id = ?",
            [account],
        )
        self.con.execute(
            """INSERT INTO touched
               SELECT DISTINCT account_id FROM bridge_touchpoint_account SEMI JOIN gone USING (touchpoint_id)"""
        )
        self.tell(gone=[name for (name,) in self.con.execute("SELECT touchpoint_id FROM gone").fetchall()])
        for table in ("fact_touchpoint", "fact_touchpoint_participant", "bridge_touchpoint_account"):
            self.con.execute(f"DELETE FROM {table} WHERE touchpoint_id IN (SELECT touchpoint_id FROM gone)")
        for table in ACCOUNT_FACTS:
            self.con.execute(f"DELETE FROM {table} WHERE account_id = ?", [account])

    def build(
        self, *, everything: bool = True, compared: bool = False, run_id: str = "r", won_from: int | None = None
    ) -> World:
        """``compared``: the table ``changed`` is made; else all of the touched accounts counts as changed."""
        self.con.execute("BEGIN")
        if not compared:
            self.con.execute("INSERT INTO changed SELECT account_id, NULL, true FROM touched")
        parameters = Parameters.of(self.settings, self.as_of)
        build_marts(self.con, parameters, everything=everything, run_id=run_id, won_from=won_from)
        run = {"run_id": run_id, "as_of": self.as_of, "finished_at": self.as_of, "touchloop_version": "0"}
        self.dim(
            "dim_run",
            run
            | dict.fromkeys(("config_hash", "directory_hash", "rules_version"), "x")
            | {"unit_count": 0, "touched_account_count": 0},
        )
        self.con.execute("COMMIT")
        self.con.execute("DELETE FROM touched")
        self.con.execute("DELETE FROM changed")
        return self

    def rows(self, table: str, where: str = "true") -> list[dict[str, Any]]:
        cursor = self.con.execute(f"SELECT * FROM {table} WHERE {where} ORDER BY ALL")
        names = [d[0] for d in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def one(self, table: str, where: str = "true") -> dict[str, Any]:
        (row,) = self.rows(table, where)
        return row


def moment(us: int) -> datetime:
    return datetime.fromtimestamp(us / 1_000_000, UTC)


def worked_example(
    as_of: int = CLOSED_AT, *, closed: bool = True, built: bool = True, settings: Settings | None = None
) -> World:
    """Account A1, deal O1, seller S1 of team T1, T01 to T12."""
    world = World(as_of, settings)
    world.closed = {OPPORTUNITY: CLOSED_AT} if closed else {}
    world.dim("dim_account", {"account_id": ACCOUNT, "name": "Account One", "domains": ["a1.example"]})
    world.dim("dim_seller", {"seller_id": SELLER, "full_name": "Seller One", "team_id": "T1"})
    world.dim("dim_assignment", {"account_id": ACCOUNT, "seller_id": SELLER, "role": "owner"})
    world.dim(
        "dim_opportunity",
        {
            "opportunity_id": OPPORTUNITY,
            "account_id": ACCOUNT,
            "owner_seller_id": SELLER,
            "opened_at": OPENED_AT,
            "closed_at": CLOSED_AT if closed else None,
            "status": "lost" if closed else "open",
            "loss_reason": "no_decision" if closed else None,
            "amount": AMOUNT,
            "currency": "USD",
        },
    )
    people = [
        {"person_id": p, "full_name": p, "side": "buyer", "account_id": ACCOUNT, "is_executive": p in EXECUTIVES}
        for p in BUYING_GROUP
    ]
    world.dim(
        "dim_person", *people, {"person_id": SELLER, "full_name": "Seller One", "side": "seller", "team_id": "T1"}
    )
    world.dim(
        "dim_buying_group_member",
        *({"opportunity_id": OPPORTUNITY, "person_id": p, "buyer_role": r} for p, r in BUYING_GROUP.items()),
    )
    rows = [t for t in example.touchpoints() if t.occurred_at <= as_of]
    world.load(rows, example.participants())
    return world.build() if built else world


def about(value: Any) -> Any:
    """A number as the contract prints it, to three places; anything else as it is."""
    return pytest.approx(value, abs=0.0005) if isinstance(value, float | int) and not isinstance(value, bool) else value
