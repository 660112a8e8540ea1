"""Events of one person by several identifiers: they are folded together, whichever of these each has.

An event's own keys tie the identifiers that it holds. That ``u-17`` and ``u-17-mobile`` are Bob, or two addresses in two
invitations Ann, only the directory and the profiles know, so these keys are told beside the events'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from pipelines.reading.keys import key_hash, who_hash
from transforms.crm.directory import Directory
from transforms.folding.linking import person_key, user_key
from transforms.normal import of_system
from transforms.sources import all_sources
from warehouse import groups
from warehouse.store import Store


def tell_kin(store: Store, directory: Directory) -> None:
    """Make ``vault.kin`` that of this directory."""
    groups.put_kin(store, edges(directory.several_names()))


def tell_change(store: Store, before: Directory, now: Directory) -> None:
    """Say what another directory makes of ``vault.kin``; until it is kept, what has been tied is found together, and what is folded
    is so by ``now``."""
    was, is_now = before.several_names(), now.several_names()
    groups.change_kin(store, gone=edges(_without(was, is_now)), new=edges(_without(is_now, was)))


Names = Mapping[str, set[str]]
"""Who has several identifiers, and which."""


def _without(some: Names, others: Names) -> Names:
    none: set[str] = set()
    return {whose: names - others.get(whose, none) for whose, names in some.items() if names != others.get(whose)}


def edges(kin: Names) -> Any:
    """An Arrow table (a, b): keys of identifiers, and of whose they are; in every app, and on any day."""
    a: list[int] = []
    b: list[int] = []
    for whose, names in kin.items():
        a += map(who_hash, names)
        b += [who_hash(whose_name(whose))] * len(names)
    for user, person in in_apps(kin):
        a.append(key_hash(user))
        b.append(key_hash(person))
    return pa.table({"a": pa.array(a, pa.uint64()), "b": pa.array(b, pa.uint64())})


def whose_name(whose: str) -> str:
    """Stands for somebody in a key that says who and on which day; no identifier is like it."""
    return f"p:{whose}"


def in_apps(kin: Names) -> Iterator[tuple[str, str]]:
    """Ties of keys of users, and of whose identifiers they are, in every app."""
    for app in [name for name, spec in all_sources().items() if spec.channel == "app"]:
        for whose, names in kin.items():
            yield from ((user_key(app, _in_app(one, app)), person_key(app, whose)) for one in names)


def _in_app(identifier: str, app: str) -> str:
    """An identifier as events of the app spell it: an anonymous id of any system as one of theirs."""
    anywhere = of_system("")
    return of_system(identifier.removeprefix(anywhere), app) if identifier.startswith(anywhere) else identifier
