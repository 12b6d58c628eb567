"""Labelled passages varied: cut to what a window of any size would show, with other names in it."""

from __future__ import annotations

import random
import re
from functools import cache
from typing import Any

from extractor.passages import windows
from extractor.schemas import occurrences

from .generator import lexicon
from .labels import FIELDS, Row, problems

WINDOWS = (20, 30, 45, 60, 90)  # words
_CUT, _RENAMED, _EACH_NAME = 0.5, 0.5, 0.6  # how often
_WORD = re.compile(r"\w+(?:['’-]\w+)*")


def vary(row: Row, rng: random.Random) -> Row:
    """Return the row cut or with other names, or as it is."""
    if rng.random() < _CUT:
        row = cut(row, rng)
    return renamed(row, rng) if rng.random() < _RENAMED else row


def cut(row: Row, rng: random.Random) -> Row:
    """Return one window of the passage with the records in it; the whole row where the windows tear records apart."""
    parts = windows(row["text"], rng.choice(WINDOWS))
    for part in rng.sample(parts, min(3, len(parts))):
        if inside := _inside(row, part.text):
            return inside
    return row


def renamed(row: Row, rng: random.Random) -> Row:
    """Return the row with some of its states and persons under other names, throughout."""
    others = _other_states(row["text"], rng) | _other_persons(row, rng)
    if not others:
        return row
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(others, key=len, reverse=True)))})\b")
    new: Row = _replaced(row, lambda quote: pattern.sub(lambda found: others[found[0]], quote))
    return row if any(problems(new)) else new


def _inside(row: Row, text: str) -> Row | None:
    kept: Row = {"text": text}
    for kind in FIELDS.keys() & row.keys():
        records = [_record_inside(kind, record, text) for record in row[kind]]
        if None in records:
            return None
        kept[kind] = [record for record in records if record]
    return {kind: kept[kind] for kind in ("text", *FIELDS) if kind in kept}


def _record_inside(kind: str, record: Row, text: str) -> Row | None:
    """Return the record as the window shows it: empty where it is elsewhere, None where the window tears it apart."""

    def there(quote: str | None) -> str | None:
        return quote if quote and occurrences(quote, text) else None

    anchor = next(name for name, form in FIELDS[kind].items() if form == "quote")
    if not there(record[anchor]):
        surname = record[anchor].split()[-1]
        if kind != "participants" or record["kind"] != "person" or not there(surname):
            return {}
        record = {**record, anchor: surname}
    found: Row = {}
    for name, form in FIELDS[kind].items():
        value = record[name]
        if form == "quotes" and not all(map(there, value)):
            return None
        if form == "quote?":
            value = there(value)
        elif isinstance(form, dict):
            value = [{**nested, "party": there(nested["party"])} for nested in value if there(nested["stance"])]
        found[name] = value
    return found


def _other_states(text: str, rng: random.Random) -> dict[str, str]:
    others: dict[str, str] = {}
    words = set(_WORD.findall(text))
    for names in _states():
        if not words.isdisjoint(names) and rng.random() < _EACH_NAME:
            # Of the same kind of first letter, so that "a" and "an" before it stay right.
            alike = [other for other in _states() if (other[1][0] in "AEIOU") == (names[1][0] in "AEIOU")]
            others |= zip(names, rng.choice(alike), strict=True)
    return others


def _other_persons(row: Row, rng: random.Random) -> dict[str, str]:
    others: dict[str, str] = {}
    for person in row.get("participants", ()):
        words = person["name"].split()
        if person["kind"] != "person" or len(words) > 3 or not all(w[0].isupper() for w in words):
            continue
        if rng.random() < _EACH_NAME:
            males, females, surnames = lexicon.NAMES[rng.choice(lexicon.CULTURES)]
            others.setdefault(words[-1], rng.choice(surnames))
            if len(words) > 1:
                others.setdefault(words[0], rng.choice([*males, *females]))
    return others


@cache
def _states() -> list[tuple[str, str, str]]:
    """Name, adjective and capital of the states whose three are single words that no article precedes."""
    found = []
    for line in lexicon.lines("states"):
        name, adjective, capital, *_ = (part.split("=")[0] for part in line.split("|"))
        if all(_WORD.fullmatch(word) for word in (name, adjective, capital)):
            found.append((name, adjective, capital))
    return found


def _replaced(value: Any, change: Any) -> Any:
    if isinstance(value, dict):
        return {key: each if key == "id" else _replaced(each, change) for key, each in value.items()}
    if isinstance(value, list):
        return [_replaced(each, change) for each in value]
    return change(value) if isinstance(value, str) else value
