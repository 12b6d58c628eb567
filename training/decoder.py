"""A llama-architecture decoder, small enough to train on two cores.

What it reads (a prompt) it attends to in both directions, what it writes causally: a prefix language
model (Raffel et al. 2020, arXiv:1910.10683, section 3.2.1). The layout (RMSNorm, rotary positions on
interleaved pairs, SwiGLU, tied embedding) is the one that llama.cpp runs under the architecture name
``llama``; see Touvron et al. 2023, arXiv:2302.13971.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Shape:
    """Sizes of a decoder; ``width`` must be ``heads`` times an even head size."""

    vocabulary: int = 8192
    width: int = 320
    layers: int = 8
    heads: int = 5
    hidden: int = 864
    context: int = 1024

    asdict = asdict  # of this shape, for a checkpoint


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


class Block(nn.Module):
    """One layer: attention and a gated feed-forward, each with a norm before it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width, self.heads = shape.width, shape.heads
        self.attn_norm = nn.RMSNorm(width, eps=1e-5)
        self.ffn_norm = nn.RMSNorm(width, eps=1e-5)
        self.attn_q = nn.Linear(width, width, bias=False)
        self.attn_k = nn.Linear(width, width, bias=False)
        self.attn_v = nn.Linear(width, width, bias=False)
        self.attn_output = nn.Linear(width, width, bias=False)
        self.ffn_gate = nn.Linear(width, shape.hidden, bias=False)
        self.ffn_up = nn.Linear(width, shape.hidden, bias=False)
        self.ffn_down = nn.Linear(shape.hidden, width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None) -> Tensor:
        batch, length, width = x.shape
        h = self.attn_norm(x)
        q, k, v = (
            layer(h).view(batch, length, self.heads, -1).transpose(1, 2)
            for layer in (self.attn_q, self.attn_k, self.attn_v)
        )
        q, k = _rotate(q, cos, sin).to(v.dtype), _rotate(k, cos, sin).to(v.dtype)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.attn_output(attended.transpose(1, 2).reshape(batch, length, width))
        h = self.ffn_norm(x)
        fed: Tensor = self.ffn_down(F.silu(self.ffn_gate(h)) * self.ffn_up(h))
        return x + fed


class Decoder(nn.Module):
    """Token ids to hidden states, of which ``logits`` makes next-token logits."""

    cos: Tensor
    sin: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Embedding(shape.vocabulary, shape.width)
        self.blk = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.output_norm = nn.RMSNorm(shape.width, eps=1e-5)
        size = shape.width // shape.heads
        frequency = 1e4 ** (-torch.arange(0, size, 2) / size)
        angle = torch.arange(shape.context)[:, None] * frequency
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                into_residual = name.endswith(("attn_output.weight", "ffn_down.weight"))
                nn.init.normal_(parameter, std=0.02 / (2 * shape.layers) ** 0.5 if into_residual else 0.02)

    def forward(self, tokens: Tensor, positions: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Return (batch, length, width) for ``tokens`` and ``positions`` of (batch, length).

        ``mask`` is (batch, 1, length, length), True to attend; without one every token attends to all.
        """
        if positions is None:
            cos, sin = self.cos[: tokens.shape[1]], self.sin[: tokens.shape[1]]
        else:
            cos, sin = self.cos[positions][:, None], self.sin[positions][:, None]
        x = self.token_embd(tokens)
        for block in self.blk:
            x = block(x, cos, sin, mask)
        normed: Tensor = self.output_norm(x)
        return normed

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., width) to (..., vocabulary)."""
        return F.linear(hidden, self.token_embd.weight)


class _CrossEntropy(torch.autograd.Function):
    """Loss and gradients chunk by chunk, so that the logits stay in the cache."""

    CHUNK = 256  # rows: 8 MiB of logits

    @staticmethod
    def forward(ctx, hidden, embedding, targets, weights):  # type: ignore[no-untyped-def]
        hidden, matrix = hidden.bfloat16(), embedding.bfloat16()
        towards, total = torch.empty_like(hidden), torch.zeros(())
        learnt = torch.zeros_like(embedding)
        for begin in range(0, len(hidden), _CrossEntropy.CHUNK):
            part = slice(begin, begin + _CrossEntropy.CHUNK)
            rows, target, weight = hidden[part], targets[part, None], weights[part, None]
            scores = F.log_softmax((rows @ matrix.T).float(), -1)
            total -= (scores.gather(1, target) * weight).sum()
            error = scores.exp_().mul_(weight).scatter_add_(1, target, -weight).bfloat16()
            towards[part] = error @ matrix
            learnt += error.T @ rows
        ctx.save_for_backward(towards, learnt)
        return total

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        towards, learnt = ctx.saved_tensors
        return towards.float() * gradient, learnt * gradient, None, None


def cross_entropy(hidden: Tensor, embedding: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Weighted sum of the negative log-likelihoods of ``targets`` (rows,) given ``hidden`` (rows, width)."""
    loss: Tensor = _CrossEntropy.apply(hidden, embedding, targets, weights)  # type: ignore[no-untyped-call]
    return loss
