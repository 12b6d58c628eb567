"""Extractions as tables on a terminal."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from .schemas import Commitment, Dispute, Extraction, Quote


def article_tables(extraction: Extraction) -> Group:
    """Show everything that was found in one article, with the place of each record's words."""
    parts: list[RenderableType] = [Rule(plain(_heading(extraction)), align="left", style="bold")]
    parts += [table for table in _tables(extraction) if table.row_count]
    if len(parts) == 1 and not extraction.failures:
        parts.append(Text("nothing found", style="dim"))
    parts += [plain(line, style="dim") for line in _failures(extraction)]
    return Group(*parts)


def _failures(extraction: Extraction) -> Iterable[str]:
    """One line for each reason; the JSONL has every single failure."""
    reasons = Counter((f.stage, f.kind, f.message.split("; ")[0]) for f in extraction.failures)
    for (stage, kind, message), count in reasons.items():
        times = f", {count} times" if count > 1 else ""
        yield f"left out ({stage}{f', {kind}' if kind else ''}): {message}{times}"


def _heading(extraction: Extraction) -> str:
    article = extraction.article
    return " · ".join(part for part in (article.id, article.title, article.published) if part)


def _tables(extraction: Extraction) -> Iterable[Table]:
    yield _table(
        "Commitments",
        ("status", "who does what, for whom, on what terms", "at"),
        [(c.status, _commitment(c), _place(c.action)) for c in extraction.commitments],
    )
    yield _table(
        "Participants",
        ("name", "kind", "title, of whom", "roles", "at"),
        [
            (
                p.name,
                _joined(p.kind, p.code),
                _joined(p.title, p.represents, by=", "),
                ", ".join(p.roles),
                _place(p.name),
            )
            for p in extraction.participants
        ],
    )
    yield _table(
        "Durations",
        ("duration", "value", "of what", "modality", "at"),
        [(d.text, _joined(d.value, d.mod), d.applies_to, d.modality, _place(d.text)) for d in extraction.durations],
    )
    yield _table(
        "Disputes",
        ("state", "between whom, over what", "at"),
        [(d.state, _dispute(d), _place(d.issue)) for d in extraction.disputes],
    )
    for name, records in extraction.records.items():
        fields = [field for field in (records[0] if records else ()) if field not in ("sentence", "mentions")]
        yield _table(name, fields, [[_dumped(record[field]) for field in fields] for record in records])


def _commitment(record: Commitment) -> str:
    terms = (
        ("for", record.beneficiary),
        ("if", record.condition),
        ("how long", record.duration),
        ("said by", record.speaker),
    )
    return "\n".join([f"{_words(record.actors)}: {record.action}", *(f"  {term}: {q}" for term, q in terms if q)])


def _dispute(record: Dispute) -> str:
    stances = [f"  {stance.party or '?'}: {stance.stance}" for stance in record.stances]
    return "\n".join([f"{_words(record.parties)}: {record.issue}", *stances])


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    table = Table(title=plain(title), title_justify="left", title_style="bold", header_style="dim", expand=False)
    for column in columns:
        table.add_column(plain(column), overflow="fold", no_wrap=column == "at")
    for row in rows:
        table.add_row(*(Text("\n").join(map(plain, _words(value).split("\n"))) for value in row))
    return table


def _words(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "; ".join(map(_words, value))
    return "" if value is None else str(value)


def _dumped(value: Any) -> Any:
    """Words of a value that was dumped to plain data, where a quote is a dictionary."""
    if isinstance(value, dict):
        quote = value.keys() >= {"text", "start", "end"}
        return (
            f"{value['text']} [{value['start']}-{value['end']}]"
            if quote
            else [f"{k}: {_words(_dumped(v))}" for k, v in value.items()]
        )
    return [_dumped(item) for item in value] if isinstance(value, list) else value


def _joined(*parts: object, by: str = " ") -> str:
    return by.join(str(part) for part in parts if part)


def _place(quote: Quote) -> str:
    return f"{quote.start}-{quote.end}"


def plain(text: str, style: str = "") -> Text:
    """Text of an article as it may go to a terminal: no markup, no control characters."""
    shown = "".join(" " if c in "\n\r\t" else "\ufffd" if unicodedata.category(c) in ("Cc", "Cf") else c for c in text)
    return Text(shown, style=style)
