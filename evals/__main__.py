"""``python -m extractor.evals``: scores the bundled model (or ``--model``) on the gold files."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from ..pipeline import Extractor
from .gold_files import load
from .scores import Scores

_HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m extractor.evals", description=__doc__)
    parser.add_argument("--gold", type=Path, default=_HERE / "gold")
    parser.add_argument("--articles", type=Path, nargs="*", default=[_HERE / "../seeds", _HERE / "../../shared/seeds"])
    parser.add_argument("--model", default="bundled")
    options = parser.parse_args()
    scores = Scores()
    with Extractor(options.model) as extractor:
        for gold in load(options.gold, options.articles):
            if isinstance(gold, str):
                print(f"skipped {gold}")
            else:
                scores.add(extractor.extract(gold.article), gold.records)
    Console(width=100).print(scores.table())


if __name__ == "__main__":
    main()
