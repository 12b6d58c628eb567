"""Any OpenAI-compatible server: llama-server, vLLM, Ollama.

Such a server knows no grammar of substrings. It gets the JSON Schema, and what comes back is
grounded exactly by the validators, or is re-asked and in the end becomes a failure.
"""

from __future__ import annotations

import os
import time
from typing import Any, cast

import openai
from openai.types.chat import ChatCompletion

from ..errors import DecodeError, ModelError
from .base import EngineInfo, Request, Stats

_LONGEST = 600.0  # seconds to wait for one answer


class OpenAIEngine:
    """A model ``name`` behind ``url`` (such as ``http://localhost:8080/v1``).

    A server that wants a key gets that of the environment variable ``OPENAI_API_KEY``.
    """

    def __init__(self, url: str, name: str, *, parallel: int = 1) -> None:
        self.info = EngineInfo(name, None, "instruct", 0, corrigible=True)
        self.stats = Stats()
        self.parallel = parallel
        self._url, self._name = url, name
        self._client = openai.AsyncOpenAI(base_url=url, api_key=os.environ.get("OPENAI_API_KEY", "none"), max_retries=1)

    async def create(self, *, request: Request, messages: list[dict[str, Any]], **kwargs: Any) -> ChatCompletion:
        """See ``Engine.create``."""
        left = min(request.deadline - time.monotonic(), _LONGEST)
        if left <= 0:
            raise DecodeError("the time for this article was up", stage="timeout", hint="Raise --timeout.")
        began = time.monotonic()
        try:
            answer = await self._client.chat.completions.create(
                model=self._name,
                messages=cast(Any, [*request.prompt.messages, *messages]),
                temperature=0,
                max_tokens=request.max_tokens,
                timeout=left,
                logprobs=True,
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": request.grammar.json_schema, "strict": True},
                },
            )
        except openai.APITimeoutError as error:
            raise DecodeError("the server did not answer in time", stage="timeout", hint="Raise --timeout.") from error
        except openai.APIConnectionError as error:
            raise ModelError(
                f"no server answers at {self._url}", hint="Start it, or correct the URL.", retryable=True
            ) from error
        except openai.APIError as error:
            raise ModelError(f"the server at {self._url} refused: {error}", hint="See the server's log.") from error
        usage = answer.usage
        self.stats.add(
            Stats(
                prompt_tokens=usage.prompt_tokens if usage else 0,
                output_tokens=usage.completion_tokens if usage else 0,
                seconds=time.monotonic() - began,
            )
        )
        return answer

    def close(self) -> None:
        """The server keeps running; there is nothing to free."""
