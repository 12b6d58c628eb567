"""Where words begin and end, in every script: what a quote may begin and end with."""

from __future__ import annotations

from functools import lru_cache

import regex

# Scripts written without spaces: every character may begin or end a quote.
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
_WORD = regex.compile(r"[\p{L}\p{N}_]")


@lru_cache(maxsize=64)
def chunks(text: str) -> tuple[str, ...]:
    """Cut a text into the pieces between which a quote may begin and end: words and single characters.

    Grapheme clusters (a letter with its combining marks, a joined emoji) stay whole.
    """
    pieces: list[str] = []
    in_word = False
    for cluster in regex.findall(r"\X", text):
        word = bool(_WORD.match(cluster)) and not _UNSPACED.match(cluster)
        if word and in_word:
            pieces[-1] += cluster
        elif cluster == "\r\n":
            pieces += ["\r", "\n"]
        else:
            pieces.append(cluster)
        in_word = word
    return tuple(pieces)


def occurrences(quote: str, text: str) -> list[int]:
    """Return every offset at which ``quote`` stands in ``text`` from boundary to boundary, in order."""
    edges = _edges(text)
    found, at = [], text.find(quote)
    while quote and at >= 0:
        if at in edges and at + len(quote) in edges:
            found.append(at)
        at = text.find(quote, at + 1)
    return found


@lru_cache(maxsize=16)
def _edges(text: str) -> frozenset[int]:
    edges, at = {0}, 0
    for piece in chunks(text):
        at += len(piece)
        edges.add(at)
    return frozenset(edges)
