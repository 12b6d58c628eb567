"""Many replicas of one model on Ray, on the cores of a laptop or of a cluster, and what they find in a folder.

The process that runs the command reads the articles and writes the results; replicas only extract. So a replica
that dies takes nothing with it but the batch that it held, and no machine but this one needs the files.
"""

from __future__ import annotations

import glob
import json
import logging
import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import nullcontext, suppress
from datetime import date
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from types import TracebackType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pyarrow as pa
import pyarrow.parquet as pq
import ray
from pydantic import BaseModel
from ray.exceptions import ObjectLostError, OutOfMemoryError, RayActorError, RayTaskError

from .article import MAX_BYTES, Article, attempt, expand, placed, read
from .engine import Stats
from .errors import ExtractorError, InputError, ModelError, OutputError
from .pipeline import KINDS, Extractor
from .schemas import Extraction, Provenance, Source
from .store import Store, key_of
from .store import load as load_lines
from .user_schema import load_schema

Batch = list[Article | InputError]
Format = Literal["jsonl", "parquet"]

BATCH = 16  # articles that a replica is given at once: enough to keep its sequences busy, few to do again
PARTITION = 500  # articles in a file
RETRIES = 2  # how often Ray repeats a batch whose process died; with 0 it would refuse one while it starts another

_DIED = (RayActorError, ObjectLostError, OutOfMemoryError)
_COLUMNS: dict[str, Any] = {
    "article": Source,
    **{name: list[record] for name, record in KINDS.items()},  # type: ignore[valid-type]
    "complete": bool,
}
_JSON_COLUMNS = ("records", "failures", "provenance")  # of no fixed form


def sources(inputs: Sequence[str]) -> list[str]:
    """Return the files that inputs stand for, as ``expand`` does, with the Parquet files of folders."""
    found: list[str] = []
    for name in inputs:
        tables = sorted(glob.glob(os.path.join(glob.escape(name), "**", "*.parquet"), recursive=True))
        with suppress(InputError) if tables else nullcontext():
            found += expand([name])
        found += tables
    return expand(found)


def articles(source: str) -> Iterator[Article | InputError]:
    """Yield the articles of one file, as ``read`` does; the columns of Parquet are named as the fields of JSONL."""
    return _rows(source) if source.lower().endswith(".parquet") else read(source)


def _rows(source: str) -> Iterator[Article | InputError]:
    number = 0
    try:
        for group in pq.ParquetFile(source).iter_batches(BATCH):
            for row in group.to_pylist():
                number += 1
                name = f"{Path(source).stem}:{number}"
                yield attempt(f"{source}, row {number}", partial(_from_row, row, name))
    except (OSError, pa.ArrowException) as error:
        yield placed(source, InputError(str(error), hint="Check that it is a Parquet file, and its permissions"))


def _from_row(row: dict[str, Any], name: str) -> Article:
    fields = {key: value.isoformat() if isinstance(value, date) else value for key, value in row.items()}
    article = Article.from_json(fields, name)
    if len(article.text.encode()) > MAX_BYTES:
        raise InputError(f"the text has over {MAX_BYTES / 2**20:.3g} MiB", hint="Split it into articles")
    return article


class _Replica:
    """One model in a process of its own."""

    def __init__(self, folder: str, schema: str | None, options: dict[str, Any]) -> None:
        with suppress(OSError):  # another machine may lack it; where it is, relative names mean the same
            os.chdir(folder)
        self._schema, self._options = schema, options

    @cached_property
    def _extractor(self) -> Extractor:
        # Opened by the first call: its errors reach the caller as they are, those of __init__ do not.
        kinds = dict([load_schema(self._schema)]) if self._schema else None
        return Extractor(schema=kinds, **self._options)

    def extract(self, batch: Batch) -> tuple[list[Extraction], Stats, Provenance]:
        """Return what is in the articles, with the work it took; nothing to read only opens the model."""
        self._extractor.engine.stats = Stats()
        extractions = list(self._extractor.extract_many(batch))
        return extractions, self._extractor.engine.stats, self._extractor.provenance


