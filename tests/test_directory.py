"""Who is who: persons (R1 to R6), sides (P1 to P5), conflicts, and who has what at which time."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.crm.directory import Directory, ResolvedParty
from transforms.crm.files import Account, Alias, Assignment, Crm, GroupMember, Opportunity, Person
from transforms.event import Party, hash_id
from transforms.normal import older_first, phone_id
from transforms.settings import Identity

IDENTITY = Identity(
    company_domains=("ours.example",), partner_domains=("partner.test",), free_mail_domains=("isp.test",)
)
ANN, BOB, SUE, PAT = "email:ann@acme.test", "email:bob@beta.test", "email:sue@ours.example", "email:pat@consult.test"


def crm(**more: Any) -> Crm:
    rows: dict[str, list[Any]] = {
        "accounts": [
            Account(
                account_id="A1", domains=("acme.test", "group.test", "gmail.com"), country="DE", owner_seller_id="S9"
            ),
            Account(account_id="A2", domains=("beta.test", "group.test", "isp.test")),
        ],
        "people": [
            Person(
                person_id="B1",
                side="buyer",
                emails=(ANN,),
                account_id="A1",
                title="Vice President Operations",
                phones=("030 12345678",),
                external_ids=("external_id:slack:U1",),
            ),
            Person(person_id="B2", side="buyer", emails=(BOB,), account_id="A2", title="Analyst"),
            Person(person_id="S1", side="seller", emails=(SUE,), team_id="T1", is_executive=False, title="VP Sales"),
            Person(person_id="P1", side="partner", emails=(PAT,)),
        ],
    }
    for name, extra in more.items():
        rows[name] = rows.get(name, []) + extra
    return Crm(**rows)


def build(bindings: tuple[tuple[str, ...], ...] = (), **more: Any) -> Directory:
    return Directory.build(crm(**more), IDENTITY, bindings)


def buyer(person_id: str, *emails: str, **fields: Any) -> Person:
    return Person(person_id=person_id, side="buyer", emails=emails, **fields)


def alias(identifier: str, person_id: str) -> Alias:
    return Alias(identifier_type=identifier.partition(":")[0], identifier=identifier, person_id=person_id)


def party(*ids: str, **fields: Any) -> Party:
    return Party(ids=ids, role=fields.pop("role", "to"), **fields)


# persons


@pytest.mark.parametrize(
    ("ids", "person_id", "rule_id"),
    [
        (("external_id:slack:U1",), "B1", "R1"),
        (("external_id:crm:B2",), "B2", "R1"),
        ((ANN,), "B1", "R2"),
        (("email:nobody@acme.test", BOB), "B2", "R2"),
        (("email:old@acme.test",), "B1", "R3"),
        (("anonymous_id:segment:77",), "B2", "R3"),
        (("anonymous_id:snowplow:88",), "B1", "R3"),
        (("anonymous_id:snowplow:77",), None, "R6"),
        (("email:ann+news@acme.test",), "B1", "R3"),
        (("phone:+493012345678",), "B1", "R4"),
        (("phone:+493012345678", BOB), "B2", "R2"),
        (("email:a.nn@acme.test",), None, "R6"),
        (("email:ghost@acme.test",), None, "R6"),
        ((), None, "R6"),
    ],
)
def test_the_first_rule_that_hits_names_the_person(ids: tuple[str, ...], person_id: str | None, rule_id: str) -> None:
    """R1 external id, R2 email, R3 alias or base address, R4 phone, else nobody; an alias of nobody says nothing."""
    directory = build(
        aliases=[
            alias("email:old@acme.test", "B1"),
            alias("anonymous_id:segment:77", "B2"),
            alias("anonymous_id:*:88", "B1"),
            alias("email:ghost@acme.test", "X"),
        ]
    )
    match = directory.person_of(ids)
    assert (match.person_id, match.rule_id) == (person_id, rule_id)


def test_a_national_number_of_an_alias_is_of_its_persons_country() -> None:
    """The account's country is the region of an alias's number as of a contact's own; where that has none it is no key."""
    for number in ("030 87654321", "(030) 876-543 21"):
        national = [alias(f"phone:{number}", "B1"), alias("phone:030 11112222", "B2"), alias("phone:911", "B1")]
        directory = build(aliases=national)
        match = directory.person_of(("phone:+493087654321",))
        assert (match.person_id, match.rule_id) == ("B1", "R3")
        assert directory.person_of(("phone:+493011112222",)).person_id is None
        assert not [
            one for one in directory.names_of("B1") if one.startswith("phone:") and not one.startswith("phone:+")
        ]


