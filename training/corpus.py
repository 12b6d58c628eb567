"""The public-domain corpus that the model reads before it learns to extract.

One document in eight, chosen by the hash of its id, is held back from all training so that gold files
can be drawn from text the model never saw; paragraphs that share eight words with a gold article are
left out of the others.
"""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

from extractor.evals.corpus import documents

from .overlap import Grams, without_shared

HELD_BACK_ONE_IN = 8


def held_back(document_id: str) -> bool:
    """Whether a document is reserved for evaluation."""
    return hashlib.sha256(document_id.encode()).digest()[0] % HELD_BACK_ONE_IN == 0


# First-person speeches and legal orders are far from news and statements: read less of them.
_SHARE = {
    "speeches-remarks": 0.1,
    "presidential-actions": 0.1,
    "legislation": 0.0,
    "press-briefings": 0.4,
    "human-rights": 0.4,
}


def training_texts(folder: Path, seed: int, max_chars: int, gold: Grams) -> list[str]:
    """Return shuffled document texts up to ``max_chars`` in all, none of them held back or shared with ``gold``."""
    rng = random.Random(seed)
    texts = [
        document["text"]
        for document in documents(folder)
        if not held_back(document["id"]) and rng.random() < _SHARE.get(document["kind"], 1.0)
    ]
    rng.shuffle(texts)
    kept, total = [], 0
    for text in texts:
        # One country report is as long as a hundred statements: take a part of it.
        part = without_shared(text[:20_000], gold)
        kept.append(part)
        total += len(part)
        if total >= max_chars:
            break
    return kept
