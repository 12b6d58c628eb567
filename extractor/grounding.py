"""Quotes with passage offsets -> the occurrence that is meant, with article offsets.

A model copies words, it does not say which of their occurrences it copied. Validation puts a quote at
the first one; here it moves to the one nearest to the rest of its record. All of this works on any
Pydantic record, a user's own included.
"""

from __future__ import annotations

import bisect
import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

from pydantic import BaseModel

from .grammar import model_fields
from .passages import Passage
from .schemas import Quote, Record, occurrences

Model = TypeVar("Model", bound=BaseModel)


def quotes(record: BaseModel) -> Iterator[tuple[str, Quote]]:
    """Yield the quotes that the model filled, in field order, each with its path ("stances.0.party")."""
    for name in _filled(record):
        yield from _quotes_in(getattr(record, name), name)


def map_quotes(record: Model, change: Callable[[Quote], Quote]) -> Model:
    """Return the record with ``change`` applied to every quote that ``quotes`` yields, in that order."""
    return record.model_copy(update={name: _mapped(getattr(record, name), change) for name in _filled(record)})


def main_quote(record: BaseModel) -> Quote | None:
    """Return the quote that a record rests on: its first required one, else the first of all; None without any.

    That is the action of a commitment, the name of a participant, the text of a duration and the issue
    of a dispute.
    """
    path = _main_path(record)
    return dict(quotes(record)).get(path) if path else None


def ground(record: Model, passage: Passage) -> Model:
    """Move a record from its passage into the article: ``article.text[q.start:q.end] == q.text``.

    A quote with several occurrences takes the one nearest to the record's other quotes, counting first
    those that have one occurrence only. ValueError for a quote that does not stand in the passage.
    """
    found = dict(quotes(record))
    places = {path: _places(quote, passage) for path, quote in found.items()}
    chosen = iter(_choose(places, found, _main_path(record)).values())

    def moved(quote: Quote) -> Quote:
        start = passage.start + next(chosen)
        return Quote(text=quote.text, start=start, end=start + len(quote.text))

    return map_quotes(record, moved)


def attach_sentence(record: Model, text: str, sentences: Sequence[tuple[int, int]]) -> Model:
    """Set the derived ``sentence`` of a grounded record to the one that holds its main quote.

    ``sentences`` are the offsets of the sentences of ``text``, in order. A quote that runs over several
    takes them all. A record that is no ``Record``, or has no quote, is returned as it is.
    """
    quote = main_quote(record)
    if not isinstance(record, Record) or quote is None:
        return record
    first = max(0, bisect.bisect_right(sentences, quote.start, key=_start) - 1)
    last = max(first, bisect.bisect_left(sentences, quote.end, key=_start) - 1)
    start, end = sentences[first][0], sentences[last][1]
    sentence = Quote(text=text[start:end], start=start, end=end)
    return cast(Model, record.model_copy(update={"sentence": sentence}))


def _start(span: tuple[int, int]) -> int:
    return span[0]


def _filled(record: BaseModel) -> Iterator[str]:
    return (name for name, _ in model_fields(type(record)))


def _quotes_in(value: Any, path: str) -> Iterator[tuple[str, Quote]]:
    match value:
        case Quote():
            yield path, value
        case BaseModel():
            for inner, quote in quotes(value):
                yield f"{path}.{inner}", quote
        case list():
            for number, item in enumerate(value):
                yield from _quotes_in(item, f"{path}.{number}")


def _mapped(value: Any, change: Callable[[Quote], Quote]) -> Any:
    match value:
        case Quote():
            return change(value)
        case BaseModel():
            return map_quotes(value, change)
        case list():
            return [_mapped(item, change) for item in value]
    return value


def _main_path(record: BaseModel) -> str | None:
    required = (name for name in _filled(record) if type(record).model_fields[name].annotation is Quote)
    return next(required, None) or next((path for path, _ in quotes(record)), None)


def _places(quote: Quote, passage: Passage) -> list[int]:
    places = occurrences(quote.text, passage.text)
    if not places:
        raise ValueError(f"{quote.text!r} does not stand in the passage at {passage.start}")
    return places


def _choose(places: Mapping[str, list[int]], found: Mapping[str, Quote], main: str | None) -> dict[str, int]:
    """Choose one place for every path, in the order of ``places``."""
    settled = {path: options[0] for path, options in places.items() if len(options) == 1}
    if not settled:
        lengths = [len(found[path].text) for path in places]
        return dict(zip(places, _tightest(list(places.values()), lengths), strict=True))

    def cost(path: str, place: int) -> float:
        anchors = [other for other in settled if _owner(other) == _owner(path)] or list(settled)
        length = len(found[path].text)
        gaps = ((other, _gap(place, length, settled[other], len(found[other].text))) for other in anchors)
        # The logarithm lets one close neighbour outweigh several that are far away anyway.
        return sum((2 if other == main else 1) * math.log1p(gap) for other, gap in gaps)

    return {path: min(options, key=lambda place: cost(path, place)) for path, options in places.items()}


def _owner(path: str) -> str:
    """Return the path of the nested model that holds a field; items of one list share it."""
    steps = path.split(".")
    while len(steps) > 1 and steps[-1].isdigit():
        steps.pop()
    return ".".join(steps[:-1])


def _gap(start: int, length: int, other: int, other_length: int) -> int:
    """Return the code points between two spans, 0 when they touch or overlap."""
    return max(0, other - (start + length), start - (other + other_length))


def _tightest(options: Sequence[Sequence[int]], lengths: Sequence[int]) -> list[int]:
    """Take one place of every list so that the spans lie in the smallest stretch, the earliest of equal ones.

    The sweep over "smallest range covering elements from k lists": the lowest place is raised until its
    list is exhausted.
    """
    if not options:
        return []
    at = [0] * len(options)
    best: tuple[int, list[int]] | None = None
    while True:
        places = [option[index] for option, index in zip(options, at, strict=True)]
        stretch = max(map(operator.add, places, lengths)) - min(places)
        if best is None or stretch < best[0]:
            best = stretch, places
        lowest = places.index(min(places))
        at[lowest] += 1
        if at[lowest] == len(options[lowest]):
            return best[1]