def test_the_link_of_a_contact_whom_the_payloads_account_chose_is_told() -> None:
    """The directory's list has the address as the other contact's; who asks why this is D2 finds it beside."""
    shared = "email:both@free.example"
    directory = build(people=[buyer("D1", shared, account_id="A1"), buyer("D2", shared, account_id="A2")])
    chosen = directory.person_of((shared,), "A2")
    assert chosen.person_id == "D2"
    link = directory.link_of(chosen)
    assert link is not None
    assert (link.person_id, link.rule_id, link.identifier_hash) == ("D2", "R2", hash_id(shared))
    assert directory.link_of(directory.person_of((shared,), "A1")) is None


def test_a_phone_of_two_people_is_nobodys() -> None:
    """R4 asks for exactly one person, whatever the way in which the number is written."""
    directory = build(people=[buyer("B3", account_id="A2", phones=("+49 30 12345678",))])
    assert directory.person_of(("phone:+493012345678",)).rule_id == "R6"


@pytest.mark.parametrize(
    ("seen", "person_id"),
    [
        ("030 5555555 ext. 12", "B3"),
        ("+49 30 5555555 x12", "B3"),
        ("tel:+49-30-5555555;ext=12", "B3"),
        ("+49 30 5555555 ext. 13", "B4"),
        ("+49 30 5555555 ext. 14", None),
        ("+49 30 5555555", None),
    ],
)
def test_extensions_of_one_switchboard_are_kept_apart(seen: str, person_id: str | None) -> None:
    """2.1: colleagues share the number and not the extension; the number alone is the company's."""
    listed = [("B3", "+49 30 5555555 ext. 12"), ("B4", "030 5555555 x 13")]
    people = [buyer(one, account_id="A1", phones=(phone,)) for one, phone in listed]
    directory = build(people=people, aliases=[alias("phone:+493055555550;ext=7", "B3")])
    number = phone_id(seen, "DE")
    assert number is not None
    assert directory.person_of((number,)).person_id == person_id
    assert directory.person_of(("phone:+493055555550;ext=7",)).rule_id == "R3"


def test_gmail_dots_and_tags_lead_to_the_base_address_only_if_it_is_known() -> None:
    """``a.n.n+x@gmail.com`` is ann@gmail.com if somebody has that address."""
    assert build(people=[buyer("B3", "email:ann@gmail.com")]).person_of(("email:a.n.n+x@gmail.com",)).person_id == "B3"
    assert build().person_of(("email:a.n.n+x@gmail.com",)).person_id is None


def test_gmail_reads_no_dots_in_the_directory_either() -> None:
    """Somebody listed as a.nn@gmail.com writes as ann@gmail.com too; of two people with one mailbox it is nobody's."""
    known = build(people=[buyer("B3", "email:a.nn@gmail.com")])
    for written in ("email:ann@gmail.com", "email:an.n+x@gmail.com"):
        assert (known.person_of((written,)).person_id, known.person_of((written,)).rule_id) == ("B3", "R3")
    two = build(people=[buyer("B3", "email:a.nn@gmail.com"), buyer("B4", "email:an.n@gmail.com")])
    assert two.person_of(("email:ann@gmail.com",)).person_id is None
    assert two.person_of(("email:an.n@gmail.com",)).person_id == "B4"


def test_an_external_id_outvotes_an_email_and_the_conflict_is_logged() -> None:
    """R1 and R2 of one party name two persons: R1 wins, and one row says so without the address in it."""
    match = build().person_of((BOB, "external_id:slack:U1"))
    assert (match.person_id, match.rule_id, match.identifier) == ("B1", "R1", "external_id:slack:U1")
    assert match.conflict is not None
    assert (match.conflict.chosen_person_id, match.conflict.other_person_id) == ("B1", "B2")
    assert "bob" not in match.conflict.detail


