"""Scores of articles: counts by metric, and what was found, missed and made up.

A metric is named ``kind.match``, ``kind.match.field``, ``kind.records`` or ``kind.accuracy.field``;
``all.relaxed`` is the headline. Every metric is a ``Counts``, whose ``f1`` is its value: an accuracy
has as many predicted as gold.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..pipeline import KINDS
from ..schemas import Extraction
from .gold_files import Gold, Record, plain
from .metrics import Counts, Match, align, choices, relaxed, same_choice, score, strict

MATCHES: Mapping[str, Match] = {"relaxed": relaxed, "strict": strict}


@dataclass(frozen=True)
class ArticleScore:
    """One article's counts by metric, its aligned choices, its records' confidence, and how records pair."""

    gold: Gold
    found: Mapping[str, Sequence[Record]]
    counts: Mapping[str, Counts]
    choices: Mapping[str, Sequence[tuple[Any, Any]]]
    outcomes: Mapping[str, Sequence[tuple[float, bool]]]
    same: Mapping[str, Sequence[tuple[int, int]]]

    def missed(self, kind: str) -> list[Record]:
        """Gold records that no found record is the same as."""
        taken = {g for _, g in self.same[kind]}
        return [record for number, record in enumerate(self.gold.records[kind]) if number not in taken]

    def spurious(self, kind: str) -> list[Record]:
        """Found records that no gold record is the same as."""
        taken = {p for p, _ in self.same[kind]}
        return [record for number, record in enumerate(self.found[kind]) if number not in taken]


def score_article(found: Extraction, gold: Gold) -> ArticleScore:
    """Score one article; a kind that gold does not have is not scored."""
    dumped = found.model_dump(mode="json")
    return score_records({kind: dumped[kind] for kind in gold.records}, gold)


def score_records(found: Mapping[str, Sequence[Record]], gold: Gold) -> ArticleScore:
    """Score records as they are dumped or written in a gold file, quotes as ``{"text", "start", "end"}``."""
    counts: dict[str, Counts] = defaultdict(Counts)
    chosen, outcomes, same = {}, {}, {}
    for kind, records in gold.records.items():
        right, left = [plain(record) for record in records], [plain(record) for record in found[kind]]
        for name, match in MATCHES.items():
            for argument, counted in score(kind, left, right, match).items():
                for metric in (f"all.{name}", f"{kind}.{name}", f"{kind}.{name}.{argument}"):
                    counts[metric] += counted
        same[kind] = align(kind, left, right).same()
        counts[f"{kind}.records"] = Counts(len(same[kind]), len(left), len(right))
        for choice, pairs in choices(kind, left, right).items():
            chosen[f"{kind}.{choice}"] = pairs
            counts[f"{kind}.accuracy.{choice}"] = Counts(
                sum(same_choice(choice, p, g) for g, p in pairs), len(pairs), len(pairs)
            )
        hits = {p for p, _ in same[kind]}
        outcomes[kind] = [
            (record["confidence"], number in hits)
            for number, record in enumerate(found[kind])
            if record.get("confidence") is not None
        ]
    return ArticleScore(gold, found, counts, chosen, outcomes, same)


class Scores:
    """Scores of several articles together."""

    def __init__(self, articles: Iterable[ArticleScore]) -> None:
        self.articles = {one.gold.name: one for one in articles}

    def tallies(self, metric: str) -> dict[str, Counts]:
        """Counts of a metric by article; an article without it has none."""
        return {name: one.counts.get(metric, Counts()) for name, one in self.articles.items()}

    def counts(self, metric: str) -> Counts:
        """Counts of a metric over all articles."""
        return sum(self.tallies(metric).values(), Counts())

    def metrics(self) -> list[str]:
        """Every metric that some article has, in the order in which they are counted."""
        return list(dict.fromkeys(metric for one in self.articles.values() for metric in one.counts))

    def kinds(self) -> list[str]:
        """The kinds that some article's gold has."""
        return [kind for kind in KINDS if any(kind in one.gold.records for one in self.articles.values())]

    def fields(self, kind: str) -> list[str]:
        """The argument fields of a kind that gold has."""
        start = f"{kind}.relaxed."
        return [metric.removeprefix(start) for metric in self.metrics() if metric.startswith(start)]

    def confusion(self, kind: str, choice: str) -> dict[tuple[Any, Any], int]:
        """How often (gold, predicted) came together on aligned records."""
        pairs: dict[tuple[Any, Any], int] = defaultdict(int)
        for one in self.articles.values():
            for pair in one.choices.get(f"{kind}.{choice}", ()):
                pairs[pair] += 1
        return dict(pairs)

    def outcomes(self, kind: str | None = None) -> list[tuple[float, bool]]:
        """(confidence, whether it is a gold record) of every found record, of one kind or of all."""
        return [
            outcome
            for one in self.articles.values()
            for name, outcomes in one.outcomes.items()
            if kind in (None, name)
            for outcome in outcomes
        ]

    def worst(self, number: int) -> list[ArticleScore]:
        """The articles that lose most: with most values missed or made up."""

        def lost(one: ArticleScore) -> int:
            counts = one.counts.get("all.relaxed", Counts())
            return counts.predicted + counts.gold - 2 * counts.correct

        return sorted(self.articles.values(), key=lost, reverse=True)[:number]
