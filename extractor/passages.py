"""Sentences of a text and windows of sentences, each with its offsets in Unicode code points.

The sentence rules are ours. They get 63 of 64 hard passages right (tests/test_passages.py; they were
tuned on them) and 41 of the 44 English golden rules of pragmatic_segmenter; sentencex gets 53 and 43,
nupunkt and blingfire 53 and 35, syntok 51 and 32, pysbd 49 and 43. On 15 news articles with 482 sentences
ours and sentencex differ at 6 places, all in quotations, which sentencex keeps whole at any length.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_LINE = re.compile(r"\S(?:[^\n\r\v\f\x85\u2028\u2029]*\S)?")
# A full stop needs white space after it, a CJK one does not; closing quotes and brackets belong to the sentence.
_STOP = re.compile(r"""[.!?…]+(?: \.)*["'”’»)\]]*(?=\s|\Z)|[。！？]+[”’」』）]*""")
# The word after "(a)" counts, not the letter; an initial keeps its dot, since "A." is not the word "a".
_NEXT_WORD = re.compile(r"""[\s"'“‘«¿¡(\[]*(?:\w{1,4}\)\s*)?(\w\.|\w*)""")
_LAST_TOKEN = re.compile(r"""[^\s"'“‘«(\[/–—-]*\Z""")
_LONGEST_ABBREVIATION = 16
_LIST_NUMBER = re.compile(r"\W*(?:(?:Sec|Art)\w*\.? )?(?:\d{1,3}|[^\W\d_]|[ivxIVX]{1,4})")
_ACRONYM = re.compile(r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}|[^\W\d_]")  # U.S, Ph.D, an initial
_CLOCK = re.compile(r"[ap]\.m", re.IGNORECASE)


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_BEFORE_NAME = _words(
    "Mr Mrs Ms Mx Dr Prof Rev Fr Hon Messrs Mme Mlle Gen Lt Maj Col Capt Cmdr Adm Sgt Cpl Pvt Brig Sen Rep Gov Pres "
    "Amb Atty Supt Insp Det Dir Asst St Ste Mt Ft vs cf e.g i.e viz"
)
_BEFORE_NUMBER = _words("no nos n° nr art arts sec fig figs par para p pp vol ch cl stat approx ca c")
_MAY_GO_ON = _words(
    "Inc Corp Co Ltd Bros Jr Sr Esq Ave Blvd Rd Dept Univ Assn Govt etc al est dept govt "
    "Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Mon Tue Tues Wed Thu Thur Thurs Fri Sat"
)
_AFTER_CLOCK = _words(
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday GMT UTC CET EET EST EDT ET CT PT BST "
    "Eastern Central Pacific Greenwich Moscow Kyiv"
)
# After an abbreviation that may stand inside a sentence, only these words show that a new one begins.
_OPENERS = _words(
    "a about after all although an and another any as at because before both but by did do does during each even few "
    "for from had has have he her here his how however i if in is it its many meanwhile more most my neither nor not "
    "nobody nothing officials on once one only or other others our several she since so some still such that the their "
    "then there these they this those though to under until was we were what when where whether which while who why "
    "will with without would yet you your"
)

_CJK = r"\u2e80-\u2fff\u3001-\u9fff\uac00-\ud7af\U00020000-\U0003ffff"
# The 40 bound the cost of strings without white space; marks stay with the letter they combine with.
_WORD = re.compile(rf"(?:[{_CJK}]|[^\s{_CJK}]{{1,40}})[^\w\s]{{0,40}}")
_CLAUSE = re.compile(r"""[,;:–]["'”’)\]]*\s+|—\s*|\s+(?=[–(])|[，；：、]""")

# Prices of ending a window elsewhere than at a paragraph's end, in windows.
_IN_PARAGRAPH, _IN_SENTENCE = 0.25, 0.5


@dataclass(frozen=True)
class Passage:
    """A stretch of an article: ``article.text[start:end] == text``, without white space at its ends."""

    text: str
    start: int
    end: int


class _Unit(NamedTuple):
    """What a window never cuts: mostly a sentence. ``penalty`` is the price of ending a window after it."""

    start: int
    end: int
    words: int
    penalty: float


def sentences(text: str) -> list[tuple[int, int]]:
    """Return start and end of every sentence, in order; what lies between them is white space.

    A line break ends a sentence, unless the text is wrapped at a fixed width.
    """
    return [span for paragraph in _paragraphs(text) for span in _sentences_in(text, *paragraph)]


def windows(text: str, max_words: int) -> list[Passage]:
    """Return passages of whole sentences, in order, that cover everything but white space.

    Each has at most ``max_words`` words, or is one sentence of at most twice as many; a longer sentence is
    cut at clauses, then at words. Among all ways to cut the text the cheapest is taken: few passages, none
    under a third of ``max_words`` where that can be had, of like length, ending with a paragraph (by the
    total-fit line breaking of Knuth and Plass, 1981). ``max_words=0`` gives one passage. A Chinese,
    Japanese or Korean character counts as a word, and so do 40 characters of an unbroken string.
    ValueError when ``max_words`` is negative.
    """
    if max_words < 0:
        raise ValueError(f"max_words is {max_words}; it must be 0 (the whole text) or more")
    units = list(_units(text, max_words))
    if not units:
        return []
    cuts = _best_cuts(units, max_words) if max_words else [0, len(units)]
    spans = [(units[first].start, units[last - 1].end) for first, last in itertools.pairwise(cuts)]
    return [Passage(text[start:end], start, end) for start, end in spans]


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    lines = [match.span() for match in _LINE.finditer(text)]
    run_on = _run_on_lines(text, lines)
    opened = 0
    for number, (_, end) in enumerate(lines):
        if number not in run_on:
            yield lines[opened][0], end
            opened = number + 1


