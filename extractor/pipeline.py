"""From an article to its extraction: window, prompt, decode, validate, ground, merge."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from types import TracebackType
from typing import Any, Self

from pydantic import BaseModel

from .article import Article
from .engine import Engine, open_engine
from .errors import ExtractorError, InputError
from .filling import Filled, Kind, fill, kind
from .grounding import ground
from .merging import merge
from .passages import Passage, windows
from .prompting import Template, load_template
from .schemas import Commitment, Dispute, Duration, Extraction, Failure, Participant, Provenance, Source

KINDS: Mapping[str, type[BaseModel]] = {
    "commitments": Commitment,
    "participants": Participant,
    "durations": Duration,
    "disputes": Dispute,
}
TIMEOUT = 120.0  # seconds for one article
_PACKAGES = ("accord-extractor", "llama-cpp-python", "llguidance", "instructor", "pydantic")


@dataclass(frozen=True)
class Limits:
    """What one article may cost: seconds in all, and seconds for correcting one answer."""

    timeout: float = TIMEOUT
    corrections: float = 30.0


class Extractor:
    """Extracts records from articles with one model.

    ``model`` is a known name, a path to a GGUF file, ``hf:owner/repo/file.gguf[@sha256]`` or
    ``openai:URL#name``; an ``engine`` of one's own takes its place. ``schema`` maps the names of lists
    to record types and is by default the four kinds. ``prompt`` is a template's name or path. Records
    whose confidence is below ``min_confidence`` (0 to 1) are left out.
    Raises ``ModelError``, ``SchemaError`` or ``PromptError``. Close it, or use it as a context manager.
    """

    def __init__(
        self,
        model: str = "bundled",
        *,
        engine: Engine | None = None,
        schema: Mapping[str, type[BaseModel]] | None = None,
        prompt: str | None = None,
        threads: int = 0,
        context: int = 0,
        window: int | None = None,
        min_confidence: float = 0.0,
        limits: Limits | None = None,
    ) -> None:
        own_template = load_template(prompt) if prompt else None
        self.kinds: list[Kind] = [kind(name, record) for name, record in (schema or KINDS).items()]
        self._own = engine is None
        self.engine = engine or open_engine(model, threads=threads, context=context)
        self.template: Template = own_template or load_template(self.engine.info.prompt)
        self.window = self.engine.info.window if window is None else window
        self.min_confidence = min_confidence
        self.limits = limits or Limits()
        self.provenance = self._provenance()

    def close(self) -> None:
        """Free the model that this extractor opened."""
        if self._own:
            self.engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def extract(self, article: Article | str) -> Extraction:
        """Extract from one article. Not for use inside a running event loop; await ``aextract`` there."""
        return asyncio.run(self.aextract(article))

    async def aextract(self, article: Article | str) -> Extraction:
        """Extract from one article. What fails is in ``failures``; only ``ModelError`` is raised."""
        article = Article(article) if isinstance(article, str) else article
        deadline = time.monotonic() + self.limits.timeout
        found: dict[str, list[BaseModel]] = {one.name: [] for one in self.kinds}
        failures: list[Failure] = []
        complete = True
        for passage in windows(article.text, self.window):
            for one in self.kinds:
                filled = await self._fill(one, passage, deadline)
                found[one.name] += [ground(record, passage) for record in filled.records]
                failures += filled.failures
                complete &= filled.whole
            if time.monotonic() > deadline:
                left = Failure(
                    stage="timeout", message="not read, the time was up", start=passage.end, end=len(article.text)
                )
                complete = left.start == left.end and complete
                failures += [] if complete else [left]
                break
        merged = {name: [*filter(self._sure, records)] for name, records in merge(found, article.text).items()}
        return self._extraction(article, merged, failures, complete)

    def extract_many(self, articles: Iterable[Article | str]) -> Iterator[Extraction]:
        """Yield the extractions of many articles as they finish; one that fails yields its failure.

        ``ModelError`` and ``PromptError`` end the run.
        """
        with asyncio.Runner() as runner:
            for article in articles:
                yield runner.run(self._extract_safely(article))

    async def aextract_many(self, articles: Iterable[Article | str]) -> AsyncIterator[Extraction]:
        """Like ``extract_many``, inside an event loop."""
        for article in articles:
            yield await self._extract_safely(article)

    async def _extract_safely(self, article: Article | str) -> Extraction:
        try:
            article = Article(article) if isinstance(article, str) else article
        except InputError as error:
            return self.unread("", error)
        try:
            return await self.aextract(article)
        except ExtractorError:  # of the model or the prompt: it would meet every article
            raise
        except Exception as error:  # the one broad net, so that one article never ends a run of many
            message = f"{type(error).__name__}: {error}"
            return self._extraction(article, {}, [Failure(stage="fill", message=message)], complete=False)

    def unread(self, article_id: str, error: InputError) -> Extraction:
        """The extraction of an article that cannot be read: nothing but the failure."""
        return Extraction(
            article=Source(id=article_id, sha256=None),
            failures=[Failure(stage="read", message=str(error))],
            complete=False,
            provenance=self.provenance,
        )

    async def _fill(self, one: Kind, passage: Passage, deadline: float) -> Filled:
        return await fill(self.engine, self.template, one, passage, deadline, self.limits.corrections)

    def _sure(self, record: BaseModel) -> bool:
        confidence = getattr(record, "confidence", None)
        return confidence is None or confidence >= self.min_confidence

    def _extraction(
        self, article: Article, merged: Mapping[str, list[Any]], failures: list[Failure], complete: bool
    ) -> Extraction:
        own = {name: records for name, records in merged.items() if name in KINDS}
        others = {name: [r.model_dump(mode="json") for r in rs] for name, rs in merged.items() if name not in KINDS}
        source = Source(
            id=article.id,
            title=article.title,
            source=article.source,
            published=article.published,
            sha256=article.sha256,
        )
        return Extraction(
            article=source,
            **own,
            records=others,
            failures=failures,
            complete=complete,
            provenance=self.provenance,
        )

    def _provenance(self) -> Provenance:
        info = self.engine.info
        schema = json.dumps([one.grammar.json_schema for one in self.kinds], sort_keys=True)
        return Provenance(
            model=info.name,
            model_sha256=info.sha256,
            prompt_sha256=self.template.sha256,
            schema_sha256=hashlib.sha256(schema.encode()).hexdigest(),
            versions={name: version(name) for name in _PACKAGES},
            seed=0,
            window=self.window,
            min_confidence=self.min_confidence,
        )


def extract(article: Article | str, model: str = "bundled", **options: Any) -> Extraction:
    """Extract from one article with a model opened for it; see ``Extractor`` for the options."""
    with Extractor(model, **options) as extractor:
        return extractor.extract(article)