@pytest.mark.parametrize(
    ("email", "hint", "chosen", "other"),
    [
        ("email:office@beta.test", None, "C2", "C1"),
        ("email:office@beta.test", "A1", "C1", "C2"),
        ("email:office@gmail.com", None, "C1", "C2"),
        ("email:office@gmail.com", "A2", "C2", "C1"),
        ("email:office@gmail.com", "A7", "C1", "C2"),
        ("email:office@group.test", None, "C1", "C2"),
    ],
)
def test_one_email_on_two_contacts_goes_to_the_fitting_account_else_to_the_older(
    email: str, hint: str | None, chosen: str, other: str
) -> None:
    """The payload's account, then the domain's only account, then the older id; always logged."""
    directory = build(people=[buyer("C1", email, account_id="A1"), buyer("C2", email, account_id="A2")])
    match = directory.person_of((email,), hint)
    assert match.person_id == chosen
    assert match.conflict is not None
    assert (match.conflict.chosen_person_id, match.conflict.other_person_id) == (chosen, other)
    assert email.partition(":")[2] not in match.conflict.detail
    assert len(directory.conflicts()) == 1


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("951", "1002"),
        ("C-951", "C-1002"),
        ("eu1:951", "eu1:1002"),
        ("C", "C1"),
        ("007", "12"),
        ("0035g000A9ZQA", "0035g000AB1QA"),
        ("0035g000AB45", "0035g000AB5A"),
        ("0035g000A05", "0035g000A1B"),
    ],
)
def test_of_two_ids_the_older_is_the_one_that_was_given_out_first(older: str, newer: str) -> None:
    """Numbers are compared as such, also behind the same letters or a separator; ids of one length that mix both are compared as text."""
    email = "email:office@gmail.com"
    directory = build(people=[buyer(newer, email), buyer(older, email)])
    assert directory.person_of((email,)).person_id == older
    aliases = [alias("email:away@gmail.com", newer), alias("email:away@gmail.com", older)]
    directory = build(people=[buyer(newer), buyer(older)], aliases=aliases)
    assert directory.person_of(("email:away@gmail.com",)).person_id == older


@given(st.lists(st.text("09aZ-é٣", max_size=6), unique=True, max_size=8))
def test_the_order_of_ids_is_total(ids: list[str]) -> None:
    """Two ids are never equally old, whatever characters they are of."""
    assert len(set(map(older_first, ids))) == len(ids)


def test_an_alias_that_contradicts_a_contact_loses_and_is_logged() -> None:
    """R2 comes before R3."""
    directory = build(aliases=[alias(BOB, "B1")])
    assert directory.person_of((BOB,)).person_id == "B2"
    assert [(one.chosen_person_id, one.other_person_id) for one in directory.conflicts()] == [("B2", "B1")]


# what profiles bind


def test_a_source_profile_binds_its_native_id_to_the_persons_email() -> None:
    """A later message that carries the native id alone is that person's."""
    match = build(bindings=(("external_id:slack:U7", BOB),)).person_of(("external_id:slack:U7",))
    assert (match.person_id, match.rule_id) == ("B2", "R1")


def test_a_profile_may_spell_a_listed_address_in_its_own_way() -> None:
    """Gmail reads no dots: the native id is of whom the directory lists, and the spelling is not lent to a listed user who shows it."""
    told = (("external_id:slack:U7", "email:ann@gmail.com"), ("external_id:slack:U1", "email:an.n+x@gmail.com"))
    directory = build(told, people=[buyer("B3", "email:a.nn@gmail.com")])
    assert directory.person_of(("external_id:slack:U7",)).person_id == "B3"
    for written in ("email:ann@gmail.com", "email:an.n+x@gmail.com"):
        assert directory.person_of((written,)).person_id == "B3"


def test_a_profile_of_a_stranger_lends_the_email_to_the_native_id() -> None:
    """So the stranger is one provisional party in chat and email, and the domain leads to the account in both."""
    directory = build(bindings=(("external_id:slack:U7", "email:new@beta.test"),))
    chat = directory.party(party("external_id:slack:U7"))
    mail = directory.party(party("email:new@beta.test"))
    assert chat.party_id == mail.party_id == "u:" + hash_id("email:new@beta.test")
    assert (chat.side, chat.domain_accounts) == ("buyer", ("A2",))


def test_profiles_that_name_two_persons_bind_nobody() -> None:
    """No automatic merging; the disagreement is logged."""
    directory = build(bindings=(("external_id:slack:U7", BOB), (ANN, "external_id:slack:U7")))
    assert directory.person_of(("external_id:slack:U7",)).person_id is None
    assert [(one.chosen_person_id, one.other_person_id) for one in directory.conflicts()] == [(None, "B1")]


