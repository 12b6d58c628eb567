"""RAMS 1.0: roles of events across sentences, of which promises, agreements and threats are compared.

A file (``train.jsonlines``, ``dev.jsonlines``, ``test.jsonlines``) has one document a line: ``doc_key``,
``sentences`` (lists of tokens), ``evt_triggers`` as ``[first, last, [[type, score]]]`` and
``gold_evt_links`` as ``[[trigger's first, last], [argument's first, last], role]``. Tokens are counted
through the document, ends included; a role reads ``evt043arg01communicator``. Types have three levels
(``contact.threatencoerce.broadcast``), the third "n/a" where it is not known.

Ebner, Xia, Culkin, Rawlins, Van Durme: Multi-Sentence Argument Linking, ACL 2020.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ...article import Article
from ...errors import InputError
from .common import WHOLE, Figure, Reader, Tally, is_among, names, read_records

# The first two levels of the types that tell of commitments. Agreements include broken and rejected ones.
KINDS: Mapping[str, str] = {
    "contact.commitmentpromiseexpressintent": "promise",
    "government.agreements": "agreement",
    "contact.threatencoerce": "threat",
}
ALL = "arguments found, all"
_NO_PARTICIPANT = frozenset({"place", "topic"})
_HINT = "RAMS has doc_key, sentences, evt_triggers and gold_evt_links, with tokens counted through the document"
# Tokens that stand right after the one before, and right before the one after.
_CLOSING = re.compile(r"[,.;:!?%)\]}”…]+|['’](?:s|re|ve|ll|d|m)?|n['’]t", re.IGNORECASE)
_OPENING = frozenset("([{“‘$£€#")

Span = tuple[int, int]


@dataclass(frozen=True)
class Argument:
    """Who takes part in an event: the event's kind, the role and the words."""

    kind: str
    role: str
    text: str


@dataclass(frozen=True)
class Example:
    """An article with a promise, agreement or threat, and who takes part in it."""

    article: Article
    arguments: tuple[Argument, ...]


def load(path: Path) -> list[Example | InputError]:
    """Return the documents of a file with an event of ``KINDS``; lines that cannot be used are errors.

    Raises ``InputError`` if there is no such document.
    """
    return read_records(path, _example, _HINT)


def evaluate(examples: Iterable[Example], extractor: Reader) -> list[Figure]:
    """Return the share of arguments other than places that are found, by kind of event and in all."""
    figures = {kind: f"arguments found, {kind}" for kind in KINDS.values()}
    tally = Tally(*figures.values(), ALL, WHOLE)
    for example in examples:
        found = extractor.extract(example.article)
        ours = names(found)
        for argument in example.arguments:
            for figure in (figures[argument.kind], ALL):
                tally.add(figure, is_among(argument.text, ours))
        tally.add(WHOLE, found.complete)
    return tally.figures()


class _Document(BaseModel):
    doc_key: str
    sentences: list[list[str]]
    evt_triggers: list[tuple[int, int, list[tuple[str, float]]]]
    gold_evt_links: list[tuple[Span, Span, str]]


def _example(value: Any) -> Example | None:
    document = _Document.model_validate(value)
    kinds = {(first, last): kind for first, last, types in document.evt_triggers if (kind := _kind(types))}
    if not kinds:
        return None
    text, places = _joined(document.sentences)
    arguments = (
        Argument(kinds[event], _role(role), _cut(text, places, span))
        for event, span, role in document.gold_evt_links
        if event in kinds and _role(role) not in _NO_PARTICIPANT
    )
    return Example(Article(text, id=document.doc_key), tuple(dict.fromkeys(arguments)))


def _kind(types: list[tuple[str, float]]) -> str | None:
    levels = (".".join(name.split(".")[:2]) for name, _ in types)
    return next((KINDS[two] for two in levels if two in KINDS), None)


def _role(name: str) -> str:
    """evt043arg01communicator -> communicator, as the set's own scorer reads it."""
    return re.split(r"\d+", name)[-1]


def _cut(text: str, places: list[Span], span: Span) -> str:
    first, last = span
    if not 0 <= first <= last < len(places):
        raise InputError(f"gold_evt_links: there are no tokens {first} to {last}, the document has {len(places)}")
    return text[places[first][0] : places[last][1]]


def _joined(sentences: list[list[str]]) -> tuple[str, list[Span]]:
    """Return the tokens written as a text, one sentence a line, and where each token stands in it."""
    text, places = "", []
    for sentence in sentences:
        space = "\n" if text else ""
        for token in sentence:
            text += "" if space == " " and _CLOSING.fullmatch(token) else space
            places.append((len(text), len(text) + len(token)))
            text += token
            space = "" if token in _OPENING else " "
    return text, places
