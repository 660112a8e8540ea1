"""The CRM directory's files: read whole each run, landed in the ledger when their content is new."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from pipelines import checked
from pipelines.errors import TooManyRejects
from pipelines.settings import CrmFiles, Rejects, WorkspaceSettings
from pipelines.summary import counted, version
from schemas import vocab
from transforms.channels import channel_of, modality
from transforms.crm.assets import has_query
from transforms.crm.erasure import Erasures
from transforms.crm.files import (
    CRM_FILES,
    Crm,
    Row,
    StageChange,
    header_fault,
    of_known_deals,
    read_crm_file,
    unknown_columns,
)
from transforms.crm.stages import stages_of_deals
from transforms.event import Reject, hash_id
from transforms.journeys.business_time import SellerCalendars
from transforms.journeys.loops import core_ranks

SYSTEM = "crm"
ADAPTER_VERSION = "1.5.0"


Rejected = tuple[int, bytes, str, str | None, str]
"""(position, original bytes, reason_code, field_path, detail)"""


class CrmFile(msgspec.Struct, frozen=True):
    """One file of the directory as read: its rows' verdicts by position."""

    unit_id: str
    location: str
    size: int
    accepted: int
    rejects: list[Rejected]
    warnings: list[str]

    def hold_to(self, limits: Rejects) -> None:
        """Raises ``TooManyRejects``. Rows of stages are let off: those of deals that are not known yet wait for them."""
        rows, rejected = self.accepted + len(self.rejects), len(self.rejects)
        if self.location.endswith(f"/{STAGES}") or not limits.exceeded(rows, rejected):
            return
        raise TooManyRejects(
            f"{self.location}: {rejected:,} of {rows:,} rows were rejected, more than rejects.max_share = {limits.max_share:g}. "
            f"Most often: {most_often(self.rejects)}. Is it UTF-8 and separated by commas? Nothing of the directory was "
            "landed, and nothing derived from it; the last snapshot stays."
        )


def most_often(rejects: Sequence[Rejected]) -> str:
    """The fault that most of them have, in words. There must be one."""
    often = Counter((reason, field or "", detail) for _, _, reason, field, detail in rejects)
    (reason, field, detail), times = min(often.items(), key=lambda one: (-one[1], one[0]))
    named = f"{reason} {field}" if field else reason
    return f"{named} ({counted(times, 'time')}): {detail}"


class ReadDirectory(msgspec.Struct, frozen=True):
    crm: Crm
    stages: list[StageChange]
    files: list[CrmFile]
    digest: str
    """Hash of all files: a change rebuilds what rests on the directory."""


LISTS: dict[str, str] = {
    "accounts.csv": "accounts",
    "people.csv": "people",
    "opportunities.csv": "opportunities",
    "buying_group.csv": "buying_group",
    "assignments.csv": "assignments",
    "assets.csv": "assets",
    "aliases.csv": "aliases",
}
DEALS, STAGES, ASSETS = "opportunities.csv", "stage_history.csv", "assets.csv"
REFERENCES = (
    ("people.csv", "account_id", "accounts.csv"),
    ("opportunities.csv", "account_id", "accounts.csv"),
    ("assignments.csv", "account_id", "accounts.csv"),
    ("accounts.csv", "owner_seller_id", "people.csv"),
    ("opportunities.csv", "owner_seller_id", "people.csv"),
    ("assignments.csv", "seller_id", "people.csv"),
    ("buying_group.csv", "person_id", "people.csv"),
    ("buying_group.csv", "opportunity_id", "opportunities.csv"),
    ("aliases.csv", "person_id", "people.csv"),
)
"""Which column names rows of which file. A row that names one that is not there is taken as it stands (exports are of different
moments), and warned of; stages wait for their deals instead."""
KEYS = {"accounts.csv": "account_id", "people.csv": "person_id", "opportunities.csv": "opportunity_id"}
NAMED = 3
"""Ids that a warning names."""