def test_a_known_address_does_not_bridge_two_profiles() -> None:
    """Two native ids share Bob's address and are his; what one of them held beside it is nobody's."""
    directory = build(
        bindings=(
            ("external_id:slack:U7", BOB),
            ("external_id:teams:7", BOB),
            ("external_id:teams:7", "email:bob@home.test"),
        )
    )
    for one in ("external_id:slack:U7", "external_id:teams:7"):
        assert directory.person_of((one,)).person_id == "B2"
    assert directory.person_of(("email:bob@home.test",)).rule_id == "R6"


def test_a_mailbox_that_profiles_share_or_have_left_merges_nobody() -> None:
    """Whose profile held an unknown address beside a known one is who has that; the address, and others who show it, stay unknown."""
    team, old = "email:team@beta.test", "phone:+493011112222"
    directory = build(
        bindings=(
            ("external_id:slack:U7", team),
            ("external_id:intercom:9", team, old),
            ("external_id:intercom:9", BOB),
            ("external_id:slack:U1", ANN),
            ("external_id:slack:U1", "email:info@acme.test"),
        )
    )
    assert directory.person_of(("external_id:intercom:9",)).person_id == "B2"
    for one in ("external_id:slack:U7", team, old, "email:info@acme.test"):
        assert directory.person_of((one,)).person_id is None, one
    assert directory.party(party("external_id:slack:U7")).party_id == directory.party(party(team)).party_id
    assert directory.conflicts() == []


@pytest.mark.parametrize(("native", "rule_id"), [("external_id:slack:U1", "R1"), ("external_id:slack:U2", "R3")])
def test_an_address_that_only_the_profile_of_a_listed_user_tells_is_theirs(native: str, rule_id: str) -> None:
    """By the rule that knows the user, which the link tells; what is listed itself goes before it, and two users make it nobody's."""
    work, phone = "email:ann.work@acme.test", "phone:+493011112222"
    aliases = [alias("external_id:slack:U2", "B1"), alias("external_id:slack:U3", "B2")]
    told = ((native, work, phone), ("external_id:teams:7", work))
    directory = build(told, aliases=aliases)
    for one in (work, phone):
        match = directory.person_of((one,))
        assert (match.person_id, match.rule_id) == ("B1", rule_id)
        links = [link for link in directory.links() if link.identifier_hash == hash_id(one)]
        assert [(link.person_id, link.rule_id, link.evidence_source) for link in links] == [("B1", rule_id, "profile")]
    assert directory.person_of(("external_id:teams:7",)).person_id == "B1"
    assert directory.person_of((work, BOB)).person_id == "B2"
    assert directory.person_of((work, BOB)).conflict is None
    directory = build((*told, ("external_id:slack:U3", work)), aliases=aliases)
    assert directory.person_of((work,)).person_id is None
    assert [one.identifier_hash for one in directory.conflicts()] == [hash_id(work)]


def test_ids_that_a_profile_has_absorbed_are_of_one_user() -> None:
    """A merged contact names the one that it has taken in: both are whoever either is, and what one held beside a known address is unknown."""
    directory = build(
        bindings=(
            ("external_id:intercom:1", "email:info@beta.test"),
            ("external_id:intercom:2", "external_id:intercom:1"),
            ("external_id:intercom:2", BOB),
        )
    )
    for one in ("external_id:intercom:1", "external_id:intercom:2"):
        assert directory.person_of((one,)).person_id == "B2"
    assert directory.person_of(("email:info@beta.test",)).person_id is None


def test_profiles_leave_anonymous_ids_alone() -> None:
    """Those belong to somebody for a time only, which R5 decides."""
    directory = build(bindings=(("anonymous_id:segment:9", BOB),))
    assert directory.person_of(("anonymous_id:segment:9",)).person_id is None


def test_an_anonymous_id_bound_for_the_time_is_r5_and_never_outvotes_a_known_one() -> None:
    """``bound`` counts only where R1 to R4 know nobody, and only in that call."""
    directory = build()
    bound = {"anonymous_id:segment:9": "B2"}
    resolved = directory.party(party("anonymous_id:segment:9"), bound)
    assert (resolved.person_id, resolved.rule_id, resolved.account_id, resolved.side) == ("B2", "R5", "A2", "buyer")
    assert directory.party(party("anonymous_id:segment:9")).person_id is None
    assert directory.party(party(ANN, "anonymous_id:segment:9"), bound).person_id == "B1"


