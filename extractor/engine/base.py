"""The one seam to a model."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Protocol

from openai.types.chat import ChatCompletion

from ..grammar import Grammar
from ..prompting import Prompt


@dataclass(frozen=True)
class EngineInfo:
    """What a caller has to know of a model.

    ``window`` is the number of words in a passage, 0 for whole articles; ``prompt`` names the template
    it was made for; ``corrigible`` says whether a validator's objection can be put to it.
    """

    name: str
    sha256: str | None
    prompt: str
    window: int
    corrigible: bool


@dataclass
class Stats:
    """Counts of the work done so far; times in seconds."""

    prompt_tokens: int = 0
    output_tokens: int = 0
    steps: int = 0  # calls of llama_decode, those that read the prompt included
    sampled: int = 0
    forced: int = 0
    drafted: int = 0
    accepted: int = 0
    seconds: float = 0.0

    def step_share(self) -> float:
        """Decode steps for each output token."""
        return self.steps / max(self.output_tokens, 1)

    def add(self, other: Stats) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


@dataclass(frozen=True)
class Request:
    """One answer to be written about one passage; ``deadline`` is on the clock of ``time.monotonic``."""

    prompt: Prompt
    grammar: Grammar
    passage: str
    max_tokens: int = 2048
    deadline: float = field(default=float("inf"))

    def expired(self) -> bool:
        return time.monotonic() > self.deadline


class Engine(Protocol):
    """A model that answers requests."""

    info: EngineInfo
    stats: Stats

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


def completion(
    name: str, text: str, *, whole: bool, logprobs: list[tuple[bytes, float]] | None = None, prompt_tokens: int = 0
) -> ChatCompletion:
    """Wrap an answer; ``logprobs`` are its tokens with their log-probabilities, 0.0 for forced ones."""
    tokens = [
        {"token": piece.decode(errors="replace"), "bytes": list(piece), "logprob": value, "top_logprobs": []}
        for piece, value in logprobs or ()
    ]
    return ChatCompletion.model_validate({
        "id": "local",
        "object": "chat.completion",
        "created": 0,
        "model": name,
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop" if whole else "length",
                "message": {"role": "assistant", "content": text},
                "logprobs": {"content": tokens, "refusal": None} if tokens else None,
            }
        ],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": len(tokens),
            "total_tokens": prompt_tokens + len(tokens),
        },
    })
