"""``python -m training.calibrate --corpus DIR``: gives the trained model what is fitted on the split dev.

For each kind: what is taken off the logits of ending its list, by argument F1 of all; then the line of its
confidence (Platt 1999), whether a record is a gold record against the log-odds of its raw confidence. With
``--average`` the weights are first averaged with those of another run from the same checkpoint, which is better
than either (Wortsman et al. 2022, arXiv:2203.05482).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import minimize

from extractor import Extractor
from extractor.engine import Engine, open_engine
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
_OTHER = 0.3  # share of the other run's weights: measured on dev, 0 gave 0.585, 0.3 0.588, 0.5 0.578


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
    parser.add_argument("--average", type=Path, help="the last checkpoint of another run to average with")
    options = parser.parse_args()
    setting = SETTINGS["full"]
    weights = _weights(options.work / f"{setting.stages[-1].name}.pt")
    if options.average:
        other = _weights(options.average)
        weights = {name: (1 - _OTHER) * weight + _OTHER * other[name] for name, weight in weights.items()}
    tokenizer = options.work / "tokenizer.json"
    export(weights, setting.shape, tokenizer, options.out, name="accord-bundled")
    gold = load(GOLD, ARTICLES, options.corpus, "dev")
    with closing(open_engine(str(options.out))) as engine:
        prices = best_closing(engine, gold)
        engine.info = replace(engine.info, closing=prices)
        scores = evaluate("raw", gold, Extractor(engine=engine).extract).scores
    lines = {kind: fit(scores.outcomes(kind)) for kind in scores.kinds()}
    print(f"closing {prices}: argument F1 {scores.counts('all.relaxed').f1:.4f}")
    print(f"ECE {ece(scores.outcomes()):.3f} before; {lines}")
    export(weights, setting.shape, tokenizer, options.out, name="accord-bundled", calibration=lines, closing=prices)


def _weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    decoder: dict[str, torch.Tensor] = torch.load(checkpoint, weights_only=True)["decoder"]
    return {name: weight.float() for name, weight in decoder.items()}


def best_closing(engine: Engine, gold: Sequence[Gold | Skipped]) -> dict[str, float]:
    """Return for each kind which of ``CLOSINGS`` gives, together, the highest argument F1 of all kinds."""
    info, counts = engine.info, dict[tuple[str, float], Counts]()
    for price in CLOSINGS:
        engine.info = replace(info, closing=dict.fromkeys(KINDS, price))
        scores = evaluate("raw", gold, Extractor(engine=engine).extract).scores
        for kind in KINDS:
            counts[kind, price] = one = scores.counts(f"{kind}.relaxed")
            print(f"{kind} {price}: {one.f1:.4f}", flush=True)
    engine.info = info
    choices = (dict(zip(KINDS, chosen, strict=True)) for chosen in product(CLOSINGS, repeat=len(KINDS)))
    return max(choices, key=lambda choice: sum((counts[one] for one in choice.items()), Counts()).f1)


if __name__ == "__main__":
    main()
