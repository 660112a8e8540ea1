"""Messages among people of two customers: whose question it is, and which accounts an answer counts in."""

from __future__ import annotations

from typing import Any

import pytest
from workspaces import increment, put, snapshot

CRM = {
    "accounts.csv": "account_id,name,domains,owner_seller_id,country\nA1,One,one.example,S1,DE\nA2,Two,two.example,S1,DE\n",
    "people.csv": "person_id,side,emails,account_id\n"
    "S1,seller,sam@vendor.example,\nB1,buyer,bea@one.example,A1\nC1,buyer,cy@two.example,A2\nC2,buyer,di@two.example,A2\n",
    "opportunities.csv": "opportunity_id,account_id,opened_at,status\nO1,A1,2026-03-01T00:00:00Z,open\n",
}
SAM, BEA, CY, DI = "sam@vendor.example", "bea@one.example", "cy@two.example", "di@two.example"


def mail(name: str, day: str, sender: str, to: str, *, cc: str = "", parent: str = "") -> tuple[str, bytes]:
    head = [
        f"Message-ID: <{name}@x.example>",
        f"Date: {day} Mar 2026 10:00:00 +0000",
        f"From: {sender}",
        f"To: {to}",
        f"Subject: {'Re: ' if parent else ''}Shall we talk",
        *([f"Cc: {cc}"] if cc else []),
        *([f"In-Reply-To: <{parent}@x.example>"] if parent else []),
    ]
    return f"email/sam/{name}.eml", ("\r\n".join(head) + "\r\n\r\nHello.\r\n").encode()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Any, ...]]]:
    root = tmp_path_factory.mktemp("two")
    (root / "touchloop.toml").write_text('[identity]\ncompany_domains = ["vendor.example"]\n')
    put(root, [(f"crm/{name}", text.encode()) for name, text in CRM.items()])
    put(
        root,
        [
            mail("ask", "2", CY, SAM, cc=BEA),
            mail("answer", "3", SAM, CY, parent="ask"),
            mail("other", "9", CY, SAM),
            mail("to-both", "10", SAM, f"{BEA}, {CY}"),
        ],
    )
    increment(root, "2026-05-01T00:00:00Z")
    queries = {
        "account": "SELECT split_part(source_event_id, '@', 1), account_id FROM fact_touchpoint ORDER BY occurred_at",
        "response": """SELECT account_id, asker_party_id, answer_touchpoint_id IS NOT NULL, response_business_seconds // 3600
                       FROM fact_response ORDER BY asked_at""",
        "pair": """SELECT account_id, seller_touch_count, buyer_evidence_count, engaged_contacts, response_rate_num
                   FROM mart_seller_account_period WHERE period_grain = 'lifetime' ORDER BY 1""",
        "seller": """SELECT seller_touch_count, outbound_count, buyer_evidence_count
                     FROM mart_seller_period WHERE period_grain = 'lifetime'""",
        "journey": "SELECT account_id, touchpoint_count FROM mart_journey_summary WHERE journey_scope = 'account' ORDER BY 1",
    }
    with snapshot(root, published=False) as connection:
        return {name: connection.execute(query).fetchall() for name, query in queries.items()}


def test_a_question_is_its_authors(found: dict[str, list[tuple[Any, ...]]]) -> None:
    """A buyer's mail belongs to the author's account, though somebody of a customer with an open deal reads along."""
    assert found["account"][0][1] == "A2"


def test_an_answer_to_the_author_answers(found: dict[str, list[tuple[Any, ...]]]) -> None:
    """It counts in the account of the question, and so does one that is sent to two customers, whichever is primary."""
    assert found["account"][3][1] == "A1"
    assert found["response"] == [("A2", "C1", True, 8), ("A2", "C1", True, 8)]


def test_a_message_to_two_customers_is_a_touch_in_both(found: dict[str, list[tuple[Any, ...]]]) -> None:
    """It is in both accounts' figures and journeys, and counts once for the seller; reading along is no evidence."""
    assert found["pair"] == [("A1", 1, 0, 0, 0), ("A2", 2, 2, 1, 2)]
    assert found["seller"] == [(2, 2, 2)]
    assert found["journey"] == [("A1", 1), ("A2", 4)]
