"""Keeps the text of gold files out of training: by document, and by any eight words in a row."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from extractor.evals.gold_files import Skipped, load

_REPOSITORY = Path(__file__).resolve().parent.parent
GOLD = _REPOSITORY / "evals" / "gold"
ARTICLES = (_REPOSITORY / "evals" / "articles", _REPOSITORY / "seeds", _REPOSITORY.parent / "shared" / "seeds")
WORDS = 8

Grams = frozenset[tuple[str, ...]]


def gold_documents(gold: Path = GOLD) -> frozenset[str]:
    """Ids of the documents that gold files label."""
    return frozenset(json.loads(file.read_text("utf-8"))["article"]["id"] for file in gold.rglob("*.json"))


def gold_grams(corpus: Path | None, gold: Path = GOLD) -> Grams:
    """Every run of eight words of the gold articles whose text is at hand, and of every seed article."""
    texts = [one.article.text for one in load(gold, ARTICLES, corpus) if not isinstance(one, Skipped)]
    seeds = [file.read_text("utf-8") for folder in ARTICLES for file in sorted(folder.glob("*.txt"))]
    return frozenset(gram for text in {*texts, *seeds} for gram in _grams(text))


def shares(text: str, gold: Grams) -> bool:
    """Whether eight words in a row stand in a gold article too."""
    return any(gram in gold for gram in _grams(text))


def without_shared(text: str, gold: Grams) -> str:
    """Return a document without the paragraphs that share eight words with a gold article."""
    return "\n".join(paragraph for paragraph in text.split("\n") if not shares(paragraph, gold))


def _grams(text: str) -> Iterator[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return zip(*(words[offset:] for offset in range(WORDS)), strict=False)
