"""The public-domain corpus that some gold files and training labels point into.

Files are ``*.jsonl.zst``, one document a line with at least ``id`` and ``text``.
"""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from ..errors import InputError


def texts(folder: Path | None, wanted: Collection[str]) -> dict[str, str]:
    """Return the texts of the documents that are wanted, by id, of those at hand."""
    if folder is None or not wanted:
        return {}
    return {one["id"]: one["text"] for one in documents(folder) if one["id"] in wanted}


def documents(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield every document of the corpus. Raises ``InputError`` for a folder that holds none."""
    try:
        import zstandard
    except ImportError as error:
        raise InputError(
            "reading the corpus needs the package zstandard", hint="pip install 'accord-extractor[eval]'"
        ) from error
    files = sorted(folder.glob("*.jsonl.zst"))
    if not files:
        raise InputError(f"{folder} holds no *.jsonl.zst", hint="Name the corpus with --corpus or EXTRACTOR_CORPUS.")
    for file in files:
        with file.open("rb") as raw:
            stream = zstandard.ZstdDecompressor().stream_reader(raw)
            for line in io.TextIOWrapper(stream, encoding="utf-8"):
                yield json.loads(line)
