"""The training loop: stages of steps, each step a function of (seed, step), so that it resumes.

Hidden matrices learn by Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/), the
embedding and the norms by AdamW. The rate is constant within a stage, with a short warm-up, and
falls to zero over the part that the stage calls its decay.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from . import augment, generator
from .batches import Batch, Tree, language, pack, tree
from .decoder import Decoder, Shape, cross_entropy
from .labels import Row

WARM_UP = 30  # steps
LENGTHS = (256, 384, 512, 768)  # tokens in a row of a batch: a tree goes into the shortest that holds it
TEXT_LENGTH = 512


@dataclass(frozen=True)
class Stage:
    """A part of the training: ``language_share`` of its steps read text, the others extract.

    Of the passages in an extraction step, ``labelled_share`` are labelled by hand, and the rest are
    generated. The learning rate falls to zero over the last ``decay`` of the steps.
    """

    name: str
    steps: int
    rate: float = 3e-3
    language_share: float = 0.0
    labelled_share: float = 0.0
    decay: float = 0.0
    tokens: int = 6144  # in a batch


@dataclass(frozen=True)
class Data:
    """What the steps draw from."""

    tokenizer: Tokenizer
    stream: np.ndarray | None
    labelled: Sequence[Row]


def run(
    stage: Stage, decoder: Decoder, data: Data, checkpoint: Path, seed: int = 0, log: Callable[[str], None] = print
) -> None:
    """Train ``decoder`` through ``stage``, saving to ``checkpoint``; an existing one of it is resumed."""
    muon, adam = _optimisers(decoder)
    step = 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        decoder.load_state_dict(saved["decoder"])
        muon.load_state_dict(saved["muon"])
        adam.load_state_dict(saved["adam"])
        step = saved["step"]
    if step < stage.steps and stage.steps > 100:  # compiling takes a minute, which a short stage does not win back
        for block in decoder.blk:
            block.compile(dynamic=False)
    began, first, losses = time.monotonic(), step, []
    while step < stage.steps:
        rng = random.Random(f"{seed}/{stage.name}/{step}")
        batch = _draw(stage, data, rng)
        for group in [*muon.param_groups, *adam.param_groups]:
            group["lr"] = _rate(stage, step)
        losses.append(_learn(decoder, batch, muon, adam))
        step += 1
        if step % 20 == 0:
            speed = (step - first) * stage.tokens / (time.monotonic() - began)
            log(f"{stage.name} {step}/{stage.steps} {_describe(losses)} {speed:.0f} tokens/s")
            losses.clear()
        if step % 100 == 0 or step == stage.steps:
            _save(checkpoint, decoder, muon, adam, step)


def _optimisers(decoder: Decoder) -> tuple[torch.optim.Muon, torch.optim.AdamW]:
    hidden = [p for n, p in decoder.named_parameters() if p.dim() == 2 and n.startswith("blk")]
    chosen = set(map(id, hidden))
    rest = [p for p in decoder.parameters() if id(p) not in chosen]
    return (
        torch.optim.Muon(hidden, lr=1e-3, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=1e-3, weight_decay=0.0, betas=(0.9, 0.98), fused=True),
    )


def _rate(stage: Stage, step: int) -> float:
    left = (stage.steps - step) / stage.steps
    falling = min(1.0, left / stage.decay) if stage.decay else 1.0
    return stage.rate * min(1.0, (step + 1) / WARM_UP) * falling


def _draw(stage: Stage, data: Data, rng: random.Random) -> Batch:
    if data.stream is not None and rng.random() < stage.language_share:
        return language(data.stream, rng, stage.tokens // TEXT_LENGTH, TEXT_LENGTH)
    trees: list[Tree] = []
    size, length = 0, 0
    while size < stage.tokens:
        by_hand = data.labelled and rng.random() < stage.labelled_share
        row = augment.vary(rng.choice(data.labelled), rng) if by_hand else generator.sample(rng)
        one = tree(data.tokenizer, row)
        fits = next((length for length in LENGTHS if len(one) <= length), None)
        length = length or fits or 0  # the first one's decides, others wait for another step
        if fits and fits == length:
            trees.append(one)
            size += len(one)
    return pack(trees, stage.tokens // length, length)


def _learn(decoder: Decoder, batch: Batch, *optimisers: torch.optim.Optimizer) -> tuple[bool, float]:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hidden = decoder(batch.tokens, batch.positions, batch.mask)
    chosen = batch.weights.flatten().nonzero().squeeze(1)
    targets, weights = batch.targets.flatten()[chosen], batch.weights.flatten()[chosen]
    loss = cross_entropy(hidden.flatten(0, 1)[chosen], decoder.token_embd.weight, targets, weights) / weights.sum()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
    for optimiser in optimisers:
        optimiser.step()
        optimiser.zero_grad()
    return batch.mask is not None, loss.item()


def _describe(losses: Sequence[tuple[bool, float]]) -> str:
    groups = {"extraction": [x for e, x in losses if e], "language": [x for e, x in losses if not e]}
    return " ".join(f"{name} {np.mean(values):.3f}" for name, values in groups.items() if values)


def _save(path: Path, decoder: Decoder, muon: torch.optim.Optimizer, adam: torch.optim.Optimizer, step: int) -> None:
    state = {
        "shape": Shape.asdict(decoder.shape),
        "decoder": decoder.state_dict(),
        "muon": muon.state_dict(),
        "adam": adam.state_dict(),
        "step": step,
    }
    # Written beside and renamed, so that a killed run leaves the last whole checkpoint.
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)
