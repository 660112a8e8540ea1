"""What the element-at-a-time job shares with nobody: its rows into an empty warehouse; then marts, audit and publishing as ever."""

from __future__ import annotations

from pathlib import Path

from pipelines.deriving.journeys import World
from pipelines.deriving.staging import Stage, staged
from pipelines.directory import ADAPTER_VERSION, FoundDirectory, ReadDirectory, dimension_rows, stage_rows
from pipelines.run import publish_now
from pipelines.workspace import Workspace
from schemas.registry import TABLES
from warehouse import digests, identity, steps
from warehouse.arrow_files import reading
from warehouse.commit import commit_directory, load_rows
from warehouse.marts import build_marts
from warehouse.store import Store
from warehouse.terms import Parameters


def read_world(workspace: Workspace, as_of: int) -> tuple[ReadDirectory, World]:
    directory = FoundDirectory(
        workspace.root, workspace.crm, workspace.settings.crm, erasures=workspace.erasures
    ).read()
    return directory, World(directory.crm, [], workspace.settings.transforms(), None, as_of)


def publish(workspace: Workspace, directory: ReadDirectory, world: World, rows: Path) -> int:
    """Load the rows (``rows/<table>/*.parquet``), build the marts, audit and publish; gives how many records there were."""
    settings = workspace.settings
    with Store(
        workspace.warehouse, workspace.vault, workspace.scratch, memory_mb=settings.ingest.warehouse_memory_mb
    ) as store:
        con = store.connection
        commit_directory(
            store, directory.files, received_at=world.as_of, run_id="naive", adapter_version=ADAPTER_VERSION
        )
        con.execute("BEGIN")
        for folder in sorted(rows.iterdir()):
            columns = ", ".join(f'"{c}"' for c in TABLES[folder.name].names)
            con.execute(
                f"INSERT INTO {folder.name} ({columns}) SELECT DISTINCT {columns} FROM read_parquet('{folder}/*')"
            )
        digests.begin(con)
        con.execute("CREATE TEMP TABLE fresh_step AS FROM fact_internal_step")
        steps.replace(con, "fresh_step", everything=True)
        known = world.directory()
        stage = Stage(workspace.scratch, "directory")
        stage.add("identity_link", list(known.links()))
        stage.add("identity_conflict", known.conflicts())
        stage.close()
        for name in identity.LOG:
            columns = ", ".join(f'"{c}"' for c in TABLES[name].names)
            with reading(con, staged(workspace.scratch, name)) as told:
                if told:
                    con.execute(
                        f"INSERT INTO {name} ({columns}) SELECT {columns} FROM ({told}) EXCEPT SELECT {columns} FROM {name}"
                    )
        executives = {p.person_id: known.is_executive(p.person_id) for p in world.crm.people}
        for table, values in dimension_rows(directory.crm, executives, settings).items():
            load_rows(store, table, values)
        load_rows(store, "fact_stage_history", stage_rows(directory, world.as_of, only_open=False))
        load_rows(store, "dim_rule", workspace.rulebook.dim_rows())
        build_marts(con, Parameters.of(settings, world.as_of), everything=True, run_id="naive")
        load_rows(
            store,
            "dim_run",
            [
                {
                    "run_id": "naive", "as_of": world.as_of, "finished_at": world.as_of, "config_hash": "", "directory_hash": directory.digest,
                    "rules_version": workspace.rulebook.version, "unit_count": 0, "touched_account_count": 0, "touchloop_version": "",
                    "reporting_timezone": settings.coverage.reporting_timezone,
                }
            ],
        )  # fmt: skip
        con.execute("COMMIT")
        # a line for each event, without its content, which nobody asks for here: a warehouse without them is refused
        con.execute("INSERT INTO vault.event_detail SELECT event_id, 0, '', 0, 0, '', '' FROM fact_event")
        records = store.count("SELECT sum(record_count)::BIGINT FROM ledger_unit WHERE source <> 'crm'")
    publish_now(workspace, say=lambda text: None)
    return records
