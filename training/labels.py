"""Labelled passages: the rows that the generator, the written passages and the stand-off files share.

A row is ``{"id", "text", "commitments", "participants", "durations", "disputes"}``; every quote in
it is a string copied from ``text``. A kind that is absent from a row was not labelled there and is
not trained on. Run ``python -m training.labels FILE...`` to check files: it names line and field.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from extractor.schemas import occurrences

Row = dict[str, Any]

STATUS = ("signed", "pledged", "offered", "proposed", "requested", "refused", "dropped")
CATEGORY = (
    "military", "monitoring", "aid", "finance", "diplomacy",
    "legal", "humanitarian", "economy", "territory", "other",
)  # fmt: skip

# kind -> field -> how its value is written: a quote, an optional quote, a list of quotes,
# a tuple of allowed words, or a nested record.
FIELDS: dict[str, dict[str, Any]] = {
    "commitments": {
        "actors": "quotes",
        "action": "quote",
        "beneficiary": "quote?",
        "condition": "quote?",
        "duration": "quote?",
        "speaker": "quote?",
        "status": STATUS,
        "category": CATEGORY,
    },
    "participants": {
        "name": "quote",
        "kind": ("person", "state", "organisation", "group"),
        "title": "quote?",
        "represents": "quote?",
    },
    "durations": {
        "text": "quote",
        "applies_to": "quote?",
        "modality": ("proposed", "requested", "agreed", "elapsed"),
    },
    "disputes": {
        "parties": "quotes",
        "issue": "quote",
        "stances": {"party": "quote?", "stance": "quote"},
        "state": ("open", "narrowing", "resolved"),
    },
}


def problems(row: Row) -> Iterator[str]:
    """Say in words what is wrong with a row; nothing when it is right."""
    for kind, fields in FIELDS.items():
        for number, record in enumerate(row.get(kind, ())):
            yield from _record_problems(row["text"], record, fields, f"{kind}[{number}]")


def _record_problems(text: str, record: Row, fields: Row, where: str) -> Iterator[str]:
    if set(record) != set(fields):
        yield f"{where}: has the fields {sorted(record)}, needs {sorted(fields)}"
        return
    for name, form in fields.items():
        value, at = record[name], f"{where}.{name}"
        if isinstance(form, tuple):
            if value not in form:
                yield f"{at}: {value!r} is not one of {', '.join(form)}"
        elif isinstance(form, dict):
            for number, nested in enumerate(value):
                yield from _record_problems(text, nested, form, f"{at}[{number}]")
        else:
            quotes = value if form == "quotes" else [] if value is None and form == "quote?" else [value]
            if not isinstance(quotes, list) or (form == "quotes" and not quotes):
                yield f"{at}: needs a list of at least one quote"
                continue
            for quote in quotes:
                if not isinstance(quote, str) or not quote or quote != quote.strip():
                    yield f"{at}: {quote!r} is not a trimmed, non-empty string"
                elif not occurrences(quote, text):
                    yield f"{at}: {quote!r} does not stand in the text at word boundaries"


def read(path: Path) -> Iterator[Row]:
    """Yield the rows of a JSONL file; ``ValueError`` names file and line of a malformed one."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"{path}:{number}: not JSON ({error})") from error
            yield row


def main(paths: list[str]) -> int:
    bad = total = 0
    for path in paths:
        for number, row in enumerate(read(Path(path)), 1):
            total += 1
            for problem in problems(row):
                bad += 1
                print(f"{path}:{number} ({row.get('id')}): {problem}")
    print(f"{total} rows, {bad} problems")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
