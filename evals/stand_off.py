"""``python -m extractor.evals.stand_off ARTICLE LABELS``: what a labeller wrote, as a gold file on standard output.

A labeller writes the four lists with every quote as its words, and in each record ``at``: the first
words of the sentence that tells it, copied. A quote takes its place in that sentence, else the
nearest place before it, else after it; without ``at``, the first place in the article.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ..article import Article, read
from ..grammar import model_fields
from ..passages import sentences
from ..pipeline import KINDS
from ..schemas import Quote, occurrences

Record = dict[str, Any]


def stand_off(article: Article, labels: Record) -> Record:
    """Return the gold file of an article. Raises ``ValueError`` that lists everything wrong with the labels."""
    problems: list[str] = []
    gold: Record = {"article": {"id": article.id, "sha256": article.sha256}}
    for kind, model in KINDS.items():
        gold[kind] = []
        for number, record in enumerate(labels.get(kind, ())):
            placed = _Placed(article.text, record.get("at"), f"{kind}[{number}]")
            gold[kind].append(placed.record(model, record))
            problems += placed.problems
    problems += [f"unknown list {name!r}" for name in labels.keys() - KINDS.keys()]
    if problems:
        raise ValueError("\n".join(problems))
    return gold


class _Placed:
    """Places the quotes of one record."""

    def __init__(self, text: str, at: str | None, where: str) -> None:
        self.text, self.where = text, where
        self.problems: list[str] = []
        self.start = text.find(at) if at else 0
        if self.start < 0:
            self.problems.append(f"{where}: {at!r} does not stand in the article")
            self.start = 0
        self.end = next((end for _, end in sentences(text) if end > self.start), len(text)) if at else len(text)

    def record(self, model: type[BaseModel], record: Record) -> Record:
        fields = dict(model_fields(model))
        if model is KINDS["durations"]:
            fields |= {name: model.model_fields[name] for name in ("value", "mod")}
        for name in record.keys() - fields.keys() - {"at"}:
            self.problems.append(f"{self.where}: no field {name!r}; the fields are {', '.join(fields)}")
        return {name: self._value(field, record.get(name), name) for name, field in fields.items()}

    def _value(self, field: FieldInfo, value: Any, name: str) -> Any:
        types = list(_leaves(field.annotation))
        if value is None and NoneType not in types:
            self.problems.append(f"{self.where}.{name} is missing")
            return None
        nested = next((t for t in types if isinstance(t, type) and issubclass(t, BaseModel) and t is not Quote), None)
        if nested:
            return [self.record(nested, one) for one in value]
        if Quote not in types:
            if (
                isinstance(value, str)
                and (allowed := [t for t in types if isinstance(t, str)])
                and value not in allowed
            ):
                self.problems.append(f"{self.where}.{name}: {value!r} is not one of {', '.join(allowed)}")
            return value
        if isinstance(value, list):
            return [self._quote(one, name) for one in value]
        return value and self._quote(value, name)

    def _quote(self, words: str, name: str) -> Record | None:
        places = occurrences(words, self.text)
        if not places:
            self.problems.append(f"{self.where}.{name}: {words!r} does not stand in the article at word boundaries")
            return None
        inside = [place for place in places if self.start <= place < self.end]
        before = [place for place in places if place < self.start]
        start = inside[0] if inside else before[-1] if before else places[0]
        return {"start": start, "end": start + len(words)}


def _leaves(annotation: Any) -> Iterator[Any]:
    parts = get_args(annotation)
    if not parts:
        yield annotation
    for part in parts:
        yield from _leaves(part)


def main(arguments: list[str]) -> int:
    """Print the gold file, or what is wrong; return the exit code."""
    article_file, labels_file = arguments
    article = next(read(article_file))
    if not isinstance(article, Article):
        print(article, file=sys.stderr)
        return 2
    try:
        print(json.dumps(stand_off(article, json.loads(Path(labels_file).read_text("utf-8"))), indent=1))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
