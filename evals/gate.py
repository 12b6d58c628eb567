"""The regression gate: new scores against a baseline, each metric better, worse or inconclusive."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..errors import InputError
from ..schemas import Provenance
from .metrics import Counts
from .scores import Scores
from .stats import Tallies, f1, permutation_p

GATED = (
    "all.relaxed",
    "all.strict",
    "commitments.relaxed",
    "participants.relaxed",
    "durations.relaxed",
    "disputes.relaxed",
    "commitments.records",
    "commitments.accuracy.status",
)
ALPHA = 0.05

Word = Literal["better", "worse", "inconclusive"]


@dataclass(frozen=True)
class Verdict:
    """One metric before and after; ``p`` is adjusted for the number of metrics (Holm 1979)."""

    metric: str
    before: float
    after: float
    p: float

    @property
    def word(self) -> Word:
        if self.p >= ALPHA or self.before == self.after:
            return "inconclusive"
        return "better" if self.after > self.before else "worse"


@dataclass(frozen=True)
class Baseline:
    """Counts of an earlier run by article and gated metric, and what they depend on."""

    key: Mapping[str, Any]
    articles: Mapping[str, Mapping[str, Any]]  # name -> {"gold": sha256, "counts": {metric: [correct, found, gold]}}


def baseline(scores: Scores, provenance: Provenance | None) -> Baseline:
    """Return scores as the baseline of later runs."""
    names = ("model", "model_sha256", "prompt_sha256", "schema_sha256", "window")
    key = {name: getattr(provenance, name) for name in names} if provenance else {}
    return Baseline(
        key,
        {
            name: {
                "gold": one.gold.sha256,
                "counts": {
                    metric: [c.correct, c.predicted, c.gold]
                    for metric in GATED
                    if (c := one.counts.get(metric)) is not None
                },
            }
            for name, one in sorted(scores.articles.items())
        },
    )


def as_text(one: Baseline) -> str:
    """Return a baseline as JSON, one article a line."""
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(of)}" for name, of in one.articles.items())
    return f'{{\n "key": {json.dumps(one.key)},\n "articles": {{\n{lines}\n }}\n}}\n'


def read(file: Path) -> Baseline:
    """Read a baseline. Raises ``InputError`` for anything else."""
    hint = "Write one with extractor eval --baseline FILE --update-baseline."
    try:
        content = json.loads(file.read_text("utf-8"))
        return Baseline(content["key"], content["articles"])
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", hint=hint) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file} is no baseline", hint=hint) from error


def compare(scores: Scores, before: Baseline) -> tuple[list[Verdict], list[str]]:
    """Return the verdicts on the articles that both have with the same gold, and the names of the others.

    Raises ``InputError`` when there is no such article.
    """
    both = [n for n, one in scores.articles.items() if before.articles.get(n, {}).get("gold") == one.gold.sha256]
    if not both:
        raise InputError(
            "the baseline has none of these articles with the same gold",
            hint="Write a new one with --update-baseline.",
        )
    rows = [(metric, _before(before, metric, both), _after(scores, metric, both)) for metric in GATED]
    raw = [permutation_p(new, old) for _, old, new in rows]
    adjusted = _holm(raw)
    verdicts = [Verdict(metric, f1(old), f1(new), p) for (metric, old, new), p in zip(rows, adjusted, strict=True)]
    return verdicts, sorted({*scores.articles, *before.articles} - set(both))


def _before(one: Baseline, metric: str, names: list[str]) -> Tallies:
    return {name: Counts(*one.articles[name]["counts"].get(metric, (0, 0, 0))) for name in names}


def _after(scores: Scores, metric: str, names: list[str]) -> Tallies:
    tallies = scores.tallies(metric)
    return {name: tallies[name] for name in names}


def _holm(ps: list[float]) -> list[float]:
    adjusted, highest = [0.0] * len(ps), 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        highest = max(highest, min(1.0, ps[place] * (len(ps) - rank)))
        adjusted[place] = highest
    return adjusted
