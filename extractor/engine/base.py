"""The one seam to a model."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from openai.types.chat import ChatCompletion

from ..grammar import Grammar
from ..prompting import Prompt


@dataclass(frozen=True)
class EngineInfo:
    """What a caller has to know of a model.

    ``window`` is the number of words in a passage, 0 for whole articles; ``prompt`` names the template
    it was made for; ``corrigible`` says whether a validator's objection can be put to it. A ``prefix`` model
    reads its prompt in both directions and writes causally (Raffel et al. 2020). ``calibration`` maps a kind
    to (slope, intercept) on the log-odds of its records' raw confidence (Platt 1999), and ``closing`` to
    what is taken off the logits of ending its list, since likeliest answers are too short (Stahlberg and
    Byrne 2019, arXiv:1908.10090).
    """

    name: str
    sha256: str | None
    prompt: str
    window: int
    corrigible: bool
    prefix: bool = False
    calibration: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    closing: Mapping[str, float] = field(default_factory=dict)


@dataclass
class Stats:
    """Counts of the work done so far; ``seconds`` at work, of which ``decoding`` in the model's own code."""

    prompt_tokens: int = 0
    output_tokens: int = 0
    steps: int = 0  # calls of llama_decode, those that read the prompt included
    sampled: int = 0
    forced: int = 0
    drafted: int = 0
    accepted: int = 0
    seconds: float = 0.0
    decoding: float = 0.0

    def step_share(self) -> float:
        """Decode steps for each output token."""
        return self.steps / max(self.output_tokens, 1)

    def add(self, other: Stats) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


@dataclass(frozen=True)
class Request:
    """One answer to be written about one passage.

    ``closing`` is taken off the logits of ending the list of records; ``deadline`` is on the clock of
    ``time.monotonic``.
    """

    prompt: Prompt
    grammar: Grammar
    passage: str
    max_tokens: int = 2048
    closing: float = 0.0
    deadline: float = field(default=float("inf"))

    def expired(self) -> bool:
        return time.monotonic() > self.deadline


class Engine(Protocol):
    """A model that answers requests."""

    info: EngineInfo
    stats: Stats
    parallel: int  # requests that it answers at once

    async def create(self, *, request: Request, messages: list[dict[str, Any]], **kwargs: Any) -> ChatCompletion:
        """Write one answer in the form of ``request.grammar``.

        ``messages`` continue the prompt: earlier answers and what was wrong with them. The result is
        an OpenAI-style completion with ``logprobs`` where the model gives them and the finish reason
        ``length`` for an answer cut short. Raises ``ModelError`` or ``DecodeError``.
        """
        ...

    def close(self) -> None:
        """Give back the model's memory."""
        ...


@dataclass(frozen=True)
class Token:
    """A token of an answer: its bytes, its log-probability among the tokens that the grammar allowed
    (0.0 where it was the only one), and that of the runner-up."""

    piece: bytes
    logprob: float = 0.0
    runner_up: tuple[bytes, float] | None = None

    def as_openai(self) -> dict[str, Any]:
        top = [_logprob(*self.runner_up)] if self.runner_up else []
        return _logprob(self.piece, self.logprob) | {"top_logprobs": top}


def _logprob(piece: bytes, value: float) -> dict[str, Any]:
    return {"token": piece.decode(errors="replace"), "bytes": list(piece), "logprob": value}


def completion(
    name: str, text: str, *, whole: bool, tokens: Sequence[Token] = (), prompt_tokens: int = 0
) -> ChatCompletion:
    """Wrap an answer in the form of the OpenAI API; ``whole`` is false for one that was cut short."""
    return ChatCompletion.model_validate(
        {
            "id": "local",
            "object": "chat.completion",
            "created": 0,
            "model": name,
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop" if whole else "length",
                    "message": {"role": "assistant", "content": text},
                    "logprobs": {"content": [t.as_openai() for t in tokens], "refusal": None} if tokens else None,
                }
            ],
            "usage": {
                "prompt_tokens": prompt_tokens,
                "completion_tokens": len(tokens),
                "total_tokens": prompt_tokens + len(tokens),
            },
        }
    )
