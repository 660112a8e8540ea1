"""The seven CSV files of the directory: what each cell becomes, and what is rejected for what reason."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.crm.files import (
    CRM_FILES,
    Account,
    Alias,
    Assignment,
    Opportunity,
    Person,
    crm_of,
    read_crm_file,
    unknown_columns,
)
from transforms.event import Reject
from transforms.times import from_datetime

PEOPLE = "person_id,side,full_name,emails,phones,account_id,title,is_executive,team_id,timezone,external_ids\n"
OPPORTUNITIES = (
    "opportunity_id,account_id,name,owner_seller_id,opened_at,closed_at,status,loss_reason,amount,currency,stage\n"
)


def rows(name: str, text: str | bytes, **kwargs: Any) -> list[Any]:
    data = text.encode() if isinstance(text, str) else text
    return [row for _, _, row in read_crm_file(name, data, **kwargs)]


def verdicts(name: str, text: str | bytes) -> list[tuple[str, str | None]]:
    """(reason, field) of each row; ("row", None) where it was read."""
    return [(row.reason_code, row.field_path) if isinstance(row, Reject) else ("row", None) for row in rows(name, text)]


def utc(*when: int) -> int:
    return from_datetime(datetime(*when, tzinfo=UTC))  # type: ignore[misc, arg-type]


def test_a_person_is_read_with_normal_forms_of_emails_and_external_ids() -> None:
    """Lists split at semicolons, addresses are normalised, phones stay as written, an empty cell is None."""
    (person,) = rows(
        "people.csv",
        PEOPLE
        + "B1,Buyer,Ann Bee, Ann@Example.COM ;ann@example.com;b@x.test,0151 1234567,"
        + "A1,CFO,yes,,Europe/Berlin,Slack:U1\n",
    )
    assert person == Person(
        person_id="B1",
        side="buyer",
        full_name="Ann Bee",
        emails=("email:ann@example.com", "email:b@x.test"),
        phones=("0151 1234567",),
        account_id="A1",
        title="CFO",
        is_executive=True,
        timezone="Europe/Berlin",
        external_ids=("external_id:slack:U1",),
    )


def test_account_domains_are_registrable_even_where_the_crm_holds_websites() -> None:
    """``https://www.acme.test/about`` is acme.test; an account on a shared host keeps its own name."""
    (account,) = rows(
        "accounts.csv", "account_id,domains,country\nA1,https://www.acme.test/about;acme.github.io;ACME.test,de\n"
    )
    assert account == Account(account_id="A1", domains=("acme.test", "acme.github.io"), country="DE")


@pytest.mark.parametrize(
    ("given", "kept"), [("1.005", "1.00"), ("1.015", "1.02"), ("-3.1", "-3.10"), ("100.000", "100.00")]
)
def test_an_amount_has_two_decimals(given: str, kept: str) -> None:
    """Some currencies have three: an amount is rounded, half to even, to what the column holds."""
    (deal,) = rows("opportunities.csv", OPPORTUNITIES + f"O1,A1,,,2026-03-02,,open,,{given},KWD,\n")
    assert str(deal.amount) == kept


def test_a_deal_is_read_with_its_times_and_its_amount() -> None:
    """A date alone is midnight UTC, the amount is exact."""
    (deal,) = rows(
        "opportunities.csv",
        OPPORTUNITIES
        + "O1,A1,Rollout,S1,2026-03-02,2026-05-11T09:30:00+02:00,Lost,no decision,640000.10,usd,Proposal\n",
    )
    assert deal == Opportunity(
        opportunity_id="O1",
        account_id="A1",
        name="Rollout",
        owner_seller_id="S1",
        opened_at=utc(2026, 3, 2),
        closed_at=utc(2026, 5, 11, 7, 30),
        status="lost",
        loss_reason="no decision",
        amount=Decimal("640000.10"),
        currency="USD",
        stage="Proposal",
    )


def test_an_open_deals_close_date_is_a_forecast() -> None:
    """It is dropped, else a deal would refuse what happens after the day on which somebody hoped to close it."""
    (deal,) = rows("opportunities.csv", OPPORTUNITIES + "O1,A1,,,2026-03-02,2026-04-01,open,,,,\n")
    assert deal.closed_at is None


