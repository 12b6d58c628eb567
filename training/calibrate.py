"""``python -m training.calibrate --corpus DIR``: gives the trained model what is fitted on the split dev.

For each kind: what is taken off the logits of ending its list, by argument F1 of all; then the line of its
confidence (Platt 1999), whether a record is a gold record against the log-odds of its raw confidence.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import minimize

from extractor import Extractor
from extractor.evals.evaluation import evaluate
from extractor.evals.gold_files import Gold, Skipped, load
from extractor.evals.metrics import Counts
from extractor.evals.stats import ece
from extractor.pipeline import KINDS

from .__main__ import BUNDLED, SETTINGS
from .export import export
from .overlap import ARTICLES, GOLD

Line = tuple[float, float]
CLOSINGS = (0.0, 1.0, 2.0)


def fit(outcomes: Sequence[tuple[float, bool]]) -> Line:
    """Return slope and intercept of the log-odds of being right; targets are softened as Platt does."""
    raw = np.clip([confidence for confidence, _ in outcomes], 1e-6, 1 - 1e-6)
    right = np.array([correct for _, correct in outcomes])
    odds = np.log(raw / (1 - raw))
    target = np.where(right, (right.sum() + 1) / (right.sum() + 2), 1 / ((~right).sum() + 2))

    def loss(line: np.ndarray) -> float:
        score = line[0] * odds + line[1]
        return float(np.mean(np.logaddexp(0, score) - target * score))

    # A falling line would put the surer record last.
    found = minimize(loss, np.array([1.0, 0.0]), bounds=((0, None), (None, None))).x
    return round(float(found[0]), 4), round(float(found[1]), 4)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.calibrate", description=__doc__)
    parser.add_argument("--corpus", type=Path, help="for the gold files of the corpus")
    parser.add_argument("--work", type=Path, default=Path(".work"), help="where training left its checkpoints")
    parser.add_argument("--out", type=Path, default=BUNDLED)
    options = parser.parse_args()
    setting = SETTINGS["full"]
    weights = torch.load(options.work / f"{setting.stages[-1].name}.pt", weights_only=True)["decoder"]
    words = options.work / "tokenizer.json"
    export(weights, setting.shape, words, options.out, name="accord-bundled")
    gold = load(GOLD, ARTICLES, options.corpus, "dev")
    with Extractor(str(options.out)) as extractor:
        closing = best_closing(extractor, gold)
        extractor.engine.info = replace(extractor.engine.info, closing=closing)
        scores = evaluate("raw", gold, extractor.extract).scores
    lines = {kind: fit(scores.outcomes(kind)) for kind in scores.kinds()}
    print(f"closing {closing}; ECE {ece(scores.outcomes()):.3f} before; {lines}")
    export(weights, setting.shape, words, options.out, name="accord-bundled", calibration=lines, closing=closing)


def best_closing(extractor: Extractor, gold: Sequence[Gold | Skipped]) -> dict[str, float]:
    """Return for each kind which of ``CLOSINGS`` gives, together, the highest argument F1 of all kinds."""
    info, counts = extractor.engine.info, dict[tuple[str, float], Counts]()
    for closing in CLOSINGS:
        extractor.engine.info = replace(info, closing=dict.fromkeys(KINDS, closing))
        scores = evaluate("raw", gold, extractor.extract).scores
        for kind in KINDS:
            counts[kind, closing] = one = scores.counts(f"{kind}.relaxed")
            print(f"{kind} {closing}: {one.f1:.4f}", flush=True)
    choices = (dict(zip(KINDS, chosen, strict=True)) for chosen in product(CLOSINGS, repeat=len(KINDS)))
    return max(choices, key=lambda choice: sum((counts[one] for one in choice.items()), Counts()).f1)


if __name__ == "__main__":
    main()
