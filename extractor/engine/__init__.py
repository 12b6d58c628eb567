"""Models behind one seam; see ``base.Engine``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..models import ModelFile, Progress, read_metadata, resolve, sequences
from .base import Engine, EngineInfo, Request, Stats
from .fake import FakeEngine
from .llama import LlamaEngine
from .openai import OpenAIEngine

__all__ = ["Engine", "EngineInfo", "FakeEngine", "LlamaEngine", "OpenAIEngine", "Request", "Stats", "open_engine"]

INSTRUCT_CONTEXT = 8192  # tokens; what instruct models were trained with needs more memory than most have


def open_engine(
    model: str, *, threads: int = 0, context: int = 0, parallel: int = 0, progress: Progress | None = None
) -> Engine:
    """Open the model that ``model`` names; see ``Extractor`` for the forms of a name, and the options.

    ``progress`` is called with the bytes so far and in all while a model is downloaded. Raises ``ModelError``.
    """
    found = resolve(model, progress=progress)
    if not isinstance(found, ModelFile):
        return OpenAIEngine(found.url, found.name, parallel=parallel or 1)
    metadata = read_metadata(found.path)
    prompt = str(metadata.get("accord.prompt", "instruct"))
    trained = int(metadata.get(f"{metadata.get('general.architecture')}.context_length", INSTRUCT_CONTEXT))
    context = context or min(trained, INSTRUCT_CONTEXT)
    parallel = sequences(found.path, context, metadata, parallel)
    info = EngineInfo(
        name=found.name,
        sha256=found.sha256,
        prompt=prompt,
        # A word is about 1.5 tokens, and the prompt and the answer need as much room as the article.
        window=int(metadata.get("accord.window", context // 3)),
        corrigible=prompt != "bundled",
        prefix=metadata.get("accord.attention") == "prefix",
        calibration={kind: tuple(line) for kind, line in _by_kind(metadata, "accord.calibration").items()},
        closing=_by_kind(metadata, "accord.closing"),
    )
    return LlamaEngine(found.path, info, context=context, parallel=parallel, threads=threads)


def _by_kind(metadata: Mapping[str, Any], key: str) -> dict[str, Any]:
    return dict(json.loads(str(metadata.get(key, "{}"))))
