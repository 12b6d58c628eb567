"""A GGUF model in this process, on llama.cpp's low-level batch interface.

Decoding is greedy under the grammar. Tokens that the grammar forces join the next batch without
being sampled, and inside quotes the passage is drafted and verified in one decode; neither changes
what is written, only how many decodes it takes.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp as lc
import llguidance
import llguidance.numpy
import numpy as np
from llguidance.llamacpp import lltokenizer_from_vocab
from numpy.typing import NDArray
from openai.types.chat import ChatCompletion

from ..errors import DecodeError, ModelError
from ..grammar import Grammar
from ..prompting import segments
from .base import EngineInfo, Request, Stats, Token, completion
from .drafts import SourceDrafts

_BATCH = 512  # tokens in one llama_decode, unless the model has to see its whole prompt at once


@dataclass(frozen=True)
class Choice:
    """A token that was sampled, its log-probability among the allowed ones, and the runner-up's."""

    token: int
    logprob: float
    runner_up: tuple[int, float] | None


class Answer:
    """What is written so far, and the decode statistics of writing it."""

    def __init__(self, drafts: SourceDrafts, piece: Callable[[int], bytes]) -> None:
        self.tokens: list[Token] = []
        self.stats = Stats()
        self.whole = False
        self._drafts, self._piece = drafts, piece

    def force(self, tokens: Sequence[int]) -> None:
        """Add tokens that the grammar left no choice about."""
        self.stats.forced += len(tokens)
        for token in tokens:
            self._add(token, Token(self._piece(token)))

    def choose(self, choice: Choice) -> None:
        """Add a sampled token."""
        self.stats.sampled += 1
        runner_up = (self._piece(choice.runner_up[0]), choice.runner_up[1]) if choice.runner_up else None
        self._add(choice.token, Token(self._piece(choice.token), choice.logprob, runner_up))

    def draft(self, most: int) -> list[int]:
        """Tokens of the passage that are likely to come next."""
        return self._drafts.propose()[:most]

    def _add(self, number: int, token: Token) -> None:
        self.tokens.append(token)
        self.stats.output_tokens += 1
        self._drafts.feed(number)

    @property
    def text(self) -> str:
        return b"".join(token.piece for token in self.tokens).decode(errors="ignore")


