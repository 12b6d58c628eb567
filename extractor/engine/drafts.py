"""Drafts from the source: inside a quote the likely continuation is the passage itself.

The idea is prompt-lookup decoding (Saxena 2023, https://github.com/apoorvumang/prompt-lookup-decoding),
made exact: the grammar tells where a quote starts, and a draft is made only when the quote so far
stands at one place in the passage.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from ..grammar import escaped


class Acceptance:
    """How often the drafted tokens of each field were right, by their depth in the draft."""

    def __init__(self) -> None:
        # Right and drafted; the start is a guess that the first drafts correct.
        self._counts: defaultdict[tuple[bytes, int], list[int]] = defaultdict(lambda: [3, 4])

    def depth(self, field: bytes, most: int, sequences: int) -> int:
        """Return how many tokens to draft, at most ``most``, while ``sequences`` are decoded together.

        A token more in a batch costs about half of what a call of its own costs beside the token. One
        that is right saves a token and this sequence's share of a call: it pays from a probability of
        0.5 / (1 / sequences + 0.5) on.
        """
        chance, least = 1.0, sequences / (sequences + 2)
        for depth in range(most):
            right, drafted = self._counts[field, depth]
            chance *= right / drafted
            if chance < least:
                return depth
        return most

    def note(self, field: bytes, drafted: int, right: int) -> None:
        """Take note of one draft's outcome: of every token that was reached."""
        for depth in range(min(right + 1, drafted)):
            count = self._counts[field, depth]
            count[0] += depth < right
            count[1] += 1


class Source:
    """A passage as it stands inside a JSON string, and its tokens by the byte at which they begin."""

    def __init__(self, passage: str, tokenise: Callable[[bytes], Sequence[int]], pieces: Sequence[bytes]) -> None:
        self.text = escaped(passage).encode()
        self.tokens = list(tokenise(self.text))
        self.begins: dict[int, int] = {}  # byte offset in the text -> number of the token that begins there
        at = 0
        for number, token in enumerate(self.tokens):
            self.begins[at] = number
            at += len(pieces[token])


class SourceDrafts:
    """Follows an answer as it is written and proposes the tokens that continue the open quote.

    ``field`` is the name of the object's member that the answer is in.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._open = False
        self._content = b""
        self.field = b""

    def feed(self, piece: bytes) -> None:
        """Take note of the next token of the answer."""
        *closed, rest = piece.split(b'"')
        for part in closed:
            self._add(part)
            if self._open and self._content.endswith(b"\\") and not self._content.endswith(b"\\\\"):
                self._content += b'"'
            else:
                self._open = not self._open
                if self._open:
                    self._content = b""
        self._add(rest)

    def _add(self, part: bytes) -> None:
        if self._open:
            self._content += part
        elif part.startswith(b":"):
            self.field = self._content

    def propose(self, most: int) -> list[int]:
        """Return the tokens that follow in the passage, or none where it is not clear which place is copied."""
        if not self._open or not self._content:
            return []
        text = self._source.text
        at = text.find(self._content)
        if at < 0 or text.find(self._content, at + 1) >= 0:
            return []
        number = self._source.begins.get(at + len(self._content))
        return [] if number is None else self._source.tokens[number : number + most]