def test_a_profile_with_the_identifiers_of_two_persons_is_logged() -> None:
    """R1 and R2 disagree in a profile: who writes under the native id is the contact that has it, and one row says so."""
    directory = build(bindings=(("external_id:slack:U1", BOB), ("external_id:slack:U1", ANN)))
    assert directory.person_of(("external_id:slack:U1",)).person_id == "B1"
    (conflict,) = directory.conflicts()
    assert (conflict.rule_id, conflict.chosen_person_id, conflict.other_person_id) == ("R1", "B1", "B2")
    assert conflict.identifier_hash == hash_id("external_id:slack:U1")


def test_domains_of_other_alphabets_lead_to_their_account_and_side() -> None:
    """However the domain is written in the directory, in the settings or in the address."""
    crm = Crm(accounts=[Account(account_id="A1", domains=("bücher.example",))])
    directory = Directory.build(crm, Identity(company_domains=("größe.example",)))
    buyer = directory.party(party("email:ann@xn--bcher-kva.example"))
    assert (buyer.side, buyer.domain_accounts) == ("buyer", ("A1",))
    assert directory.party(party("email:sam@xn--gre-6ka8i.example")).side == "seller"


# sides


@pytest.mark.parametrize(
    ("ids", "stated", "side"),
    [
        ((SUE,), "buyer", "seller"),
        (("email:new@eu.ours.example",), None, "seller"),
        (("email:x@partner.test",), None, "partner"),
        ((PAT,), "buyer", "partner"),
        (("email:no-reply@acme.test",), None, "system"),
        (("email:bounces+17=x@acme.test",), None, "system"),
        (("email:jira_noreply@acme.test",), "buyer", "system"),
        (("email:no_reply@acme.test",), None, "system"),
        (("email:do.not.reply-7@acme.test",), None, "system"),
        (("email:abbot@acme.test",), None, "buyer"),
        (("email:bot@acme.test",), None, "system"),
        (("email:system+jobs@acme.test",), None, "system"),
        (("email:thomas.bot@acme.test",), None, "buyer"),
        (("email:system.integration@acme.test",), None, "buyer"),
        (("email:deploy-bot@acme.test",), None, "system"),
        (("email:bot_7@acme.test",), "buyer", "system"),
        (("email:talbot-smith@acme.test",), None, "buyer"),
        (("email:sales-bounces@acme.test",), None, "system"),
        ((ANN,), "seller", "buyer"),
        (("external_id:intercom:1",), "seller", "seller"),
        (("external_id:intercom:1",), "unknown", "unknown"),
        (("email:x@acme.test",), None, "buyer"),
        (("email:x@mail.acme.test",), None, "buyer"),
        (("email:x@group.test",), None, "unknown"),
        (("email:x@group.test",), "buyer", "buyer"),
        (("email:x@gmail.com",), None, "unknown"),
        (("email:x@isp.test",), None, "unknown"),
        (("email:x@mailinator.com",), None, "unknown"),
        (("email:x@stranger.test",), None, "unknown"),
        ((), None, "unknown"),
    ],
)
def test_sides_follow_directory_domains_addresses_statement_and_account(
    ids: tuple[str, ...], stated: str | None, side: str
) -> None:
    """P1 to P5 in their order; free and disposable mail names no company even if an account claims the domain."""
    assert build().party(party(*ids, side=stated)).side == side


def test_whoever_the_directory_lists_is_no_machine_by_a_name() -> None:
    """Mr Bot is a buyer from any of his addresses, and by his chat's id; what no human writes from is a machine's on a list, too."""
    addresses = ("email:bot@acme.test", "email:t.bot@acme.test", "email:no-reply@acme.test")
    listed = buyer("B3", *addresses, account_id="A1", external_ids=("external_id:slack:U3",))
    directory = build(people=[listed])
    sides = [directory.party(party(one)).side for one in (*addresses, "external_id:slack:U3")]
    assert sides == ["buyer", "buyer", "system", "buyer"]


def test_a_party_keeps_role_presence_and_what_the_directory_says() -> None:
    """One row with person, account, level and the hash of the identifier that decided."""
    resolved = build().party(party("email:x@none.test", ANN, role="required", attended=True))
    assert resolved == ResolvedParty(
        party_id="B1",
        person_id="B1",
        side="buyer",
        rule_id="R2",
        identifier_type="email",
        identifier_hash=hash_id(ANN),
        identifier=ANN,
        account_id="A1",
        domain_accounts=("A1",),
        role="required",
        is_executive=True,
        attended=True,
    )


