"""What a run did, as ``--json`` prints it; and the words that everything that runs shares."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from warehouse.commit import Landing

Say = Callable[[str], None]
"""Takes a line for whoever watches."""


def counted(n: int, thing: str) -> str:
    """``1 unit``, ``2,000 units``."""
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


class Summary(msgspec.Struct, kw_only=True):
    """What a run did: the machine's summary of ``--json``."""

    run_id: str = ""
    as_of: str = ""
    units: int = 0
    records: int = 0
    accepted: int = 0
    duplicate: int = 0
    ignored: int = 0
    rejected: int = 0
    events: int = 0
    gaps: int = 0
    """Ranges of offsets that retention took away before they were read."""
    lag: dict[str, int] = {}
    """Offsets by ``topic/partition`` that the broker had at the plan and the ledger has not."""
    reread: int = 0
    """Offsets that jobs on a cluster read a second time and that were trimmed."""
    waiting: dict[str, list[int]] = {}
    """By ``topic/partition``: the ledger's end, and the first offset in the landing folder beyond what is missing there."""
    newest_event_at: str | None = None
    """Start of the latest thing that the landed events tell of."""
    directory_files: int = 0
    """Of ``inbox/crm/``, new or changed."""
    directory_rejected: int = 0
    """Rows of theirs that were rejected; the counts above are of payloads."""
    accounts_rebuilt: int = 0
    touchpoints: int = 0
    published: bool = False
    unpublished: str | None = None
    """Run whose tables no snapshot shows yet."""
    snapshot: str | None = None
    warnings: list[str] = []
    seconds: dict[str, float] = {}

    def add(self, landing: Landing) -> None:
        self.units += landing.units
        self.records += landing.records
        self.accepted += landing.accepted
        self.duplicate += landing.duplicate
        self.ignored += landing.ignored
        self.rejected += landing.rejected
        self.events += landing.events


def version() -> str:
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("touchloop")
    except PackageNotFoundError:
        return "0+unknown"
