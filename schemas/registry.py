"""All tables, by name."""

from __future__ import annotations

from schemas import tables_dims, tables_event, tables_fact, tables_journey, tables_mart, tables_restated
from schemas.fields import Table

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        *tables_event.TABLES,
        *tables_dims.TABLES,
        *tables_fact.TABLES,
        *tables_journey.TABLES,
        *tables_mart.TABLES,
        *tables_restated.TABLES,
    )
}
