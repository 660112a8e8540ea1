"""``touchloop erase``: everything that says who somebody was taken out of state and snapshots, and the tables derived again.

What is read stays as it is: the inbox, the topics and the CRM's files are their owner's. Whatever they say of the person later,
``erased.jsonl`` keeps out.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pyarrow as pa

from pipelines import checked
from pipelines.deriving.changed import bindings_in
from pipelines.directory import FoundDirectory
from pipelines.erased import Erased, read_erased, write_erased
from pipelines.errors import UserError
from pipelines.observe.observer import Observer
from pipelines.reading.normalize import keys_of
from pipelines.run import run_once
from pipelines.summary import Say
from pipelines.workspace import Workspace
from transforms.crm.directory import Directory
from transforms.crm.erasure import STAND_INS, Erasures, native
from transforms.crm.person_index import is_native
from transforms.event import Event, Party, decode_event, encode_event, hash_id, named
from transforms.normal import ANONYMOUS, crm_id, email_base, email_id, names_of, phone_id, without_account
from warehouse import erase as kept
from warehouse.publish import current
from warehouse.store import DERIVE_AGAIN, Store

KINDS = ("email:", "phone:", "external_id:", ANONYMOUS)
SHORTEST_TEXT = 5
"""Characters of a name or identifier that is looked for in rejected records: too many hold a shorter one by chance."""


class Done(msgspec.Struct):
    """What was erased: counts."""

    people: int = 0
    identifiers: int = 0
    events: int = 0
    rejects: int = 0
    """Rejected records of which the bytes are no longer kept."""
    snapshots: int = 0
    """Older ones that were removed."""


class Whom(msgspec.Struct):
    """One person to be erased."""

    stand_in: str
    identifiers: set[str]
    name: str | None = None
    """In the directory."""


def erase(
    workspace: Workspace,
    people: Iterable[str],
    now: int,
    *,
    fixed: bool,
    dry_run: bool = False,
    say: Say,
    observer: Observer | None = None,
) -> Done:
    """Erase these people, each given by an email, a phone number, a prefixed identifier or the id of ``people.csv``, and once more
    whoever was erased before: a state that was restored from a backup names them.

    Raises ``UserError`` for one whom nothing here knows, or who is one of our own, or if there is nobody. ``dry_run`` only counts.
    A second try after a crash does what the first one left.
    """
    if not workspace.warehouse.exists():
        raise UserError(f"{workspace.root} has no warehouse yet: touchloop run --workspace {workspace.root} makes one")
    scratch = workspace.fresh_scratch()
    memory = workspace.settings.ingest.warehouse_memory_mb
    with Store(workspace.warehouse, workspace.vault, scratch, memory_mb=memory) as store:
        whom = _find(workspace, store, list(people))
        people_gone = _with(read_erased(workspace.erased), whom, now)
        if not people_gone:
            raise UserError(f"there is nobody to erase: name a person ({workspace.erased} has none either)")
        erasures = workspace.erasures_of(people_gone)
        masked = _masked(store, erasures)
        rejects = kept.rejects_with(store, _texts(whom))
        done = Done(len(whom), sum(len(person.identifiers) for person in whom), masked.num_rows, len(rejects))
        if dry_run:
            return done
        write_erased(workspace.erased, people_gone)
        theirs = {one for ids in bindings_in(store, "binding") for one in ids if erasures.stand_in(one) is not None}
        kept.put(store, masked, theirs, rejects)
        store.set_mark("config", DERIVE_AGAIN)
        store.set_mark("unpublished", "erase")
    say(f"{done.events:,} events and {done.rejects:,} rejected records no longer say who it was")
    kept.write_anew(workspace.warehouse, workspace.vault, scratch / "spill")
    for directory in (workspace.directory, workspace.derived):
        checked.remove(directory)
    shutil.rmtree(workspace.state / "audit", ignore_errors=True)
    try:
        run_once(Workspace(workspace.root), now, fixed=fixed, say=say, observer=observer)
    finally:  # a broker that is away, say, comes up once all is published
        done.snapshots = _remove_older(workspace.published)
    return done


def _find(workspace: Workspace, store: Store, given: list[str]) -> list[Whom]:
    """Who is meant, and everything by which each is known: in the directory, in profiles, and beside it in events."""
    if not given:
        return []
    crm = FoundDirectory(workspace.root, workspace.crm, workspace.settings.crm).read().crm
    bindings = bindings_in(store, "binding")
    directory = Directory.build(crm, workspace.settings.identity, bindings)
    seen = {ids for _, event in _events(store) for ids in named(event)}
    there = {one for ids in seen for one in ids}
    together = {ids for ids in (*map(without_account, bindings), *seen) if len(ids) > 1}
    found: dict[str, Whom] = {}
    for text in given:
        start = _identifier(text)
        person_id = directory.person_of((start,)).person_id
        person = directory.person(person_id) if person_id is not None else None
        if directory.party(Party((start,), "actor")).side == "seller" or (person and person.side == "seller"):
            raise UserError(f"{text} is one of our own people: coverage is measured of them, and they are not erased")
        if directory.is_shared(start):
            raise UserError(f"several people of the directory have {text}: name whom you mean by an id of people.csv")
        known = {start} if person_id is None else {start, crm_id(person_id), *directory.names_of(person_id)}
        known = _closure(known, together, directory, person_id)
        bases = {f"email:{email_base(one[6:])}" for one in known if one.startswith("email:")}
        bases = {one for one in bases if _may_be(directory, one, person_id)}
        was = next((one for one in map(workspace.erasures.stand_in, sorted(known)) if one is not None), None)
        if person is None and known.isdisjoint(there) and was is None:
            raise UserError(f"nothing that has landed, and nobody in the directory, is known by {text!r}")
        account_id = directory.profile_account([Party(tuple(known), "actor")]) or (
            person.account_id if person else None
        )
        account = directory.account(account_id) if account_id else None
        stand_in = was or _stand_in(known, account.domains if account else (), directory)
        whole = found.setdefault(min(known), Whom(stand_in, set(), person.full_name if person else None))
        whole.identifiers |= known | bases
    return list(found.values())


def _identifier(text: str) -> str:
    """As in ``Party.ids``; whatever looks like nothing else is an id of ``people.csv``."""
    text = text.strip()
    if text.startswith(STAND_INS) or (text.startswith(KINDS) and not text.endswith(":")):
        return text
    return email_id(text) or phone_id(text) or crm_id(text)


def _events(store: Store, family: str | None = None) -> Iterator[tuple[str, Event]]:
    return ((event_id, decode_event(detail)) for event_id, detail in kept.details(store, family))


def _closure(known: set[str], together: set[tuple[str, ...]], directory: Directory, person_id: str | None) -> set[str]:
    """With what stands beside one of these identifiers in a profile or an event, unless it is somebody else's too.

    As profiles merge no persons (semantics 2.2), neither does a mailbox that one of them shows who is not known: native ids are of one user,
    and go first; what else they show goes where nobody but its users has shown it.
    """
    is_free = {one: _may_be(directory, one, person_id) for ids in together for one in ids}
    theirs = {one for ids in together if not all(map(is_free.__getitem__, ids)) for one in ids}
    free = [ids for ids in together if not theirs.issuperset(ids)]
    while True:
        beside = {one for ids in free if not known.isdisjoint(ids) for one in ids} - known - theirs
        new = set(filter(is_native, beside))
        if not new:
            # a device that somebody else was known on is theirs too
            others = {one for ids in free if known.isdisjoint(ids) and names_of(ids) for one in ids}
            new = beside - others
        if not new:
            return known
        known = known | new


def _may_be(directory: Directory, identifier: str, person_id: str | None) -> bool:
    """Whether nobody else is known by it."""
    return directory.person_of((identifier,)).person_id in (None, person_id) and not directory.is_shared(identifier)


def _stand_in(known: set[str], domains: tuple[str, ...], directory: Directory) -> str:
    """An address in a domain of the person's account, so that the touchpoints stay the account's; else in the person's own."""
    name = secrets.token_hex(8)
    own = sorted(one.rpartition("@")[2] for one in known if one.startswith("email:"))
    for domain in (*domains, *own):
        if len(directory.domain_accounts((f"email:x@{domain}",))) == 1:
            return f"{STAND_INS[0]}{name}@{domain}"
    return f"{STAND_INS[0]}{name}@{own[0]}" if own else f"{STAND_INS[1]}{name}"


