"""The log of final figures that changed (semantics 4.6)."""

from __future__ import annotations

from schemas import vocab
from schemas.fields import Column, Table, at, day, number, text, texts

METRIC_RESTATEMENT = Table("metric_restatement", "mart", "restated value", ("restatement_no",), (
    Column("restatement_no", "bigint", "Number of the line: later changes have greater ones", required=True, minimum=1),
    text("run_id", "Run that changed the figure", nn=True),
    at("restated_at", "Clock (as_of) of that run", nn=True),
    texts(
        "reasons",
        "What that run found otherwise than the run before: events that came, went or read otherwise (also on time: an answer in April to a question "
        "of March); the CRM directory; settings or rules; the program's version; clock: none of these, time alone has passed",
        values=vocab.RESTATEMENT_REASONS,
    ),
    text("mart_name", "Mart whose figure changed", nn=True),
    text("period_grain", "Length of the period", nn=True, values=vocab.PERIOD_GRAINS),
    day("period_start", "First day of the period in the reporting time zone", nn=True),
    text("seller_id", "Seller of the mart's row; NULL if its grain has none"),
    text("account_id", "Account of the mart's row; NULL if its grain has none"),
    text("team_id", "Team of the mart's row; NULL if its grain has none"),
    text("ask_channel", "Channel of the question, of mart_response_time; else NULL", values=vocab.CHANNELS),
    text("change", "What became of the mart's row: it stayed, with another figure; it was not there; it is no longer there; many: most rows of the mart that the run changed "
         "were final, and more than 200 (history landed in parts); the line gives their number in the period, before and after", nn=True,
         values=vocab.RESTATEMENT_CHANGES),
    text("metric", "Column of the mart; row_count: the row itself, 0 to 1 if it appeared, 1 to 0 if it vanished", nn=True),
    text("item", "Of a metric that is a list: what came into it (0 to 1; NULL to 1 with a row that appeared) or left it (1 to 0; 1 to NULL with a row that vanished); else NULL"),
    number("old_value", "Figure before; a flag is 0 or 1; NULL if it was NULL or there was no row"),
    number("new_value", "Figure after; NULL if it is NULL or there is no row any more"),
    Column("old_num", "bigint", "Numerator of old_value, of a share that has one"),
    Column("new_num", "bigint", "Numerator of new_value, of a share that has one"),
    Column("old_den", "bigint", "Denominator of old_value, of a share that has one"),
    Column("new_den", "bigint", "Denominator of new_value, of a share that has one"),
), meaning=(
    "Figures of periods that were final when the run before was made (72 h after their end) and that a later run changed. A log: lines are added and never "
    "changed. Of a row that appeared or vanished, the figures that are neither NULL nor 0 have a line. longest_open_wait_business_seconds, which grows with the "
    "clock, is not logged."
), sort=("restatement_no",))  # fmt: skip

TABLES = (METRIC_RESTATEMENT,)