def test_a_bare_name_is_a_provisional_party_of_that_name() -> None:
    """Case and spaces do not matter; two names are two parties; a party without anything is one too."""
    directory = build()
    first = directory.party(party(name="Guest  One"))
    assert first.party_id == directory.party(party(name="guest one ")).party_id == "u:" + hash_id("name:guest one")
    assert (first.rule_id, first.identifier_type, first.person_id) == ("R6", "name", None)
    assert directory.party(party(name="Guest Two")).party_id != first.party_id
    nobody = directory.party(party())
    assert (nobody.party_id[:2], nobody.identifier_type, nobody.identifier_hash) == ("u:", None, None)


def test_the_directory_decides_who_is_executive_and_the_title_where_it_is_silent() -> None:
    """An explicit no beats a title; without title nothing is known."""
    directory = build()
    assert [directory.is_executive(one) for one in ("B1", "B2", "S1", "P1", "X")] == [True, False, False, None, None]


# who has what


def assigned(seller: str, role: str, start: int | None, end: int | None) -> Assignment:
    return Assignment(account_id="A1", seller_id=seller, role=role, valid_from=start, valid_to=end)


def test_the_owner_is_who_was_assigned_then_else_the_accounts_owner() -> None:
    """Validity includes its start and excludes its end; of two owners the later beginning counts; teams do not own."""
    directory = build(
        assignments=[
            assigned("S1", "owner", 100, 200),
            assigned("S2", "owner", 150, None),
            assigned("S3", "team", 0, None),
            assigned("S4", "owner", None, 50),
        ]
    )
    found = [directory.owner_of("A1", at) for at in (0, 49, 50, 100, 149, 150, 200)]
    assert found == ["S4", "S4", "S9", "S1", "S1", "S2", "S2"]
    assert directory.owner_of("A2", 0) is None


def test_buyer_roles_are_those_held_at_the_time() -> None:
    """A person may hold several; they come sorted."""
    directory = build(
        buying_group=[
            GroupMember(opportunity_id="O1", person_id="B1", buyer_role="user", valid_to=200),
            GroupMember(opportunity_id="O1", person_id="B1", buyer_role="champion", valid_from=100),
            GroupMember(opportunity_id="O2", person_id="B1", buyer_role="blocker"),
        ]
    )
    found = [directory.roles_of("O1", "B1", at) for at in (50, 100, 200)]
    assert found == [["user"], ["champion", "user"], ["champion"]]


def test_links_say_which_rule_and_file_give_an_identifier_to_a_person() -> None:
    """Hashes only; a base address is a link that the match itself brings."""
    directory = build(bindings=(("external_id:slack:U7", BOB),), aliases=[alias("email:old@acme.test", "B1")])
    found = {one.identifier_hash: (one.person_id, one.rule_id, one.evidence_source) for one in directory.links()}
    assert found[hash_id(ANN)] == ("B1", "R2", "people.csv")
    assert found[hash_id("email:old@acme.test")] == ("B1", "R3", "aliases.csv")
    assert found[hash_id("phone:+493012345678")] == ("B1", "R4", "people.csv")
    assert found[hash_id("external_id:slack:U7")] == ("B2", "R1", "profile")
    base = directory.link_of(directory.person_of(("email:ann+x@acme.test",)))
    assert base is not None
    assert (base.identifier_hash, base.rule_id) == (hash_id("email:ann+x@acme.test"), "R3")
    assert directory.link_of(directory.person_of((ANN,))) is None


# any order

_PERSONS = ("C1", "C2", "C3")
_EMAILS = ("email:x@acme.test", "email:x@group.test", "email:x@gmail.com", "email:x+1@gmail.com")
_EXTERNAL = ("external_id:slack:1", "external_id:slack:2")
_ALL = (*_EMAILS, *_EXTERNAL, "phone:+493012345678")


