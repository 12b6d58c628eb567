"""One answer while it is written: the grammar's state, the tokens so far, and those to be read next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import llguidance
import numpy as np
from numpy.typing import NDArray

from .base import Request, Stats, Token
from .context import Context
from .drafts import Acceptance, Habits, SourceDrafts, pays

Logits = NDArray[np.float32]


class Writing:
    """Writes one answer greedily under the grammar of ``request``.

    ``pending`` are tokens that the context has not read yet, ``draft`` guesses at those that follow.
    ``closes`` (vocabulary) marks the tokens that end a list.
    """

    def __init__(
        self,
        request: Request,
        prompt: list[int],
        matcher: llguidance.LLMatcher,
        drafts: SourceDrafts,
        context: Context,
        closes: NDArray[np.float32],
        *,
        forced: bool,
    ) -> None:
        self.request, self.prompt, self.matcher = request, prompt, matcher
        self.tokens: list[Token] = []
        self.stats = Stats(prompt_tokens=len(prompt))
        self.draft: list[int] = []
        self._cut = False  # whether there were more tokens than room
        self._copied = False  # whether the draft is from the passage
        self._before: tuple[int, ...] = ()  # the last two tokens
        self._drafts, self._context, self._closes, self._forced = drafts, context, closes, forced
        self._room = min(request.max_tokens, context.size - len(prompt))
        self.pending = self._force()

    @property
    def whole(self) -> bool:
        """Whether the grammar has come to its end, with all tokens in the answer."""
        return not self._cut and self.matcher.is_stopped()

    @property
    def done(self) -> bool:
        return self.whole or len(self.tokens) >= self._room

    @property
    def text(self) -> str:
        return b"".join(token.piece for token in self.tokens).decode(errors="ignore")

    def guess(self, acceptance: Acceptance, habits: Habits, most: int, sequences: int) -> None:
        """Draft what the next tokens may be, at most ``most``, as far as it pays while ``sequences`` are decoded."""
        most = min(most, self._room - len(self.tokens))
        self.draft = self._drafts.propose(acceptance.depth(self._drafts.field, most, sequences))
        self._copied = bool(self.draft)
        if not self._copied and self._after_forced:
            self.draft = self._habitual(habits, sequences)[:most]

    def _habitual(self, habits: Habits, sequences: int) -> list[int]:
        """Return the usual choices from here on, each with the tokens that the grammar forces after it."""
        draft: list[int] = []
        chance, before, ahead = 1.0, self._before, self.matcher
        while found := habits.likeliest(before):
            token, share = found
            chance *= share
            if not pays(chance, len(draft) + 1, sequences):
                break
            ahead = ahead.deep_copy()
            if token == self._context.eos or not ahead.try_consume_tokens([token]):
                break
            forced = ahead.compute_ff_tokens()
            ahead.consume_tokens(forced)
            draft += [token, *forced]
            before = (*before, token, *forced)[-2:]
            if not forced or ahead.is_stopped():
                break
        return draft[: draft.index(self._context.eos)] if self._context.eos in draft else draft

    def advance(self, logits: Logits, masks: NDArray[np.int32], acceptance: Acceptance, habits: Habits) -> int:
        """Choose tokens row by row for as long as they are the drafted ones; return how many of those stay.

        ``logits`` (drafted + 1, vocabulary) and ``masks`` (drafted + 1, words of 32 tokens) are those after
        the pending tokens and after each drafted one. ``pending`` is afterwards what was not read yet.
        """
        draft, self.draft, row, field = self.draft, [], 0, self._drafts.field
        while True:
            before, decided = self._before, self._after_forced
            token = self._choose(logits[row], masks[row])
            if decided:
                habits.note(before, token)
            self.matcher.consume_token(token)
            if token == self._context.eos:
                self.pending = []
                break
            written = [token, *self._force()]
            agreed = agreement(written, draft[row:])
            row += agreed
            if agreed < len(written) or self.matcher.is_stopped():
                self.pending = written[agreed:]
                break
        self.stats.drafted += len(draft)
        self.stats.accepted += row
        if self._copied:
            acceptance.note(field, len(draft), row)
        return row

    def _force(self) -> list[int]:
        """Take the tokens that the grammar forces now; with an end token the answer is done."""
        tokens: list[int] = self.matcher.compute_ff_tokens() if self._forced else []
        self.matcher.consume_tokens(tokens)
        tokens = [token for token in tokens if token != self._context.eos]
        self.stats.forced += len(tokens)
        for token in tokens:
            self._add(token, Token(self._context.pieces[token]))
        self._after_forced = bool(tokens)
        return tokens

    def _choose(self, logits: Logits, mask: NDArray[np.int32]) -> int:
        """Add the likeliest token that the grammar allows, with ``closing`` off those that end the list."""
        # Only the words of the mask with a bit in them are unpacked: mostly few of the vocabulary's.
        words = np.flatnonzero(mask)
        bits = np.unpackbits(mask[words].view(np.uint8), bitorder="little").reshape(len(words), 32)
        rows, columns = np.nonzero(bits)
        allowed = words[rows] * 32 + columns
        scores = logits[allowed] - self.request.closing * self._closes[allowed]
        best = int(scores.argmax())
        token, top = int(allowed[best]), float(scores[best])
        if token == self._context.eos:
            return token
        scale = top + float(np.log(np.exp(scores - top).sum()))
        runner_up = None
        if len(allowed) > 1:
            scores[best] = -np.inf
            second = int(scores.argmax())
            runner_up = (self._context.pieces[int(allowed[second])], float(scores[second]) - scale)
        self.stats.sampled += 1
        self._add(token, Token(self._context.pieces[token], top - scale, runner_up))
        return token

    def _add(self, number: int, token: Token) -> None:
        if len(self.tokens) >= self._room:
            self._cut = True
            return
        self.tokens.append(token)
        self._before = (*self._before, number)[-2:]
        self.stats.output_tokens += 1
        self._drafts.feed(token.piece)


def agreement(a: Sequence[Any], b: Sequence[Any]) -> int:
    """Length of the longest common prefix."""
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
