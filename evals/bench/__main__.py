"""``python -m extractor.evals.bench``: measures every contender in turn, and writes what came of it."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from ...models import BUNDLED
from ..evaluation import GOLD
from ..gold_files import Gold, load
from . import qwen, report
from .contenders import ALL_ON, PEERS, Contender, Measured, contenders, measure
from .report import Figures, Result
from .tasks import Work, prepare

HERE = Path(__file__).resolve().parent
SEEDS = HERE.parent.parent / "seeds"
PACKAGES = ("accord-extractor", "llama-cpp-python", "llguidance", *PEERS)


@dataclass(frozen=True)
class Case:
    """A model, the tokens that one sequence holds, whether gold answers are forced, and how many seed articles.

    ``made`` is the file of the model that is made here; without it the model is the bundled one.
    """

    context: int
    forced: bool
    articles: int
    made: str | None = None


CASES = {
    "bundled": Case(1024, forced=False, articles=10),
    "bundled, forced": Case(1024, forced=True, articles=10),
    "qwen2-0.5b, forced": Case(4096, forced=True, articles=2, made="qwen2-0.5b-random.gguf"),
}


class Session:
    """The runs so far, and what was left out with the reason."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.results: list[Result] = []
        self.left_out: dict[str, str] = {}

    def attempt(self, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call in a new process; returns None, and never tries that name again, where it fails.

        ``function`` is of another module: a new process does not load this one.
        """
        if name in self.left_out:
            return None
        try:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                return pool.submit(function, *arguments).result()
        except ImportError as error:
            self.left_out[name] = f"a package is missing ({error.name})"
        except Exception as error:  # of foreign code, in a process of its own: the others go on
            self.left_out[name] = f"{type(error).__name__}: {error}"
        print(f"{name}: left out: {self.left_out[name]}", flush=True)
        return None

    def measure(self, work: Work, one: Contender, number: int) -> None:
        """Let a contender run once and keep its figures."""
        name = f"{work.name}: {one.name}, N = {one.parallel}"
        measured = self.attempt(name, measure, work, one, self.threads)
        if measured:
            figures = figures_of(measured, len(work.articles))
            self.results.append(Result(work.name, one.name, one.parallel, number, figures))
            print(f"{name}: {figures}", flush=True)


def figures_of(measured: Measured, articles: int) -> Figures:
    """Turn counts and times into figures."""
    return Figures(
        articles_per_minute=60 * articles / measured.seconds,
        tokens_per_second=measured.tokens / measured.seconds,
        tokens_per_article=measured.tokens / articles,
        steps_per_token=measured.steps / max(measured.tokens, 1),
        first_record_s=measured.first,
        peak_mib=measured.memory / 2**20,
        llama_share=measured.decoding / measured.seconds,
        same_share=measured.same / len(measured.answers),
        opening_s=measured.opening,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m extractor.evals.bench", description=__doc__)
    parser.add_argument("--models", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--contenders", nargs="+", help="only those whose names begin so")
    parser.add_argument("--parallel", nargs="+", type=int, default=[1, 4, 8, 16])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--articles", type=int, help="so many of seeds/; by default all ten, two for the large model")
    parser.add_argument("--threads", type=int, default=0, help="0 for all cores")
    parser.add_argument("--work", type=Path, default=Path(".work"), help="for models that are made here")
    parser.add_argument("--out", type=Path, default=HERE, help="where results.json, README.md and the chart go")
    options = parser.parse_args()
    chosen = [
        one
        for one in contenders(options.parallel)
        if not options.contenders or one.name.startswith(tuple(options.contenders))
    ]
    session = Session(options.threads)
    works = [work for name in options.models if (work := _prepared(session, name, options))]
    for number in range(options.runs):
        for work in works:
            for one in chosen:
                session.measure(work, one, number)
    _write(options.out, session, works, options.runs)


def _prepared(session: Session, name: str, options: argparse.Namespace) -> Work | None:
    """Make the tasks of a case; where the model writes freely, the answers are what this project makes it write."""
    case = CASES[name]
    gold = [one for one in load(GOLD, [SEEDS]) if isinstance(one, Gold)]
    gold = sorted(gold, key=lambda one: one.name)[: options.articles or case.articles]
    path = session.attempt(name, qwen.ensure, options.work / case.made) if case.made else BUNDLED
    if path is None:
        return None
    work: Work | None = session.attempt(name, prepare, name, path, case.context, case.forced, gold)
    if work and not case.forced:
        measured = session.attempt(name, measure, work, Contender(ALL_ON), options.threads)
        work = measured and work.answered(measured.answers)
    return work


def _write(out: Path, session: Session, works: list[Work], rounds: int) -> None:
    objects = report.aggregate(session.results)
    versions = {name: found for name in PACKAGES if (found := _version(name))}
    details = {
        "processor": platform.processor() or platform.machine(),
        "threads": session.threads or os.cpu_count(),
        "rounds": rounds,
        "versions": versions,
        "work": {work.name: {"articles": len(work.articles), "answers": len(work.tasks)} for work in works},
    }
    out.mkdir(parents=True, exist_ok=True)
    content = {"session": details, "results": objects, "left_out": session.left_out}
    (out / "results.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if objects:
        (out / "throughput.svg").write_text(report.chart(objects), "utf-8")
    packages = ", ".join(f"{name} {number}" for name, number in versions.items())
    line = f"{rounds} rounds, {details['threads']} threads ({details['processor']}). {packages}."
    page = report.page((HERE / "README.md").read_text("utf-8"), line, objects, session.left_out)
    (out / "README.md").write_text(page, "utf-8")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
