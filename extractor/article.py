"""Reading articles: files, folders, globs and standard input, as text, Markdown, HTML, JSON or JSONL."""

from __future__ import annotations

import codecs
import glob
import hashlib
import itertools
import json
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

from charset_normalizer import from_bytes
from dateutil import parser as dates

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
    b"(\xb5/\xfd": "a zstd archive",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
}
_BYTE_ORDER_MARKS = {  # the longer first: UTF-32 begins like UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Without the code pages of DOS and Mac: one typographic quote in an English text was taken for theirs.
_LEGACY_ENCODINGS = [
    *("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "koi8_r", "koi8_u"),
    *("gb18030", "big5", "cp932", "euc_jp", "cp949"),
]
_AS_TEXT = "Save it as UTF-8 text and give that file"

_DATE_LINE = re.compile(
    r"""\s*date\b:?[ \t]+(?:
        (?P<iso>\d{4}-\d\d-\d\d)\b
      | (?P<words>(?:[^\W\d]+day,?[ ])?(?:\d{1,2}(?:st|nd|rd|th)?[ ][^\W\d]+\.?|[^\W\d]+\.?[ ]\d{1,2},?)[ ]\d{4})\b
      | (?P<other>[^\n]{4,40})$
    )""",
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
# A short first line with a blank line below it, which does not end as a sentence does.
_HEADLINE = re.compile(r"""\s*(\S[^\n]{0,148}[^\s.:;,…])(?<![.,!?…]["'”’)])[ \t\r]*\n[ \t\r]*\n\s*\S""")
_MARKDOWN_HEADING = re.compile(r"^#[ \t]+([^\s#].{0,200})", re.MULTILINE)
_HTML_CHARSET = re.compile(rb"<meta[^>]+charset=[\"']?([\w-]+)", re.IGNORECASE)
_HTML_START = re.compile(rb"\s*<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_JSON_START = re.compile(rb"""\s*(?:\{\s*(?:"|$)|\[\s*(?:[{"\[]|$))""")


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
        return cls(text, id, title=heading[1].rstrip(" \t\r#"), published=plain.published) if heading else plain

    @classmethod
    def from_html(cls, html: str, id: str = "") -> Article:
        """Return the article of a web page: the text is what trafilatura finds, its blocks one a line.

        Raises InputError when it finds none.
        """
        from trafilatura import extract_with_metadata  # here, since it takes longer to load than all else

        page = extract_with_metadata(html, include_comments=False)
        if page is None or not page.text:
            raise InputError("no article was found in the HTML", hint="Save the article's words as a .txt file")
        return cls(
            page.text,
            id,
            title=page.title or None,
            source=page.sitename or page.url or None,
            published=page.date or None,
        )

    @classmethod
    def from_json(cls, value: object, id: str = "") -> Article:
        """Return the article of a JSON object with "text" (or "body", "content"), and perhaps "id", "title",
        "source" (or "url") and "published" (or "date"). ``id`` is for an object without one.

        Raises InputError for anything else; the message names the fields that were found.
        """
        if not isinstance(value, dict):
            raise InputError(
                f"the JSON value is a {type(value).__name__}, not an object",
                hint='Write {"text": "..."} for each article',
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
            title=_field(value, "title"),
            source=_field(value, "source", "url"),
            published=_iso_date(published) if published else None,
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
        yield _unreadable(source, error)


def _files(name: str) -> list[str]:
    if name == STDIN:
        return [STDIN]
    try:
        is_folder = stat.S_ISDIR(os.stat(name).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return _matches(name)
    except OSError as error:
        raise _unreadable(name, error) from error
    return _below(name) if is_folder else [name]


def _matches(pattern: str) -> list[str]:
    matches = sorted(glob.glob(pattern, recursive=True))
    if not matches:
        what = "nothing matches" if glob.has_magic(pattern) else "no such file or folder"
        raise InputError(f"{pattern}: {what}", hint="Check the spelling, and the folder you are in")
    return [file for match in matches for file in (_below(match) if os.path.isdir(match) else [match])]


def _below(folder: str) -> list[str]:
    def refuse(error: OSError) -> None:
        raise _unreadable(error.filename, error) from error

    found: list[str] = []
    for path, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [os.path.join(path, name) for name in files if not name.startswith(".") and _kind(name)]
    return sorted(found)


def _unreadable(name: str, error: OSError) -> InputError:
    return InputError(f"{name}: {error.strerror}", hint="Check the path and its permissions")


def _kind(name: str) -> _Kind | None:
    return _KINDS.get(Path(name).suffix.lower())


def _open(source: str) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdin.buffer) if source == STDIN else open(source, "rb")


def _read(stream: BinaryIO, source: str, max_bytes: int) -> Iterator[Article | InputError]:
    place, stem = ("standard input", "") if source == STDIN else (source, Path(source).stem)
    head = stream.readline(max_bytes + 1)
    kind = _kind(source) or _sniff(head)
    try:
        if kind == "jsonl":
            _refuse_binary(head)
            yield from _from_lines(_lines(head, stream, max_bytes), place, stem, max_bytes)
        else:
            data = head + stream.read(max_bytes + 1 - len(head))
            if len(data) > max_bytes:
                raise _too_large("file", max_bytes, 0 if source == STDIN else os.path.getsize(source))
            yield from _from_whole(_decode(data), kind, place, stem)
    except InputError as error:
        yield placed(place, error)


def _sniff(head: bytes) -> _Kind:
    """Return the kind of a file without a known ending, by its first line."""
    if _HTML_START.match(head):
        return "html"
    if not _JSON_START.match(head):
        return "text"
    try:
        return "jsonl" if isinstance(json.loads(head), dict) else "json"
    except ValueError:
        return "json"


def _lines(head: bytes, stream: BinaryIO, max_bytes: int) -> Iterator[bytes]:
    """Yield ``head`` and the lines after it; of a line over ``max_bytes`` only as much as shows that."""
    line = head
    while line:
        yield line
        while len(line) > max_bytes and not line.endswith(b"\n"):
            line = stream.readline(max_bytes + 1)
        line = stream.readline(max_bytes + 1)


def _from_lines(lines: Iterator[bytes], place: str, stem: str, max_bytes: int) -> Iterator[Article | InputError]:
    def parse(line: bytes, number: int) -> Article:
        if len(line) > max_bytes:
            raise _too_large("line", max_bytes)
        return Article.from_json(_loads(_decode(line)), f"{stem or 'stdin'}:{number}")

    empty = True
    for number, line in enumerate(lines, 1):
        if line.strip():
            empty = False
            yield attempt(f"{place}, line {number}", partial(parse, line.rstrip(b"\r\n"), number))
    if empty:
        raise _nothing("file")


def _from_whole(text: str, kind: _Kind, place: str, stem: str) -> Iterator[Article | InputError]:
    if kind == "json":
        yield from _from_json(_loads(text), place, stem)
    elif kind == "html":
        yield Article.from_html(text, stem)
    elif kind == "markdown":
        yield Article.from_markdown(text, stem)
    else:
        yield Article.from_text(text, stem)


def _from_json(value: object, place: str, stem: str) -> Iterator[Article | InputError]:
    if not isinstance(value, list):
        yield Article.from_json(value, stem)
        return
    if not value:
        raise _nothing("JSON list")
    for number, item in enumerate(value, 1):
        yield attempt(f"{place}, item {number}", partial(Article.from_json, item, f"{stem or 'stdin'}:{number}"))


def attempt(place: str, make: Callable[[], Article]) -> Article | InputError:
    """Return the article that ``make`` makes, or its InputError with the place named."""
    try:
        return make()
    except InputError as error:
        return placed(place, error)


def placed(place: str, error: InputError) -> InputError:
    """Return the error with its place named."""
    named = InputError(f"{place}: {error}", hint=error.hint)
    named.place = place
    return named


def _nothing(what: str) -> InputError:
    return InputError(f"the {what} is empty", hint="Give an article with text in it")


def _too_large(what: str, max_bytes: int, size: int = 0) -> InputError:
    """``size`` in bytes; a pipe's is not known, nor is a line's before its end."""
    length = f"has {size / 2**20:.3g} MiB" if size > max_bytes else "is too long"
    return InputError(
        f"the {what} {length}; the limit is {max_bytes / 2**20:.3g} MiB an article",
        hint="Split it into articles, for instance one JSON object a line in a .jsonl file",
    )


def _refuse_binary(data: bytes) -> None:
    for signature, name in _SIGNATURES.items():
        if data.startswith(signature):
            raise InputError(f"this is {name}, not text", hint=_AS_TEXT)
    if b"\0" in data:
        raise InputError("this is binary data, not text: it holds NUL bytes", hint=_AS_TEXT)


def _refuse_surrogates(name: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"the {name} holds half of a surrogate pair, {value[error.start]!a}, at character {error.start}",
            hint="Write the character whole, or U+FFFD where it is lost",
        ) from error


def _decode(data: bytes) -> str:
    """Return the text of ``data``; raises InputError when it is empty, binary or in no known encoding."""
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS.items() if data.startswith(mark)), None)
    if encoding is None:
        _refuse_binary(data)
    try:
        text = data.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        if encoding or _is_mostly_utf8(data):
            message = f"broken {error.encoding.upper()} at byte {error.start}: {error.reason}"
            raise InputError(message, hint=_AS_TEXT) from error
        text = _decode_legacy(data)
    if not text.strip():
        raise _nothing("file")
    return text


def _is_mostly_utf8(data: bytes) -> bool:
    """Whether the characters beyond ASCII are mostly whole UTF-8: then no other encoding is meant."""
    text = data.decode(errors="replace")
    return sum(character > "\x7f" for character in text) >= 2 * text.count("\ufffd")


def _decode_legacy(data: bytes) -> str:
    declared = _HTML_CHARSET.search(data, 0, 4096)
    if declared:
        # Browsers read Windows-1252 where a page says ISO-8859-1, and pages are made for them.
        charset = declared[1].decode("ascii").lower().replace("iso-8859-1", "cp1252")
        with suppress(LookupError, UnicodeDecodeError):
            return data.decode(charset)
    guess = from_bytes(data, cp_isolation=_LEGACY_ENCODINGS).best()
    western = from_bytes(data, cp_isolation=["cp1252"]).best()
    if guess is None:
        raise InputError("the encoding cannot be told", hint=_AS_TEXT)
    # Most Western letters are the same in several code pages: the commonest one wins a tie.
    return str(western if western and western.coherence >= guess.coherence else guess)


def _loads(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if error.lineno > 1 else ""
        message = f"invalid JSON at {line}column {error.colno}: {error.msg}"
    except (ValueError, RecursionError) as error:  # a number of too many digits, nesting too deep
        message = f"invalid JSON: {error}"
    raise InputError(message, hint="Check the file with a JSON validator")


def _field(value: Mapping[str, Any], *names: str) -> str | None:
    """Return the first of the fields that is a number or a string with something in it, as a string."""
    found = (str(value[name]).strip() for name in names if isinstance(value.get(name), (str, int)))
    return next(filter(None, found), None)


def _iso_date(text: str) -> str | None:
    """Return the ISO 8601 date that ``text`` is, as far as it can be told, or None."""
    with suppress(ValueError):
        return datetime.fromisoformat(text.strip()).date().isoformat()
    try:
        # What two readings with other defaults and another order of day and month agree on, the text says.
        readings = (
            dates.parse(text, default=datetime(2000, 1, 1), dayfirst=False, ignoretz=True),
            dates.parse(text, default=datetime(2001, 2, 2), dayfirst=True, ignoretz=True),
        )
    except (ValueError, OverflowError):
        return None
    parts = zip(*(reading.strftime("%Y %m %d").split() for reading in readings), strict=True)
    known = [part for part, other in itertools.takewhile(lambda pair: pair[0] == pair[1], parts)]
    return "-".join(known) or None