@st.composite
def directories(draw: st.DrawFn) -> tuple[Crm, list[tuple[str, ...]]]:
    some = st.lists(st.sampled_from(_EMAILS), max_size=3, unique=True).map(tuple)
    people = [
        Person(
            person_id=one,
            side=draw(st.sampled_from(("buyer", "seller", "partner"))),
            emails=draw(some),
            phones=draw(st.sampled_from(((), ("030 12345678",)))),
            account_id=draw(st.sampled_from((None, "A1", "A2", "gone"))),
            external_ids=draw(st.lists(st.sampled_from(_EXTERNAL), max_size=2, unique=True).map(tuple)),
        )
        for one in draw(st.lists(st.sampled_from(_PERSONS), unique=True))
    ]
    aliases = draw(st.lists(st.builds(alias, st.sampled_from(_ALL), st.sampled_from(_PERSONS)), max_size=5))
    groups = st.lists(st.builds(lambda d, p: GroupMember(opportunity_id=d, person_id=p, buyer_role="user"),
                                st.sampled_from(("O1", "O2")), st.sampled_from(_PERSONS)), max_size=4)  # fmt: skip
    deals = [Opportunity(opportunity_id=one, account_id="A1", opened_at=7, status="open") for one in ("O1", "O2")]
    rows = Crm(accounts=crm().accounts, people=people, aliases=aliases, buying_group=draw(groups), opportunities=deals)
    names = st.lists(st.sampled_from((*_ALL, "external_id:teams:9", "email:y@beta.test")), min_size=1, max_size=3)
    return rows, draw(st.lists(names.map(tuple), max_size=4))


def everything(directory: Directory) -> list[Any]:
    """All that a directory says about the identifiers of ``directories``."""
    said: list[Any] = [directory.conflicts(), list(directory.links())]
    said += [directory.opportunities_of("A1"), directory.group_members("O1"), directory.group_members("O2")]
    for first in (*_ALL, "external_id:teams:9", "email:y@beta.test"):
        said.append(directory.party(party(first)))
        said += [directory.party(party(first, second), account_hint="A2") for second in _ALL]
    return said


@given(directories(), st.randoms(use_true_random=False))
@settings(max_examples=100)
def test_the_order_of_the_rows_does_not_matter(given_rows: tuple[Crm, list[tuple[str, ...]]], random: Any) -> None:
    """Shuffled files, repeated rows and shuffled bindings give the same persons, sides, links and conflicts."""
    rows, bindings = given_rows
    shuffled = {
        name: random.sample(value, len(value)) for name in Crm.__struct_fields__ for value in [getattr(rows, name)]
    }
    again = Directory.build(Crm(**shuffled), IDENTITY, random.sample(bindings, len(bindings)) + bindings[:1])
    assert everything(again) == everything(Directory.build(rows, IDENTITY, bindings))


def test_a_directory_travels_to_workers() -> None:
    """Pickled after use, it says the same and leaves what it remembered at home."""
    directory = build(bindings=(("external_id:slack:U7", BOB),))
    fresh = len(pickle.dumps(directory))
    before = [directory.party(party(one)) for one in (ANN, BOB, SUE, "external_id:slack:U7", "email:z@acme.test")]
    packed = pickle.dumps(directory)
    assert len(packed) == fresh
    there = pickle.loads(packed)
    assert [there.party(party(one)) for one in (ANN, BOB, SUE, "external_id:slack:U7", "email:z@acme.test")] == before


@pytest.mark.parametrize(
    ("who", "side"),
    [
        (Party(("email:fred@fireflies.ai",), "attendee"), "system"),
        (Party(("email:ann@read.ai",), "attendee"), "buyer"),
        (Party(("email:bot@read.ai",), "attendee", side="seller"), "system"),
        (Party((), "attendee", name="Sam's Notetaker (Otter.ai)"), "system"),
        (Party((), "attendee", name="Noah Taker"), "unknown"),
        (Party(("email:sue@vendor.test",), "attendee", name="Sue's Notetaker"), "seller"),
    ],
)
def test_a_note_taker_is_no_attendee_of_either_side(who: Party, side: str) -> None:
    """P4: a recording program is a system by its vendor's address or, without one, by its name; a known contact there is a person."""
    known = Person(person_id="p", side="buyer", emails=("email:ann@read.ai",))
    directory = Directory.build(Crm(people=[known]), Identity(company_domains=("vendor.test",)))
    assert directory.party(who).side == side


def test_people_of_a_company_that_makes_note_takers_are_people() -> None:
    """An account's domain is a customer's, whatever the customer sells; our own and a partner's come first too (P2, P3)."""
    ann = Party(("email:ann@otter.ai",), "attendee")
    customer = Crm(accounts=[Account(account_id="A", domains=("otter.ai",))])
    assert Directory.build(customer, Identity()).party(ann).side == "buyer"
    assert Directory.build(Crm(), Identity(company_domains=("otter.ai",))).party(ann).side == "seller"
    assert Directory.build(Crm(), Identity(partner_domains=("otter.ai",))).party(ann).side == "partner"