class Cluster:
    """Replicas of one ``Extractor`` on Ray.

    Ray's cluster is the one that this process has joined, that of RAY_ADDRESS, one that runs on this machine, or
    else a new one of this machine. ``replicas`` is how many models to run, 0 for one a machine, each with
    ``threads`` cores, 0 for an equal share of all. ``schema`` is ``FILE.py:Class``, a file that every machine has;
    ``batch`` articles are given out at once; ``options`` are those of ``Extractor``. ``stats`` adds up the work of
    all replicas. Raises ``InputError`` for more replicas than there is room for, and what ``Extractor`` raises.
    """

    def __init__(
        self, *, replicas: int = 0, threads: int = 0, schema: str | None = None, batch: int = BATCH, **options: Any
    ) -> None:
        self.stats = Stats()
        self._batch = batch
        self._replicas: list[Any] = []
        self._own = not ray.is_initialized()
        if self._own:
            _start()
        try:
            replicas, threads = _share(replicas, threads)
            # Plain actors, not Ray Data: every batch comes back to the one writer, so what is finished is plain to
            # see, nothing is written twice, and an article that kills its process is told from a process that died.
            actor = ray.remote(_Replica).options(
                num_cpus=threads, scheduling_strategy="SPREAD", max_restarts=-1, max_task_retries=RETRIES
            )
            options["threads"] = threads
            self._replicas = [actor.remote(os.getcwd(), schema, options) for _ in range(replicas)]
            self.provenance = _result(self._replicas[0].extract.remote([]), [])[2]
        except BaseException:
            self.close()
            raise

    def extract_many(self, articles: Iterable[Article | InputError]) -> Generator[Extraction, None, None]:
        """Yield the extractions of many articles as they finish, in no order; one that fails yields its failure.

        Where a process dies, Ray starts another, which reads the same batch again. Raises ``ModelError``, also
        where replicas are not of one kind, and ``PromptError``.
        """
        waiting, again, ended = iter(articles), list[Batch](), False
        # Every replica opens its model with a batch of nothing; one that Ray has yet to place holds up no other.
        running = {replica.extract.remote([]): (replica, Batch()) for replica in self._replicas}
        while not ended or any(batch for _, batch in running.values()):
            (done,), _ = ray.wait(list(running))
            replica, batch = running.pop(done)
            extractions: list[Extraction] = []
            try:
                extractions, stats, provenance = _result(done, batch)
            except _DIED:
                again += [[article] for article in batch] if len(batch) > 1 else [[_deadly(batch[0])]]
            else:
                self.stats.add(stats)
                if provenance != self.provenance:
                    raise ModelError(
                        f"the replicas differ: {provenance} is not {self.provenance}",
                        hint="Install the same versions and the same model on every machine.",
                    )
            # Given out before the results are handled, so that no replica waits for that.
            following = again.pop() if again else list(islice(waiting, self._batch))
            if following:
                running[replica.extract.remote(following)] = replica, following
            ended = not following
            yield from extractions

    def close(self) -> None:
        """End the replicas, and Ray where it was started for them."""
        for replica in self._replicas:
            ray.kill(replica)
        if self._own:
            ray.shutdown()


def _start() -> None:
    try:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # which is the very class that Ray raises
        raise ModelError(f"Ray does not start: {error}", hint="Check RAY_ADDRESS, and look at: ray status") from error


