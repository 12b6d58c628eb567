"""``python -m extractor.evals``: scores the bundled model (or ``--model``) on the gold files."""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ..pipeline import Extractor
from .gold_files import KINDS, Gold, load, plain
from .metrics import Counts, relaxed, score, score_records, strict

_HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m extractor.evals", description=__doc__)
    parser.add_argument("--gold", type=Path, default=_HERE / "gold")
    parser.add_argument("--articles", type=Path, nargs="*", default=[_HERE / "../seeds", _HERE / "../../shared/seeds"])
    parser.add_argument("--model", default="bundled")
    options = parser.parse_args()
    counts: dict[str, dict[str, Counts]] = defaultdict(lambda: defaultdict(Counts))
    done = 0
    with Extractor(options.model) as extractor:
        for gold in load(options.gold, options.articles):
            if isinstance(gold, str):
                print(f"skipped {gold}")
                continue
            done += 1
            _add(counts, extractor, gold)
    _print(counts, done)


def _add(counts: dict[str, dict[str, Counts]], extractor: Extractor, gold: Gold) -> None:
    found = extractor.extract(gold.article).model_dump(mode="json")
    for kind in KINDS:
        predicted = [plain(record) for record in found[kind]]
        for name, match in (("relaxed", relaxed), ("strict", strict)):
            counted = score(kind, predicted, gold.records[kind], match)
            counts[kind][name] += counted
            counts["all"][name] += counted
        counts[kind]["records"] += score_records(kind, predicted, gold.records[kind])


def _print(counts: dict[str, dict[str, Counts]], done: int) -> None:
    table = Table("kind", "argument F1", "precision", "recall", "strict F1", "record F1", "records", "gold")
    for kind in ("all", *KINDS):
        of = counts[kind]
        records = of["records"]
        table.add_row(
            kind,
            *(f"{value:.2f}" for value in (of["relaxed"].f1, of["relaxed"].precision, of["relaxed"].recall)),
            f"{of['strict'].f1:.2f}",
            *((f"{records.f1:.2f}", str(records.predicted), str(records.gold)) if kind != "all" else ("", "", "")),
        )
    Console(width=100).print(table)
    print(f"{done} articles")


if __name__ == "__main__":
    main()