@pytest.mark.parametrize(
    ("title", "executive"),
    [
        ("CFO", True),
        ("VP Sales", True),
        ("Managing Partner", True),
        ("Owner", True),
        ("CISO", True),
        ("CPO", True),
        ("Group CHRO", True),
        ("Head of Cargo", False),
        ("Product Owner", False),
        ("Partner Manager", False),
        ("V.P. Operations", True),
        ("c.f.o.", True),
        ("Group V.P., Supply", True),
        ("GVP Europe", True),
        ("AVP Lending", False),
        ("Assistant Vice President", False),
        ("Associate Vice-President, Lending", False),
        ("CFO and Associate Vice President", True),
        ("Cofounder", True),
        ("Co-Founder", True),
        ("CGO", True),
        ("Chairwoman of the Board", True),
        ("VP, Office of the CTO", True),
        ("RVP Sales", True),
        ("VP & Assistant General Counsel", True),
        ("CFO, reporting to the CEO", True),
    ],
)
def test_a_title_level_makes_an_executive(title: str, executive: bool) -> None:
    """VP and above, by title, where the directory leaves it open; a product owner owns no company."""
    directory = Directory.build(Crm(people=[Person(person_id="p", side="buyer", title=title)]), Identity())
    assert directory.is_executive("p") is executive


@pytest.mark.parametrize(
    "title",
    [
        "Geschäftsführer", "Kaufmännische Geschäftsführerin", "Gescha\u0308ftsfu\u0308hrer:in", "GESCHAEFTSFUEHRER", "Stellv. Geschäftsführer",
        "Mitglied der Geschäftsleitung", "Vorsitzende der Geschäftsführung", "Vorstand", "Finanzvorstand", "Vorstandsvorsitzender",
        "Mitglied des Vorstands", "Generaldirektor", "Directeur général", "Directrice Générale Adjointe", "PDG", "P.D.G.",
        "Président-directeur général", "Vice-présidente ventes", "Director General", "Directora General", "Consejera Delegada",
        "Gerente General", "Presidente", "Vicepresidente Comercial", "Amministratore Delegato", "Direttrice Generale", "Diretor-Geral",
        "Algemeen directeur", "Verkställande direktör", "Administrerende direktør", "Toimitusjohtaja",
    ],
)  # fmt: skip
def test_who_heads_a_company_is_an_executive_in_its_own_language_too(title: str) -> None:
    """However the letters of the title were put together."""
    directory = Directory.build(Crm(people=[Person(person_id="p", side="buyer", title=title)]), Identity())
    assert directory.is_executive("p") is True


@pytest.mark.parametrize(
    "title",
    [
        "Assistentin der Geschäftsführung", "Assistenz Geschäftsführer", "Referent Vorstand", "Vorstandsassistentin", "Sekretärin Vorstand",
        "Assistante PDG", "Assistante du Directeur général", "Assistant du président", "Adjoint au directeur général",
        "Asistente del Director General", "Secretaria del Presidente", "Assistente dell'Amministratore Delegato", "Segretaria del Presidente",
        "Directeur des ventes", "Direktor", "Bereichsleiter", "Geschäftsstellenleiter", "Presidential Fellow", "Directora de Marketing",
    ],
)  # fmt: skip
def test_who_works_for_the_head_of_a_company_is_none_in_its_own_language_either(title: str) -> None:
    """Nor is a head of less than the company."""
    directory = Directory.build(Crm(people=[Person(person_id="p", side="buyer", title=title)]), Identity())
    assert directory.is_executive("p") is False


@pytest.mark.parametrize(
    "title",
    [
        "Executive Assistant to the CEO",
        "Assistant to the Chief Financial Officer",
        "EA to CEO & CFO",
        "Secretary to the President",
        "Personal Assistant, CEO",
        "Program Manager, Office of the CIO",
        "CEO's assistant",
        "Director reporting to the VP Sales",
    ],
)
def test_who_works_for_an_executive_is_none(title: str) -> None:
    """The level that a title names is its holder's own, and not that of the person it says they work for."""
    directory = Directory.build(Crm(people=[Person(person_id="p", side="buyer", title=title)]), Identity())
    assert directory.is_executive("p") is False
