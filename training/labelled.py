"""Hand-labelled passages: those we wrote, and stand-off labels of corpus text.

A stand-off row holds no text: ``document`` (its id), ``sha256`` of the document's text, ``start`` and
``end`` of the passage in it, and the four lists with every quote as ``[start, end]`` in the passage,
all in code points.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from extractor.evals.corpus import texts

from .corpus import held_back
from .labels import FIELDS, Row, problems, read
from .overlap import gold_documents

_HERE = Path(__file__).parent
WRITTEN = _HERE / "passages"
STAND_OFF = _HERE / "labelled"


def written(folder: Path = WRITTEN) -> Iterator[Row]:
    """Yield the passages we wrote. Raises ``ValueError`` for a row that is not right."""
    for file in sorted(folder.glob("*.jsonl")):
        for row in read(file):
            yield _sound(row)


def real(corpus: Path, folder: Path = STAND_OFF) -> Iterator[Row]:
    """Yield the labelled passages of the corpus, text filled in.

    Raises ``ValueError`` for a document that is gold or held back for it, is missing, or has changed.
    """
    gold = gold_documents()
    rows = [row for file in sorted(folder.glob("*.jsonl")) for row in read(file)]
    found = texts(corpus, {row["document"] for row in rows})
    for row in rows:
        name = row["document"]
        if name in gold or held_back(name):
            raise ValueError(f"{row['id']}: document {name} is kept for evaluation")
        if name not in found or hashlib.sha256(found[name].encode()).hexdigest() != row["sha256"]:
            raise ValueError(f"{row['id']}: document {name} is not in {corpus}, or its text has changed")
        text = found[name][row["start"] : row["end"]]
        yield _sound({"id": row["id"], "text": text} | _lists(row, lambda span, text=text: text[span[0] : span[1]]))  # type: ignore[misc]


def held_out(row: Row) -> bool:
    """Whether a labelled passage is kept from training, to validate on: one in twelve, by its text's hash."""
    return hashlib.sha256(row["text"].encode()).digest()[0] % 12 == 0


def stand_off(row: Row) -> Row:
    """Return a row of corpus text without the text."""
    kept = {key: row[key] for key in ("id", "document", "sha256", "start", "end")}
    return kept | _lists(row, lambda quote: [row["text"].index(quote), row["text"].index(quote) + len(quote)])


def write_stand_off(source: Path, target: Path) -> None:
    """Turn a file of rows with text into one without."""
    rows = [json.dumps(stand_off(_sound(row)), ensure_ascii=False) for row in read(source)]
    target.write_text("\n".join(rows) + "\n", "utf-8")


def _sound(row: Row) -> Row:
    if found := list(problems(row)):
        raise ValueError(f"{row['id']}: {found[0]}")
    return row


def _lists(row: Row, change: Callable[[Any], Any]) -> Row:
    return {
        kind: [_changed(record, fields, change) for record in row[kind]]
        for kind, fields in FIELDS.items()
        if kind in row
    }


def _changed(record: Row, fields: Row, change: Callable[[Any], Any]) -> Row:
    changed: Row = {}
    for name, form in fields.items():
        value = record[name]
        if isinstance(form, dict):
            changed[name] = [_changed(nested, form, change) for nested in value]
        elif isinstance(form, tuple) or value is None:
            changed[name] = value
        else:
            changed[name] = [change(quote) for quote in value] if form == "quotes" else change(value)
    return changed
