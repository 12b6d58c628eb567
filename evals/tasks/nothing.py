"""Paragraphs that hold no commitment (``evals/nothing``): how many of them yield one all the same.

A row of ``*.jsonl`` has ``id``, ``topic`` and ``text``, or stands for a paragraph of the corpus with
``document``, ``sha256`` (of the document's text), ``start`` and ``end`` (in code points). The paragraphs
were written, and those of the corpus chosen, by people who read each for what the guidelines call a commitment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter

from ...article import Article
from ...errors import InputError
from ..corpus import texts
from ..evaluation import default_corpus
from .common import WHOLE, Figure, Reader, Tally, read_records, require

MADE_UP, SKIPPED = "with a commitment made up", "skipped, their corpus is not at hand"
_HINT = "A row has id, topic and text, or id, topic, document, sha256, start and end"


@dataclass(frozen=True)
class Example:
    """A paragraph; ``article`` is None where the corpus is not at hand."""

    topic: str
    article: Article | None


class _Written(BaseModel):
    id: str
    topic: str
    text: str


class _StandOff(BaseModel):
    id: str
    topic: str
    document: str
    sha256: str
    start: int
    end: int


_row: TypeAdapter[_Written | _StandOff] = TypeAdapter(_Written | _StandOff)


def load(path: Path) -> list[Example | InputError]:
    """Return the paragraphs of a file or of a folder's ``*.jsonl``. Raises ``InputError`` if none can be used."""
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    rows = [row for file in files for row in read_records(file, _row.validate_python, _HINT)]
    found = texts(default_corpus(), {row.document for row in rows if isinstance(row, _StandOff)})
    loaded = [row if isinstance(row, InputError) else _example(row, found) for row in rows]
    require(path, loaded, _HINT)
    return loaded


def evaluate(examples: Iterable[Example], extractor: Reader) -> list[Figure]:
    """Return the share of paragraphs with a commitment in all, by topic, and of those that could not be read."""
    examples = list(examples)
    topics = dict.fromkeys(example.topic for example in examples)
    tally = Tally(MADE_UP, *(f"  {topic}" for topic in topics), SKIPPED, WHOLE)
    for example in examples:
        tally.add(SKIPPED, example.article is None)
        if example.article:
            found = extractor.extract(example.article)
            tally.add(MADE_UP, bool(found.commitments))
            tally.add(f"  {example.topic}", bool(found.commitments))
            tally.add(WHOLE, found.complete)
    return tally.figures()


def _example(row: Any, found: Mapping[str, str]) -> Example | InputError:
    if isinstance(row, _Written):
        return Example(row.topic, Article(row.text, id=row.id))
    text = found.get(row.document)
    if text is None:
        return Example(row.topic, None)
    if hashlib.sha256(text.encode()).hexdigest() != row.sha256:
        return InputError(f"{row.id}: the text of {row.document} has changed", hint="Choose the paragraph anew")
    return Example(row.topic, Article(text[row.start : row.end], id=row.id))