class FoundDirectory:
    """The directory's files as they lay there, known by their content; the rows are read when somebody asks for them.

    A run with nothing new does not, a stream that finds the same content reads it once, and a run takes what the one before has read.
    """

    def __init__(
        self,
        root: Path,
        folder: Path,
        reading: CrmFiles,
        kept: Path | None = None,
        erasures: Erasures | None = None,
    ) -> None:
        """All eight files below ``inbox/crm`` (any may be missing). Read in another way they are other units.

        ``kept``: a file in which what was read is left for the next process. Without it, or with that of another directory, nothing is lost.
        ``erasures``: of whom nothing is read.
        """
        self.reading, self.kept, self.erasures = reading, kept, erasures or None
        way = "" if reading == CrmFiles() else f"\x1f{msgspec.json.encode(reading, order='deterministic').decode()}"
        self._files = [(path.relative_to(root).as_posix(), path.read_bytes()) for path in crm_paths(folder)]
        contents = [hashlib.sha256(data).hexdigest() for _, data in self._files]
        names = [location.rpartition("/")[2] for location, _ in self._files]
        # which of its rows are good depends on the deals that are known, so other deals make it another unit
        beside = {STAGES: "\x1f" + dict(zip(names, contents, strict=True)).get(DEALS, "")}
        self.unit_ids = []
        digest = hashlib.sha256()
        for (location, _), name, content in zip(self._files, names, contents, strict=True):
            self.unit_ids.append(hash_id(f"file\x1f{SYSTEM}\x1f{location}\x1f{content}{beside.get(name, '')}{way}"))
            digest.update(f"{name}\x1f{content}{way}\x1e".encode())
        if self.erasures is not None:
            digest.update(self.erasures.digest.encode())
        self.digest = digest.hexdigest()[:32]

    @property
    def locations(self) -> list[str]:
        return [location for location, _ in self._files]

    def read(self) -> ReadDirectory:
        """A bad row is set aside and the others count."""
        if not _READ or _READ[0].digest != self.digest:
            _READ[:] = [self._recall() or self._read()]
        return _READ[0]

    def _read(self) -> ReadDirectory:
        found = ReadDirectory(Crm(), [], [], self.digest)
        # in the order of their names, so the deals are known before their stages are read
        for unit_id, (location, data) in zip(self.unit_ids, self._files, strict=True):
            found.files.append(_read_file(found, unit_id, location, data, self.reading))
        if self.erasures is not None:
            found = msgspec.structs.replace(found, crm=self.erasures.without_people(found.crm))
        _warn_of_queries(found)
        _warn_of_strangers(found)  # whoever was erased is missed in no file
        # rejected rows are kept as they are, and may name whoever was erased
        if self.kept is not None and not (self.erasures and any(file.rejects for file in found.files)):
            checked.write(self.kept, self._head, msgspec.msgpack.encode(found))
        return found

    def _recall(self) -> ReadDirectory | None:
        """What another process has read of the same content, in the same way and version; None if there is no such thing."""
        body = checked.read(self.kept, self._head) if self.kept is not None else None
        try:
            return None if body is None else msgspec.msgpack.decode(body, type=ReadDirectory)
        except msgspec.DecodeError:
            return None

    @property
    def _head(self) -> bytes:
        return f"touchloop {version()} {SYSTEM} {ADAPTER_VERSION} {self.digest}\n".encode()


_READ: list[ReadDirectory] = []
"""The last directory that this process has read."""


def _read_file(found: ReadDirectory, unit_id: str, location: str, data: bytes, reading: CrmFiles) -> CrmFile:
    """One file's rows, added to those that were found before."""
    name = location.rpartition("/")[2]
    verdicts: Iterable[tuple[int, bytes, Row | Reject]] = read_crm_file(name, data, reading.timezone, reading.roles)
    if name == STAGES:
        verdicts = of_known_deals(verdicts, {deal.opportunity_id for deal in found.crm.opportunities})
    rows: list[Any] = found.stages if name == STAGES else getattr(found.crm, LISTS[name])
    accepted = 0
    rejects: list[Rejected] = []
    for position, original, row in verdicts:
        if isinstance(row, Reject):
            rejects.append((position, original, row.reason_code, row.field_path, row.detail))
        else:
            rows.append(row)
            accepted += 1
    warnings = [f"{location} is empty: there is not even a header"] if not data.strip() else []
    fault = header_fault(name, data) if rejects and not accepted else None
    if fault is not None:
        warnings.append(f"{location}: {fault.detail}, so every row was rejected ({len(rejects):,})")
    elif rejects:
        warnings.append(
            f"{location}: {len(rejects):,} of {accepted + len(rejects):,} rows were rejected, and what they say is in no figure. "
            f"Most often: {most_often(rejects)}. touchloop rejects list --source {SYSTEM} shows them"
        )
    warnings += [
        f"{location}: column {c!r} is not one of the directory's and is left out" for c in unknown_columns(name, data)
    ]
    return CrmFile(unit_id, location, len(data), accepted, rejects, warnings)


