"""``python -m training.validate --corpus DIR``: scores a model on the labelled passages kept from training."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from extractor import Extractor
from extractor.evals.gold_files import KINDS
from extractor.evals.scores import Scores

from . import labelled


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.validate", description=__doc__)
    parser.add_argument("--corpus", type=Path, help="without it, only the passages that we wrote")
    parser.add_argument("--model", default="bundled")
    options = parser.parse_args()
    rows = [*labelled.written(), *(labelled.real(options.corpus) if options.corpus else ())]
    scores = Scores()
    with Extractor(options.model) as extractor:
        for row in filter(labelled.held_out, rows):
            scores.add(extractor.extract(row["text"]), {kind: row[kind] for kind in KINDS if kind in row})
    Console(width=100).print(scores.table())


if __name__ == "__main__":
    main()
