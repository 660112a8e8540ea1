"""What is a question, and what is a first line (semantics 1.1)."""

from __future__ import annotations

import pytest
from fold_world import email, fold

from transforms.normal import text_facts


@pytest.mark.parametrize(
    ("subject", "text", "asks"),
    [
        ("What are our options?", None, True),
        ("Status", "Do you have a sheet?", True),
        ("Status", "Do you have a sheet? It would help.", True),  # by a pattern
        ("Status", "Hello Sam,\n\nany news on the sheet?\n", True),
        ("Status", "It is late.\nAny news on the sheet?", False),
        ("Status", "Is it late? No.", True),
        ("Status", "Late? No.", False),
        ("Status", "See below.", False),
        ("Status", None, False),
        (None, "", None),
        (None, None, None),
    ],
)
def test_a_question_is_one_by_subject_or_first_line(subject: str | None, text: str | None, asks: bool | None) -> None:
    """They end in ? or begin as questions do; a ? further down asks nothing, and without any text nobody knows."""
    first_line, has_question, chars = text_facts(text)
    mail = email(
        "q@x.example", "03-02 11:00", "B1", ["S1"],
        subject_text=subject, first_line=first_line, has_question=has_question, content_chars=chars,
    )  # fmt: skip
    assert fold(mail).touchpoints[0].is_question is asks


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Thanks, Ann", "Thanks, Ann"),
        ("Hi Ann,\nthanks", "thanks"),
        ("Dear Ms. Moreau-Silva,\r\n\r\nwe compared it.", "we compared it."),
        ("Good morning!\nWhen?", "When?"),
        ("Hi Ann, can you send it?\nThanks", "Hi Ann, can you send it?"),
        ("Hello everybody in the whole wide world\nYes", "Hello everybody in the whole wide world"),
        ("Hi Ann,", "Hi Ann,"),
        ("Hidden costs\nare many", "Hidden costs"),
    ],
)
def test_a_greeting_is_no_first_line(text: str, first: str) -> None:
    """A line that only greets says nothing, unless there is no other."""
    assert text_facts(text)[0] == first


def test_an_acknowledgement_asks_nothing_anywhere() -> None:
    """Thanks with a question behind them are no acknowledgement, though the first line asks nothing."""
    thanks = {"subject_text": "Re: sheet", "first_line": "Thanks.", "content_chars": 40}
    mails = [
        email("a@x.example", "03-02 11:00", "B1", ["S1"], has_question=question, **thanks) for question in (False, True)
    ]
    rows = [fold(mail).touchpoints[0] for mail in mails]
    assert [row.is_ack for row in rows] == [True, False]
    assert [row.is_question for row in rows] == [False, False]
