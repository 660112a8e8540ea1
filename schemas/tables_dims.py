"""Dimensions from the CRM directory, identity, and the run."""

from __future__ import annotations

from schemas import vocab
from schemas.fields import Column, Table, at, count, flag, text, texts

TABLES = (
    Table("dim_account", "dim", "account", ("account_id",), (
        text("account_id", "Key of accounts.csv", nn=True),
        text("name", "Name"),
        texts("domains", "Registrable domains"),
        text("owner_seller_id", "Owner where assignments.csv says nothing"),
        text("country", "ISO 3166 code; default region of its phone numbers"),
    )),
    Table("dim_seller", "dim", "seller", ("seller_id",), (
        text("seller_id", "person_id of a person of ours", nn=True),
        text("full_name", "Name", personal=True),
        text("title", "Title"),
        text("team_id", "Team"),
        text("timezone", "IANA zone of the working hours"),
    )),
    Table("dim_person", "dim", "person", ("person_id",), (
        text("person_id", "Key of people.csv", nn=True),
        text("full_name", "Name", personal=True),
        text("side", "Whose side the person is on", values=vocab.SIDES),
        text("account_id", "Account of the person"),
        text("title", "Title"),
        flag("is_executive", "Title level VP and above, or as the directory says"),
        text("team_id", "Team, for people of ours"),
    )),
    Table("dim_opportunity", "dim", "deal", ("opportunity_id",), (
        text("opportunity_id", "Key of opportunities.csv", nn=True),
        text("account_id", "Account"),
        text("owner_seller_id", "Owner"),
        at("opened_at", "Opened"),
        at("closed_at", "Closed; NULL while open"),
        text("status", "State", values=vocab.OPPORTUNITY_STATUSES),
        text("loss_reason", "Reason as the CRM has it"),
        Column("amount", "decimal", "Amount in currency"),
        text("currency", "ISO 4217 code"),
        text("name", "Name"),
        text("stage", "CRM stage: the seller's process, never evidence of a buying job"),
    )),
    Table("dim_buying_group_member", "dim", "opportunity x person x role x validity", ("opportunity_id", "person_id", "buyer_role", "valid_from"), (
        text("opportunity_id", "Deal", nn=True),
        text("person_id", "Member", nn=True),
        text("buyer_role", "Role in this deal; a person may hold several", values=vocab.BUYER_ROLES),
        at("valid_from", "From; NULL: always"),
        at("valid_to", "To; NULL: still"),
    )),
    Table("dim_assignment", "dim", "account x seller x role x validity", ("account_id", "seller_id", "role", "valid_from"), (
        text("account_id", "Account", nn=True),
        text("seller_id", "Seller", nn=True),
        text("role", "owner or team", values=("owner", "team")),
        at("valid_from", "From; NULL: always"),
        at("valid_to", "To; NULL: still"),
    ), meaning="Who is assigned to what, when: the spine of coverage (semantics 5.1)."),
    Table("dim_asset", "dim", "asset", ("asset_id",), (
        text("asset_id", "Key of assets.csv", nn=True),
        text("asset_type", "Kind of content", values=vocab.ASSET_TYPES),
        text("name", "Name"),
        text("url", "A link that starts with it shares the asset"),
        text("filename", "Glob; an attachment whose name matches shares the asset"),
    )),
    Table("dim_rule", "dim", "rule version", ("rule_id", "rule_version"), (
        text("rule_id", "Job rule", nn=True),
        text("rule_version", "Hash of the rule book", nn=True),
        text("job", "Buying job that it names", values=vocab.BUYING_JOBS),
        text("tier", "Tier of evidence"),
        Column("priority", "int", "Higher first, inside a tier"),
        Column("confidence", "double", "Rank of evidence of its tier, not a probability"),
    )),
    Table("dim_run", "dim", "pipeline run", ("run_id",), (
        text("run_id", "Hash of as_of, configuration and the units landed", nn=True),
        at("as_of", "The clock of the run", nn=True),
        at("finished_at", "When its tables were complete", nn=True),
        text("config_hash", "Hash of all settings", nn=True),
        text("directory_hash", "Hash of the CRM directory", nn=True),
        text("rules_version", "Hash of the rule book", nn=True),
        count("unit_count", "Units landed since the run before", big=True),
        count("touched_account_count", "Accounts rebuilt", big=True),
        text("touchloop_version", "Version of the program", nn=True),
    )),
    Table("identity_link", "id", "identifier x validity", ("identifier_type", "identifier_hash", "person_id", "rule_id", "valid_from"), (
        text("identifier_type", "Type", nn=True, values=vocab.IDENTIFIER_TYPES),
        text("identifier_hash", "Hash of the normal form", nn=True),
        text("person_id", "Person that it leads to", nn=True),
        text("rule_id", "R1..R5 of semantics 2.2", nn=True, values=vocab.PERSON_RULES),
        at("valid_from", "From; NULL: always"),
        at("valid_to", "To; NULL: still"),
        text("evidence_source", "Where the link stands", nn=True),
    ), meaning="Answers: why is this Carla?"),
    Table("identity_conflict", "id", "conflict", ("conflict_id",), (
        text("conflict_id", "Hash of what disagrees", nn=True),
        text("identifier_type", "Type", nn=True, values=vocab.IDENTIFIER_TYPES),
        text("identifier_hash", "Hash of the normal form", nn=True),
        text("rule_id", "Rule that decided", nn=True),
        text("chosen_person_id", "Person chosen"),
        text("other_person_id", "Person passed over"),
        text("detail", "Why", nn=True, personal=True),
    )),
)  # fmt: skip
