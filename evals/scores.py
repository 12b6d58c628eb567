"""Scores of several articles together, as a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from ..schemas import Extraction
from .gold_files import KINDS, plain
from .metrics import Counts, relaxed, score, score_records, strict


class Scores:
    """Micro-averaged counts per kind, and over the four kinds as "all"."""

    def __init__(self) -> None:
        self.articles = 0
        self._counts: dict[str, dict[str, Counts]] = defaultdict(lambda: defaultdict(Counts))

    def add(self, found: Extraction, gold: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Count one article; a kind that gold does not have is not scored."""
        self.articles += 1
        dumped = found.model_dump(mode="json")
        for kind in gold:
            predicted = [plain(record) for record in dumped[kind]]
            for name, match in (("relaxed", relaxed), ("strict", strict)):
                counted = score(kind, predicted, gold[kind], match)
                self._counts[kind][name] += counted
                self._counts["all"][name] += counted
            self._counts[kind]["records"] += score_records(kind, predicted, gold[kind])

    def counts(self, kind: str, name: str = "relaxed") -> Counts:
        """Counts of a kind, "relaxed", "strict" or of whole "records"."""
        return self._counts[kind][name]

    def table(self) -> Table:
        """Headline first: relaxed argument F1."""
        headings = ("", "argument F1", "precision", "recall", "strict F1", "record F1", "found", "gold")
        table = Table(*headings, title=f"{self.articles} texts", title_justify="left")
        for kind in ("all", *KINDS):
            loose, exact, records = (self.counts(kind, name) for name in ("relaxed", "strict", "records"))
            figures = [loose.f1, loose.precision, loose.recall, exact.f1]
            of_records = [f"{records.f1:.2f}", str(records.predicted), str(records.gold)] if kind != "all" else []
            table.add_row(kind, *(f"{figure:.2f}" for figure in figures), *of_records)
        return table
