"""What every contender is asked: the same prompts, schemas and, where it is forced, the same answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...article import Article
from ...engine import EngineInfo, LlamaEngine
from ...filling import MOST_RECORDS, Kind
from ...grammar import model_fields
from ...passages import Passage, windows
from ...pipeline import Extractor
from ...schemas import occurrences
from ..gold_files import Gold, Record, plain

Key = tuple[str, str]  # the passage and the grammar's rules: what tells the requests of our engine apart


@dataclass(frozen=True)
class Task:
    """One answer to be written: the records of one kind in one passage.

    ``prompt`` are the tokens of ``messages`` in the model's chat template, and ``text`` is what they spell;
    ``schema`` is the answer's JSON Schema. ``answer`` is what is to be written, or what was.
    """

    kind: str
    passage: str
    rules: str
    schema: str
    messages: tuple[dict[str, str], ...]
    prompt: tuple[int, ...]
    text: str
    answer: str

    @property
    def key(self) -> Key:
        return self.passage, self.rules


@dataclass(frozen=True)
class Work:
    """A model and the tasks for it, in the order of the articles; ``context`` is in tokens for one sequence."""

    name: str
    path: Path
    info: EngineInfo
    context: int
    forced: bool
    articles: Sequence[Article]
    tasks: Sequence[Task]

    @property
    def schemas(self) -> dict[str, str]:
        """The JSON Schema of each kind."""
        return {task.kind: task.schema for task in self.tasks}

    def room(self, task: Task) -> int:
        """How many tokens the answer may have."""
        return self.context - len(task.prompt)

    def answered(self, answers: Sequence[str]) -> Work:
        """The same with other answers, one for each task."""
        tasks = [replace(task, answer=answer) for task, answer in zip(self.tasks, answers, strict=True)]
        return replace(self, tasks=tasks)


def prepare(name: str, path: Path, context: int, forced: bool, gold: Sequence[Gold]) -> Work:
    """Cut the gold articles into tasks as the pipeline does for this model; the answers are their gold records."""
    with Extractor(str(path), context=context, parallel=1) as extractor:
        tasks = [task for one in gold for task in _tasks(extractor, one)]
        articles = [one.article for one in gold]
        return Work(name, path, extractor.engine.info, context, forced, articles, tasks)


def _tasks(extractor: Extractor, gold: Gold) -> Iterator[Task]:
    engine = extractor.engine
    assert isinstance(engine, LlamaEngine)
    for passage in windows(gold.article.text, extractor.window):
        for one in extractor.kinds:
            if (grammar := one.grammar_of(passage.text)) is None:
                continue
            messages = extractor.template.render(passage.text, one.name, one.record).messages
            prompt = engine._tokenise_prompt(messages)
            yield Task(
                kind=one.name,
                passage=passage.text,
                rules=grammar.rules,
                schema=json.dumps(grammar.json_schema),
                messages=messages,
                prompt=tuple(prompt),
                text=b"".join(map(engine._context.piece, prompt)).decode(),
                answer=gold_answer(one, passage, gold.records.get(one.name, [])),
            )


def gold_answer(kind: Kind, passage: Passage, records: Sequence[Record]) -> str:
    """Write the gold records of an article that begin in the passage and whose quotes all stand in it.

    Where the form tells what the records are about (durations), each of those has one.
    """
    names = [name for name, _ in model_fields(kind.record)]
    inside = [
        {name: plain(record)[name] for name in names} for record in records if _inside(list(_quotes(record)), passage)
    ]
    if kind.find:
        labelled = {record["text"]: record for record in inside}
        found = [passage.text[start:end] for start, end in kind.find(passage.text)]
        unlabelled = {"applies_to": None, "modality": "elapsed"}
        inside = [labelled.get(words, {"text": words, **unlabelled}) for words in found]
    return json.dumps({kind.name: inside[:MOST_RECORDS]}, ensure_ascii=False, separators=(",", ":"))


def _inside(quotes: Sequence[Record], passage: Passage) -> bool:
    begins = passage.start <= quotes[0]["start"] < passage.end
    return begins and all(occurrences(quote["text"], passage.text) for quote in quotes)


def _quotes(value: Any) -> Iterator[Record]:
    if isinstance(value, dict) and "start" in value:
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _quotes(inner)
