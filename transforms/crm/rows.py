"""The CRM directory's rows (semantics 2.8).

Rows hold normal forms: times are microseconds UTC, emails and external ids are prefixed as in ``event.Party.ids``.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from transforms.normal import phone_id


class Account(msgspec.Struct, kw_only=True, frozen=True):
    """One row of ``accounts.csv``."""

    account_id: str
    name: str | None = None
    domains: tuple[str, ...] = ()
    """Registrable domains, lower case."""
    owner_seller_id: str | None = None
    country: str | None = None
    """ISO 3166 code, upper case: the default region of its people's phone numbers."""


class Person(msgspec.Struct, kw_only=True, frozen=True):
    """One row of ``people.csv``."""

    person_id: str
    side: str
    full_name: str | None = None
    emails: tuple[str, ...] = ()
    """Prefixed normal forms: ``email:ann@example.com``."""
    phones: tuple[str, ...] = ()
    """As written: their normal form needs the account's country, which is in another file."""
    account_id: str | None = None
    title: str | None = None
    is_executive: bool | None = None
    team_id: str | None = None
    timezone: str | None = None
    external_ids: tuple[str, ...] = ()
    """Prefixed: ``external_id:slack:U1``."""


class Opportunity(msgspec.Struct, kw_only=True, frozen=True):
    """One row of ``opportunities.csv``."""

    opportunity_id: str
    account_id: str
    name: str | None = None
    owner_seller_id: str | None = None
    opened_at: int
    closed_at: int | None = None
    """None while the status is open: what a CRM shows there is a forecast."""
    status: str
    loss_reason: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    stage: str | None = None


class StageChange(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """One row of ``stage_history.csv``."""

    opportunity_id: str
    entered_at: int
    stage: str
    """As the CRM writes it: stages are each seller's own, and no closed vocabulary."""
    from_stage: str | None = None
    """The stage that was left, where an export tells of it."""


class GroupMember(msgspec.Struct, kw_only=True, frozen=True):
    """One row of ``buying_group.csv``; valid in [valid_from, valid_to)."""

    opportunity_id: str
    person_id: str
    buyer_role: str
    valid_from: int | None = None
    valid_to: int | None = None


class Assignment(msgspec.Struct, kw_only=True, frozen=True):
    """One row of ``assignments.csv``; valid in [valid_from, valid_to)."""

    account_id: str
    seller_id: str
    role: str
    valid_from: int | None = None
    valid_to: int | None = None


class Asset(msgspec.Struct, kw_only=True, frozen=True):
    """One row of ``assets.csv``."""

    asset_id: str
    asset_type: str
    name: str | None = None
    url: str | None = None
    filename: str | None = None
    """A glob."""


class Alias(msgspec.Struct, kw_only=True, frozen=True):
    """One row of ``aliases.csv``."""

    identifier_type: str
    identifier: str
    """Prefixed normal form: ``email:…``, ``phone:…``, ``external_id:system:id``, ``anonymous_id:system:id`` (``anonymous_id:*:id`` of any system).
    A national phone number is as it was written."""
    person_id: str

    def in_region(self, region: str | None) -> str | None:
        """The identifier, of a phone number that of the region; None for one that is none there."""
        if self.identifier_type != "phone":
            return self.identifier
        return phone_id(self.identifier.removeprefix("phone:"), region)


class Crm(msgspec.Struct, kw_only=True):
    """What resolution asks of the directory; several folders are joined by concatenating the lists.

    Workers are sent it with every share of work, so the stages that deals were in, which few rules ask for, are kept beside it.
    """

    accounts: list[Account] = []
    people: list[Person] = []
    opportunities: list[Opportunity] = []
    buying_group: list[GroupMember] = []
    assignments: list[Assignment] = []
    assets: list[Asset] = []
    aliases: list[Alias] = []


def crm_of(rows: Iterable[object]) -> Crm:
    """The rows of any number of files, in any order, as one ``Crm``; what has no place there (a ``Reject``, a stage) is left out."""
    crm = Crm()
    home: dict[type, list[Any]] = {
        Account: crm.accounts, Person: crm.people, Opportunity: crm.opportunities, GroupMember: crm.buying_group,
        Assignment: crm.assignments, Asset: crm.assets, Alias: crm.aliases,
    }  # fmt: skip
    for row in rows:
        if type(row) in home:
            home[type(row)].append(row)
    return crm


Row = Account | Person | Opportunity | StageChange | GroupMember | Assignment | Asset | Alias