def _run_on_lines(text: str, lines: Sequence[tuple[int, int]]) -> set[int]:
    """Return the lines that a fixed width broke: the next line's first word had no room left on them.

    Only where nearly all line breaks are of that kind is the text taken to be wrapped at all.
    """
    width = max((end - start for start, end in lines), default=0)
    breaks = 0
    run_on = set()
    for number, ((start, end), (below, below_end)) in enumerate(itertools.pairwise(lines)):
        if text.count("\n", end, below) == 1:
            breaks += 1
            first_word = text[below:below_end].split(None, 1)[0]
            if end - start + 1 + len(first_word) > width:
                run_on.add(number)
    wrapped = 60 <= width <= 120 and breaks >= 3 and len(run_on) >= 0.8 * breaks
    return run_on if wrapped else set()


def _sentences_in(text: str, first: int, last: int) -> Iterator[tuple[int, int]]:
    start = first
    for stop in _STOP.finditer(text, first, last):
        if _ends_sentence(text, start, stop, last):
            yield start, stop.end()
            start = _skip_space(text, stop.end())
    if start < last:
        yield start, last


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _ends_sentence(text: str, start: int, stop: re.Match[str], last: int) -> bool:
    mark = stop[0]
    if mark[0] in "。！？":
        return True
    following = _NEXT_WORD.match(text, stop.end(), last)
    word = following[1] if following else ""
    if word[:1].islower() or text.endswith("[", start, stop.start()):  # "[...]" marks an omission
        return False
    if not mark.startswith(".") or mark.startswith(("..", ". .")):
        return True
    if _LIST_NUMBER.fullmatch(text, start, stop.start()):
        return False
    before = _LAST_TOKEN.search(text, max(start, stop.start() - _LONGEST_ABBREVIATION), stop.start())
    return not (before and _is_abbreviation(before[0], word))


def _is_abbreviation(token: str, following: str) -> bool:
    """Return whether the full stop after ``token`` only abbreviates it, given the word that follows."""
    if token in _BEFORE_NAME:
        return True
    if token.lower() in _BEFORE_NUMBER and following[:1].isdigit():
        return True
    if _CLOCK.fullmatch(token):
        return following in _AFTER_CLOCK
    may_go_on = token in _MAY_GO_ON or _ACRONYM.fullmatch(token) is not None
    return may_go_on and following.lower() not in _OPENERS


def _units(text: str, max_words: int) -> Iterator[_Unit]:
    for first, last in _paragraphs(text):
        for start, end in _sentences_in(text, first, last):
            unit = _Unit(start, end, _count(text, start, end), 0 if end == last else _IN_PARAGRAPH)
            yield from _parts(text, unit, max_words) if 0 < 2 * max_words < unit.words else [unit]


def _count(text: str, start: int, end: int) -> int:
    return len(_WORD.findall(text, start, end))


def _parts(text: str, sentence: _Unit, max_words: int) -> list[_Unit]:
    """Cut an overlong sentence at its clauses, and clauses of more than ``max_words`` into even pieces."""
    parts = []
    start = sentence.start
    for end in [*(mark.end() for mark in _CLAUSE.finditer(text, *sentence[:2])), sentence.end]:
        words = [word.span() for word in _WORD.finditer(text, start, end)]
        if end < sentence.end and len(words) < max_words / 10:  # a million commas must not make a million parts
            continue
        pieces = -(-len(words) // max_words)
        for piece in range(pieces):
            taken = words[piece * len(words) // pieces : (piece + 1) * len(words) // pieces]
            parts.append(_Unit(taken[0][0], taken[-1][1], len(taken), _IN_SENTENCE))
        start = end
    parts[-1] = parts[-1]._replace(penalty=sentence.penalty)
    return parts


def _best_cuts(units: Sequence[_Unit], max_words: int) -> list[int]:
    """Return the unit numbers at which windows begin and end, for the least total price."""
    cheapest = [(0.0, 0)]  # for every number of units: the price of covering them, and the last cut before
    for last in range(1, len(units) + 1):
        ways = _windows_up_to(units, last, max_words)
        cheapest.append(min((cheapest[first][0] + price, first) for first, price in ways))
    cuts = [len(units)]
    while cuts[-1]:
        cuts.append(cheapest[cuts[-1]][1])
    return cuts[::-1]


def _windows_up_to(units: Sequence[_Unit], last: int, max_words: int) -> Iterator[tuple[int, float]]:
    """Yield every first unit that a window ending before unit ``last`` may have, with the window's price."""
    words = 0
    end = units[last - 1].penalty if last < len(units) else 0
    for first in range(last - 1, -1, -1):
        words += units[first].words
        if words > max_words and first < last - 1:
            return
        slack = max(0, 1 - words / max_words)
        tiny = words < max_words / 3
        yield first, 1 + end + tiny + slack**2 / 2
