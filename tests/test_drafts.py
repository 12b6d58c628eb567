"""What is drafted, and when it pays."""

from __future__ import annotations

from extractor.engine.drafts import Acceptance, Habits, Source, SourceDrafts, pays

PIECES = [bytes((byte,)) for byte in range(256)]


def drafts_after(passage: str, answer: str) -> SourceDrafts:
    """Tokens are single bytes here."""
    drafts = SourceDrafts(Source(passage, list, PIECES))
    drafts.feed(answer.encode())
    return drafts


def proposed(passage: str, answer: str, most: int = 5) -> str:
    return bytes(drafts_after(passage, answer).propose(most)).decode()


def test_an_open_quote_is_continued_from_the_one_place_where_it_stands() -> None:
    passage = "Chad will send trucks. Mali will wait."
    assert proposed(passage, '{"action":"will s') == "end t"
    assert proposed(passage, '{"action":"will ') == ""  # two places
    assert proposed(passage, '{"action":"') == ""  # not begun
    assert proposed(passage, '{"action":"will send"') == ""  # closed
    assert proposed(passage, '{"action":"would s') == ""  # nowhere
    assert proposed(passage, '{"action":"Mali will wait') == "."


def test_escaped_quotes_do_not_end_a_quote() -> None:
    assert proposed('He said "no" twice.', '{"action":"said \\"n') == 'o\\" t'
    assert proposed('He said "no" twice.', '{"action":"said \\"no\\"') == " twic"


def test_the_field_is_the_last_name_before_a_colon() -> None:
    assert drafts_after("", '{"actors":["Chad","Mali"],"action":"will').field == b"action"
    assert drafts_after("", '{"actors":["Chad","Ma').field == b"actors"
    assert drafts_after("", '{"actors":["Chad"],"act').field == b"actors"


def test_fields_that_were_drafted_wrongly_are_drafted_less() -> None:
    acceptance = Acceptance()
    assert acceptance.depth(b"action", 4, 1) > 0
    for _ in range(20):
        acceptance.note(b"actors", 4, 0)
        acceptance.note(b"action", 4, 4)
    assert acceptance.depth(b"actors", 4, 1) == 0
    assert acceptance.depth(b"action", 4, 1) == 4
    for _ in range(20):
        acceptance.note(b"issue", 4, 2)
    assert acceptance.depth(b"issue", 4, 1) == 2


def test_the_more_sequences_share_a_decode_the_surer_a_draft_must_be() -> None:
    assert pays(0.6, 1, 1)
    assert not pays(0.6, 1, 8)
    assert not pays(0.6, 4, 1)
    assert pays(0.95, 1, 8)


def test_a_habit_is_what_was_chosen_most_often() -> None:
    habits = Habits()
    assert habits.likeliest((1, 2)) is None
    for token in (7, 7, 8, 7):
        habits.note((1, 2), token)
    assert habits.likeliest((1, 2)) == (7, 3 / 5)
    assert habits.likeliest((2, 2)) is None
