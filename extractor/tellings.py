"""When records tell of the same thing, and what is kept of all their tellings.

Records are clustered by complete linkage, the fullest first, so that the result depends on neither their
order nor on chains of near matches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from .grounding import main_quote, map_quotes, quotes
from .schemas import Quote, Record

Model = TypeVar("Model", bound=BaseModel)


def clusters(records: Iterable[Model], same: Callable[[Model, Model], bool]) -> list[list[Model]]:
    """Group records, each group's fullest telling first; a record joins a group that it matches wholly."""
    groups: list[list[Model]] = []
    for record in sorted(records, key=fullness):
        home = next((group for group in groups if all(same(record, other) for other in group)), None)
        if home is None:
            groups.append([record])
        else:
            home.append(record)
    return groups


def position(record: BaseModel) -> tuple[int, int, str]:
    """Sort key: where the record's main quote stands; of equal ones, by content."""
    quote = main_quote(record)
    return (quote.start, quote.end, record.model_dump_json()) if quote else (0, 0, record.model_dump_json())


def fullness(record: BaseModel) -> tuple[int, int, tuple[int, int, str]]:
    """Sort key: the most quotes, then the longest, then the first in the text."""
    texts = [quote.text for _, quote in quotes(record)]
    return -len(texts), -sum(map(len, texts)), position(record)


def told(group: Sequence[Record]) -> dict[str, Any]:
    """Return what a merged record keeps of all its tellings: their places, and the best confidence."""
    places = {quote for record in group for quote in (main_quote(record), *record.mentions) if quote}
    return {
        "mentions": sorted(places, key=span),
        "confidence": max((r.confidence for r in group if r.confidence is not None), default=None),
    }


Item = TypeVar("Item")


def first_of_each(items: Iterable[Item], key: Callable[[Item], Any]) -> list[Item]:
    """Return the items whose key no earlier one has."""
    found: dict[Any, Item] = {}
    for item in items:
        found.setdefault(key(item), item)
    return list(found.values())


def first(group: Iterable[Any], name: str) -> Any:
    """Return the first value of a field that is not null."""
    return next((value for record in group if (value := getattr(record, name)) is not None), None)


def span(quote: Quote) -> tuple[int, int]:
    """Return the offsets of a quote."""
    return quote.start, quote.end


def distinct(records: Sequence[Model]) -> list[Model]:
    """Drop records whose words and other values all repeat those of an earlier one."""
    groups: dict[str, list[Model]] = {}
    for record in sorted(records, key=position):
        groups.setdefault(_wording(record), []).append(record)
    return [_as_told(group) for group in groups.values()]


def _wording(record: BaseModel) -> str:
    unplaced = map_quotes(record, lambda quote: Quote(text=quote.text, start=0, end=len(quote.text)))
    return unplaced.model_dump_json(exclude=set(Record.model_fields))


def _as_told(group: Sequence[Model]) -> Model:
    records = [record for record in group if isinstance(record, Record)]
    return group[0].model_copy(update=told(records)) if records else group[0]
