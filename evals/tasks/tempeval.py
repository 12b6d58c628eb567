"""TempEval-3 TBAQ: TimeML files (``*.tml``) of TimeBank and AQUAINT, of which the durations are compared.

A file is XML with the root ``TimeML``, the article in ``TEXT``, and in it ``TIMEX3`` elements with
``type``, ``value`` and perhaps ``mod`` (the layout of ``data/TBAQ-cleaned`` in the repository
jspotter/TempEval-3; the platinum test set has the same).

UzZaman, Llorens, Derczynski, Allen, Verhagen, Pustejovsky: SemEval-2013 Task 1: TempEval-3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from ...article import Article
from ...errors import InputError
from ...normalising import normalise_duration
from ...schemas import Extraction
from ..metrics import relaxed, same_choice
from .common import WHOLE, Figure, Reader, Tally, content, misfit, require

VALUES, MODS, SKIPPED = "values equal", "durations with a mod", "skipped, not measurable"
FOUND = "durations found in the text"
# TIMEX3 also has decades (E), centuries (C), quarters (Q), weekends (WE), PXX, and dates: no ISO 8601 lengths.
_AMOUNT = r"(?:\d+(?:\.\d+)?|X)"
_LENGTH = re.compile(rf"P(?=[\dXT])(?:{_AMOUNT}[YMWD])*(?:T(?:{_AMOUNT}[HMS])+)?")
_HINT = "Give a folder of TimeML files (*.tml), or one of them"


@dataclass(frozen=True)
class Timex:
    """A TIMEX3 of type DURATION; ``text`` is empty for one that no words stand for."""

    text: str
    value: str
    mod: str | None

    @property
    def measurable(self) -> bool:
        """Whether there are words, and their value is a length of time in the units of ISO 8601."""
        return bool(self.text) and _LENGTH.fullmatch(self.value) is not None


@dataclass(frozen=True)
class Example:
    """An article and the durations in it."""

    article: Article
    durations: tuple[Timex, ...]


def load(path: Path) -> list[Example | InputError]:
    """Return the articles of a folder or file; files and durations that cannot be used are errors.

    Files below the folder count too, hidden ones do not. Raises ``InputError`` if no file can be used.
    """
    loaded = [one for file in _files(path) for one in _read(file)]
    require(path, loaded, _HINT)
    return loaded


def evaluate(examples: Iterable[Example], extractor: Reader | None = None) -> list[Figure]:
    """Return the share of values that ``normalise_duration`` gives (P18M is P1Y6M); with an extractor, those found."""
    tally = Tally(VALUES, MODS, SKIPPED, *((FOUND, WHOLE) if extractor else ()))
    for example in examples:
        for timex in example.durations:
            _compare(timex, tally)
        if extractor:
            _search(example, extractor.extract(example.article), tally)
    return tally.figures()


def _compare(timex: Timex, tally: Tally) -> None:
    tally.add(MODS, timex.mod is not None)
    tally.add(SKIPPED, not timex.measurable)
    if timex.measurable:
        ours = normalise_duration(timex.text)
        tally.add(VALUES, ours is not None and same_choice("value", ours.value, timex.value))


def _search(example: Example, found: Extraction, tally: Tally) -> None:
    quotes = [quote for one in found.durations for quote in (one.text, *one.mentions)]
    quotes += [one.duration for one in found.commitments if one.duration]
    for timex in example.durations:
        if timex.text:
            tally.add(FOUND, any(relaxed("text", quote.text, timex.text) for quote in quotes))
    tally.add(WHOLE, found.complete)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    # An archive packed on a Mac has a hidden ._*.tml beside every file.
    return sorted(f for f in path.rglob("*.tml") if not any(p.startswith(".") for p in f.relative_to(path).parts))


def _read(file: Path) -> Iterator[Example | InputError]:
    try:
        root = _parsed(file)
        body = root.find("TEXT")
        body = root if body is None else body
        read = [_timex(file, one) for one in body.iter("TIMEX3") if one.get("type") == "DURATION"]
        article = _article(file, body)
    except InputError as error:
        yield error
        return
    yield Example(article, tuple(one for one in read if isinstance(one, Timex)))
    yield from (one for one in read if isinstance(one, InputError))


def _parsed(file: Path) -> etree._Element:
    """Parse a file with nothing fetched or expanded. Raises ``InputError`` for anything but TimeML."""
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(content(file), parser)
    except etree.XMLSyntaxError as error:
        raise misfit(file, error.lineno or 1, f"invalid XML: {error.msg}", _HINT) from error
    declared = root.getroottree().docinfo.internalDTD
    if declared is not None and any(True for _ in declared.iterentities()):
        raise misfit(file, 1, "it declares entities of its own", "Write the characters themselves")
    if root.tag != "TimeML":
        raise misfit(file, root.sourceline, f"the root is {root.tag}, not TimeML", _HINT)
    return root


def _article(file: Path, body: etree._Element) -> Article:
    try:
        return Article(_words(body), id=file.stem)
    except InputError as error:
        raise misfit(file, body.sourceline, str(error), _HINT) from error


def _timex(file: Path, element: etree._Element) -> Timex | InputError:
    value = element.get("value")
    if not value:
        name = element.get("tid", "without tid")
        return misfit(file, element.sourceline, f"the TIMEX3 {name} has no value", "Give it one, or take it out")
    return Timex(" ".join(_words(element).split()), value, element.get("mod"))


def _words(element: etree._Element) -> str:
    return str(element.xpath("string()"))  # without comments
