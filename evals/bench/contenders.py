"""Who does the tasks: three peers, this project with its accelerators off and on, and the ceiling.

Each is measured in a process of its own, see ``measure``.
"""

from __future__ import annotations

import os
import re
import resource
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import llama_cpp as lc
from llama_cpp.llama_grammar import LlamaGrammar
from openai.types.chat import ChatCompletion
from pydantic import ValidationError
from tenacity import Retrying, stop_after_attempt

from ...engine import Request
from ...engine.context import Context, Run
from ...filling import kind
from ...pipeline import KINDS, Extractor, Limits
from .forced import ForcedEngine, GuidanceHook, LogitsHook, Wanted
from .tasks import Task, Work

Answer = Callable[[Task], str]
_RECORD = re.compile(r"\[\s*\{")  # the first record of an answer's list
_PATIENCE = 1e9  # seconds for one article: nobody is cut short here


@dataclass(frozen=True)
class Contender:
    """``parallel`` requests at once; ``options`` are those of ``LlamaEngine`` where it is ours."""

    name: str
    parallel: int = 1
    options: Mapping[str, Any] = field(default_factory=dict)


PEERS = ("instructor", "outlines", "guidance")
CEILING, OFF, ALL_ON = "ceiling", "off", "all on"
_OFF = {"drafts": 0, "forced": False, "shared": False}


def contenders(parallel: list[int]) -> list[Contender]:
    """Return all of them, those that serve many at once for each of ``parallel``."""
    return [
        *map(Contender, PEERS),
        Contender(OFF, 1, _OFF),
        Contender("off, forced tokens on", 1, _OFF | {"forced": True}),
        Contender("off, drafts on", 1, {"forced": False, "shared": False}),
        Contender("off, shared prompts on", 1, _OFF | {"shared": True}),
        Contender("off, batching on", 8, _OFF),
        *(Contender(ALL_ON, number) for number in parallel),
        *(Contender(CEILING, number) for number in parallel),
    ]


@dataclass(frozen=True)
class Measured:
    """One contender's run: times in seconds, ``memory`` the most bytes resident, ``tokens`` written in all.

    ``opening`` is loading the model and preparing the grammars, before the clock of ``seconds`` starts;
    ``first`` is when the first record was there on that clock, None where there was none. ``answers`` are
    in the order of the tasks, ``same`` counts those that are the task's own.
    """

    opening: float
    seconds: float
    first: float | None
    decoding: float
    steps: int
    memory: int
    tokens: int
    same: int
    answers: list[str]


class Meter:
    """Counts and times what this process decodes, whoever calls llama.cpp, and keeps the answers."""

    def __init__(self) -> None:
        self.steps, self.decoding = 0, 0.0
        self.first: float | None = None
        self.answers: dict[Any, str] = {}
        self._began = time.perf_counter()
        self._decode = lc.llama_decode
        lc.llama_decode = lc.llama_cpp.llama_decode = self._timed

    def _timed(self, *arguments: Any) -> Any:
        began = time.perf_counter()
        result = self._decode(*arguments)
        self.decoding += time.perf_counter() - began
        self.steps += 1
        return result

    def start(self) -> float:
        """Start the clock and the counts; returns the seconds since this meter was made."""
        opening = time.perf_counter() - self._began
        self.steps, self.decoding, self._began = 0, 0.0, time.perf_counter()
        return opening

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._began

    def note(self, key: Any, answer: str) -> None:
        self.answers[key] = answer
        if self.first is None and _RECORD.search(answer):
            self.first = self.seconds


def measure(work: Work, contender: Contender, threads: int) -> Measured:
    """Do all tasks once. To be called in a new process, with as many ``threads`` for llama.cpp (0 for all cores).

    Raises ``ImportError`` where a peer's package is missing, ``RuntimeError`` where a task was not done.
    """
    threads = threads or os.cpu_count() or 1
    meter = Meter()
    if contender.name in PEERS:
        answer = _PEERS[contender.name](work, threads)
        opening = meter.start()
        for task in work.tasks:
            meter.note(task.key, answer(task))
    elif contender.name == CEILING:
        context = Context(
            work.path, size=work.context, sequences=contender.parallel, threads=threads, whole=work.info.prefix
        )
        opening = meter.start()
        _decode_only(context, work, contender.parallel)
        meter.answers = {task.key: task.answer for task in work.tasks}
    else:
        engine = _Ours(work, meter, parallel=contender.parallel, threads=threads, **contender.options)
        extractor = Extractor(engine=engine, limits=Limits(_PATIENCE, _PATIENCE))
        opening = meter.start()
        for _ in extractor.extract_many(work.articles):
            pass
    # The ceiling is llama.cpp alone: our loop around it does not count.
    seconds = meter.decoding if contender.name == CEILING else meter.seconds
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    if missing := [task for task in work.tasks if task.key not in meter.answers]:
        raise RuntimeError(f"{len(missing)} of {len(work.tasks)} tasks have no answer")
    answers = [meter.answers[task.key] for task in work.tasks]
    words = lc.Llama(str(work.path), vocab_only=True, verbose=False)
    return Measured(
        opening=opening,
        seconds=seconds,
        first=meter.first,
        decoding=meter.decoding,
        steps=meter.steps,
        memory=memory,
        tokens=sum(len(words.tokenize(answer.encode(), add_bos=False)) for answer in answers),
        same=sum(answer == task.answer for answer, task in zip(answers, work.tasks, strict=True)),
        answers=answers,
    )


