"""Drafts from the source: inside a quote the likely continuation is the passage itself.

The idea is prompt-lookup decoding (Saxena 2023, https://github.com/apoorvumang/prompt-lookup-decoding),
made exact: the grammar tells where a quote starts, and a draft is made only when the quote so far
stands at one place in the passage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..grammar import escaped


class SourceDrafts:
    """Follows an answer as it is written and proposes the tokens that continue the open quote."""

    def __init__(
        self, passage: str, tokenise: Callable[[bytes], Sequence[int]], piece: Callable[[int], bytes], most: int
    ):
        self._source = escaped(passage).encode()
        self._tokens = list(tokenise(self._source))
        self._piece = piece
        self._most = most
        self._begins: dict[int, int] = {}  # byte offset in the source -> number of the token that begins there
        at = 0
        for number, token in enumerate(self._tokens):
            self._begins[at] = number
            at += len(piece(token))
        self._open = False
        self._content = b""

    def feed(self, token: int) -> None:
        """Take note of the next token of the answer."""
        for byte in self._piece(token):
            escape = self._content.endswith(b"\\") and not self._content.endswith(b"\\\\")
            if byte == 0x22 and not (self._open and escape):
                self._open, self._content = not self._open, b""
            elif self._open:
                self._content += bytes((byte,))

    def propose(self) -> list[int]:
        """Return the tokens that follow in the passage, or none where it is not clear which place is copied."""
        if not self._open or not self._content or not self._most:
            return []
        at = self._source.find(self._content)
        if at < 0 or self._source.find(self._content, at + 1) >= 0:
            return []
        number = self._begins.get(at + len(self._content))
        return [] if number is None else self._tokens[number : number + self._most]
