"""The command line; the only place that prints or exits.

Exit codes: 0 all went well; 1 some article could not be read or not wholly; 2 the command cannot run
(bad option, model, schema, prompt or output file); 130 interrupted.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from enum import StrEnum
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from .article import Article, expand, read
from .engine import Engine, Stats, open_engine
from .errors import ExtractorError, InputError, OutputError
from .models import KNOWN
from .pipeline import TIMEOUT, Extractor, Limits
from .rendering import article_tables
from .schemas import Extraction
from .store import Store, load
from .user_schema import load_schema

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help=sys.modules["extractor"].__doc__, rich_markup_mode=None
)
_err = Console(stderr=True, highlight=False)


class Where(StrEnum):
    """Where the model runs."""

    LOCAL = "local"
    RAY = "ray"


class Form(StrEnum):
    """The form of the files that ``--engine ray`` writes."""

    JSONL = "jsonl"
    PARQUET = "parquet"


def _reported(command: Callable[..., None]) -> Callable[..., None]:
    """Turn an error into a message that says what to do, and exit code 2."""

    @wraps(command)
    def run(*args: Any, **options: Any) -> None:
        try:
            command(*args, **options)
        except ExtractorError as error:
            _complain(error)
            raise typer.Exit(2) from None

    return run


def _complain(error: ExtractorError) -> None:
    _err.print(f"error: {error}", style="red", markup=False, soft_wrap=True)
    if error.hint:
        _err.print(f"       {error.hint}", markup=False, soft_wrap=True)


@app.command()
@_reported
def run(
    inputs: Annotated[
        list[str], typer.Argument(help="files, folders, globs, or - for standard input", metavar="INPUT...")
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="write JSONL here, with ray to a folder; what exists is resumed"),
    ] = None,
    model: Annotated[
        str, typer.Option(help="name, GGUF file, hf:owner/repo/file.gguf[@sha256] or openai:URL#name")
    ] = "bundled",
    schema: Annotated[str | None, typer.Option(help="records of your own, as FILE.py:Class")] = None,
    prompt: Annotated[str | None, typer.Option(help="template: bundled, instruct, or a file")] = None,
    threads: Annotated[int, typer.Option(help="threads for the model; 0 for all cores", min=0)] = 0,
    context: Annotated[int, typer.Option(help="tokens the model's context holds; 0 for the model's own", min=0)] = 0,
    parallel: Annotated[int, typer.Option(help="passages read at once; 0 for what suits the memory", min=0)] = 0,
    window: Annotated[int | None, typer.Option(help="words read at once; 0 for whole articles", min=0)] = None,
    min_confidence: Annotated[float, typer.Option(help="leave out records below it", min=0, max=1)] = 0,
    timeout: Annotated[float, typer.Option(help="seconds for one article", min=0.1)] = TIMEOUT,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no tables and no progress bar")] = False,
    stats: Annotated[bool, typer.Option(help="print counts of tokens and decode steps at the end")] = False,
    engine: Annotated[Where, typer.Option(help="ray: on all cores of a cluster; see DISTRIBUTED.md")] = Where.LOCAL,
    form: Annotated[Form | None, typer.Option("--format", help="with ray: of the files; by default jsonl")] = None,
    replicas: Annotated[int, typer.Option(help="with ray: models at work; 0 for one a machine", min=0)] = 0,
) -> None:
    """Extract from articles: tables on a terminal, JSONL when piped or with -o."""
    kinds = dict([load_schema(schema)]) if schema else None
    options: dict[str, Any] = {
        "prompt": prompt,
        "window": window,
        "min_confidence": min_confidence,
        "limits": Limits(timeout=timeout),
    }
    with ExitStack() as stack:
        if engine is Where.RAY:
            ray = _distributed()
            if output is None:
                raise OutputError("--engine ray writes to a folder", hint="Name one with -o FOLDER.")
            sources, articles = ray.sources(inputs), ray.articles
            options |= {"model": model, "schema": schema, "context": context, "parallel": parallel}
            cluster = stack.enter_context(closing(ray.Cluster(replicas=replicas, threads=threads, **options)))
            store = stack.enter_context(ray.Partitions(output, cluster.provenance, form or Form.JSONL))
            extract, work = cluster.extract_many, cluster.stats
        elif form or replicas:
            raise InputError("--format and --replicas are for ray", hint="Add --engine ray -o FOLDER.")
        else:
            sources, articles = expand(inputs), read
            opened = stack.enter_context(closing(_open(model, quiet, threads, context, parallel)))
            extractor = Extractor(engine=opened, schema=kinds, **options)
            if kinds and opened.info.prompt == "bundled":
                _err.print(
                    "note: the bundled model learnt its own four kinds; for another schema choose an instruct model"
                )
            store = stack.enter_context(Store(output, extractor.provenance)) if output else None
            extract, work = extractor.extract_many, opened.stats
        sound = _run(extract, work, _articles(sources, articles), len(sources), store, quiet)
        if stats:
            _print_stats(work)
    raise typer.Exit(0 if sound else 1)


def _distributed() -> ModuleType:
    try:
        from . import distributed
    except ImportError as error:
        raise InputError(
            f"--engine ray needs the package {error.name}", hint="pip install 'accord-extractor[ray]'"
        ) from error
    return distributed


def _open(model: str, quiet: bool, threads: int = 0, context: int = 0, parallel: int = 0) -> Engine:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=_err, disable=quiet or not _err.is_terminal, transient=True) as bar:
        task = bar.add_task(model, total=None)

        def show(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        return open_engine(model, threads=threads, context=context, parallel=parallel, progress=show)


def _run(
    extract: Callable[[Iterator[Article | InputError]], Generator[Extraction, None, None]],
    work: Stats,
    articles: Iterator[tuple[Article | InputError, bool]],
    inputs: int,
    store: Store | None,
    quiet: bool,
) -> bool:
    """Extract, write and show; return whether every article was read wholly."""
    console = Console()
    tables = not quiet and (store is not None or console.is_terminal)
    sound, skipped, total = True, 0, 0
    with _progress(quiet or not _err.is_terminal) as progress:
        task = progress.add_task("", total=inputs, speed="")

        def new() -> Iterator[Article | InputError]:
            nonlocal total, skipped
            for article, last in articles:
                total += 1
                if isinstance(article, InputError):
                    _complain(article)
                if store and isinstance(article, Article) and store.done(article.id, article.sha256):
                    skipped += 1
                else:
                    yield article
                progress.update(task, advance=last)

        try:
            with closing(extract(new())) as extractions:  # closed while the engine is open, also when interrupted
                for number, extraction in enumerate(extractions, 1):
                    sound &= extraction.complete
                    _put(extraction, store, console, tables)
                    speed = f"{work.output_tokens / max(work.seconds, 1e-9):.0f} tokens/s"
                    progress.update(task, speed=f"{number} articles, {speed}")
        except KeyboardInterrupt:
            progress.stop()
            again = " Run the same command to go on." if store else ""
            _err.print(f"interrupted; finished articles are kept.{again}")
            raise typer.Exit(130) from None
    if skipped:
        _err.print(f"{skipped} of {total} articles were done already")
    return sound


def _articles(
    sources: list[str], read: Callable[[str], Iterator[Article | InputError]]
) -> Iterator[tuple[Article | InputError, bool]]:
    """Yield the articles of all inputs, each with whether it is the last of its input."""
    for source in sources:
        ahead: Article | InputError | None = None
        for article in read(source):
            if ahead is not None:
                yield ahead, False
            ahead = article
        if ahead is not None:
            yield ahead, True


def _put(extraction: Extraction, store: Store | None, console: Console, tables: bool) -> None:
    if store:
        store.write(extraction)
    elif not tables:
        sys.stdout.write(extraction.model_dump_json() + "\n")
        sys.stdout.flush()
    if tables:
        console.print(article_tables(extraction))


def _progress(hidden: bool) -> Progress:
    return Progress(
        SpinnerColumn(),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("inputs, {task.fields[speed]}"),
        TimeRemainingColumn(),
        console=_err,
        disable=hidden,
        transient=True,
    )


def _print_stats(stats: Stats) -> None:
    _err.print(
        f"{stats.output_tokens} output tokens in {stats.seconds:.1f} s, {stats.decoding:.1f} s of them in the model's "
        f"own code ({stats.prompt_tokens} prompt tokens): "
        f"{stats.forced} forced, {stats.sampled} chosen; {stats.accepted} of {stats.drafted} drafted were right; "
        f"{stats.steps} decode steps, {stats.step_share():.2f} for each output token"
    )


@app.command()
@_reported
def show(file: Annotated[Path, typer.Argument(help="JSONL that run wrote")]) -> None:
    """Print the tables of a file that run wrote."""
    console = Console()
    for extraction in load(file):
        console.print(article_tables(extraction))


@app.command("eval")
@_reported
def evaluate(
    gold: Annotated[Path | None, typer.Option(help="folder of gold files; by default the project's own")] = None,
    articles: Annotated[
        list[Path] | None, typer.Option(help="folder or file of the articles; may be given several times")
    ] = None,
    corpus: Annotated[
        Path | None, typer.Option(help="folder of the corpus that gold files point into", envvar="EXTRACTOR_CORPUS")
    ] = None,
    predictions: Annotated[Path | None, typer.Option(help="score this JSONL of run instead of a model")] = None,
    model: Annotated[str, typer.Option(help="as for run")] = "bundled",
    prompt: Annotated[str | None, typer.Option(help="as for run")] = None,
    min_confidence: Annotated[float, typer.Option(help="as for run", min=0, max=1)] = 0,
    split: Annotated[str | None, typer.Option(help="dev, test, or a folder's name in your own gold")] = None,
    baseline: Annotated[Path | None, typer.Option(help="compare with this; exit 1 where something is worse")] = None,
    update_baseline: Annotated[bool, typer.Option("--update-baseline", help="write the baseline instead")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="write every figure here")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="write a page with all articles here")] = None,
) -> None:
    """Score a model or predictions against gold files."""
    try:
        from .evals import evaluation, gate, gold_files, page, report
    except ImportError as error:
        raise InputError(
            f"scoring needs the package {error.name}", hint="pip install 'accord-extractor[eval]'"
        ) from error
    named = predictions.name if predictions else model
    corpus = corpus or evaluation.default_corpus()
    places = articles or evaluation.ARTICLES
    loaded = gold_files.load(gold or evaluation.GOLD, places, corpus, split)
    people = evaluation.agreement((gold or evaluation.GOLD).parent / "agreement", places, corpus)
    with ExitStack() as stack:
        progress = stack.enter_context(_progress(not _err.is_terminal))
        task = progress.add_task("", total=len(loaded), speed="")

        def each(_: Any) -> None:
            progress.update(task, advance=1)

        if predictions:
            extract = evaluation.predicted(load(predictions))
        else:
            engine = stack.enter_context(closing(_open(model, not _err.is_terminal)))
            extract = Extractor(engine=engine, prompt=prompt, min_confidence=min_confidence).extract
        result = evaluation.evaluate(named, loaded, extract, people, each)
    console = Console()
    console.print(report.tables(result))
    verdicts: list[Any] = []
    if update_baseline:
        scores = gate.baseline(result.scores, result.provenance)
        _write(baseline or evaluation.HERE / "baseline.json", gate.as_text(scores))
    elif baseline:
        verdicts, others = gate.compare(result.scores, gate.read(baseline))
        console.print(report.verdict_table(verdicts, others))
    if json_file:
        _write(json_file, json.dumps(report.as_json(result, verdicts), indent=1, ensure_ascii=False) + "\n")
    if html_file:
        _write(html_file, page.page(result, verdicts))
    raise typer.Exit(1 if any(verdict.word == "worse" for verdict in verdicts) else 0)


def _write(file: Path, content: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, "utf-8")
    except OSError as error:
        raise OutputError(f"{file} cannot be written: {error.strerror}", hint="Choose another file.") from error
    _err.print(f"wrote {file}")


@app.command()
@_reported
def schema(
    own: Annotated[str | None, typer.Argument(metavar="[FILE.py:Class]", help="records of your own")] = None,
) -> None:
    """Print the JSON Schema of the output, or of records of your own."""
    model: type[BaseModel] = load_schema(own)[1] if own else Extraction
    typer.echo(json.dumps(model.model_json_schema(mode="serialization"), indent=2, ensure_ascii=False))


@app.command()
def models() -> None:
    """List the models known by name."""
    table = Table("name", "file", "memory", "context", "licence", "note", header_style="dim")
    for known in KNOWN:
        table.add_row(
            known.name, _mebibytes(known.size), _mebibytes(known.memory), str(known.context), known.licence, known.note
        )
    Console().print(table)
    typer.echo("Any other instruct model: --model FILE.gguf, hf:owner/repo/file.gguf[@sha256] or openai:URL#name")


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:,.0f} MiB"


def main() -> None:
    """Entry point of the command ``extractor``."""
    app()
