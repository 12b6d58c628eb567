"""The line that turns raw confidence into a share that is right."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("torch", reason="training needs the extra [train]")

from extractor.evals.stats import ece
from extractor.filling import calibrated
from training.calibrate import fit


def test_a_fitted_line_is_calibrated_on_new_records() -> None:
    rng = random.Random(4)
    raw = [rng.uniform(0.05, 0.99) for _ in range(4000)]
    outcomes = [(p, rng.random() < calibrated(p, (1.5, -2.0))) for p in raw]
    line = fit(outcomes[:2000])
    assert line == (pytest.approx(1.5, abs=0.2), pytest.approx(-2.0, abs=0.2))
    rest = outcomes[2000:]
    assert ece([(calibrated(p, line), right) for p, right in rest]) < 0.04 < ece(rest)
