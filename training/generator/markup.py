"""Spans that survive editing: text is built with invisible markers and cut into spans at the end.

A span is opened by ``OPEN`` and one private-use character that holds its number, and closed by
``CLOSE``. Sentences can so be joined, capitalised and repunctuated before any offset is fixed.
"""

from __future__ import annotations

import re

OPEN, CLOSE = "\ue000", "\ue001"
_BASE = 0xE100
_TOKEN = re.compile(f"({OPEN}.|{CLOSE})")
_MARKS = f"(?:{OPEN}.|{CLOSE})*"

_VOWEL = r"(?=(?:[aeioAEIO]|u(?!n[i ]|s[ie])|U(?!S|K|N|ni|kr|ga|ru)|8|11\b|18\b))(?!one|One|eu|Eu)"
_ARTICLE = re.compile(rf"\b([Aa]) ((?:{OPEN}.)*){_VOWEL}")
_POINTS = re.compile(rf"\.({CLOSE}*”?)\.")
_COMMAS = re.compile(rf",({_MARKS})(?=[,.;:?!]|”[,.])")
_COMMA_QUOTE = re.compile(rf",({_MARKS}) –")
# Names in the plural take the apostrophe alone.
_PLURAL = re.compile(
    rf"((?:States|Islands|Netherlands|Nations|Emirates|Philippines|Bahamas|Maldives|Houthis|leaders"
    rf"|rebels|separatists|Brigades){CLOSE}*)'s\b"
)
_START = re.compile(rf"(?:(?<=[^A-Z][.?!] )|(?<=[.?!]” )|(?<=\n)|\A)((?:{OPEN}.|[“(])*)([a-zà-ž])")


def capitalise(text: str) -> str:
    """``text`` with its first letter in upper case, whatever markers or quotes stand before it."""
    at = 0
    while at < len(text):
        if text[at] == OPEN:
            at += 2
        elif text[at] in "“‘(" or text[at] == CLOSE:
            at += 1
        else:
            return text[:at] + text[at].upper() + text[at + 1 :]
    return text


def tidy(text: str) -> str:
    """Repair what templates cannot know: doubled points, "a" before a vowel, capitals."""
    text = _COMMAS.sub(r"\1", text)
    text = _COMMA_QUOTE.sub(r"\1 –", text)
    text = _POINTS.sub(r".\1", text)
    text = _PLURAL.sub(r"\1'", text)
    text = _ARTICLE.sub(r"\1n \2", text)
    return _START.sub(lambda found: found[1] + found[2].upper(), text)


class Marker:
    """Gives out span numbers and, at the end, the text of each span."""

    def __init__(self) -> None:
        self.count = 0

    def open(self) -> tuple[str, int]:
        """The opening marker of a new span, and its number."""
        number = self.count
        self.count += 1
        return OPEN + chr(_BASE + number), number

    def mark(self, text: str) -> tuple[str, int]:
        """``text`` as a new span, and its number."""
        opening, number = self.open()
        return opening + text + CLOSE, number


def resolve(marked: str) -> tuple[str, dict[int, tuple[int, int]]]:
    """The plain text, and start and end of every span in it."""
    parts: list[str] = []
    spans: dict[int, tuple[int, int]] = {}
    stack: list[tuple[int, int]] = []
    length = 0
    for part in _TOKEN.split(marked):
        if not part:
            continue
        if part[0] == OPEN:
            stack.append((ord(part[1]) - _BASE, length))
        elif part == CLOSE:
            number, start = stack.pop()
            spans.setdefault(number, (start, length))
        else:
            parts.append(part)
            length += len(part)
    return "".join(parts), spans
