"""Pure metrics of predicted against gold records.

Records of a kind are aligned one to one at maximum total similarity (Kuhn-Munkres, scipy's
``linear_sum_assignment``); argument precision, recall and F1 are micro averages over the field
values of aligned records, unaligned ones counting as spurious or missed.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..normalising import state_code

Record = Mapping[str, Any]
Match = Callable[[str, str, str], bool]  # field, predicted, gold

# The quotes of each kind that count as arguments; "a.b" is field b of the records in a.
ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "commitments": ("actors", "action", "beneficiary", "condition", "duration", "speaker"),
    "participants": ("name", "title", "represents"),
    "durations": ("text", "applies_to"),
    "disputes": ("parties", "issue", "stances.stance"),
}
_NAMES = {"actors", "parties", "name", "beneficiary", "speaker"}
_EDGES = string.punctuation + string.whitespace + "“”‘’«»—–…"
_ARTICLE = re.compile(r"^(the|a|an)\s+", re.IGNORECASE)


@dataclass
class Counts:
    """Values found, predicted and in gold."""

    correct: int = 0
    predicted: int = 0
    gold: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.correct + other.correct, self.predicted + other.predicted, self.gold + other.gold)

    @property
    def precision(self) -> float:
        return self.correct / self.predicted if self.predicted else float(not self.gold)

    @property
    def recall(self) -> float:
        return self.correct / self.gold if self.gold else float(not self.predicted)

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def strict(field: str, predicted: str, gold: str) -> bool:
    """Same characters after trimming punctuation and articles."""
    return _trimmed(predicted) == _trimmed(gold)


def relaxed(field: str, predicted: str, gold: str) -> bool:
    """Token F1 of at least 0.5, or for names the same state."""
    if field in _NAMES and (code := state_code(predicted)) is not None and code == state_code(gold):
        return True
    return strict(field, predicted, gold) or token_f1(predicted, gold) >= 0.5


def token_f1(a: str, b: str) -> float:
    """F1 of the bags of lower-case words, articles left out."""
    left, right = Counter(_tokens(a)), Counter(_tokens(b))
    shared = (left & right).total()
    return 2 * shared / (left.total() + right.total()) if shared else 0.0


def score(kind: str, predicted: Sequence[Record], gold: Sequence[Record], match: Match = relaxed) -> Counts:
    """Count the arguments of one article's records of a kind."""
    total = Counts()
    pairs = align(kind, predicted, gold, match)
    for p, g in pairs:
        total += _arguments(kind, predicted[p], gold[g], match)
    for p in set(range(len(predicted))) - {p for p, _ in pairs}:
        total += Counts(predicted=len(list(values(kind, predicted[p]))))
    for g in set(range(len(gold))) - {g for _, g in pairs}:
        total += Counts(gold=len(list(values(kind, gold[g]))))
    return total


def score_records(kind: str, predicted: Sequence[Record], gold: Sequence[Record], match: Match = relaxed) -> Counts:
    """Count whole records: an aligned pair with a similarity of at least 0.5 is correct."""
    good = sum(similarity(kind, predicted[p], gold[g], match) >= 0.5 for p, g in align(kind, predicted, gold, match))
    return Counts(good, len(predicted), len(gold))


def align(
    kind: str, predicted: Sequence[Record], gold: Sequence[Record], match: Match = relaxed
) -> list[tuple[int, int]]:
    """Pair predicted with gold records; pairs without any similarity are left out."""
    if not predicted or not gold:
        return []
    table = np.array([[similarity(kind, p, g, match) for g in gold] for p in predicted])
    rows, columns = linear_sum_assignment(table, maximize=True)
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if table[r, c] > 0]


def similarity(kind: str, predicted: Record, gold: Record, match: Match = relaxed) -> float:
    """F1 of the arguments of two records, from 0 to 1."""
    return _arguments(kind, predicted, gold, match).f1


def values(kind: str, record: Record) -> Iterator[tuple[str, str]]:
    """Yield the arguments of a record as (field, text)."""
    for path in ARGUMENTS[kind]:
        field, _, inner = path.partition(".")
        value = record.get(field)
        for one in value if isinstance(value, list) else [value]:
            text = one.get(inner) if inner and one else one
            if text:
                yield path, text


def _arguments(kind: str, predicted: Record, gold: Record, match: Match) -> Counts:
    scored = [path for path in ARGUMENTS[kind] if path.partition(".")[0] in gold]
    left = [(f, v) for f, v in values(kind, predicted) if f in scored]
    right = list(values(kind, gold))
    open_gold = list(right)
    correct = 0
    for field, value in left:
        hit = next((g for g in open_gold if g[0] == field and match(field, value, g[1])), None)
        if hit:
            open_gold.remove(hit)
            correct += 1
    return Counts(correct, len(left), len(right))


def _trimmed(text: str) -> str:
    return _ARTICLE.sub("", text.strip(_EDGES)).strip(_EDGES)


def _tokens(text: str) -> list[str]:
    return [word for word in re.findall(r"\w+", text.lower()) if word not in ("the", "a", "an")]
