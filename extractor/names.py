"""Names as written -> folded words that all spellings of a name share."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from .normalising import state_code

Form = tuple[str, ...]

# An abbreviation with its dots, or a word without its possessive.
_WORD: Final = re.compile(r"[^\W_](?:\.[^\W_])+\b\.?|(?<!\w[’'])[^\W_]+(?:[’'](?!s\b)[^\W_]+)*")
_UNDECOMPOSED: Final = str.maketrans("łøđıð", "lodid", "’'.")
# Zelenskyy, Zelenskiy, Zelenskyi, Zelenski; Romanoff.
_ENDINGS: Final = ((re.compile(r"(?<=\w{3})(?:iy|yy|yi|ii|ij|yj|y|i|j)$"), "y"), (re.compile(r"(?<=[oe])ff$"), "v"))
ARTICLES: Final = ("the", "a", "an")
_OPENINGS: Final = (("so", "called"), *((word,) for word in (*ARTICLES, "then", "mr", "mrs", "ms", "dr", "sir")))
_SMALL: Final = frozenset(re.findall(r"\w+", "of the and for in on to de la du des et"))
_GENERATIONS: Final = ("jr", "sr", "ii", "iii")
_SENTENCE_END: Final = re.compile(r"\w{3}[.!?;:]\s")
TITLE_WORDS: Final = frozenset(
    re.findall(
        r"\w+",
        """acting admiral ambassador chair chairman chairwoman chancellor chief colonel commander commissioner crown
        defence defense deputy diplomat director emir envoy executive finance first foreign former general governor head
        high interior king leader lieutenant lord marshal mayor minister national negotiator of pm premier president
        prime prince princess queen representative secretary security senator senior special speaker spokesman
        spokesperson spokeswoman state sultan supreme top vice""",
    )
)


def tokens(text: str) -> list[re.Match[str]]:
    """Return the words of a text, each with its place: abbreviations keep their dots, possessives are cut."""
    return list(_WORD.finditer(text))


@lru_cache(maxsize=8192)
def form(text: str) -> Form:
    """Return the folded words of a name, without article, possessive and form of address."""
    return _bare(tuple(fold(token[0]) for token in tokens(text)))


def words(text: str) -> list[str]:
    """Return the words of a name as written, as many as its ``form`` has."""
    written = [token[0] for token in tokens(text)]
    return written[len(written) - len(form(text)) :]


@lru_cache(maxsize=8192)
def state_named(text: str) -> str | None:
    """Return the alpha-3 code of the state that ``text`` names, whatever punctuation surrounds the name."""
    return state_code(text) or state_code(" ".join(words(text)))


@lru_cache(maxsize=8192)
def fold(word: str) -> str:
    """Fold case, accents, dots and the endings that transliterations differ in, unless nothing is left."""
    letters = unicodedata.normalize("NFKD", word.casefold()).translate(_UNDECOMPOSED)
    folded = "".join(letter for letter in letters if not unicodedata.combining(letter))
    for ending, standard in _ENDINGS:
        folded = ending.sub(standard, folded)
    return folded or word


def untitled(text: str) -> Form:
    """Return a person's folded name without nationality, title and "Jr."; the whole if nothing else is left."""
    written, folded = words(text), form(text)
    if len(folded) > 1 and folded[-1] in _GENERATIONS:
        folded = folded[:-1]
    for body in range(min(4, len(written))):
        if body and not state_named(" ".join(written[:body])):
            continue
        end = body
        while end < len(folded) and folded[end] in TITLE_WORDS:
            end += 1
        if body < end < len(folded):
            return _bare(folded[end:])
    return folded


def may_be_shortened(text: str) -> bool:
    """Whether a quote looks like one name: its ends are not in lower case, and no sentence ends within it."""
    written = words(text)
    return not (written[0][0].islower() or written[-1][0].islower() or _SENTENCE_END.search(text))


def acronyms(name: str) -> set[str]:
    """Return the initials of a name of several words, with and without its small words."""
    capitals = [word for word in words(name) if not word.islower()]
    main = [word for word in capitals if word.lower() not in _SMALL]
    return {"".join(word[0] for word in some) for some in (capitals, main) if len(some) > 1}


def _bare(words: Form) -> Form:
    """Drop articles and forms of address, unless nothing else is left."""
    for opening in _OPENINGS:
        if words[: len(opening)] == opening and len(words) > len(opening):
            return _bare(words[len(opening) :])
    return words