def test_a_time_of_day_needs_a_zone_and_a_date_does_not() -> None:
    """A naive time is a bad row unless the caller names the files' zone; a date alone is midnight there, else in UTC."""
    header = "account_id,seller_id,role,valid_from,valid_to\n"
    naive = header + "A1,S1,owner,2026-01-01T08:00:00,9999-12-31\n"
    assert verdicts("assignments.csv", naive) == [("naive_timestamp", "valid_from")]
    assert rows("assignments.csv", naive, zone="Europe/Berlin") == [
        Assignment(account_id="A1", seller_id="S1", role="owner", valid_from=utc(2026, 1, 1, 7))
    ]
    dates = header + "A1,S1,owner,2026-01-01,20260201\n"
    row = rows("assignments.csv", dates)[0]
    assert (row.valid_from, row.valid_to) == (utc(2026, 1, 1), utc(2026, 2, 1))
    assert rows("assignments.csv", dates, zone="Europe/Berlin")[0].valid_to == utc(2026, 1, 31, 23)


def test_domains_are_written_as_the_domains_of_addresses_are() -> None:
    """IDNA's ASCII form for names of other alphabets; a network's own suffix is one; an address is no domain."""
    text = "account_id,domains\nA1,München.example;www.bücher.de\nA2,eu.acme.internal\nA3,10.0.0.1\n"
    first, second, third = rows("accounts.csv", text)
    assert first.domains == ("xn--mnchen-3ya.example", "xn--bcher-kva.de")
    assert second.domains == ("acme.internal",)
    assert isinstance(third, Reject)


def test_aliases_are_prefixed_normal_forms() -> None:
    """Each type by its own rule; native ids keep their case, systems do not. A national number waits for its person's account."""
    text = (
        "identifier_type,identifier,person_id\nemail,<Old@Example.com>,B1\nphone,+1 (415) 555-2671,B1\nphone,(415) 555-2672,B1\n"
        "external_id,HubSpot:Ab7,B1\nanonymous_id,segment:507f,B1\nanonymous_id,507f,B1\n"
    )
    assert [row.identifier for row in rows("aliases.csv", text)] == [
        "email:old@example.com",
        "phone:+14155552671",
        "phone:(415) 555-2672",
        "external_id:hubspot:Ab7",
        "anonymous_id:segment:507f",
        "anonymous_id:*:507f",
    ]


def test_byte_order_mark_blank_lines_and_quoted_line_ends_are_no_obstacle() -> None:
    """Positions count records, not lines, and each record keeps its own bytes."""
    data = '\ufeffAccount_ID,name\r\nA1,"Acme\r\nNorth"\r\n\r\nA2,5" pipes\r\n'.encode()
    assert [(n, raw, row.name) for n, raw, row in read_crm_file("accounts.csv", data)] == [  # type: ignore[union-attr]
        (0, b'A1,"Acme\r\nNorth"', "Acme\r\nNorth"),
        (1, b'A2,5" pipes', '5" pipes'),
    ]


def test_a_spreadsheets_rows_of_empty_cells_are_no_records() -> None:
    """They are written above and below the table and between its rows, with as many cells as the table is wide, or fewer."""
    data = b',\r\naccount_id,name\r\n,\r\nA1,One\r\n"", \r\n,,\r\nA2,Two\r\n,\r\n'
    assert [(n, raw) for n, raw, _ in read_crm_file("accounts.csv", data)] == [(0, b"A1,One"), (1, b"A2,Two")]
    assert rows("accounts.csv", data) == [Account(account_id="A1", name="One"), Account(account_id="A2", name="Two")]


def test_an_end_of_which_only_the_day_is_told_does_not_lie_before_a_start_on_that_day() -> None:
    """Salesforce has the second of a deal's creation and the day of its close; one closed the day before stays a bad row."""

    def closed(opened_at: str, closed_at: str, zone: str | None = None) -> int | None:
        (deal,) = rows("opportunities.csv", OPPORTUNITIES + f"O1,A1,,,{opened_at},{closed_at},won,,,,\n", zone=zone)
        return None if isinstance(deal, Reject) else deal.closed_at

    assert closed("2026-05-01T14:00:00Z", "2026-05-01") == utc(2026, 5, 1, 14)
    assert closed("2026-05-01T00:30:00+02:00", "2026-05-01", zone="Europe/Berlin") == utc(2026, 4, 30, 22, 30)
    assert closed("2026-05-01T14:00:00Z", "2026-04-30") is None
    assert closed("2026-05-01T14:00:00Z", "2026-05-01T13:00:00Z") is None
    groups = "opportunity_id,person_id,buyer_role,valid_from,valid_to\nO1,B1,user,2026-05-01T14:00:00Z,2026-05-01\n"
    assert rows("buying_group.csv", groups)[0].valid_to == utc(2026, 5, 1, 14)


