"""Sentences and windows: where they end, that nothing is lost, and that offsets are exact."""

from __future__ import annotations

import itertools
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.passages import Passage, sentences, windows

SEEDS = sorted((Path(__file__).parent.parent / "seeds").glob("*.txt"))

# ‖ stands where a sentence ends and another follows. The one that fails: “I… I do not know,” he said.‖ He left.
HARD = [
    "The U.S. officials left.‖ They did not sign.",
    "U.S. President Donald Trump met U.K. Prime Minister Keir Starmer.‖ Both smiled.",
    "Troops came from the U.S.‖ The force is to stay a year.",
    "He lives in the U.K.‖ In 2014 he moved there.",
    "Mr. Macron and Mrs. May met Dr. Smith.‖ Talks went on.",
    "Gen. Alexus Grynkewich briefed them.‖ Lt. Col. J. D. Vance listened.",
    "Secretary-General António Guterres spoke to Sen. Lindsey Graham and Rep. Mike Turner.",
    "The draft of Jan. 6 was dropped.‖ A new one came on Feb. 12, 2026.",
    "The truce is to begin at 6 a.m. on Saturday.‖ It ends at 8 p.m. Tuesday.",
    "The truce ended at 6 a.m.‖ Shelling resumed.",
    "They met at 9 a.m. Eastern time.",
    "Resolution No. 2334 was adopted.‖ It calls for a halt.",
    "Would they accept?‖ No.‖ They would fight on.",
    "He flew to St. Petersburg.‖ Then he came home.",
    "Aid rose by 3.5 percent to $1.2 billion.‖ It had been 0.7 percent.",
    "“We will not recognise it.”‖ He left the room.",
    "“We will stay.‖ We will help,” he said.",
    "“Will you send troops?” he asked.‖ Nobody answered.",
    "“Stop!” shouted the guard.‖ They stopped.",
    '"It is robust."‖ "It is binding."',
    "He said it was ‘robust.’‖ She agreed.",
    "(The text was not published.)‖ Both sides confirmed it.",
    "The text (seen by Reuters) is final.‖ [It has ten pages.]‖ It was signed.",
    "What is next?‖ Nobody knows!‖ Perhaps nothing…‖ Perhaps war.",
    "The rest ... was dropped.‖ The text is short.",
    "Wait... what did they sign?‖ Nobody said.",
    "PARIS — Talks go on.‖ LONDON — They ended.",
    "J. D. Vance and J.D. Vance are one man.‖ George W. Bush is another.",
    "Samuel L. Jackson spoke.‖ So did John F. Kennedy Jr. in 1990.",
    "Lockheed Martin Corp. and Boeing Co. supply it.‖ Raytheon Inc. does not.",
    "It was built by Acme Inc.‖ The price was not given.",
    "They want weapons, e.g. missiles, i.e. long-range ones, etc. and money.",
    "They want weapons, tanks, etc.‖ The list is long.",
    "The case is Benin vs. Togo.‖ It is before the court.",
    "See Art. 5 and Sec. 2.1 of the treaty, pp. 3-4.‖ Fig. 2 shows the line.",
    "The Washington, D.C. meeting failed.‖ He left Washington, D.C.‖ He is home.",
    "He holds a Ph.D. in law.‖ She does not.",
    "The U.N. Security Council met.‖ The U.N. said so.",
    "Send it to info@example.org or see www.example.org/a.b?c=d.‖ Thank you.",
    "Version 2.0.1 of the text is out.‖ It has 3 annexes.",
    "It happened in 2014.‖ Russia annexed Crimea.",
    "The force has 6,000 men.‖ 2,000 of them are French.",
    "He chose plan B.‖ The others did not.",
    "It began with World War I.‖ The second followed.",
    "1. The parties shall withdraw.\n‖2. The parties shall pay.",
    "Key points:\n‖- a truce\n‖- a force",
    "Talks to Go On\n\n‖PARIS — Officials talk.‖ They agreed.",
    "date 2026-01-06\n‖Help for Ukraine is weighed.\n\n‖The document may change.",
    "双方签署了协议。‖法国将派兵。‖“我们会留下。”‖他说。",
    "停戦は実現するか？‖誰も知らない！",
    "Zelenskyy said: “They promised us missiles, radar, etc.”‖ He thanked them.",
    "Yahoo! and Jeopardy! are names.‖ That is odd.",
    "The deal is done?!‖ Yes!!",
    "The army lost approx. 300 men near Mt. Hermon.‖ The dept. said so.",
    "Gov. Gavin Newsom, Prof. Ann Lee, Rev. Al Sharpton, Capt. Bo Ek and Sgt. Li came.",
    "Prime Minister Keir Starmer (Lab.) spoke.‖ Others listened.",
    "Ban Ki-moon Sr. retired.‖ His son works at the E.U. Commission.",
    "It passed by 12 votes to 3 (U.S. abstaining).‖ That was it.",
    'The minister said: "No."‖ The envoy said "yes."',
    "Ms. Kallas, the E.U.'s envoy, left.‖ Adm. Rob Bauer stayed until 5 p.m. GMT.",
    "El Sr. García llegó.‖ ¿Quién firmó?‖ ¡Nadie!",
    "It is worth €5 bn.‖ Germany pays €2 m. of it.",
    "“We agreed,” he said.‖ “It is final.”",
    # beyond the 64 of the comparison in passages.py: legal lists, omissions, separators
    "Sec. 2.  Definitions.‖  (a)  The term is clear.‖ (b) Each agency shall act.",
    "The statute, 123 Stat. 115, applies.‖ It is old.",
    "“We will [...] Russia must [...] agree,” he said.‖ He left.",
    "It spoke of peace . . . and of war.‖ Then . . . .‖ Nothing.",
    "One.\r\n‖Two.\r‖Three.\u2028‖four",
    "The talks on Jan. 6 ended.‖ “But we go on,” A. I. Smith said.",
    "Il parle.‖ «Nous restons.»‖ Il sort.",
    "no stop at all",
    "",
    " \n\t ",
]


