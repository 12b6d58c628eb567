"""PLOVER gold-standard records of the Open Event Data Alliance: one coded event and its text a record.

The records are a JSON list (``gold_standard_records/PLOVER_GSR_CAMEO.txt`` in the repository
openeventdata/PLOVER) with ``text``, ``event``, and ``source`` and ``target`` as lists of
``{"actorText", "code", ...}``. The codebook has since renamed these to lists ``event``, ``actor`` and
``recipient`` of ``{"entity_text", ...}``, in JSONL, and DEMAND to REQUEST; both forms are read.

Halterman, Bagozzi, Beger, Schrodt, Scarborough: PLOVER and POLECAT, 2023.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field

from ...article import Article
from ...errors import InputError
from ...schemas import Extraction, Status
from .common import WHOLE, Figure, Reader, Tally, is_among, names, read_records

ACTORS, RECIPIENTS = "actors found", "recipients found"
# What PLOVER's categories are among our statuses. Its AGREE also covers offers, which we keep apart.
STATUSES: tuple[tuple[str, frozenset[str], frozenset[Status]], ...] = (
    ("AGREE as signed or pledged", frozenset({"AGREE"}), frozenset({"signed", "pledged"})),
    ("DEMAND or REQUEST as requested", frozenset({"DEMAND", "REQUEST"}), frozenset({"requested"})),
    ("REJECT as refused", frozenset({"REJECT"}), frozenset({"refused"})),
)
_NO_EVENT = "DOCUMENT"  # a record that says something about the file
_HINT = (
    "A PLOVER record has text, event, and source and target (or actor and recipient) as lists of objects "
    "with actorText (or entity_text)"
)


@dataclass(frozen=True)
class Example:
    """A text, the categories coded in it, and who acts towards whom."""

    article: Article
    events: frozenset[str]
    actors: tuple[str, ...]
    recipients: tuple[str, ...]


def load(path: Path) -> list[Example | InputError]:
    """Return the records of a file, those that cannot be used as errors. Raises ``InputError`` if none can."""
    return read_records(path, _example, _HINT)


def evaluate(examples: Iterable[Example], extractor: Reader) -> list[Figure]:
    """Return the shares of actors, of recipients, and of events with a commitment of the category's status."""
    tally = Tally(ACTORS, RECIPIENTS, *(name for name, _, _ in STATUSES), WHOLE)
    for example in examples:
        _compare(example, extractor.extract(example.article), tally)
    return tally.figures()


def _compare(example: Example, found: Extraction, tally: Tally) -> None:
    ours = names(found)
    for figure, gold in ((ACTORS, example.actors), (RECIPIENTS, example.recipients)):
        for name in gold:
            tally.add(figure, is_among(name, ours))
    for figure, events, statuses in STATUSES:
        if events & example.events:
            tally.add(figure, any(one.status in statuses for one in found.commitments))
    tally.add(WHOLE, found.complete)


class _Entity(BaseModel):
    text: str = Field("", validation_alias=AliasChoices("actorText", "entity_text"))


_Events = Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]
# Older records have "" for nobody.
_Entities = Annotated[list[_Entity], BeforeValidator(lambda value: [] if value in ("", None) else value)]


class _Record(BaseModel):
    id: str = ""
    text: str
    event: _Events
    source: _Entities = Field([], validation_alias=AliasChoices("source", "actor"))
    target: _Entities = Field([], validation_alias=AliasChoices("target", "recipient"))


def _example(value: Any) -> Example | None:
    if isinstance(value, dict) and value.get("event") == _NO_EVENT:
        return None
    record = _Record.model_validate(value)
    article = Article(record.text, id=record.id)
    return Example(article, frozenset(record.event), _texts(record.source), _texts(record.target))


def _texts(entities: list[_Entity]) -> tuple[str, ...]:
    """The words of entities, each once; one that is coded without words cannot be compared."""
    return tuple(dict.fromkeys(text for one in entities if (text := " ".join(one.text.split()))))