class _Ours(ForcedEngine):
    """Our engine, which tells a meter every answer."""

    def __init__(self, work: Work, meter: Meter, **options: Any) -> None:
        super().__init__(work.path, work.info, context=work.context, **options)
        self._meter = meter
        self.answers = {task.key: task.answer for task in work.tasks} if work.forced else {}

    async def create(self, *, request: Request, messages: list[dict[str, Any]], **kwargs: Any) -> ChatCompletion:
        completion = await super().create(request=request, messages=messages, **kwargs)
        self._meter.note((request.passage, request.grammar.rules), completion.choices[0].message.content or "")
        return completion


def _decode_only(context: Context, work: Work, sequences: int) -> None:
    """Read every prompt and decode as many tokens as its answer has, ``sequences`` at once, sampling nothing."""
    waiting = deque(
        (list(task.prompt), len(context.tokenise(task.answer.encode(), special=False))) for task in work.tasks
    )
    pending: list[list[int]] = [[] for _ in range(sequences)]
    held, left = [0] * sequences, [0] * sequences
    while waiting or any(pending):
        for slot in range(sequences):
            if not pending[slot] and waiting:
                pending[slot], left[slot] = waiting.popleft()
                held[slot] = 0
                context.truncate(slot, 0)
        runs, room = [], context.batch
        for slot in sorted(range(sequences), key=lambda slot: len(pending[slot])):
            part = pending[slot][:room]
            if not part:
                continue
            del pending[slot][: len(part)]
            room -= len(part)
            runs.append(Run(slot, held[slot], part, outputs=int(not pending[slot])))
            held[slot] += len(part)
            if not pending[slot]:
                left[slot] -= 1
                pending[slot] = part[-1:] if left[slot] else []
        context.decode(runs)


def _instructor(work: Work, threads: int) -> Answer:
    """instructor over llama-cpp-python, with that library's grammar passed: left to itself it has none."""
    import instructor
    from instructor.core.exceptions import IncompleteOutputException, InstructorRetryException

    llama, pieces = _llama(work, threads)
    mode = instructor.Mode.JSON_SCHEMA
    create: Any = instructor.patch(create=llama.create_chat_completion_openai_v1, mode=mode)
    grammars = {name: LlamaGrammar.from_json_schema(schema, verbose=False) for name, schema in work.schemas.items()}

    def answer(task: Task) -> str:
        hook = lc.LogitsProcessorList([_hook(work, task, llama, pieces)]) if work.forced else None
        try:
            found = create(
                response_model=kind(task.kind, KINDS[task.kind]).answer,
                context={"passage": task.passage},
                messages=list(task.messages),
                max_retries=Retrying(stop=stop_after_attempt(1)),
                grammar=grammars[task.kind],
                logits_processor=hook,
                temperature=0.0,
                max_tokens=work.room(task),
            )
            completion = found._raw_response
        except IncompleteOutputException as error:
            completion = error.last_completion
        except InstructorRetryException as error:
            completion = error.failed_attempts[-1].completion if error.failed_attempts else error.last_completion
        return completion.choices[0].message.content or ""

    return answer


def _outlines(work: Work, threads: int) -> Answer:
    import outlines
    from outlines.inputs import Chat
    from outlines.types import JsonSchema

    llama, pieces = _llama(work, threads)
    model = outlines.from_llamacpp(llama)
    processors = {
        name: outlines.Generator(model, JsonSchema(schema)).logits_processor for name, schema in work.schemas.items()
    }

    def answer(task: Task) -> str:
        processor = processors[task.kind]
        if work.forced:
            processor = _hook(work, task, llama, pieces, processor)
        generator = outlines.Generator(model, processor=processor)
        return _validated(task, generator(Chat(list(task.messages)), temperature=0.0, max_tokens=work.room(task)))

    return answer


def _guidance(work: Work, threads: int) -> Answer:
    import guidance

    llama, pieces = _llama(work, threads)
    model = guidance.models.LlamaCpp(llama, echo=False, enable_monitoring=False)
    room = min(work.room(task) for task in work.tasks)
    # Compact, as ours: its default writes a space after every comma and colon.
    grammars = {
        name: guidance.json(name="answer", schema=schema, temperature=0.0, max_tokens=room, separators=(",", ":"))
        for name, schema in work.schemas.items()
    }
    hook = GuidanceHook(model._interpreter.engine, pieces) if work.forced else None

    def answer(task: Task) -> str:
        if hook:
            hook.wanted, hook.prompt = _wanted(task, llama, pieces), task.text
        return _validated(task, (model + task.text + grammars[task.kind])["answer"])

    return answer


_PEERS: Mapping[str, Callable[[Work, int], Answer]] = {
    "instructor": _instructor,
    "outlines": _outlines,
    "guidance": _guidance,
}


def _llama(work: Work, threads: int) -> tuple[lc.Llama, list[bytes]]:
    """Open the model at llama-cpp-python's high level; returns the bytes of all tokens beside it."""
    llama = lc.Llama(str(work.path), n_ctx=work.context, n_threads=threads, n_threads_batch=threads, verbose=False)
    return llama, [llama.detokenize([token], special=True) for token in range(llama.n_vocab())]


def _wanted(task: Task, llama: lc.Llama, pieces: list[bytes]) -> Wanted:
    return Wanted(task.answer, lambda text: llama.tokenize(text, add_bos=False), pieces, llama.token_eos())


def _hook(work: Work, task: Task, llama: lc.Llama, pieces: list[bytes], inner: Any = None) -> LogitsHook:
    return LogitsHook(_wanted(task, llama, pieces), pieces, len(task.prompt), inner)


def _validated(task: Task, answer: str) -> str:
    """Validate as instructor does; what is wrong is wrong for all."""
    with suppress(ValidationError):
        kind(task.kind, KINDS[task.kind]).answer.model_validate_json(answer, context={"passage": task.passage})
    return answer