def marked(case: str) -> tuple[str, list[str]]:
    pieces = [piece.strip() for piece in case.split("‖")]
    return case.replace("‖", ""), [piece for piece in pieces if piece]


@pytest.mark.parametrize("case", HARD)
def test_sentences_end_where_a_reader_ends_them(case: str) -> None:
    text, expected = marked(case)
    assert [text[start:end] for start, end in sentences(text)] == expected


def test_lines_of_fixed_width_run_on() -> None:
    parts = [
        "The protocol, concluded after nine days of talks in Istanbul, is valid for three years.",
        "It will be renewed for another two unless one of the parties gives notice to the depositary.",
        "It enters into force 30 days after the last parliament ratified it, said Mr. Sarmanov on Thursday.",
    ]
    text = textwrap.fill(" ".join(parts), width=72) + "\n\n" + textwrap.fill("Egypt buys half of the grain. " * 9, 72)
    found = [" ".join(text[start:end].split()) for start, end in sentences(text)]
    assert found == [*parts, *["Egypt buys half of the grain."] * 9]


def test_a_headline_above_a_byline_does_not_run_on() -> None:
    text = "Talks to Go On in Paris After Leaders Met for Nine Hours on Guarantees\nBy Ann Lee\nPARIS — They met."
    assert [text[start:end] for start, end in sentences(text)] == text.split("\n")


# Words per sentence; "/" ends a paragraph. Expected: words per window.
@pytest.mark.parametrize(
    ("shape", "max_words", "expected"),
    [
        ("10 10 10", 30, [30]),
        ("10 10 10", 0, [30]),
        ("10 10 10 / 10", 20, [20, 20]),
        ("10 10 / 10 10 / 10", 30, [20, 30]),  # at a paragraph's end, though 30 and 20 would fit as well
        ("10 10 10 4", 30, [20, 14]),  # no window of 4 words is left over
        ("28 / 4 / 28", 30, [28, 4, 28]),  # the 4 words fit nowhere
        ("24 / 4 / 28", 30, [28, 28]),
        ("50 10", 30, [50, 10]),  # one sentence may be up to twice as long
        ("70", 30, [23, 23, 24]),
        ("5 5 5 5 5 5 5 5", 10, [10, 10, 10, 10]),
        ("", 10, []),
    ],
)
def test_windows_of(shape: str, max_words: int, expected: list[int]) -> None:
    paragraphs = [[sentence_of(int(words)) for words in paragraph.split()] for paragraph in shape.split("/")]
    text = "\n\n".join(" ".join(paragraph) for paragraph in paragraphs)
    assert [len(window.text.split()) for window in windows(text, max_words)] == expected


