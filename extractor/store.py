"""JSONL files of extractions: one line an article, written whole or not at all, resumed by content."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from .errors import OutputError
from .schemas import Extraction, Provenance

Key = tuple[str, str | None]  # an article's id and the hash of its text


class Store:
    """Appends extractions to ``path``.

    An existing file is resumed: a last line that was torn is cut off, articles that are complete under
    the same provenance count as done, and lines of this provenance that are not complete are taken out,
    to be written anew. Raises ``OutputError`` for a file that holds anything else.
    """

    def __init__(self, path: Path, provenance: Provenance) -> None:
        self._done: set[Key] = set()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                self._resume(path, provenance)
            self._file = path.open("ab")
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror}", hint="Choose another file.") from error

    def _resume(self, path: Path, provenance: Provenance) -> None:
        kept, dropped = bytearray(), False
        for number, line in enumerate(_whole_lines(path), 1):
            extraction = _parse(line, path, number)
            ours = extraction.provenance == provenance
            if ours and not extraction.complete:
                dropped = True
                continue
            if ours:
                self._done.add(key_of(extraction))
            kept += line
        if dropped or len(kept) != path.stat().st_size:
            # Written beside and renamed, so that a crash here loses nothing.
            beside = path.with_name(path.name + ".partial")
            beside.write_bytes(kept)
            beside.replace(path)

    def done(self, article_id: str, sha256: str | None) -> bool:
        """Whether the article is in the file already."""
        return (article_id, sha256) in self._done

    def write(self, extraction: Extraction) -> None:
        """Append one line and see it to the disk."""
        try:
            self._file.write(extraction.model_dump_json().encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise OutputError(
                f"{self._file.name} cannot be written: {error.strerror}",
                hint="Make room and run the same command again; what is written stays.",
            ) from error
        self._done.add(key_of(extraction))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def load(path: Path) -> Iterator[Extraction]:
    """Yield the extractions of a file. Raises ``OutputError`` that names the line of anything else."""
    try:
        for number, line in enumerate(_whole_lines(path), 1):
            yield _parse(line, path, number)
    except OSError as error:
        raise OutputError(f"{path} cannot be read: {error.strerror}", hint="Name a file that run -o wrote.") from error


def _whole_lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                yield line


def _parse(line: bytes, path: Path, number: int) -> Extraction:
    try:
        return Extraction.model_validate_json(line)
    except ValidationError as error:
        raise OutputError(
            f"{path}:{number} is not an extraction of this version: {error.errors()[0]['msg']}",
            hint="Choose another output file, or remove that line.",
        ) from error


def key_of(extraction: Extraction) -> Key:
    """Return what tells an article from others: its id and the hash of its text."""
    return extraction.article.id, extraction.article.sha256
