"""``python -m training.calibrate --corpus DIR``: gives the trained model what is fitted on the split dev.

For each kind: the words in its passages and what is taken off the logits of ending its list, by argument F1 of
all; then the line of its confidence (Platt 1999), whether a record is a gold record against the log-odds of its
raw confidence.
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
from .export import WINDOW, export
from .overlap import ARTICLES, GOLD

Line = tuple[float, float]
Option = tuple[int, float]  # words in a passage, and the price of ending a list
OPTIONS: Sequence[Option] = list(product((WINDOW, 60), (0.0, 1.0, 2.0)))


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
    tokenizer = options.work / "tokenizer.json"
    export(weights, setting.shape, tokenizer, options.out, name="accord-bundled")
    gold = load(GOLD, ARTICLES, options.corpus, "dev")
    with closing(open_engine(str(options.out))) as engine:
        chosen = best(engine, gold)
        windows = {kind: words for kind, (words, _) in chosen.items() if words != WINDOW}
        prices = {kind: price for kind, (_, price) in chosen.items()}
        engine.info = replace(engine.info, windows=windows, closing=prices)
        scores = evaluate("raw", gold, Extractor(engine=engine).extract).scores
    lines = {kind: fit(scores.outcomes(kind)) for kind in scores.kinds()}
    print(f"windows {windows}, closing {prices}: argument F1 {scores.counts('all.relaxed').f1:.4f}")
    print(f"ECE {ece(scores.outcomes()):.3f} before; {lines}")
    export(
        weights,
        setting.shape,
        tokenizer,
        options.out,
        name="accord-bundled",
        calibration=lines,
        closing=prices,
        windows=windows,
    )


def best(engine: Engine, gold: Sequence[Gold | Skipped]) -> dict[str, Option]:
    """Return for each kind which of ``OPTIONS`` gives, together, the highest argument F1 of all kinds."""
    info, counts = engine.info, dict[tuple[str, Option], Counts]()
    for option in OPTIONS:
        window, price = option
        engine.info = replace(info, window=window, closing=dict.fromkeys(KINDS, price))
        scores = evaluate("raw", gold, Extractor(engine=engine).extract).scores
        for kind in KINDS:
            counts[kind, option] = one = scores.counts(f"{kind}.relaxed")
            print(f"{kind} {option}: {one.f1:.4f}", flush=True)
    engine.info = info
    choices = (dict(zip(KINDS, chosen, strict=True)) for chosen in product(OPTIONS, repeat=len(KINDS)))
    return max(choices, key=lambda choice: sum((counts[one] for one in choice.items()), Counts()).f1)


if __name__ == "__main__":
    main()
