"""A workspace made of real payloads, and the table of what became of them (``docs/real-inputs.md``).

``python tests/real_inputs.py <workspace>`` prints the table of a workspace that has been run.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import duckdb

FOLDERS = {
    "slack": (
        "chat/slack_bolt", "chat/slack_events_sdk", "chat/slack_export_viewer", "chat/slack_interactive_sdk",
        "chat/slack_rtm_clojurians", "chat/slack_webapi_perceval", "chat/slack_webapi_sdk",
    ),
    "intercom": ("chat/intercom_openapi", "chat/intercom_webhooks"),
    "email": (
        "email/eml_cpython", "email/eml_mailparser", "email/eml_mikel_mail", "email/eml_mime4j", "email/eml_mimekit",
        "email/eml_notmuch_hard", "email/eml_spamassassin_easyham", "email/eml_spamassassin_hardham",
        "email/eml_spamassassin_spam", "email/eml_talon", "email/maildir_enron", "email/maildir_notmuch_list",
        "email/maildir_notmuch_lkml", "email/mbox_bigbang", "email/mbox_mime4j", "email/mbox_mimekit",
        "email/mbox_perceval_groupsio", "email/mbox_perceval_hyperkitty", "email/mbox_perceval_pipermail",
    ),
    "zoom": ("video/zoom_webhooks", "video/zoom_rest"),
    "google_meet": ("video/google_meet_admin_report",),
    "segment": ("app/segment_spec",),
    "snowplow": ("app/snowplow_enriched_tsv",),
    "ics": (
        "in_person/ics_allenporter", "in_person/ics_collective_icalendar", "in_person/ics_ical4j", "in_person/ics_icaljs",
        "in_person/ics_recurring",
    ),
    "google_calendar": ("in_person/gcal_gcal_sync",),
}  # fmt: skip
"""Which folders of real payloads belong to which source. Nobody here has real Gmail API messages."""


def build_workspace(root: Path, real: Path) -> None:
    """Copy the real payloads of our sources into an inbox, each folder whole."""
    for source, folders in FOLDERS.items():
        for folder in folders:
            if (real / folder).is_dir():
                shutil.copytree(real / folder, root / "inbox" / source / Path(folder).name)
    (root / "inbox" / "crm").mkdir(parents=True, exist_ok=True)


OUTCOMES = """
SELECT source, sum(record_count)::BIGINT, sum(accepted_count)::BIGINT, sum(duplicate_count)::BIGINT, sum(ignored_count)::BIGINT,
       sum(rejected_count)::BIGINT, sum(event_count)::BIGINT
FROM ledger_unit GROUP BY source ORDER BY source"""
REASONS = """
SELECT source, 'ignored' AS outcome, reason, sum(n)::BIGINT AS n FROM ignored_record_count GROUP BY ALL
UNION ALL SELECT source, 'rejected', reason_code, count(*) FROM rejected_record GROUP BY ALL
ORDER BY source, outcome, n DESC, reason"""


def tables(snapshot: Path) -> str:
    """Markdown: outcomes by source, then reasons."""
    connection = duckdb.connect(str(snapshot), read_only=True)
    lines = [
        "| source | records | accepted | duplicate | ignored | rejected | events |",
        "| --- | --: | --: | --: | --: | --: | --: |",
    ]
    lines += [
        "| " + " | ".join(f"{v:,}" if isinstance(v, int) else v for v in row) + " |"
        for row in connection.execute(OUTCOMES).fetchall()
    ]
    lines += ["", "| source | outcome | reason | records |", "| --- | --- | --- | --: |"]
    lines += [f"| {s} | {o} | `{r}` | {n:,} |" for s, o, r, n in connection.execute(REASONS).fetchall()]
    connection.close()
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(tables(Path(sys.argv[1]) / "published" / "touchloop.duckdb"), end="")
