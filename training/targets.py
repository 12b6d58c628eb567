"""What the model learns to write: a row's records as the JSON that the grammar admits."""

from __future__ import annotations

import json

from .labels import FIELDS, Row


def targets(row: Row) -> list[str]:
    """Return one compact JSON text for each kind that the row labels, in the order of FIELDS."""
    return [
        json.dumps(
            {kind: [_ordered(record, fields) for record in row[kind]]}, ensure_ascii=False, separators=(",", ":")
        )
        for kind, fields in FIELDS.items()
        if kind in row
    ]


def _ordered(record: Row, fields: Row) -> Row:
    return {
        name: [_ordered(nested, form) for nested in record[name]] if isinstance(form, dict) else record[name]
        for name, form in fields.items()
    }
