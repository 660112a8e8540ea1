"""Account, deal and owner of a touch, and what follows from them (semantics 1.1, 2.4, 2.5)."""

from __future__ import annotations

from collections import defaultdict

from reference_folding.directory import Directory, is_machine
from reference_folding.messages import room_of
from reference_folding.touches import MINUTE, SECOND, Person, Touch, head_count

READING_MINUTES, WRITING_MINUTES = 2.5, 5.0


def put_threads(touches: list[Touch]) -> None:
    """A4: of several accounts of a domain, the one that others in the message belong to, else in its thread. A5: the one account of
    a thread is that of its strangers."""
    threads: dict[tuple[str | None, ...], list[Touch]] = defaultdict(list)
    for t in touches:
        thread = room_of(t)
        if thread is not None:
            threads[thread].append(t)
    for mates in threads.values():
        homes = _homes([p for t in mates for p in t.people])
        torn = [(p, _homes(t.people) & p.candidates, homes & p.candidates) for t in mates for p in t.people]
        for p, near, far in torn:
            if len(near) == 1 or len(far) == 1:
                p.home, p.how, p.side = (near if len(near) == 1 else far).pop(), "domain", "buyer"
        for t in mates:
            t.inherits = next(iter(homes)) if len(homes) == 1 else None


def _homes(people: list[Person]) -> set[str]:
    return {p.home for p in people if p.home and p.side == "buyer"}


def put_account(t: Touch, directory: Directory) -> None:
    """2.4: what the source tells, else the account of the author or of most of those who came, else of the thread."""
    authors = t.actors if t.family in ("email", "chat") else []
    pool = [p for p in t.people if p.home]
    if any(author.home for author in authors):
        pool = [author for author in authors if author.home]
    if t.family == "meeting":
        pool = [p for p in pool if p.attended] or [p for p in pool if p.attended is None] or pool
    heads: dict[str, set[str]] = defaultdict(set)
    for p in pool:
        heads[p.home or ""].add(p.key)
    order = sorted(heads, key=lambda a: (-len(heads[a]), not directory.has_open_deal(a, t.start), a))
    is_torn = any(author.candidates for author in authors) and not any(author.home for author in authors)
    if t.hint in directory.accounts:
        t.account, t.how = t.hint, "explicit"
        t.accounts = list(dict.fromkeys([t.hint or "", *order]))
    elif is_torn:
        t.how = "conflict"  # whoever reads along
    elif order:
        t.account, t.accounts = order[0], order
        t.how = "person" if _is_of_a_person(pool if t.family == "meeting" else t.people, order[0]) else "domain"
    elif any(p.candidates for p in t.people):
        t.how = "conflict"
    elif t.inherits:
        t.account, t.how, t.accounts = t.inherits, "thread", [t.inherits]
    if t.account and t.family != "meeting":
        t.accounts += sorted({p.home for p in t.people if p.home} - set(t.accounts))


def _is_of_a_person(people: list[Person], account: str) -> bool:
    return any(p.how == "person" and p.home == account for p in people)


def settle(t: Touch, directory: Directory) -> None:
    """What follows from people and account: sides of strangers (P5), direction, engagement, counts, minutes, deal and owner."""
    for p in t.people:
        if p.side == "unknown" and t.account:
            p.side = "buyer"
    side = t.actors[0].side if t.actors else "unknown"
    t.is_internal = all(p.side in ("seller", "system") for p in t.people) if t.people else False
    if t.family in ("email", "chat"):
        is_by_machine = side == "system" or any(is_machine(i) for p in t.actors for i in p.ids)
        t.is_automated = t.is_automated or is_by_machine
        t.direction = t.direction or _direction(t, side)
    if t.family == "meeting":
        t.direction = "mutual"
    if t.family == "app":  # 1.1: self-service is a buyer's; what our own people do there has no time of theirs
        t.direction = "outbound" if side in ("seller", "system") else "self_serve"
    for p in t.people:
        p.engaged = _is_engaged(t, p)
    present = [p for p in t.people if t.family != "meeting" or p.attended is not False]
    t.buyers, t.sellers = head_count(present, "buyer"), head_count(present, "seller")
    is_counted = t.status == "held" and t.account is not None
    t.is_countable = is_counted and not (t.is_voided or t.is_internal or t.is_automated)
    t.owner = directory.owner(t.account, t.start)
    t.deal, t.deal_how = directory.deal(t.account, t.start, [p.person for p in t.people if p.person])
    if t.family == "app":
        t.buyer_minutes = (t.end - t.start) // SECOND * SECOND / MINUTE if t.direction == "self_serve" else 0.0
    if t.family == "email":
        t.buyer_minutes = _minutes_of_email(t, side)


def _direction(t: Touch, side: str) -> str:
    """A partner writes as one of ours where a buyer reads it; a bot in a chat is ours."""
    reaches_buyer = any(p.side == "buyer" for p in t.people if p.role != "actor")
    if side == "seller" or (side == "system" and t.family == "chat") or (side == "partner" and reaches_buyer):
        return "outbound"
    return "inbound"


def _is_engaged(t: Touch, p: Person) -> bool:
    """A buyer who wrote, looked or came."""
    if p.side != "buyer" or t.status != "held":
        return False
    if t.direction == "mutual":
        return bool(p.attended)
    return p.role == "actor" and t.direction in ("inbound", "self_serve") and not t.is_automated


def _minutes_of_email(t: Touch, side: str) -> float | None:
    """None: of mail that neither side wrote the definitions say nothing."""
    if t.status != "held":
        return 0.0
    if side == "buyer":
        return WRITING_MINUTES
    if side == "seller":
        return READING_MINUTES if t.buyers else 0.0
    return None
