"""Gold files: the records of an article as a person labelled them, quotes as offsets.

A field that is absent from a gold record is not scored. The article's text is not in the file; it is
looked up by id in the folders given and checked against the gold file's sha256.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..article import Article, read

KINDS = ("commitments", "participants", "durations", "disputes")


@dataclass(frozen=True)
class Gold:
    """An article and its records; in a record every quote is its text."""

    article: Article
    records: dict[str, list[dict[str, Any]]]


def load(gold: Path, articles: Sequence[Path]) -> Iterator[Gold | str]:
    """Yield gold articles, or for one whose text is not at hand the reason why it is skipped.

    Raises ``ValueError`` for a text that has changed since it was labelled.
    """
    texts: dict[str, Article] = {}
    for folder in articles:
        for file in sorted(folder.glob("*.txt")) if folder.is_dir() else ():
            texts |= {a.id: a for a in read(str(file)) if isinstance(a, Article)}
    for file in sorted(gold.glob("*.json")):
        labelled = json.loads(file.read_text("utf-8"))
        article = texts.get(labelled["article"]["id"])
        if article is None:
            yield f"{file.name}: its article is in none of {', '.join(map(str, articles))}"
            continue
        if article.sha256 != labelled["article"]["sha256"]:
            raise ValueError(f"{file}: the article's text has changed since it was labelled")
        yield Gold(article, {kind: [_filled(r, article.text) for r in labelled.get(kind, [])] for kind in KINDS})


def _filled(value: Any, text: str) -> Any:
    if isinstance(value, dict):
        if value.keys() >= {"start", "end"}:
            return text[value["start"] : value["end"]]
        return {key: _filled(inner, text) for key, inner in value.items()}
    return [_filled(item, text) for item in value] if isinstance(value, list) else value


def plain(record: dict[str, Any]) -> dict[str, Any]:
    """Return a dumped record with its quotes as texts, as gold records have them."""
    return {key: _words(value) for key, value in record.items()}


def _words(value: Any) -> Any:
    if isinstance(value, dict):
        return value["text"] if value.keys() >= {"text", "start", "end"} else plain(value)
    return [_words(item) for item in value] if isinstance(value, list) else value
