"""A workspace: the folder that one pipeline lives in, and the lock that keeps a second writer out."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import filelock

from pipelines.erased import Erased, read_erased
from pipelines.errors import SettingsError, UserError
from pipelines.settings import WorkspaceSettings, load_settings
from transforms.crm.erasure import Erasures
from transforms.jobs.rules import Rulebook, RuleError

DEFAULT_TOML = """\
# Settings of this touchloop workspace. Every key is optional; what stands here are examples and defaults.
# rules = "rules.yaml"              # extends the default rules for buying jobs, by id

[identity]
company_domains = []                # domains of your own company: their people are sellers
partner_domains = []

# [crm]
# timezone = "Europe/Berlin"        # of times in inbox/crm/*.csv that name none; else their rows are rejected
# [crm.roles]
# "Decision Maker" = "economic_buyer"

[journeys]
session_gap_days = 14
session_clock = "buyer"             # or "all"

[business_hours]
days = ["mon", "tue", "wed", "thu", "fri"]  # also with hours of their own: "fri 09:00-12:00", "fri 13:00-15:00"
start = "09:00"
end = "17:00"
timezone = "UTC"
holidays = []

[coverage]
reporting_timezone = "UTC"
response_horizon_business_hours = 40

[rejects]
max_share = 0.5                     # a unit with a larger share of rejects stops the job ...
min_records = 100                   # ... once it has this many

[publish]
seller_level = true                 # false: leave out the marts by named seller (not the names in dimensions and facts)
report = true                       # false: no HTML page with each snapshot

# [sources.ics]
# timezone = "Europe/Berlin"        # zone of timestamps that name none; without it they are rejected
"""


@dataclass(frozen=True)
class Workspace:
    """Paths of a workspace. Nothing here touches the disk but ``create``, ``require`` and ``writer``."""

    root: Path

    @property
    def toml(self) -> Path:
        return self.root / "touchloop.toml"

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    @property
    def crm(self) -> Path:
        return self.inbox / "crm"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def warehouse(self) -> Path:
        return self.state / "warehouse.duckdb"

    @property
    def vault(self) -> Path:
        return self.state / "vault.duckdb"

    @property
    def directory(self) -> Path:
        """The CRM directory as a run has read it; without it the next one reads the files again."""
        return self.state / "directory.msgpack"

    @property
    def derived(self) -> Path:
        """The CRM directory that the tables rest on; without it another one derives everything again."""
        return self.state / "derived.msgpack"

    @property
    def scratch(self) -> Path:
        """Emptied at the start of every increment; nothing in it is needed after one."""
        return self.state / "scratch"

    @property
    def published(self) -> Path:
        return self.root / "published"

    @property
    def snapshot(self) -> Path:
        return self.published / "touchloop.duckdb"

    @property
    def report(self) -> Path:
        """The page of the snapshot; there is none where ``publish.report`` is false."""
        return self.published / "report" / "index.html"

    @property
    def erased(self) -> Path:
        """Who was erased; not part of the state, which follows from the inbox."""
        return self.root / "erased.jsonl"

    @cached_property
    def settings(self) -> WorkspaceSettings:
        return load_settings(self.toml)

    @cached_property
    def rules_text(self) -> str | None:
        if self.settings.rules is None:
            return None
        path = self.root / self.settings.rules
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{self.toml}: rules: cannot read {path}: {error}") from None

    @cached_property
    def rulebook(self) -> Rulebook:
        try:
            return Rulebook.load(self.rules_text, self.settings.journeys.min_confidence)
        except RuleError as error:
            raise SettingsError(f"{self.root / (self.settings.rules or 'rules')}: {error}") from None

    @cached_property
    def erasures(self) -> Erasures:
        """What is to be forgotten of whatever is read."""
        return self.erasures_of(read_erased(self.erased))

    def erasures_of(self, people: Sequence[Erased]) -> Erasures:
        """What is to be forgotten of these people; what rules see of a text goes by the settings."""
        if not people:
            return Erasures()
        asks = re.compile("|".join(self.settings.folding.question_patterns) or "(?!)", re.IGNORECASE)
        stand_ins = {name: one.stand_in for one in people for name in one.identifiers}
        return Erasures(stand_ins, (*self.rulebook.word_patterns, asks))

    def create(self) -> None:
        """Lay out an empty workspace; what is there already stays."""
        for folder in (self.inbox, self.crm, self.state, self.published):
            folder.mkdir(parents=True, exist_ok=True)
        if not self.toml.exists():
            self.toml.write_text(DEFAULT_TOML, encoding="utf-8")

    def require(self) -> None:
        """Raises ``SettingsError`` unless this is a workspace."""
        if not self.inbox.is_dir():
            raise SettingsError(
                f"{self.root} is no workspace: it has no folder inbox/ (touchloop init --workspace {self.root} makes one)"
            )
        for folder in (self.state, self.published):
            if os.path.lexists(folder) and not folder.is_dir():
                raise SettingsError(f"{folder} is no folder, and touchloop keeps its own there: move it away")

    def fresh_scratch(self) -> Path:
        if self.scratch.exists():
            shutil.rmtree(self.scratch)
        self.scratch.mkdir(parents=True)
        return self.scratch

    @contextmanager
    def writer(self) -> Iterator[None]:
        """Hold the workspace for writing. The lock goes with the process, however it ends."""
        self.state.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self.state / "writer.lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise UserError(f"another touchloop is writing to {self.root}; this one has changed nothing") from None
        try:
            yield
        finally:
            lock.release()
