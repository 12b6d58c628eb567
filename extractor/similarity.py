"""How alike two short texts are, by the stems of their content words."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+")
_NUMBER: Final = re.compile(r"\d+")
_SUFFIX: Final = re.compile(r"(?<=\w{3})(?:ings?|ed|es|s|e)$")
_FUNCTION_WORDS: Final = frozenset(
    _WORD.findall(
        """a an the this that these those of to in on at by for from with and or as into its their his her our it they
        be is are was were been will would could should may might can also any all some such so more under over up
        out"""
    )
)
# Verbs that say little of what is done: the object tells deeds apart.
_LIGHT_VERBS: Final = _WORD.findall("send provide give offer make take support help continue supply deliver do have")


@lru_cache(maxsize=4096)
def stems(text: str) -> frozenset[str]:
    """Return the stems of the words of ``text`` but function words; endings are cut after Harman's S-stemmer (1991)."""
    return frozenset(_stem(word) for word in _WORD.findall(text.casefold()) if word not in _FUNCTION_WORDS)


def overlap(one: str, other: str) -> float:
    """Return the F1 of the stems of two texts: 1 when they share all, 0 when none or when both have none."""
    return _f1(stems(one), stems(other))


def alike(one: str, other: str, apart: frozenset[str] = frozenset(), least: float = 0.6) -> bool:
    """Whether two actions are one deed: stems with an F1 of ``least``, or two or more that hold all of the other's.

    Light verbs and the stems in ``apart`` count only where an action has nothing else. Actions that name
    different numbers differ.
    """
    numbers = set(_NUMBER.findall(one)), set(_NUMBER.findall(other))
    if all(numbers) and numbers[0] != numbers[1]:
        return False
    first, second = _deed(one, apart), _deed(other, apart)
    inside = min(len(first), len(second)) > 1 and (first <= second or second <= first)
    return first == second or inside or _f1(first, second) >= least


def _deed(action: str, apart: frozenset[str]) -> frozenset[str]:
    words = stems(action)
    return words - apart - _LIGHT or words - _LIGHT or words


def _f1(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other)) if one or other else 0.0


def _stem(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return _SUFFIX.sub("", word) if not word.endswith("ss") else word


_LIGHT: Final = frozenset(map(_stem, _LIGHT_VERBS))