def _masked(store: Store, erasures: Erasures) -> pa.Table:
    """The events that are to stand otherwise: those that name the people, and without their words those of the same chats."""
    masked: dict[str, Event] = {}
    chats = set()
    for known_as, event in _events(store):
        changed = erasures.without(event)
        if changed is not event:
            masked[known_as] = changed
            if event.family == "chat":
                chats.add((event.source, event.conversation_id))
    for known_as, event in _events(store, "chat") if chats else ():
        if known_as not in masked and event.conversation_id and (event.source, event.conversation_id) in chats:
            masked[known_as] = erasures.wordless(event)
    columns: dict[str, list[object]] = {name: [] for name in kept.MASKED.names}
    for known_as, event in masked.items():
        values = (known_as, event.source_event_id, *keys_of(event), encode_event(event))
        for name, value in zip(columns, values, strict=True):
            columns[name].append(value)
    return pa.table(columns, schema=kept.MASKED)


def _texts(whom: Iterable[Whom]) -> set[str]:
    """What a rejected record may say of somebody."""
    names = {text for person in whom for text in (person.name, *map(native, person.identifiers)) if text}
    return {name for name in names if len(name) >= SHORTEST_TEXT}


def _with(erased: Iterable[Erased], whom: Iterable[Whom], now: int) -> list[Erased]:
    """The list with these people; whoever is there already gets the identifiers that were not."""
    people = {one.stand_in: one for one in erased}
    at = datetime.fromtimestamp(now // 1_000_000, UTC).isoformat()
    for person in whom:
        before = people.get(person.stand_in, Erased(at, person.stand_in, []))
        hashes = sorted({*before.identifiers, *map(hash_id, person.identifiers)})
        people[person.stand_in] = Erased(before.erased_at, person.stand_in, hashes)
    return list(people.values())


def _remove_older(published: Path) -> int:
    """Snapshots that still name whoever was erased; a reader that has one open keeps it."""
    stays = current(published)
    if not (published / "snapshots").is_dir():
        return 0
    gone = [folder for folder in (published / "snapshots").iterdir() if folder != stays]
    for folder in gone:
        shutil.rmtree(folder, ignore_errors=True)
    return len(gone)
