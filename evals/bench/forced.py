"""Forces an answer: the logit of the token that writes it is raised, and the grammar is applied as ever."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...engine import LlamaEngine, Request
from ...engine.writing import Logits, Writing
from .tasks import Key

_HIGHEST = 1e9  # finite, so that a softmax over it is


class Wanted:
    """An answer that is to be written: says for every byte of it which token comes next, and ``end`` after it.

    The tokens are those of the whole answer; from a byte inside one (a contender may force tokens that are
    cut otherwise) they are those of the rest.
    """

    def __init__(
        self, answer: str, tokenise: Callable[[bytes], Sequence[int]], pieces: Sequence[bytes], end: int
    ) -> None:
        self._answer = answer.encode()
        self._tokenise, self._pieces, self._end = tokenise, pieces, end
        self._begins: dict[int, int] = {}
        self._note(0)

    def _note(self, at: int) -> None:
        for token in self._tokenise(self._answer[at:]):
            self._begins.setdefault(at, token)
            at += len(self._pieces[token])

    def token(self, at: int) -> int:
        """Return the token that continues the first ``at`` bytes."""
        if at >= len(self._answer):
            return self._end
        if at not in self._begins:
            self._note(at)
        return self._begins[at]

    def raise_in(self, logits: Any, at: int) -> None:
        """Make the token at byte ``at`` the likeliest of ``logits`` (vocabulary)."""
        logits[self.token(at)] = _HIGHEST


class LogitsHook:
    """A logits processor of llama-cpp-python that forces one answer, then hands on to ``inner``."""

    def __init__(self, wanted: Wanted, pieces: Sequence[bytes], prompt: int, inner: Any = None) -> None:
        self._wanted, self._pieces, self._prompt, self._inner = wanted, pieces, prompt, inner

    def __call__(self, ids: Any, logits: Any) -> Any:
        written = b"".join([self._pieces[token] for token in ids[self._prompt :]])
        self._wanted.raise_in(logits, len(written))
        return self._inner(ids, logits) if self._inner else logits

    def reset(self) -> None:
        """Outlines resets its processors before every answer."""
        if self._inner:
            self._inner.reset()


class ForcedEngine(LlamaEngine):
    """Our engine, writing ``answers`` whatever the model prefers; without any it writes freely."""

    answers: Mapping[Key, str]

    def _writing(self, request: Request, messages: list[dict[str, Any]]) -> Writing:
        writing, context = super()._writing(request, messages), self._context
        if not self.answers:
            return writing
        answer = self.answers[request.passage, request.grammar.rules]
        wanted = Wanted(answer, lambda text: context.tokenise(text, False), context.pieces, context.eos)
        choose = writing._choose

        def forced(logits: Logits, mask: Any) -> int:
            wanted.raise_in(logits, sum(len(token.piece) for token in writing.tokens))
            return choose(logits, mask)

        writing._choose = forced  # type: ignore[method-assign]
        return writing


class GuidanceHook:
    """Stands before the logits of guidance's engine and forces ``wanted`` after ``prompt``."""

    wanted: Wanted
    prompt: str

    def __init__(self, engine: Any, pieces: Sequence[bytes]) -> None:
        self._lengths = np.array([len(piece) for piece in pieces])
        self._bos = engine.tokenizer.bos_token_id
        self._bos_text = pieces[self._bos].decode()
        self._get_logits = engine.get_logits
        engine.get_logits = self

    def __call__(self, token_ids: list[int], *args: Any, **options: Any) -> Any:
        result = self._get_logits(token_ids, *args, **options)
        at = int(self._lengths[token_ids].sum()) - len(self.prompt.encode())
        if token_ids[0] == self._bos and not self.prompt.startswith(self._bos_text):
            at -= len(self._bos_text)  # guidance puts it before a prompt that lacks it
        self.wanted.raise_in(result["logits"][-1], at)
        return result