def _warn_of_strangers(found: ReadDirectory) -> None:
    """Adds to each file's warnings what it names that the file of those does not have; a file that is not there is missed by nobody."""
    files = {file.location.rpartition("/")[2]: file for file in found.files}
    known = {name: {getattr(row, key) for row in getattr(found.crm, LISTS[name])} for name, key in KEYS.items()}
    for name, column, of in REFERENCES:
        if name not in files or of not in files:
            continue
        named = {getattr(row, column) for row in getattr(found.crm, LISTS[name])} - known[of] - {None}
        if named:
            files[name].warnings.append(
                f"{files[name].location}: {len(named):,} {column} that {of} does not have ({_first(named)})"
            )


def _warn_of_queries(found: ReadDirectory) -> None:
    """Adds to the warnings of assets.csv which assets no link will ever be: their needs would stay unmet without a word."""
    for file in found.files:
        asked = {asset.asset_id for asset in found.crm.assets if has_query(asset)}
        if asked and file.location.endswith(f"/{ASSETS}"):
            file.warnings.append(
                f"{file.location}: {counted(len(asked), 'url')} with a query (?...), by which no link is known: "
                f"links are compared without theirs ({_first(asked)})"
            )


def _first(ids: Collection[str]) -> str:
    return ", ".join(sorted(ids)[:NAMED]) + (", ..." if len(ids) > NAMED else "")


def crm_paths(folder: Path) -> Iterator[Path]:
    """The directory's files that are there, in a fixed order. There is one of each: keys are unique in a file."""
    if folder.is_dir():
        yield from sorted(p for p in folder.iterdir() if p.name in CRM_FILES and p.is_file())


def dimension_rows(
    crm: Crm, executives: dict[str, bool | None], settings: WorkspaceSettings
) -> dict[str, list[dict[str, Any]]]:
    """Rows of the dimension tables. ``executives``: the directory's verdict by person."""
    phone_call_channel = settings.folding.phone_call_channel
    counted = vocab.counted_channels(settings.coverage.channels, phone_call_channel)
    always_on = settings.journeys.always_on_jobs
    ranks = core_ranks(always_on)
    return {
        "dim_account": [_fields(a) | {"domains": list(a.domains)} for a in crm.accounts],
        "dim_person": [_fields(p) | {"is_executive": executives.get(p.person_id)} for p in crm.people],
        "dim_seller": [_fields(p) | {"seller_id": p.person_id} for p in crm.people if p.side == "seller"],
        "dim_opportunity": [_fields(o) for o in crm.opportunities],
        "dim_buying_group_member": [_fields(m) for m in crm.buying_group],
        "dim_assignment": [_fields(a) for a in crm.assignments],
        "dim_asset": [_fields(a) for a in crm.assets],
        "dim_calendar": [
            slot._asdict() for slot in SellerCalendars.of_people(settings.business_hours, crm.people).slots()
        ],
        "dim_channel": [
            {
                "channel": channel,
                "modality": modality(channel),
                "is_counted": channel in counted,
                "media": [m for m in vocab.MEDIA if channel_of(m, phone_call_channel) == channel],
            }
            for channel in vocab.ALL_CHANNELS
            if channel in (*vocab.CHANNELS, *counted)
        ],
        "dim_buying_job": [
            {"buying_job": job, "job_rank": ranks.get(job), "is_always_on": job in always_on}
            for job in vocab.BUYING_JOBS
        ],
    }


def stage_rows(directory: ReadDirectory, as_of: int, *, only_open: bool) -> list[dict[str, Any]]:
    """Rows of ``fact_stage_history``: of all deals, or of those that are open, whose days alone grow with the clock."""
    deals = [deal for deal in directory.crm.opportunities if not only_open or deal.status == "open"]
    return [_fields(stay) for stay in stages_of_deals(deals, directory.stages, as_of)]


def _fields(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__struct_fields__}
