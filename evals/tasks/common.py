"""What the sets share: figures, the names of an extraction, and records of JSON files with their lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import ValidationError

from ...article import Article
from ...errors import InputError
from ...schemas import Extraction
from ..metrics import relaxed

T = TypeVar("T")
WHOLE = "texts read wholly"
_FORM = "The file needs one JSON object a line, or one list of objects, in UTF-8"


class Reader(Protocol):
    """Whatever extracts from one article; an ``Extractor`` does."""

    def extract(self, article: Article, /) -> Extraction: ...


@dataclass(frozen=True)
class Figure:
    """How many of a set's values are right, of how many."""

    name: str
    found: int
    of: int

    @property
    def share(self) -> float | None:
        """From 0 to 1; None where there was nothing to find."""
        return self.found / self.of if self.of else None


class Tally:
    """Counts figures under names given beforehand, in their order."""

    def __init__(self, *names: str) -> None:
        self._counts = {name: [0, 0] for name in names}

    def add(self, name: str, found: bool) -> None:
        """Count one more value, and whether it is right."""
        counts = self._counts[name]
        counts[0] += found
        counts[1] += 1

    def figures(self) -> list[Figure]:
        """Return what has been counted."""
        return [Figure(name, found, of) for name, (found, of) in self._counts.items()]


def names(found: Extraction) -> set[str]:
    """Return every name of an actor: participants as mentioned, who commits, for whom, and who disputes."""
    quotes = [quote for one in found.participants for quote in (one.name, *one.mentions)]
    quotes += [quote for one in found.commitments for quote in (*one.actors, one.beneficiary) if quote]
    quotes += [quote for one in found.disputes for quote in one.parties]
    return {quote.text for quote in quotes}


def is_among(name: str, found: Iterable[str]) -> bool:
    """Whether one of the names found matches ``name`` as ``metrics.relaxed`` matches names."""
    return any(relaxed("name", one, name) for one in found)


def misfit(file: Path, line: int, message: str, hint: str) -> InputError:
    """Return the error of a record that cannot be used, with its file and line (from 1)."""
    place = f"{file}:{line}"
    error = InputError(f"{place}: {message}", hint=hint)
    error.place = place
    return error


def content(file: Path) -> bytes:
    """Return the bytes of a file. Raises ``InputError`` when it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}", hint="Check the path and its permissions") from error


def read_records(file: Path, make: Callable[[Any], T | None], hint: str) -> list[T | InputError]:
    """Return what ``make`` makes of every record of a JSONL file or a JSON list; None leaves a record out.

    A record for which ``make`` raises ``ValidationError`` or ``InputError`` becomes an ``InputError`` with
    file, line and ``hint``. Raises ``InputError`` when the file is no JSON or holds no record of the set.
    """
    made = [one for one in _made(file, make, hint) if one is not None]
    require(file, made, hint)
    return made


def require(path: Path, made: Iterable[object], hint: str) -> None:
    """Raise an ``InputError`` unless something was read: the first that stood in the way, if there is one."""
    made = list(made)
    errors = [one for one in made if isinstance(one, InputError)]
    if len(errors) < len(made):
        return
    if errors:
        error = InputError(f"nothing could be read; first {errors[0]}", hint=errors[0].hint)
        error.place = errors[0].place
        raise error
    raise InputError(f"{path} holds nothing of this set", hint=hint)


def _made(file: Path, make: Callable[[Any], T | None], hint: str) -> Iterator[T | InputError | None]:
    for line, value in _values(file):
        try:
            yield value if isinstance(value, InputError) else make(value)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            yield misfit(file, line, f"{where}: {first['msg']}" if where else first["msg"], hint)
        except InputError as error:
            yield misfit(file, line, str(error), hint)


def _values(file: Path) -> Iterator[tuple[int, Any]]:
    """Yield the values of a file with their lines; a line that is no JSON is yielded as an ``InputError``."""
    text = _decoded(file)
    if text.lstrip().startswith("["):
        yield from _items(file, text)
        return
    # Not splitlines: JSON strings may hold U+2028.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                yield number, misfit(file, number, f"invalid JSON: {error}", _FORM)


def _items(file: Path, text: str) -> Iterator[tuple[int, Any]]:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise misfit(file, error.lineno, f"invalid JSON: {error.msg}", _FORM) from error
    except (ValueError, RecursionError) as error:
        raise misfit(file, 1, f"invalid JSON: {error}", _FORM) from error
    decoder, line, last = json.JSONDecoder(), 1, 0
    at = _next(text, text.index("[") + 1)
    while text[at] != "]":
        line, last = line + text.count("\n", last, at), at
        value, at = decoder.raw_decode(text, at)
        yield line, value
        at = _next(text, at)


def _next(text: str, at: int) -> int:
    while text[at] in " \t\r\n,":
        at += 1
    return at


def _decoded(file: Path) -> str:
    data = content(file)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise misfit(file, line, f"broken UTF-8: {error.reason}", _FORM) from error