def sentence_of(words: int) -> str:
    return " ".join(["First", *["word"] * (words - 2), "last."])


def test_an_overlong_sentence_is_cut_at_clauses() -> None:
    pieces = ["If the truce, once agreed,", "is to hold through the winter,", "troops must come; and they must stay."]
    assert [window.text for window in windows(" ".join(pieces), 7)] == pieces


def test_text_without_spaces_is_cut_too() -> None:
    chinese = "双方签署了协议，" * 50
    assert max(len(window.text) for window in windows(chinese, 40)) <= 48
    assert len(windows("x" * 4000, 10)) == 10


def test_a_combining_mark_stays_with_its_letter() -> None:
    text = "x" * 39 + "e\u0301" + "y" * 100
    assert not any(window.text.startswith("\u0301") for window in windows(text, 1))


def test_a_metadata_line_is_covered() -> None:
    text = "date 2026-01-06\nFrance promised troops.\n"
    assert windows(text, 100) == [Passage(text.strip(), 0, len(text) - 1)]


def test_a_negative_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="max_words is -1"):
        windows("Text.", -1)


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.stem)
@pytest.mark.parametrize("max_words", [80, 200])
def test_windows_of_the_seeds(path: Path, max_words: int) -> None:
    text = path.read_text("utf-8")
    found = windows(text, max_words)
    check_windows(text, found, max_words)
    assert min(len(window.text.split()) for window in found) >= max_words / 3


WORDS = "Kyiv troops The U.S. Gen. No. 5 a.m. 3.5 said, pledged; (twice) “No!” etc. J. — 협의 法国。 \u200b e\u0301 …"
word = st.sampled_from(WORDS.split(" "))
ending = st.sampled_from([". ", "? ", "! ", ".” ", "… ", ".\n", ".\r\n\r\n", "\n\n", " ", "。", ".\u00a0"])
prose = st.lists(st.tuples(st.lists(word, min_size=1, max_size=30), ending), max_size=25).map(
    lambda parts: "".join(" ".join(words) + end for words, end in parts)
)
texts = st.one_of(prose, st.text(max_size=300), st.text(alphabet=" \n.A a,“”)", max_size=200))


@settings(deadline=None)
@given(texts)
def test_sentences_cover_the_text_in_order(text: str) -> None:
    check_cover(text, sentences(text))


@settings(deadline=None)
@given(texts, st.integers(1, 60))
def test_windows_cover_the_text_and_split_no_sentence(text: str, max_words: int) -> None:
    check_windows(text, windows(text, max_words), max_words)


@settings(deadline=None)
@given(texts)
def test_no_limit_gives_the_whole_text(text: str) -> None:
    assert "".join(window.text for window in windows(text, 0)) == text.strip()


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(2, 50), min_size=1, max_size=6), max_size=8), st.integers(5, 60))
def test_neighbours_that_fit_in_one_window_are_in_one(paragraphs: list[list[int]], max_words: int) -> None:
    text = "\n".join(" ".join(map(sentence_of, paragraph)) for paragraph in paragraphs)
    counts = [len(window.text.split()) for window in windows(text, max_words)]
    assert all(left + right > max_words for left, right in itertools.pairwise(counts))


def check_cover(text: str, spans: list[tuple[int, int]]) -> None:
    covered = "".join(text[start:end] for start, end in spans)
    assert all(start < end and text[start:end] == text[start:end].strip() for start, end in spans)
    assert all(left[1] <= right[0] for left, right in itertools.pairwise(spans))
    assert "".join(covered.split()) == "".join(text.split())


def check_windows(text: str, found: list[Passage], max_words: int) -> None:
    check_cover(text, [(window.start, window.end) for window in found])
    assert all(text[window.start : window.end] == window.text for window in found)
    for start, end in sentences(text):
        cuts = [window.end for window in found if start < window.end < end]
        assert not cuts or len(text[start:end].split()) > 2 * max_words or has_no_spaces(text[start:end])


def has_no_spaces(sentence: str) -> bool:
    return any(len(part) > 40 or not part.isascii() for part in sentence.split())
