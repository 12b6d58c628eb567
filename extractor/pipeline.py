"""From an article to its extraction: window, prompt, decode, validate, ground, merge."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from importlib.metadata import version
from types import TracebackType
from typing import Any, Self

from pydantic import BaseModel

from .article import Article
from .engine import Engine, open_engine
from .errors import ExtractorError, InputError
from .filling import Filled, Kind, fill, kind, patched
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


class _Reading:
    """An article while it is read: its parts, in order, what came of each, and how many are left."""

    def __init__(
        self,
        article: Article,
        parts: list[tuple[Kind, Passage]],
        deadline: float,
        finish: Callable[[Extraction], None],
    ) -> None:
        self.article, self.parts, self.deadline, self.finish = article, parts, deadline, finish
        self.filled: list[Filled | None] = [None] * len(parts)
        self.left = len(parts)


@dataclass(frozen=True)
class Limits:
    """What one article may cost: seconds in all, and seconds for correcting one answer."""

    timeout: float = TIMEOUT
    corrections: float = 30.0


class Extractor:
    """Extracts records from articles with one model.

    ``model`` is a known name, a path to a GGUF file, ``hf:owner/repo/file.gguf[@sha256]`` or
    ``openai:URL#name``; an ``engine`` of one's own takes its place. ``schema`` maps the names of lists
    to record types and is by default the four kinds. ``prompt`` is a template's name or path.
    ``parallel`` requests are answered at once (0 for as many as suit the memory), with ``threads`` (0 for all
    cores) and ``context`` tokens for each (0 for the model's own). ``window`` words are read at once (0 for
    whole articles). Records whose confidence is below ``min_confidence`` (0 to 1) are left out.
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
        parallel: int = 0,
        window: int | None = None,
        min_confidence: float = 0.0,
        limits: Limits | None = None,
    ) -> None:
        own_template = load_template(prompt) if prompt else None
        self.kinds: list[Kind] = [kind(name, record) for name, record in (schema or KINDS).items()]
        self._own = engine is None
        self.engine = engine or open_engine(model, threads=threads, context=context, parallel=parallel)
        self._create = patched(self.engine)
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
        """Extract from one article. What fails is in ``failures``; ``ModelError`` and ``PromptError`` are raised."""
        article = Article(article) if isinstance(article, str) else article
        async with aclosing(self.aextract_many([article])) as extractions:
            return await anext(extractions)

    def extract_many(self, articles: Iterable[Article | str | InputError]) -> Generator[Extraction, None, None]:
        """Yield the extractions of many articles as they finish; one that fails yields its failure.

        An ``InputError`` stands for an article that could not be read, as ``read`` yields it.
        ``ModelError`` and ``PromptError`` end the run.
        """
        with asyncio.Runner() as runner:
            extractions = self.aextract_many(articles)
            try:
                while (extraction := runner.run(_next(extractions))) is not None:
                    yield extraction
            finally:
                runner.run(extractions.aclose())

    async def aextract_many(self, articles: Iterable[Article | str | InputError]) -> AsyncGenerator[Extraction, None]:
        """Like ``extract_many``, inside an event loop."""
        finished: asyncio.Queue[Extraction | None] = asyncio.Queue()
        # Articles go one after another, so that each is done soon; the next one fills what room is left.
        jobs = self._jobs(articles, finished.put_nowait)
        # Twice as many as the engine answers at once: half of them wait with their requests prepared.
        workers = [asyncio.create_task(self._work(jobs)) for _ in range(2 * self.engine.parallel)]
        all_done = asyncio.gather(*workers)
        all_done.add_done_callback(lambda _: finished.put_nowait(None))
        try:
            while (extraction := await finished.get()) is not None:
                yield extraction
            await all_done
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, all_done, return_exceptions=True)

    def _jobs(
        self, articles: Iterable[Article | str | InputError], finish: Callable[[Extraction], None]
    ) -> Iterator[tuple[_Reading, int]]:
        """Yield what there is to fill, article by article; ``finish`` is called with each that is done."""
        for article in articles:
            try:
                article = Article(article) if isinstance(article, str) else article
            except InputError as error:
                article = error
            if isinstance(article, InputError):
                finish(self.unread(article.place, article))
                continue
            try:
                parts = [(one, passage) for passage in windows(article.text, self.window) for one in self.kinds]
            except Exception as error:
                finish(self._failed(article, error))
                continue
            reading = _Reading(article, parts, time.monotonic() + self.limits.timeout, finish)
            if not parts:
                finish(self._finished(reading))
            for number in range(len(parts)):
                yield reading, number

    async def _work(self, jobs: Iterator[tuple[_Reading, int]]) -> None:
        """Fill one part after another."""
        for reading, number in jobs:
            if time.monotonic() <= reading.deadline:
                reading.filled[number] = await self._fill(reading, *reading.parts[number])
            reading.left -= 1
            if not reading.left:
                reading.finish(self._finished(reading))

    async def _fill(self, reading: _Reading, one: Kind, passage: Passage) -> Filled:
        try:
            return await fill(
                self._create, self.engine.info, self.template, one, passage, reading.deadline, self.limits.corrections
            )
        except ExtractorError:  # of the model or the prompt: it would meet every article
            raise
        except Exception as error:  # so that one passage never ends a run of many
            failure = Failure(stage="fill", message=_said(error), kind=one.name, start=passage.start, end=passage.end)
            return Filled(failures=[failure], whole=False)

    def unread(self, article_id: str, error: InputError) -> Extraction:
        """The extraction of an article that cannot be read: nothing but the failure."""
        return Extraction(
            article=Source(id=article_id, sha256=None),
            failures=[Failure(stage="read", message=str(error))],
            complete=False,
            provenance=self.provenance,
        )

    def _sure(self, record: BaseModel) -> bool:
        confidence = getattr(record, "confidence", None)
        return confidence is None or confidence >= self.min_confidence

    def _finished(self, reading: _Reading) -> Extraction:
        """Ground and merge what was filled."""
        found: dict[str, list[BaseModel]] = {one.name: [] for one in self.kinds}
        failures: list[Failure] = []
        unread: list[int] = []
        try:
            for (one, passage), filled in zip(reading.parts, reading.filled, strict=True):
                if filled:
                    found[one.name] += [ground(record, passage) for record in filled.records]
                    failures += filled.failures
                else:
                    unread.append(passage.start)
            merged = merge(found, reading.article.text)
        except Exception as error:  # so that one article never ends a run of many
            return self._failed(reading.article, error)
        if unread:
            end = len(reading.article.text)
            failures.append(Failure(stage="timeout", message="not read, the time was up", start=min(unread), end=end))
        sure = {name: [*filter(self._sure, records)] for name, records in merged.items()}
        complete = all(filled and filled.whole for filled in reading.filled)
        return self._extraction(reading.article, sure, failures, complete)

    def _failed(self, article: Article, error: Exception) -> Extraction:
        return self._extraction(article, {}, [Failure(stage="fill", message=_said(error))], complete=False)

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


async def _next(extractions: AsyncGenerator[Extraction, None]) -> Extraction | None:
    return await anext(extractions, None)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def extract(article: Article | str, model: str = "bundled", **options: Any) -> Extraction:
    """Extract from one article with a model opened for it; see ``Extractor`` for the options."""
    with Extractor(model, **options) as extractor:
        return extractor.extract(article)