class LlamaEngine:
    """One llama.cpp context, owned by one thread.

    ``context`` is in tokens (0 for what the model was trained with), ``drafts`` the most tokens to
    draft at once (0 for none); ``forced`` switches forced tokens off for comparison.
    """

    def __init__(
        self,
        path: Path,
        info: EngineInfo,
        *,
        context: int = 0,
        threads: int = 0,
        drafts: int = 4,
        forced: bool = True,
    ) -> None:
        self.info = info
        self.stats = Stats()
        self._drafts, self._forced = drafts, forced
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="llama")
        self._thread.submit(self._load, path, context, threads or os.cpu_count() or 1).result()

    def close(self) -> None:
        """Free the model; the engine cannot be used afterwards."""
        self._thread.submit(self._free).result()
        self._thread.shutdown()

    async def create(self, *, request: Request, messages: list[dict[str, Any]], **kwargs: Any) -> ChatCompletion:
        """See ``Engine.create``. A cancelled call stops within one decode."""
        stop = threading.Event()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, self._answer, request, messages, stop)
        finally:
            stop.set()

    # Everything below runs in the engine's thread.

    def _load(self, path: Path, context: int, threads: int) -> None:
        lc.llama_log_set(_drop, ctypes.c_void_p(0))
        parameters = lc.llama_model_default_params()
        self._model = lc.llama_model_load_from_file(str(path).encode(), parameters)
        if not self._model:
            raise ModelError(f"llama.cpp cannot load {path}", hint="Is it a text model in GGUF that llama.cpp knows?")
        self._vocab = lc.llama_model_get_vocab(self._model)
        self.context = context or lc.llama_model_n_ctx_train(self._model)
        settings = lc.llama_context_default_params()
        settings.n_ctx = self.context
        self._most = self.context if self.info.prefix else _BATCH
        settings.n_batch = settings.n_ubatch = self._most
        settings.n_threads = settings.n_threads_batch = threads
        settings.no_perf = True
        self._ctx = lc.llama_init_from_model(self._model, settings)
        if not self._ctx:
            raise ModelError(
                f"no memory for a context of {self.context} tokens", hint="Choose a smaller --context or model."
            )
        self._memory = lc.llama_get_memory(self._ctx)
        self._batch = lc.llama_batch_init(self._most, 0, 1)
        self._eos = lc.llama_vocab_eos(self._vocab)
        self._size = lc.llama_vocab_n_tokens(self._vocab)
        self._closes = np.array([b"]}" in self._piece(token) for token in range(self._size)], np.float32)
        with warnings.catch_warnings():
            # llguidance calls a function by a name that llama-cpp-python has since changed.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._tokenizer = lltokenizer_from_vocab(self._vocab)
        self._mask = llguidance.numpy.allocate_token_bitmask(1, self._tokenizer.vocab_size)
        self._cached: list[int] = []  # the tokens whose keys and values the context holds
        self._prompt: list[int] = []  # the prompt that was read in both directions
        raw = lc.llama_model_chat_template(self._model, None)
        self._chat_template = raw.decode() if raw else None

    def _free(self) -> None:
        lc.llama_batch_free(self._batch)
        lc.llama_free(self._ctx)
        lc.llama_model_free(self._model)

    def _answer(self, request: Request, messages: list[dict[str, Any]], stop: threading.Event) -> ChatCompletion:
        began = time.monotonic()
        prompt = self._tokenise_prompt([*request.prompt.messages, *messages])
        room = min(request.max_tokens, self.context - len(prompt))
        if room < 1:
            raise DecodeError(
                f"the prompt has {len(prompt)} tokens and the context holds {self.context}",
                stage="truncated",
                hint="Choose a larger --context or a smaller --window.",
            )
        drafts = SourceDrafts(request.passage, self._tokenizer.tokenize_bytes, self._piece, self._drafts)
        answer = Answer(drafts, self._piece)
        answer.stats.prompt_tokens = len(prompt)
        try:
            self._write(prompt, request, answer, room, stop)
        finally:
            answer.stats.seconds = time.monotonic() - began
            self.stats.add(answer.stats)
        return completion(
            self.info.name, answer.text, whole=answer.whole, tokens=answer.tokens, prompt_tokens=len(prompt)
        )

    def _write(self, prompt: list[int], request: Request, answer: Answer, room: int, stop: threading.Event) -> None:
        matcher = self._matcher(request.grammar, request.passage)
        pending = self._read(prompt, answer.stats) if self.info.prefix else self._reuse(prompt)
        forced = self._force(matcher, answer)
        pending += forced
        while not matcher.is_stopped() and len(answer.tokens) < room:
            if stop.is_set() or request.expired():
                raise DecodeError("the time for this article was up", stage="timeout", hint="Raise --timeout.")
            draft = answer.draft(room - len(answer.tokens))
            self._decode(pending + draft, outputs=len(draft) + 1, stats=answer.stats)
            kept, pending = self._advance(matcher, draft, answer, request.closing)
            answer.stats.drafted += len(draft)
            answer.stats.accepted += kept
            self._forget(len(draft) - kept)
        answer.whole = matcher.is_stopped()

    def _advance(
        self, matcher: llguidance.LLMatcher, draft: list[int], answer: Answer, closing: float
    ) -> tuple[int, list[int]]:
        """Choose tokens row by row for as long as they are the drafted ones.

        Returns how many drafted tokens stay, and the tokens that the next decode has to read.
        """
        row = 0
        while True:
            choice = self._choose(matcher, row - len(draft) - 1, closing)
            matcher.consume_token(choice.token)
            if choice.token == self._eos:
                return row, []
            answer.choose(choice)
            written = [choice.token, *self._force(matcher, answer)]
            agreed = _agreement(written, draft[row:])
            row += agreed
            if agreed < len(written) or matcher.is_stopped():
                return row, written[agreed:]

    def _force(self, matcher: llguidance.LLMatcher, answer: Answer) -> list[int]:
        """Take the tokens that the grammar forces now; with an end token the answer is done."""
        tokens: list[int] = matcher.compute_ff_tokens() if self._forced else []
        matcher.consume_tokens(tokens)
        tokens = [token for token in tokens if token != self._eos]
        answer.force(tokens)
        return tokens

    def _choose(self, matcher: llguidance.LLMatcher, row: int, closing: float) -> Choice:
        """Return the likeliest token that the grammar allows, with ``closing`` off those that end the list."""
        llguidance.numpy.fill_next_token_bitmask(matcher, self._mask, 0)
        bits = np.unpackbits(self._mask[0].view(np.uint8), count=self._size, bitorder="little")
        allowed = np.flatnonzero(bits)
        logits = self._logits(row)[allowed] - closing * self._closes[allowed]
        best = int(logits.argmax())
        scale = float(logits[best]) + float(np.log(np.exp(logits - logits[best]).sum()))
        logprob = float(logits[best]) - scale
        runner_up = None
        if len(allowed) > 1:
            logits[best] = -np.inf
            second = int(logits.argmax())
            runner_up = (int(allowed[second]), float(logits[second]) - scale)
        return Choice(int(allowed[best]), logprob, runner_up)

    def _logits(self, row: int) -> NDArray[np.float32]:
        return np.ctypeslib.as_array(lc.llama_get_logits_ith(self._ctx, row), shape=(self._size,))

    def _matcher(self, grammar: Grammar, passage: str) -> llguidance.LLMatcher:
        matcher = llguidance.LLMatcher(self._tokenizer, grammar.lark(passage))
        if matcher.is_error():
            raise ModelError(
                f"the grammar was refused: {matcher.get_error()}", hint="Please report this with the article."
            )
        return matcher

    def _reuse(self, prompt: list[int]) -> list[int]:
        """Keep what the context already holds of ``prompt``; return the rest, at least its last token."""
        shared = _agreement(self._cached, prompt[:-1])
        self._forget(len(self._cached) - shared)
        return prompt[shared:]

    def _read(self, prompt: list[int], stats: Stats) -> list[int]:
        """Read ``prompt`` in both directions, unless the context holds it; return its last token, to be read again.

        The last token sees the whole prompt either way, so reading it again changes nothing.
        """
        if self._prompt != prompt:
            self._prompt = []
            self._forget(len(self._cached))
            lc.llama_set_causal_attn(self._ctx, False)
            try:
                self._decode(prompt, outputs=1, stats=stats)
            finally:
                lc.llama_set_causal_attn(self._ctx, True)
            self._prompt = prompt
        self._forget(len(self._cached) - len(prompt) + 1)
        return prompt[-1:]

    def _forget(self, tokens: int) -> None:
        if tokens:
            del self._cached[-tokens:]
            lc.llama_memory_seq_rm(self._memory, 0, len(self._cached), -1)

    def _decode(self, tokens: list[int], outputs: int, stats: Stats) -> None:
        """Run tokens through the model at the end of the sequence, with logits for the last ``outputs``."""
        for begin in range(0, len(tokens), self._most):
            part = tokens[begin : begin + self._most]
            batch = self._batch
            batch.n_tokens = len(part)
            for i, token in enumerate(part):
                batch.token[i] = token
                batch.pos[i] = len(self._cached) + i
                batch.n_seq_id[i] = 1
                batch.seq_id[i][0] = 0
                batch.logits[i] = begin + i >= len(tokens) - outputs
            if (code := lc.llama_decode(self._ctx, batch)) != 0:
                raise ModelError(f"llama_decode failed with code {code}", hint="Choose a smaller --context.")
            self._cached += part
            stats.steps += 1

    def _tokenise_prompt(self, messages: Sequence[dict[str, Any]]) -> list[int]:
        bos, eos = (self._piece(token).decode(errors="ignore") for token in self._ends())
        tokens = [
            token
            for segment in segments(self._chat_template, messages, bos=bos, eos=eos)
            for token in self._tokenise(segment.text.encode(), segment.trusted)
        ]
        first = self._ends()[0]
        if lc.llama_vocab_get_add_bos(self._vocab) and tokens[:1] != [first]:
            tokens.insert(0, first)
        return tokens

    def _ends(self) -> tuple[int, int]:
        return lc.llama_vocab_bos(self._vocab), lc.llama_vocab_eos(self._vocab)

    def _tokenise(self, text: bytes, special: bool) -> list[int]:
        room = len(text) + 8
        tokens = (lc.llama_token * room)()
        count = lc.llama_tokenize(self._vocab, text, len(text), tokens, room, False, special)
        return list(tokens[:count])

    def _piece(self, token: int) -> bytes:
        if token < 0:
            return b""
        buffer = ctypes.create_string_buffer(64)
        count = lc.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, True)
        if count < 0:
            buffer = ctypes.create_string_buffer(-count)
            count = lc.llama_token_to_piece(self._vocab, token, buffer, -count, 0, True)
        return buffer.raw[:count]


def _agreement(a: Sequence[int], b: Sequence[int]) -> int:
    """Length of the longest common prefix."""
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


# llama.cpp writes to standard error by itself; a failed load raises instead.
_drop = lc.llama_log_callback(lambda level, text, data: None)