@pytest.mark.parametrize(
    ("name", "text", "reason", "field", "shown"),
    [
        ("people.csv", PEOPLE + ",buyer,,,,,,,,,\n", "missing_field", "person_id", "person_id"),
        ("people.csv", PEOPLE + "B1,friend,,,,,,,,,\n", "invalid_field", "side", "'friend'"),
        ("people.csv", PEOPLE + "B1,buyer,,ann@@x,,,,,,,\n", "invalid_field", "emails", "'ann@@x'"),
        ("people.csv", PEOPLE + "B1,buyer,,,,,,maybe,,,\n", "invalid_field", "is_executive", "'maybe'"),
        ("people.csv", PEOPLE + "B1,buyer,,,,,,,,Mars/Base,\n", "invalid_field", "timezone", "'Mars/Base'"),
        ("people.csv", PEOPLE + "B1,buyer,,,,,,,,,U1\n", "invalid_field", "external_ids", "'U1'"),
        ("people.csv", PEOPLE + "B1,buyer\n", "malformed_csv", None, "2 cells"),
        ("people.csv", "side\nbuyer\n", "missing_field", "person_id", "no column person_id"),
        (
            "people.csv",
            "person_id;side\nB1;buyer\n",
            "malformed_csv",
            None,
            "separated by ';', where commas must be",
        ),
        ("accounts.csv", "account_id\tname\nA1\tOne\n", "malformed_csv", None, "separated by '\\t'"),
        ("people.csv", "person_id,side,side\nB1,buyer,seller\n", "malformed_csv", "side", "twice"),
        ("accounts.csv", "account_id,domains\nA1,co.uk\n", "invalid_field", "domains", "'co.uk'"),
        ("opportunities.csv", OPPORTUNITIES + "O1,A1,,,,,open,,,,\n", "missing_field", "opened_at", "opened_at"),
        (
            "opportunities.csv",
            OPPORTUNITIES + "O1,A1,,,2026-02-30,,open,,,,\n",
            "bad_timestamp",
            "opened_at",
            "2026-02-30",
        ),
        ("opportunities.csv", OPPORTUNITIES + "O1,A1,,,2026-03-02,,done,,,,\n", "invalid_field", "status", "'done'"),
        ("opportunities.csv", OPPORTUNITIES + "O1,A1,,,2026-03-02,,open,,12k,,\n", "invalid_field", "amount", "'12k'"),
        (
            "opportunities.csv",
            OPPORTUNITIES + f"O1,A1,,,2026-03-02,,open,,{'9' * 16}.999,,\n",
            "invalid_field",
            "amount",
            "larger than an amount may be",
        ),
        (
            "opportunities.csv",
            OPPORTUNITIES + "O1,A1,,,2026-03-02,,open,,1,Euro,\n",
            "invalid_field",
            "currency",
            "'Euro'",
        ),
        (
            "opportunities.csv",
            OPPORTUNITIES + "O1,A1,,,2026-03-02,2026-03-01,won,,,,\n",
            "invalid_interval",
            "closed_at",
            "before opened_at",
        ),
        (
            "buying_group.csv",
            "opportunity_id,person_id,buyer_role\nO1,B1,boss\n",
            "invalid_field",
            "buyer_role",
            "'boss'",
        ),
        ("assets.csv", "asset_id,asset_type\nX,poem\n", "invalid_field", "asset_type", "'poem'"),
        (
            "aliases.csv",
            "identifier_type,identifier,person_id\nphone,tomorrow,B1\n",
            "invalid_field",
            "identifier",
            "'tomorrow'",
        ),
        ("prices.csv", "a\n1\n", "unknown_file", None, "prices.csv"),
    ],
)
def test_a_bad_row_names_its_column_and_value(name: str, text: str, reason: str, field: str | None, shown: str) -> None:
    """One reject, with the reason, where it stands, and what stood there."""
    (reject,) = rows(name, text)
    assert isinstance(reject, Reject)
    assert (reject.reason_code, reject.field_path) == (reason, field)
    assert shown in reject.detail


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_spreadsheets_unicode_text_says_what_it_is(encoding: str) -> None:
    """Not byte by byte that no cell is UTF-8."""
    data = f"\ufeff{PEOPLE}B1,buyer,,,,,,,,,\n".encode(encoding)
    found = [row for _, _, row in read_crm_file("people.csv", data)]
    assert {row.detail for row in found if isinstance(row, Reject)} == {"the file is UTF-16, where it must be UTF-8"}
    assert unknown_columns("people.csv", data) == unknown_columns("people.csv", b"person_id;side\n") == []


