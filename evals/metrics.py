"""Pure metrics of one article's predicted against its gold records.

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
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..names import acronyms, state_named, untitled

Record = Mapping[str, Any]
Match = Callable[[str, str, str], bool]  # field, predicted, gold

# The quotes of each kind that count as arguments; "a.b" is field b of the records in a.
ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "commitments": ("actors", "action", "beneficiary", "condition", "duration", "speaker"),
    "participants": ("name", "title", "represents"),
    "durations": ("text", "applies_to"),
    "disputes": ("parties", "issue", "stances.party", "stances.stance"),
}
# What is right or wrong as a whole, counted on aligned records.
CHOICES: Mapping[str, tuple[str, ...]] = {
    "commitments": ("status", "category"),
    "participants": ("kind",),
    "durations": ("modality", "value"),
    "disputes": ("state",),
}
SAME_RECORD = 0.5  # similarity from which an aligned pair counts as the same record
_PART = r"(?:([\d.]+){})?"
_ISO = re.compile("P" + "".join(map(_PART.format, "YMWD")) + "(?:T" + "".join(map(_PART.format, "HMS")) + ")?")
_NAMES = {"actors", "parties", "stances.party", "name", "beneficiary", "speaker"}
_EDGES = string.punctuation + string.whitespace + "“”‘’«»—–…"
_ARTICLE = re.compile(r"^(the|a|an)\s+", re.IGNORECASE)


@dataclass(frozen=True)
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
        """Harmonic mean of precision and recall; 1 where there was nothing to find and nothing was found."""
        values = self.predicted + self.gold
        return 2 * self.correct / values if values else 1.0


def strict(field: str, predicted: str, gold: str) -> bool:
    """Same characters after trimming punctuation and articles."""
    return _trimmed(predicted) == _trimmed(gold)


@lru_cache(maxsize=100_000)
def relaxed(field: str, predicted: str, gold: str) -> bool:
    """Token F1 of at least 0.5, or for names the same entity; two states are never the same."""
    if field in _NAMES:
        same = same_entity(predicted, gold)
        if same or (state_named(predicted) and state_named(gold)):
            return same
    return strict(field, predicted, gold) or token_f1(predicted, gold) >= 0.5


def same_entity(a: str, b: str) -> bool:
    """Whether two names are one state, or spellings or an abbreviation of one name."""
    state, other = state_named(a), state_named(b)
    if state or other:
        return state == other
    left, right = untitled(a), untitled(b)
    return (bool(left) and left == right) or _initials(a, b) or _initials(b, a)


def token_f1(a: str, b: str) -> float:
    """F1 of the bags of lower-case words, articles left out."""
    left, right = Counter(_tokens(a)), Counter(_tokens(b))
    shared = (left & right).total()
    return 2 * shared / (left.total() + right.total()) if shared else 0.0


@dataclass(frozen=True)
class Alignment:
    """Records of a kind, paired: ``pairs`` holds (predicted, gold, similarity) with indices into both lists."""

    pairs: tuple[tuple[int, int, float], ...]

    def same(self) -> list[tuple[int, int]]:
        """Pairs that are similar enough to be the same record."""
        return [(p, g) for p, g, similarity in self.pairs if similarity >= SAME_RECORD]


def align(kind: str, predicted: Sequence[Record], gold: Sequence[Record], match: Match = relaxed) -> Alignment:
    """Pair predicted with gold records at maximum total similarity; pairs without any are left out."""
    if not predicted or not gold:
        return Alignment(())
    counts = [[_total(arguments(kind, p, g, match)) for g in gold] for p in predicted]
    similarity = np.array([[one.f1 if one.correct else 0.0 for one in row] for row in counts])
    correct = np.array([[one.correct for one in row] for row in counts])
    # Among pairings of equal similarity, the one that finds more values.
    rows, columns = linear_sum_assignment(similarity + 1e-6 * correct, maximize=True)
    pairs = ((int(r), int(c), float(similarity[r, c])) for r, c in zip(rows, columns, strict=True))
    return Alignment(tuple(pair for pair in pairs if pair[2] > 0))


def score(kind: str, predicted: Sequence[Record], gold: Sequence[Record], match: Match = relaxed) -> dict[str, Counts]:
    """Count the arguments of one article's records of a kind, by field."""
    pairs = align(kind, predicted, gold, match).pairs
    scored = {field for record in gold for field in _scored(kind, record)} if gold else set(ARGUMENTS[kind])
    total = {field: Counts() for field in ARGUMENTS[kind] if field in scored}

    def add(counts: Mapping[str, Counts]) -> None:
        for field in counts.keys() & total.keys():
            total[field] += counts[field]

    for p, g, _ in pairs:
        add(arguments(kind, predicted[p], gold[g], match))
    for p in set(range(len(predicted))) - {p for p, _, _ in pairs}:
        add({field: Counts(predicted=n) for field, n in _numbers(kind, predicted[p]).items()})
    for g in set(range(len(gold))) - {g for _, g, _ in pairs}:
        add({field: Counts(gold=n) for field, n in _numbers(kind, gold[g]).items()})
    return total


