"""A GGUF model and one llama.cpp context of several sequences, on its low-level batch interface.

All sequences live in one pool of cells (``kv_unified``), so that a prompt they share is stored once.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp as lc
import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError

_BATCH = 512  # tokens in one llama_decode, unless the model has to see its whole prompt at once


@dataclass(frozen=True)
class Run:
    """Tokens to be read at ``start`` of a sequence, with logits for the last ``outputs`` of them."""

    sequence: int
    start: int
    tokens: Sequence[int]
    outputs: int


class Context:
    """``size`` is the tokens that one sequence holds (0 for what the model was trained with).

    ``whole`` makes room to read a whole prompt in one call. Only one thread at a time may use it, but
    for tokenising.
    """

    def __init__(self, path: Path, *, size: int, sequences: int, threads: int, whole: bool) -> None:
        lc.llama_log_set(_drop, ctypes.c_void_p(0))
        self._model = lc.llama_model_load_from_file(str(path).encode(), lc.llama_model_default_params())
        if not self._model:
            raise ModelError(f"llama.cpp cannot load {path}", hint="Is it a text model in GGUF that llama.cpp knows?")
        self.vocabulary = lc.llama_model_get_vocab(self._model)
        self.size = size or lc.llama_model_n_ctx_train(self._model)
        self.batch = self.size if whole else _BATCH
        settings = lc.llama_context_default_params()
        settings.n_ctx = self.size * sequences
        settings.n_seq_max = sequences
        settings.kv_unified = True
        settings.n_batch = settings.n_ubatch = self.batch
        settings.n_threads = settings.n_threads_batch = threads
        settings.no_perf = True
        self._ctx = lc.llama_init_from_model(self._model, settings)
        if not self._ctx:
            lc.llama_model_free(self._model)
            raise ModelError(
                f"no memory for a context of {self.size} tokens for each of {sequences} sequences",
                hint="Choose a smaller --context, --parallel or model.",
            )
        self._memory = lc.llama_get_memory(self._ctx)
        self.bos, self.eos = lc.llama_vocab_bos(self.vocabulary), lc.llama_vocab_eos(self.vocabulary)
        self.pieces = [self._piece(token) for token in range(lc.llama_vocab_n_tokens(self.vocabulary))]
        template = lc.llama_model_chat_template(self._model, None)
        self.chat_template: str | None = template.decode() if template else None
        self.seconds = 0.0  # inside llama_decode
        self._arrays()

    def _arrays(self) -> None:
        """Lay out the batch, so that runs are written into it as slices."""
        self._token = np.zeros(self.batch, np.int32)
        self._position = np.zeros(self.batch, np.int32)
        self._sequence = np.zeros(self.batch, np.int32)
        self._output = np.zeros(self.batch, np.int8)
        self._ones = np.ones(self.batch, np.int32)
        row = self._sequence.ctypes.data
        self._rows = (row + self._sequence.itemsize * np.arange(self.batch)).astype(np.uint64)
        self._struct = lc.llama_batch(
            n_tokens=0,
            token=_pointer(self._token, lc.llama_token),
            embd=None,
            pos=_pointer(self._position, lc.llama_pos),
            n_seq_id=_pointer(self._ones, ctypes.c_int32),
            seq_id=_pointer(self._rows, ctypes.POINTER(lc.llama_seq_id)),
            logits=_pointer(self._output, ctypes.c_int8),
        )

    def free(self) -> None:
        lc.llama_free(self._ctx)
        lc.llama_model_free(self._model)

    def decode(self, runs: Sequence[Run], *, causal: bool = True) -> NDArray[np.float32]:
        """Read all runs in one call; returns their logits (outputs, vocabulary), valid until the next call."""
        at = outputs = 0
        for run in runs:
            end = at + len(run.tokens)
            self._token[at:end] = run.tokens
            self._position[at:end] = range(run.start, run.start + len(run.tokens))
            self._sequence[at:end] = run.sequence
            self._output[at:end] = 0
            self._output[end - run.outputs : end] = 1
            at, outputs = end, outputs + run.outputs
        self._struct.n_tokens = at
        began = time.perf_counter()
        if not causal:
            lc.llama_set_causal_attn(self._ctx, False)
        try:
            code = lc.llama_decode(self._ctx, self._struct)
            lc.llama_synchronize(self._ctx)
        finally:
            if not causal:
                lc.llama_set_causal_attn(self._ctx, True)
        self.seconds += time.perf_counter() - began
        if code != 0:
            raise ModelError(f"llama_decode failed with code {code}", hint="Choose a smaller --context or --parallel.")
        if not outputs:
            return np.empty((0, len(self.pieces)), np.float32)
        return np.ctypeslib.as_array(lc.llama_get_logits(self._ctx), shape=(outputs, len(self.pieces)))

    def copy(self, source: int, target: int, length: int) -> None:
        """Let ``target`` hold the first ``length`` tokens of ``source``, and nothing else."""
        lc.llama_memory_seq_rm(self._memory, target, -1, -1)
        lc.llama_memory_seq_cp(self._memory, source, target, 0, length)

    def truncate(self, sequence: int, length: int) -> None:
        """Forget what a sequence holds from ``length`` on."""
        lc.llama_memory_seq_rm(self._memory, sequence, length, -1)

    def tokenise(self, text: bytes, special: bool) -> list[int]:
        """Return the tokens of ``text``; ``special`` lets it name control tokens."""
        room = len(text) + 8
        tokens = (lc.llama_token * room)()
        count = lc.llama_tokenize(self.vocabulary, text, len(text), tokens, room, False, special)
        return list(tokens[:count])

    def add_bos(self, tokens: list[int]) -> list[int]:
        """Put the token of beginning first where the model wants it and it is missing."""
        wanted = lc.llama_vocab_get_add_bos(self.vocabulary) and tokens[:1] != [self.bos]
        return [self.bos, *tokens] if wanted else tokens

    def piece(self, token: int) -> bytes:
        """Return the bytes of a token; none for one that the model lacks (-1)."""
        return self.pieces[token] if token >= 0 else b""

    def _piece(self, token: int) -> bytes:
        buffer = ctypes.create_string_buffer(64)
        count = lc.llama_token_to_piece(self.vocabulary, token, buffer, len(buffer), 0, True)
        if count < 0:
            buffer = ctypes.create_string_buffer(-count)
            count = lc.llama_token_to_piece(self.vocabulary, token, buffer, -count, 0, True)
        return buffer.raw[:count]


def _pointer(array: NDArray[np.generic], kind: type) -> Any:
    return ctypes.cast(array.ctypes.data, ctypes.POINTER(kind))


# llama.cpp writes to standard error by itself; a failed load raises instead.
_drop = lc.llama_log_callback(lambda level, text, data: None)
