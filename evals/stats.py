"""Intervals, tests and calibration, over articles and records. Everything is seeded, so that a run repeats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap, permutation_test

from .metrics import Counts

Tallies = Mapping[str, Counts]  # article -> its counts of one metric
ROUNDS = 9999


def f1(tallies: Tallies) -> float:
    """Micro-averaged F1 over articles, from 0 to 1."""
    return sum(tallies.values(), Counts()).f1


def interval(tallies: Tallies, rounds: int = 2000) -> tuple[float, float]:
    """Return the 95% interval of ``f1``: percentiles of a bootstrap that draws articles (Efron 1979)."""
    table = _table(tallies)
    if len(table) < 2:
        return (0.0, 1.0)
    found = bootstrap(
        (np.arange(len(table)),),
        lambda drawn, axis: _f1(table[drawn].sum(axis=axis - 1)),
        n_resamples=rounds,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(found.low), float(found.high)


def permutation_p(one: Tallies, other: Tallies, rounds: int = ROUNDS) -> float:
    """Two-sided p of a paired permutation test of ``f1`` by article (Noreen 1989); both have the same articles.

    Exact where the articles are few, else ``rounds`` random swaps.
    """
    if one.keys() != other.keys():
        raise ValueError("a paired test needs the same articles on both sides")
    changed = [name for name in one if one[name] != other[name]]
    if not changed:
        return 1.0
    both = np.concatenate([_table({name: side[name] for name in one}) for side in (one, other)])
    places = np.arange(len(one))

    def difference(left: NDArray[np.int_], right: NDArray[np.int_], axis: int = -1) -> NDArray[np.float64]:
        return _f1(both[left].sum(axis=axis - 1)) - _f1(both[right].sum(axis=axis - 1))

    return float(
        permutation_test(
            (places, places + len(one)),
            difference,
            permutation_type="samples",
            n_resamples=rounds,
            vectorized=True,
            rng=np.random.default_rng(0),
        ).pvalue
    )


@dataclass(frozen=True)
class Bin:
    """Records of like confidence: mean confidence, share that is correct, how many."""

    confidence: float
    correct: float
    records: int


def reliability(outcomes: Sequence[tuple[float, bool]], bins: int = 10) -> list[Bin]:
    """Sort (confidence, correct) into bins of equal width; empty ones are left out."""
    confidence = np.array([c for c, _ in outcomes], dtype=float)
    correct = np.array([right for _, right in outcomes], dtype=float)
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    chosen = [which == number for number in range(bins)]
    return [
        Bin(float(confidence[some].mean()), float(correct[some].mean()), int(some.sum()))
        for some in chosen
        if some.any()
    ]


def ece(outcomes: Sequence[tuple[float, bool]], bins: int = 10) -> float:
    """Expected calibration error: mean distance of confidence from accuracy, weighted by bin (Naeini et al. 2015)."""
    return sum(b.records * abs(b.confidence - b.correct) for b in reliability(outcomes, bins)) / max(len(outcomes), 1)


def risk_coverage(outcomes: Sequence[tuple[float, bool]]) -> list[tuple[float, float]]:
    """Return (coverage, risk) for every threshold: the most confident share, and how much of it is wrong."""
    ordered = sorted(outcomes, key=lambda outcome: -outcome[0])
    wrong = np.cumsum([not right for _, right in ordered])
    kept = [n for n in range(1, len(ordered) + 1) if n == len(ordered) or ordered[n - 1][0] > ordered[n][0]]
    return [(n / len(ordered), float(wrong[n - 1]) / n) for n in kept]


def _table(tallies: Tallies) -> NDArray[np.int_]:
    return np.array([(one.correct, one.predicted, one.gold) for one in tallies.values()], dtype=int)


def _f1(sums: NDArray[np.int_]) -> NDArray[np.float64]:
    """F1 of sums of counts, which stand on the last axis."""
    values = sums[..., 1] + sums[..., 2]
    return np.where(values > 0, 2 * sums[..., 0] / np.maximum(values, 1), 1.0)