def score_records(kind: str, predicted: Sequence[Record], gold: Sequence[Record], match: Match = relaxed) -> Counts:
    """Count whole records: an aligned pair with a similarity of at least 0.5 is correct."""
    return Counts(len(align(kind, predicted, gold, match).same()), len(predicted), len(gold))


def choices(
    kind: str, predicted: Sequence[Record], gold: Sequence[Record], match: Match = relaxed
) -> dict[str, list[tuple[Any, Any]]]:
    """Return (gold, predicted) for every choice of the records that are the same, by field.

    Pairs of little similarity say nothing of a choice. A field that gold lacks is not scored.
    """
    pairs = align(kind, predicted, gold, match).same()
    return {
        field: [(gold[g][field], predicted[p].get(field)) for p, g in pairs if field in gold[g]]
        for field in CHOICES[kind]
    }


def same_choice(field: str, predicted: Any, gold: Any) -> bool:
    """Whether two choices are equal; ISO 8601 durations by their length, so that P18M is P1Y6M."""
    if field == "value" and predicted and gold:
        return _length(predicted) == _length(gold)
    return bool(predicted == gold)


def _length(value: str) -> tuple[float, float] | str:
    """Months and seconds of an ISO 8601 duration; a vague one (PXY) stays as it is."""
    found = _ISO.fullmatch(value)
    if not found:
        return value
    years, months, weeks, days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return (12 * years + months, 86400 * (7 * weeks + days) + 3600 * hours + 60 * minutes + seconds)


def arguments(kind: str, predicted: Record, gold: Record, match: Match) -> dict[str, Counts]:
    """Count the values of two records, field by field; a field that is absent from gold is not scored."""
    counted = {}
    for field in _scored(kind, gold):
        left, right = list(values(field, predicted)), list(values(field, gold))
        table = [[match(field, one, other) for other in right] for one in left]
        correct = _matched(table) if left and right else 0
        counted[field] = Counts(correct, len(left), len(right))
    return counted


def values(field: str, record: Record) -> Iterator[str]:
    """Yield the texts that a record has in a field."""
    outer, _, inner = field.partition(".")
    value = record.get(outer)
    for one in value if isinstance(value, list) else [value]:
        text = one.get(inner) if inner and one else one
        if text:
            yield text


def _matched(table: list[list[bool]]) -> int:
    if len(table) == len(table[0]) == 1:
        return int(table[0][0])
    matrix = np.array(table)
    rows, columns = linear_sum_assignment(matrix, maximize=True)
    return int(matrix[rows, columns].sum())


def _scored(kind: str, gold: Record) -> Iterator[str]:
    return (field for field in ARGUMENTS[kind] if field.partition(".")[0] in gold)


def _numbers(kind: str, record: Record) -> dict[str, int]:
    return {field: len(list(values(field, record))) for field in ARGUMENTS[kind]}


def _total(counts: Mapping[str, Counts]) -> Counts:
    return sum(counts.values(), Counts())


def _initials(short: str, name: str) -> bool:
    return short.replace(".", "").strip() in acronyms(name)


@lru_cache(maxsize=100_000)
def _trimmed(text: str) -> str:
    return _ARTICLE.sub("", text.strip(_EDGES)).strip(_EDGES)


@lru_cache(maxsize=100_000)
def _tokens(text: str) -> list[str]:
    return [word for word in re.findall(r"\w+", text.lower()) if word not in ("the", "a", "an")]
