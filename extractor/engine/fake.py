"""An engine that answers from a function; for tests and for trying a schema without a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openai.types.chat import ChatCompletion

from .base import EngineInfo, Request, Stats, completion


class FakeEngine:
    """Answers with what ``answer(request, messages)`` returns, as it stands."""

    def __init__(
        self, answer: Callable[[Request, list[dict[str, Any]]], str], *, window: int = 90, corrigible: bool = True
    ) -> None:
        self.info = EngineInfo("fake", None, "instruct", window, corrigible)
        self.stats = Stats()
        self.parallel = 1
        self._answer = answer

    async def create(self, *, request: Request, messages: list[dict[str, Any]], **kwargs: Any) -> ChatCompletion:
        return completion(self.info.name, self._answer(request, messages), whole=True)

    def close(self) -> None:
        """There is nothing to free."""
