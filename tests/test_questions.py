"""What is a question, and what is a first line (semantics 1.1)."""

from __future__ import annotations

import pytest
from fold_world import email, fold, only

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
        ("hey sam\nWhen?", "When?"),
        ("Hello team, \nWhen?", "When?"),
        ("Hi Ann and Bob Stone\nWhen?", "When?"),
        ("Hi all!\nWhen?", "When?"),
        ("Hey quick pricing question\nPer seat", "Hey quick pricing question"),
        ("Hi we need your RFP\nIt is urgent", "Hi we need your RFP"),
        ("Hello RFP SOC2\nYes", "Hello RFP SOC2"),
        ("Hidden costs\nare many", "Hidden costs"),
    ],
)
def test_a_greeting_is_no_first_line(text: str, first: str) -> None:
    """A line that only greets says nothing, unless there is no other."""
    assert text_facts(text)[0] == first


def test_a_polite_order_behind_thanks_is_an_acknowledgement() -> None:
    """Semantics 3: without a ``?`` it is one, though words of ``question_patterns`` stand in it."""
    sent = email(
        "1@x.example", "03-02 11:00", "B1", ["S1"], first_line="Thanks, please confirm receipt.", has_question=False
    )
    row = only(fold(sent))
    assert (row.is_ack, row.is_question, "ack" in row.tags) == (True, True, True)


@pytest.mark.parametrize("prefix", ["Re: ", "RE:", "re : ", "AW: ", "[EXT] Re: ", "Re[2]: "])
def test_a_subject_that_repeats_the_parents_is_not_read(prefix: str) -> None:
    """Whatever the headers say: neither for the job nor for tags, questions or thanks. The body's first line is the writer's own."""
    bare = {"subject_text": f"{prefix}Compare us, what are the options?", "has_question": False}
    row = only(fold(email("1@x.example", "03-02 11:00", "B1", ["S1"], first_line="I will look", **bare)))
    assert (row.buying_job, row.tags, row.is_question, row.is_reply) == ("unclassified", [], False, False)
    row = only(fold(email("1@x.example", "03-02 11:00", "B1", ["S1"], first_line="Thanks", **bare)))
    assert row.is_ack
    row = only(fold(email("1@x.example", "03-02 11:00", "B1", ["S1"], first_line="How do you compare?", **bare)))
    assert (row.buying_job, row.is_question) == ("supplier_selection", True)


@pytest.mark.parametrize(
    "subject", ["Regarding: a comparison versus others", "Reply: versus others", "Research: versus them"]
)
def test_other_words_before_a_colon_are_the_writers_own(subject: str) -> None:
    assert (
        only(fold(email("1@x.example", "03-02 11:00", "B1", ["S1"], subject_text=subject))).buying_job
        == "supplier_selection"
    )


def test_an_acknowledgement_asks_nothing_anywhere() -> None:
    """Thanks with a question behind them are no acknowledgement, though the first line asks nothing."""
    thanks = {"subject_text": "Re: sheet", "first_line": "Thanks.", "content_chars": 40}
    mails = [
        email("a@x.example", "03-02 11:00", "B1", ["S1"], has_question=question, **thanks) for question in (False, True)
    ]
    rows = [fold(mail).touchpoints[0] for mail in mails]
    assert [row.is_ack for row in rows] == [True, False]
    assert [row.is_question for row in rows] == [False, False]