def _share(replicas: int, threads: int) -> tuple[int, int]:
    """Return how many replicas to run, and cores for each."""
    machines = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    replicas = replicas or sum(cores > 0 for cores in machines)
    threads = threads or max(1, sum(machines) // max(1, replicas))
    room = sum(cores // threads for cores in machines)
    if not 0 < replicas <= room:
        raise InputError(
            f"{replicas} replicas of {threads} threads do not fit: the machines have {machines} cores",
            hint="Choose fewer --replicas or --threads, or add machines to the cluster.",
        )
    return replicas, threads


def _result(reference: Any, batch: Batch) -> tuple[list[Extraction], Stats, Provenance]:
    """Wait for what became of a batch. Raises what its replica raised, and what Ray raises where that died.

    A replica that dies of nothing to read cannot open its model, and no other article will fare better.
    """
    try:
        return ray.get(reference)  # type: ignore[no-any-return]
    except RayTaskError as error:
        if isinstance(error.cause, ExtractorError):
            raise error.cause from None
        raise
    except _DIED as error:
        if any(isinstance(article, Article) for article in batch):
            raise
        raise ModelError(
            f"a replica died while it opened the model: {error}", hint="See whether its machine has memory enough."
        ) from error


def _deadly(article: Article | InputError) -> InputError:
    place = article.id if isinstance(article, Article) else article.place
    return placed(place, InputError(f"the process that read it died {RETRIES + 1} times"))


class Partitions(Store):
    """Writes extractions to files in ``folder``, ``size`` in each; a file is there whole or not at all.

    A folder that exists is resumed as ``Store`` resumes a file, whatever the format of its files. What is left at
    the end, and when a run is interrupted, goes to a smaller file. Raises ``OutputError``.
    """

    def __init__(self, folder: Path, provenance: Provenance, form: Format = "jsonl", size: int = PARTITION) -> None:
        self._folder, self._provenance, self._form, self._size = folder, provenance, form, size
        self._done = set()
        self._waiting: list[Extraction] = []
        self._number = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path in sorted(folder.glob("part-*.*")):
                self._number = max(self._number, int(path.stem.removeprefix("part-")))
                self._keep(path)
        except (OSError, ValueError) as error:
            raise OutputError(f"{folder} cannot be resumed: {error}", hint="Choose another folder.") from error

    def _keep(self, path: Path) -> None:
        found = list(load(path))
        kept = [one for one in found if one.complete or one.provenance != self._provenance]
        self._done |= {key_of(one) for one in kept if one.provenance == self._provenance}
        if not kept:
            path.unlink()
        elif len(kept) < len(found):
            _write(path, kept)

    def write(self, extraction: Extraction) -> None:
        """Keep one extraction until a file is full; an article that was in the inputs twice is kept once."""
        if not self.done(*key_of(extraction)):
            self._done.add(key_of(extraction))
            self._waiting.append(extraction)
        if len(self._waiting) >= self._size:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._number += 1
            _write(self._folder / f"part-{self._number:05}.{self._form}", self._waiting)
            self._waiting = []

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._flush()


def load(path: Path) -> Iterator[Extraction]:
    """Yield the extractions of one file of either format. Raises ``OutputError`` for anything else."""
    if path.suffix != ".parquet":
        yield from load_lines(path)
        return
    try:
        for row in pq.ParquetFile(path).read().to_pylist():
            yield Extraction.model_validate(row | {name: json.loads(row[name]) for name in _JSON_COLUMNS})
    except (OSError, KeyError, ValueError) as error:  # ValueError: of Pydantic, JSON and Arrow
        raise OutputError(f"{path} is not what run wrote: {error}", hint="Choose another folder.") from error


def _write(path: Path, extractions: Sequence[Extraction]) -> None:
    beside = path.with_name(f".{path.name}.partial")  # renamed when whole, so that a crash leaves no half of a file
    try:
        with beside.open("wb") as file:
            if path.suffix == ".parquet":
                pq.write_table(_table(extractions), file)
            else:
                file.writelines(one.model_dump_json().encode() + b"\n" for one in extractions)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror}",
            hint="Make room and run the same command again; files that are there stay.",
        ) from error


def _table(extractions: Sequence[Extraction]) -> pa.Table:
    dumped = (extraction.model_dump(mode="json") for extraction in extractions)
    rows = [row | {name: json.dumps(row[name], ensure_ascii=False) for name in _JSON_COLUMNS} for row in dumped]
    schema = {name: _arrow(kind) for name, kind in _COLUMNS.items()} | dict.fromkeys(_JSON_COLUMNS, pa.string())
    return pa.Table.from_pylist(rows, pa.schema(schema))


def _arrow(kind: Any) -> pa.DataType:
    """Return the Arrow type of a field: a struct for a model, a string for a choice of words."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return pa.struct({name: _arrow(field.annotation) for name, field in kind.model_fields.items()})
    if get_origin(kind) is list:
        return pa.list_(_arrow(get_args(kind)[0]))
    if get_origin(kind) in (Annotated, Union, UnionType):  # of a union, the part that is not None
        return _arrow(get_args(kind)[0])
    return {bool: pa.bool_(), int: pa.int64(), float: pa.float64()}.get(kind, pa.string())
