"""An evaluation as one self-contained HTML page: no script, nothing loaded, filters by CSS alone."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .evaluation import Evaluation
from .gate import Verdict
from .gold_files import Record, plain
from .metrics import ARGUMENTS, CHOICES, relaxed, same_choice, values
from .report import sentence_of, summary
from .scores import ArticleScore
from .stats import interval

_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Piece:
    """A stretch of an article's text between two borders of quotes, with the classes that mark it."""

    text: str
    classes: str


@dataclass(frozen=True)
class Row:
    """A record in the list of an article: what happened to it, in words and in detail."""

    kind: str
    fate: str  # right, differs, missed or spurious
    line: str
    sentence: str
    differences: Sequence[tuple[str, str, str]]  # field, gold, found


def page(one: Evaluation, verdicts: Sequence[Verdict] = ()) -> str:
    """Return the page. All text of articles is escaped; its policy admits the page's own style and nothing else."""
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style = (_HERE / "page.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    scores = one.scores
    kinds = ["all", *scores.kinds()]
    table = [
        {
            "kind": kind,
            "loose": scores.counts(f"{kind}.relaxed"),
            "interval": interval(scores.tallies(f"{kind}.relaxed")),
            "strict": scores.counts(f"{kind}.strict").f1,
            "rivals": [rival.counts(f"{kind}.relaxed").f1 for rival in one.rivals.values()],
            "people": one.people.counts(f"{kind}.relaxed").f1 if one.people else None,
        }
        for kind in kinds
    ]
    confusions = [
        _confusion(one, kind, choice) for kind in scores.kinds() for choice in CHOICES[kind] if choice != "value"
    ]
    return environment.get_template("page.html.j2").render(
        one=one,
        style=style,
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        kinds=kinds[1:],
        table=table,
        verdicts=verdicts,
        confusions=confusions,
        articles=[_article(article) for article in scores.worst(len(scores.articles))],
    )


def _confusion(one: Evaluation, kind: str, choice: str) -> dict[str, Any]:
    pairs = one.scores.confusion(kind, choice)
    words = sorted({str(word) for pair in pairs for word in pair})
    return {
        "name": f"{kind}: {choice}",
        "words": words,
        "cells": [[pairs.get((g, f), "") for f in words] for g in words],
    }


def _article(one: ArticleScore) -> dict[str, Any]:
    text = one.gold.article.text
    counts = one.counts["all.relaxed"]
    return {
        "name": one.gold.name,
        "f1": f"{counts.f1:.2f}" if counts.predicted or counts.gold else "nothing to find",
        "gold": list(
            _pieces(text, one.gold.records, {k: {g for _, g in same} for k, same in one.same.items()}, "missed")
        ),
        "found": list(_pieces(text, one.found, {k: {p for p, _ in same} for k, same in one.same.items()}, "spurious")),
        "rows": [row for kind in one.same for row in _rows(one, kind)],
    }


def _rows(one: ArticleScore, kind: str) -> Iterator[Row]:
    text = one.gold.article.text

    def row(record: Record, fate: str, differences: Sequence[tuple[str, str, str]] = ()) -> Row:
        return Row(kind, fate, summary(kind, record), sentence_of(record, text), differences)

    for found, gold in sorted(one.same[kind], key=lambda pair: pair[1]):
        record = one.gold.records[kind][gold]
        differences = list(_differences(kind, plain(record), plain(one.found[kind][found])))
        yield row(record, "differs" if differences else "right", differences)
    for record in one.missed(kind):
        yield row(record, "missed")
    for record in one.spurious(kind):
        yield row(record, "spurious")


def _differences(kind: str, gold: Record, found: Record) -> Iterator[tuple[str, str, str]]:
    for field in ARGUMENTS[kind]:
        if field.partition(".")[0] not in gold:
            continue
        left, right = list(values(field, gold)), list(values(field, found))
        if len(left) != len(right) or not all(any(relaxed(field, f, g) for f in right) for g in left):
            yield field, "; ".join(left) or "-", "; ".join(right) or "-"
    for field in CHOICES[kind]:
        if field in gold and not same_choice(field, found.get(field), gold[field]):
            yield field, str(gold[field]), str(found.get(field))


def _pieces(
    text: str, records: Mapping[str, Sequence[Record]], same: Mapping[str, set[int]], wrong: str
) -> Iterator[Piece]:
    """Cut a text at every border of a quote; each piece has the kinds and fates of the quotes over it."""
    marks = [
        (start, end, kind, "right" if number in same[kind] else wrong)
        for kind, of_kind in records.items()
        for number, record in enumerate(of_kind)
        for start, end in _spans({f: v for f, v in record.items() if f not in ("sentence", "mentions")})
    ]
    borders = sorted({0, len(text), *(place for start, end, *_ in marks for place in (start, end))})
    for start, end in pairwise(borders):
        over = [mark for mark in marks if mark[0] <= start and end <= mark[1]]
        yield Piece(text[start:end], " ".join(sorted({f"{kind}-{fate}" for _, _, kind, fate in over})))


def _spans(value: Any) -> Iterator[tuple[int, int]]:
    if isinstance(value, dict) and value.keys() >= {"start", "end"}:
        yield value["start"], value["end"]
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _spans(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _spans(inner)
