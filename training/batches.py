"""Rows and text as tensors.

One passage and the records of each kind form a tree: the four answers continue the same prompt and
do not see each other, which is how the engine decodes them. The tree is laid out in one row of
tokens; positions and the attention mask keep its branches apart, so the passage is computed once.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from .labels import Row
from .targets import targets
from .tokenizer import BOS, CONTROL, EOS, EXTRACT, PAD

MASKED, MASKED_AT_ONCE = 0.12, 3  # where a masked stretch of text begins, and its greatest length in tokens


@dataclass(frozen=True)
class Tree:
    """Token ids of a prompt and of the answers that continue it."""

    prompt: list[int]
    answers: list[list[int]]

    def __len__(self) -> int:
        return len(self.prompt) + sum(map(len, self.answers))


@dataclass(frozen=True)
class Batch:
    """Tensors of shape (rows, length); ``mask`` is (rows, 1, length, length), or None where all see all."""

    tokens: Tensor
    targets: Tensor
    weights: Tensor
    positions: Tensor | None = None
    mask: Tensor | None = None


def tree(tokenizer: Tokenizer, row: Row) -> Tree:
    """Tokenise a labelled row as the engine will see it."""
    bos, eos, extract = map(CONTROL.index, (BOS, EOS, EXTRACT))
    answers = [[*tokenizer.encode(answer).ids, eos] for answer in targets(row)]
    return Tree([bos, *tokenizer.encode(row["text"]).ids, extract], answers)


def pack(trees: Iterable[Tree], rows: int, length: int) -> Batch:
    """Lay trees into ``rows`` rows of ``length`` tokens, first fit; what fits nowhere is left out."""
    shape = (rows, length)
    tokens, wanted = np.full(shape, 2), np.full(shape, 2)
    positions = np.zeros(shape, np.int64)
    weights = np.zeros(shape, np.float32)
    owner = np.zeros(shape, np.int32)  # which tree; 0 is padding
    branch = np.zeros(shape, np.int32)  # 0 is the prompt
    used = [0] * rows
    for number, one in enumerate(trees, 1):
        row = next((r for r in range(rows) if used[r] + len(one) <= length), None)
        if row is None:
            continue
        start = used[row]
        used[row] += len(one)
        owner[row, start : used[row]] = number
        for kind, ids in enumerate([one.prompt, *one.answers]):
            end = start + len(ids)
            tokens[row, start:end] = ids
            wanted[row, start : end - 1] = ids[1:]
            weights[row, start : end - 1] = kind > 0
            positions[row, start:end] = np.arange(len(ids)) + (len(one.prompt) if kind else 0)
            branch[row, start:end] = kind
            start = end
    own, br = torch.from_numpy(owner), torch.from_numpy(branch)
    before = torch.ones(length, length, dtype=torch.bool).tril()
    seen = (br[:, None, :] == 0) | (before & (br[:, None, :] == br[:, :, None]))
    mask = seen & (own[:, None, :] == own[:, :, None])
    return Batch(
        torch.from_numpy(tokens), torch.from_numpy(wanted), torch.from_numpy(weights),
        torch.from_numpy(positions), mask[:, None],
    )  # fmt: skip


def language(stream: np.ndarray, rng: random.Random, rows: int, length: int) -> Batch:
    """Cut ``rows`` random pieces of running text with stretches masked, each token to be told from the place before it.

    Masked next-token prediction (BehnamGhader et al. 2024, arXiv:2404.05961): the text is read in both
    directions, as a prompt is.
    """
    starts = [rng.randrange(len(stream) - length) for _ in range(rows)]
    pieces = np.stack([stream[s : s + length].astype(np.int64) for s in starts])
    draw = np.random.default_rng(rng.getrandbits(64))
    begins, lengths = draw.random(pieces.shape) < MASKED, draw.integers(1, MASKED_AT_ONCE + 1, pieces.shape)
    masked = begins.copy()
    for shift in range(1, MASKED_AT_ONCE):
        masked[:, shift:] |= (begins & (lengths > shift))[:, :-shift]
    weights, wanted = np.zeros(pieces.shape, np.float32), np.zeros_like(pieces)
    weights[:, :-1], wanted[:, :-1] = masked[:, 1:], pieces[:, 1:]
    tokens = np.where(masked, CONTROL.index(PAD), pieces)
    return Batch(*map(torch.from_numpy, (tokens, wanted, weights)))


def text_stream(tokenizer: Tokenizer, texts: Sequence[str]) -> np.ndarray:
    """Concatenate texts as one array of 16-bit token ids, each text after a start token."""
    bos = CONTROL.index(BOS)
    return np.concatenate([np.array([bos, *e.ids], np.uint16) for e in tokenizer.encode_batch(list(texts))])
