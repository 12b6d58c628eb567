"""Reading articles: files, folders, globs and standard input, as text, Markdown, HTML, JSON or JSONL."""

from __future__ import annotations

import codecs
import glob
import hashlib
import itertools
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, ContextManager, Final, Literal

from charset_normalizer import from_bytes
from dateutil import parser as dates  # type: ignore[import-untyped]

from extractor.errors import InputError

STDIN: Final = "-"
MAX_BYTES: Final = 5 * 2**20

_Kind = Literal["text", "markdown", "html", "json", "jsonl"]
_KINDS: dict[str, _Kind] = {
    ".txt": "text",
    ".md": "markdown",
    ".html": "html",
    ".htm": "html",
    ".json": "json",
    ".jsonl": "jsonl",
}
_TEXT_FIELDS = ("text", "body", "content")
_SIGNATURES = {
    b"%PDF-": "a PDF document",
    b"PK\x03\x04": "a zip archive or an Office document",
    b"\xd0\xcf\x11\xe0": "an old Office document",
    b"{\\rtf": "an RTF document",
    b"\x1f\x8b": "a gzip archive",
    b"(\xb5\x2f\xfd": "a zstd archive",
    b"BZh": "a bzip2 archive",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"\x7fELF": "a program",
    b"GGUF": "a model",
}
_BYTE_ORDER_MARKS = {  # the longer first: UTF-32 begins like UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_AS_TEXT = "Save it as UTF-8 text and give that file"

_DATE_LINE = re.compile(
    r"""\s*date\b:?[ \t]+(?:
        (?P<iso>\d{4}-\d\d-\d\d)\b
      | (?P<words>(?:[^\W\d]+day,?[ ])?(?:\d{1,2}(?:st|nd|rd|th)?[ ][^\W\d]+\.?|[^\W\d]+\.?[ ]\d{1,2},?)[ ]\d{4})\b
      | (?P<other>[^\n]{4,40})$
    )""",
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
_HEADLINE = re.compile(r"\s*(\S[^\n]{0,148}[^\s.:;,])[ \t\r]*\n[ \t\r]*\n\s*\S")
_MARKDOWN_HEADING = re.compile(r"^#[ \t]+(\S.*?)[ \t]*#*[ \t\r]*$", re.MULTILINE)


@dataclass(frozen=True)
class Article:
    """A text to extract from, and what its input says about it.

    ``text`` is never altered: all offsets count its Unicode code points. ``id`` defaults to the first 16
    digits of ``sha256``; ``published`` is an ISO 8601 date, cut to the year or month when no more is known.
    Raises InputError when the text is empty or cannot be written as UTF-8.
    """

    text: str
    id: str = ""
    title: str | None = None
    source: str | None = None
    published: str | None = None

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise InputError("the article is empty", hint="Give an article with text in it")
        for name in ("text", "id", "title", "source", "published"):
            _refuse_surrogates(name, getattr(self, name) or "")
        if not self.id:
            object.__setattr__(self, "id", self.sha256[:16])

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the text in UTF-8, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @classmethod
    def from_text(cls, text: str, id: str = "") -> Article:
        """Return an article of plain text; a leading ``date`` line and a headline become metadata too."""
        dated = _DATE_LINE.match(text)
        published = _iso_date(dated[dated.lastgroup or 0]) if dated else None
        headline = _HEADLINE.match(text, dated.end() if dated and published else 0)
        return cls(text, id, title=headline[1] if headline else None, published=published)

    @classmethod
    def from_markdown(cls, text: str, id: str = "") -> Article:
        """Return an article of Markdown, titled by its first heading of level 1."""
        plain = cls.from_text(text, id)
        heading = _MARKDOWN_HEADING.search(text)
        return cls(text, id, title=heading[1], published=plain.published) if heading else plain

    @classmethod
    def from_html(cls, html: str, id: str = "") -> Article:
        """Return the article of a web page: the text is what trafilatura finds, its blocks one a line.

        Raises InputError when it finds none.
        """
        from trafilatura import extract_with_metadata  # here, since it takes longer to load than all else

        page = extract_with_metadata(html, include_comments=False)
        if page is None or not page.text:
            raise InputError("no article was found in the HTML", hint="Save the article's words as a .txt file")
        return cls(page.text, id, page.title or None, page.sitename or page.url or None, page.date or None)

    @classmethod
    def from_json(cls, value: object, id: str = "") -> Article:
        """Return the article of a JSON object with "text" (or "body", "content"), and perhaps "id", "title",
        "source" (or "url") and "published" (or "date"). ``id`` is for an object without one.

        Raises InputError for anything else; the message names the fields that were found.
        """
        if not isinstance(value, dict):
            raise InputError(
                f"the JSON value is a {type(value).__name__}, not an object", hint='Write {"text": "..."} for each article'
            )
        text = next((value[name] for name in _TEXT_FIELDS if isinstance(value.get(name), str)), None)
        if text is None:
            found = ", ".join(json.dumps(name) for name in itertools.islice(value, 12)) or "none"
            raise InputError(
                f"the JSON object has no text; its fields: {found}", hint='Put the words in a string field "text"'
            )
        published = _field(value, "published", "date")
        return cls(
            text,
            _field(value, "id") or id,
            _field(value, "title"),
            _field(value, "source", "url"),
            _iso_date(published) if published else None,
        )


def expand(inputs: Sequence[str]) -> list[str]:
    """Return the files that paths, folders, globs and "-" (standard input) stand for, each once.

    A folder stands for the files below it, sorted, that have a known ending and are not hidden. Raises
    InputError when an input stands for nothing or a folder cannot be read.
    """
    found: dict[str, str] = {}
    for name in inputs:
        files = _files(name)
        if not files:
            raise InputError(f"{name}: no article in this folder", hint=f"Known endings: {' '.join(_KINDS)}")
        for file in files:
            found.setdefault(file if file == STDIN else os.path.realpath(file), file)
    return list(found.values())


def read(source: str, *, max_bytes: int = MAX_BYTES) -> Iterator[Article | InputError]:
    """Yield the articles of one file, or of standard input for "-".

    What cannot be read is yielded as an InputError that names the place, and reading goes on after it.
    ``max_bytes`` limits a file; in JSONL, whose files may have any size, a line.
    """
    try:
        with _open(source) as stream:
            yield from _read(stream, source, max_bytes)
    except OSError as error:
        yield InputError(f"{source}: {_reason(error)}", hint="Check the path and its permissions")
