"""``python -m training.validate --corpus DIR``: scores a model on the labelled passages kept from training."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from extractor import Extractor
from extractor.article import Article
from extractor.evals.evaluation import evaluate
from extractor.evals.gold_files import Gold
from extractor.evals.report import headline
from extractor.pipeline import KINDS

from . import labelled


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.validate", description=__doc__)
    parser.add_argument("--corpus", type=Path, help="without it, only the passages that we wrote")
    parser.add_argument("--model", default="bundled")
    options = parser.parse_args()
    rows = [*labelled.written(), *(labelled.real(options.corpus) if options.corpus else ())]
    passages = [
        Gold(row["id"], "", Article(row["text"], id=row["id"]), {kind: row[kind] for kind in KINDS if kind in row})
        for row in rows
        if labelled.held_out(row)
    ]
    with Extractor(options.model) as extractor:
        Console().print(headline(evaluate(options.model, passages, extractor.extract)))


if __name__ == "__main__":
    main()
