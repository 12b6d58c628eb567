"""Drafts: guesses at the next tokens, which one decode verifies.

Inside a quote the likely continuation is the passage itself: prompt-lookup decoding (Saxena 2023,
https://github.com/apoorvumang/prompt-lookup-decoding) made exact, since the grammar tells where a quote
starts, and a draft is made only when the quote so far stands at one place in the passage. Between quotes it
is what was chosen most often at the same place of a record, with the tokens that the grammar then forces.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from ..grammar import escaped

_TOKEN_COST = 1.0  # of a token more in a decode, in units of what a decode costs beside its tokens
_MOST_PLACES = 4096


def pays(chance: float, tokens: int, sequences: int) -> bool:
    """Whether to draft ``tokens`` that are right with probability ``chance``, while so many sequences share a decode.

    Right, they save this sequence its share of a decode; wrong, they were read for nothing.
    """
    return chance >= (1 - chance) * _TOKEN_COST * tokens * sequences


class Acceptance:
    """How often the drafted tokens of each field were right, by their depth in the draft."""

    def __init__(self) -> None:
        # Right and drafted; the start is a guess that the first drafts correct.
        self._counts: defaultdict[tuple[bytes, int], list[int]] = defaultdict(lambda: [3, 4])

    def depth(self, field: bytes, most: int, sequences: int) -> int:
        """Return how many tokens of the passage to draft, at most ``most``."""
        chance = 1.0
        for depth in range(most):
            right, drafted = self._counts[field, depth]
            chance *= right / drafted
            if not pays(chance, 1, sequences):
                return depth
        return most

    def note(self, field: bytes, drafted: int, right: int) -> None:
        """Take note of one draft's outcome: of every token that was reached."""
        for depth in range(min(right + 1, drafted)):
            count = self._counts[field, depth]
            count[0] += depth < right
            count[1] += 1


class Habits:
    """Which token is chosen most often after the two before it."""

    def __init__(self) -> None:
        self._chosen: dict[tuple[int, ...], Counter[int]] = {}

    def note(self, before: tuple[int, ...], token: int) -> None:
        """Take note of a choice; all is forgotten when there are too many places to remember."""
        if before not in self._chosen and len(self._chosen) >= _MOST_PLACES:
            self._chosen.clear()
        self._chosen.setdefault(before, Counter())[token] += 1

    def likeliest(self, before: tuple[int, ...]) -> tuple[int, float] | None:
        """Return the token and a careful estimate of its probability."""
        if not (counts := self._chosen.get(before)):
            return None
        token = max(counts, key=counts.__getitem__)
        return token, counts[token] / (counts.total() + 1)


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