def test_bad_rows_do_not_cost_their_neighbours() -> None:
    """An unclosed quote, foreign bytes and a repeated key fall alone."""
    data = b'account_id,name\nA1,One\nA2,"open\nA3,\xff\nA1,Again\nA4,Four\n'
    assert verdicts("accounts.csv", data) == [
        ("row", None),
        ("malformed_csv", None),
        ("invalid_encoding", None),
        ("duplicate_key", "account_id"),
        ("row", None),
    ]


def test_a_role_may_be_held_twice_at_different_times() -> None:
    """The beginning is part of a membership's key; the same beginning twice is a repeat."""
    text = (
        "opportunity_id,person_id,buyer_role,valid_from\nO1,B1,champion,2026-01-01\n"
        "O1,B1,Champion,2026-03-01\nO1,B1,champion,2026-03-01\n"
    )
    assert verdicts("buying_group.csv", text) == [("row", None), ("row", None), ("duplicate_key", "opportunity_id")]
    repeat = rows("buying_group.csv", text)[2]
    assert "'O1, B1, champion, 2026-03-01T00:00:00+00:00' stands in record 1 already" in repeat.detail


def test_unknown_columns_are_named_and_kept_out() -> None:
    """So that a misspelt column can be warned about."""
    text = b"account_id,Nmae,shoe size\nA1,x,y\n"
    assert unknown_columns("inbox/crm/accounts.csv", text) == ["nmae", "shoe size"]
    assert rows("inbox/crm/accounts.csv", text) == [Account(account_id="A1")]


def test_a_directory_gathers_rows_of_all_files() -> None:
    """Rows go to the list of their kind; rejects are left out."""
    alias = Alias(identifier_type="email", identifier="email:a@example.com", person_id="B1")
    crm = crm_of([Account(account_id="A1"), Reject("missing_field", "x", "y"), alias])
    assert (crm.accounts, crm.aliases, crm.people) == ([Account(account_id="A1")], [alias], [])


_FRAGMENTS = st.sampled_from(
    [
        b"\n",
        b"\r\n",
        b",",
        b'"',
        b";",
        b"\xef\xbb\xbf",
        b"\xff",
        b"\0",
        b"person_id,side\n",
        b"status",
        b"2026-03-02",
        b"open",
    ]
)


@given(st.sampled_from(sorted(CRM_FILES)), st.lists(_FRAGMENTS | st.binary(max_size=12), max_size=30).map(b"".join))
@settings(max_examples=150)
def test_any_bytes_become_rows_or_rejects(name: str, data: bytes) -> None:
    """Nothing else is raised, with and without a proper header, and every byte of a record is kept."""
    header = ",".join(CRM_FILES[name].__struct_fields__).encode() + b"\n"  # type: ignore[attr-defined]
    unknown_columns(name, data)
    for text in (data, header + data):
        for position, (n, raw, row) in enumerate(read_crm_file(name, text)):
            assert n == position
            assert raw in text
            assert isinstance(row, CRM_FILES[name] | Reject)


@given(st.lists(st.text(max_size=20), min_size=11, max_size=11))
@settings(max_examples=100)
def test_any_cells_become_a_person_or_a_reject(cells: list[str]) -> None:
    """Whatever stands in the cells, quoted as CSV asks."""
    line = ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)
    for row in rows("people.csv", (PEOPLE + line).encode("utf-8", "surrogatepass")):
        assert isinstance(row, Person | Reject)
