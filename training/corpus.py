"""The public-domain corpus that the model reads before it learns to extract.

Files are ``*.jsonl.zst``, one document a line with at least ``id`` and ``text``. One document in
eight, chosen by the hash of its id, is held back from all training so that gold files can be drawn
from text the model never saw.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zstandard

HELD_BACK_ONE_IN = 8


def held_back(document_id: str) -> bool:
    """Whether a document is reserved for evaluation."""
    return hashlib.sha256(document_id.encode()).digest()[0] % HELD_BACK_ONE_IN == 0


def documents(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield every document of the corpus, the held-back ones included."""
    files = sorted(folder.glob("*.jsonl.zst"))
    if not files:
        raise FileNotFoundError(f"no *.jsonl.zst in {folder}")
    for file in files:
        with file.open("rb") as raw:
            stream = zstandard.ZstdDecompressor().stream_reader(raw)
            for line in io.TextIOWrapper(stream, encoding="utf-8"):
                yield json.loads(line)


# First-person speeches and legal orders are far from news and statements: read less of them.
_SHARE = {
    "speeches-remarks": 0.1,
    "presidential-actions": 0.1,
    "legislation": 0.0,
    "press-briefings": 0.4,
    "human-rights": 0.4,
}


def training_texts(folder: Path, seed: int, max_chars: int) -> list[str]:
    """Return shuffled document texts up to ``max_chars`` in all, none of them held back."""
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
        part = text[:20_000]
        kept.append(part)
        total += len(part)
        if total >= max_chars:
            break
    return kept
