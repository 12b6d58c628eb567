"""Prompt -> validated records of one kind from one passage, through instructor and tenacity.

instructor's stock JSON_SCHEMA mode sends a ``response_format`` that llama.cpp's Python binding
ignores, and renders messages as Jinja templates when it gets a validation context. So the grammar
and the prompt travel in ``request``, which instructor hands through untouched, and ``messages`` hold
nothing but its objections.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any, ClassVar, cast

import instructor
from instructor.core.exceptions import IncompleteOutputException, InstructorRetryException
from openai.types.chat import ChatCompletion
from pydantic import AfterValidator, BaseModel, Field, TypeAdapter, ValidationError, create_model
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, stop_after_delay

from .engine.base import Engine, EngineInfo, Request
from .errors import DecodeError, ExtractorError
from .grammar import Grammar, build, listing
from .measures import find_durations
from .normalising import normalise_duration
from .passages import Passage
from .prompting import Template
from .schemas import Commitment, Dispute, Duration, Failure

# Without a handler of its own, instructor's log lines would reach the user's terminal.
logging.getLogger("instructor").addHandler(logging.NullHandler())

MOST_RECORDS = 24  # of one kind in one passage
ATTEMPTS = 3  # of a model that can be corrected


@dataclass(frozen=True)
class Kind:
    """One list to fill: its name in the answer, what its records are, and the grammar of the answer."""

    name: str
    record: type[BaseModel]
    item: TypeAdapter[Any]
    answer: type[BaseModel]
    grammar: Grammar
    find: Callable[[str], list[tuple[int, int]]] | None = None  # where the records are, when that is known by form

    def grammar_of(self, passage: str) -> Grammar | None:
        """The grammar of the answer for a passage; None when the answer can only be empty."""
        if self.find is None:
            return self.grammar
        found = [passage[start:end] for start, end in self.find(passage)][:MOST_RECORDS]
        return listing(self.grammar, self.name, self.record, found) if found else None


@dataclass
class Filled:
    """Valid records of one kind, in the passage's offsets, and what went wrong."""

    records: list[BaseModel] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    whole: bool = True


@lru_cache(maxsize=32)
def kind(name: str, record: type[BaseModel]) -> Kind:
    """Prepare a kind. Raises ``SchemaError`` for a record that no grammar can express."""
    build(record)  # so that an error names the record's own path
    item: Any = Annotated[record, AfterValidator(_check)]
    items: Any = Annotated[list[item], Field(max_length=MOST_RECORDS), AfterValidator(_no_duplicates)]
    fields: Any = {name: (items, ...)}
    answer = create_model(f"{record.__name__}List", __base__=_Answer, **fields)
    find = find_durations if record is Duration else None
    # Wrapped here once; instructor would wrap it for every call.
    return Kind(name, record, TypeAdapter(item), instructor.openai_schema(answer), build(answer), find)


class _Answer(BaseModel):
    """Makes its JSON schema, which instructor asks for at every call, only once."""

    _made: ClassVar[dict[type[BaseModel], dict[str, Any]]] = {}

    @classmethod
    def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:
        if args or options:
            return super().model_json_schema(*args, **options)
        if cls not in cls._made:
            cls._made[cls] = super().model_json_schema()
        return cls._made[cls]


def _check(record: BaseModel) -> BaseModel:
    """Object to what the grammar admits and the meaning forbids."""
    match record:
        case Commitment() if any(actor.text == record.action.text for actor in record.actors):
            raise ValueError(
                f"the actor and the action are both {record.action.text!r}; name who acts and what is done"
            )
        case Duration() if normalise_duration(record.text.text) is None:
            raise ValueError(f"{record.text.text!r} names no length of time")
        case Dispute() if any(party.text == record.issue.text for party in record.parties):
            raise ValueError(f"the issue {record.issue.text!r} is one of the parties")
    return record


def _no_duplicates(records: list[BaseModel]) -> list[BaseModel]:
    for number, record in enumerate(records):
        if record in records[:number]:
            raise ValueError(f"record {number + 1} repeats an earlier one; give each only once")
    return records


Create = Callable[..., Awaitable[Any]]


def patched(engine: Engine) -> Create:
    """Let instructor ask ``engine``, validate what comes and ask again."""
    patch: Any = instructor.patch  # typed for OpenAI's own clients
    return cast(Create, patch(create=engine.create, mode=instructor.Mode.JSON_SCHEMA))


async def fill(
    create: Create, info: EngineInfo, template: Template, kind: Kind, passage: Passage, deadline: float, budget: float
) -> Filled:
    """Ask the model, by what ``patched`` returned, for the records of one kind in one passage.

    ``deadline`` is on the clock of ``time.monotonic``; ``budget`` limits the seconds spent on
    corrections. What goes wrong with single records becomes failures; ``ModelError`` is raised.
    """
    grammar = kind.grammar_of(passage.text)
    if grammar is None:
        return Filled()
    prompt = template.render(passage.text, kind.name, kind.record)
    closing = info.closing.get(kind.name, 0.0)
    request = Request(prompt, grammar, passage.text, closing=closing, deadline=deadline)
    retrying = AsyncRetrying(
        stop=stop_after_attempt(ATTEMPTS if info.corrigible else 1) | stop_after_delay(budget),
        retry=retry_if_exception_type(ValidationError),
        reraise=True,
    )
    filled = Filled()
    try:
        answer = await create(
            response_model=kind.answer,
            context={"passage": passage.text},
            max_retries=retrying,
            messages=[],
            request=request,
        )
        last = answer._raw_response
    except IncompleteOutputException as error:
        last = error.last_completion
        filled.whole = False
        filled.failures.append(_failure("truncated", "the answer was cut short: too many tokens", kind, passage))
    except InstructorRetryException as error:
        cause = error.__cause__
        if isinstance(cause, DecodeError):
            filled.whole = False
            filled.failures.append(_failure(cause.stage, str(cause), kind, passage))
            return filled
        if isinstance(cause, ExtractorError) or not error.failed_attempts:
            raise cause or error from None
        last = error.failed_attempts[-1].completion
    _collect(last, kind, passage, filled, info.calibration.get(kind.name))
    return filled


def _failure(stage: str, message: str, kind: Kind, passage: Passage, item: Any = None) -> Failure:
    return Failure(stage=stage, message=message, kind=kind.name, start=passage.start, end=passage.end, item=item)


def _collect(
    completion: ChatCompletion, kind: Kind, passage: Passage, filled: Filled, line: tuple[float, float] | None
) -> None:
    """Validate the items of an answer one by one, so that a bad one costs only itself."""
    choice = completion.choices[0]
    text = choice.message.content or ""
    tokens = choice.logprobs.content or [] if choice.logprobs else []
    seen: list[BaseModel] = []
    for item, start, end in _items(text, kind.name):
        try:
            record = kind.item.validate_python(item, context={"passage": passage.text})
        except ValidationError as error:
            filled.failures.append(_failure("validate", _reasons(error), kind, passage, item))
            continue
        if record in seen:
            filled.failures.append(_failure("validate", "repeats an earlier record", kind, passage, item))
            continue
        seen.append(record)
        if "confidence" in kind.record.model_fields:
            raw = _confidence(text, tokens, start, end)
            record = record.model_copy(update={"confidence": calibrated(raw, line) if line and raw else raw})
        filled.records.append(record)
    if filled.whole and not _has_list(text, kind.name):
        filled.failures.append(
            _failure("fill", f"the answer is no JSON object with a list {kind.name}", kind, passage, text)
        )
        filled.whole = False


def _reasons(error: ValidationError) -> str:
    found = ((".".join(map(str, e["loc"])), e["msg"].removeprefix("Value error, ")) for e in error.errors())
    return "; ".join(f"{place}: {reason}" if place else reason for place, reason in found)


def _has_list(text: str, name: str) -> bool:
    try:
        answer = json.loads(text)
    except json.JSONDecodeError:
        return False
    return isinstance(answer, dict) and isinstance(answer.get(name), list)


def _items(text: str, name: str) -> Iterator[tuple[Any, int, int]]:
    """Yield the whole items of the list ``name`` with their extent in ``text``, even of a torn answer."""
    decoder = json.JSONDecoder()
    opening = text.find("[", text.find(json.dumps(name)))
    at = opening + 1
    while opening >= 0 and at < len(text):
        if text[at] in " \t\r\n,":
            at += 1
            continue
        try:
            item, end = decoder.raw_decode(text, at)
        except json.JSONDecodeError:
            return
        yield item, at, end
        at = end


def calibrated(confidence: float, line: tuple[float, float]) -> float:
    """Map a raw confidence to a share that is right: ``line`` is (slope, intercept) on the log-odds (Platt 1999)."""
    odds = math.log(min(confidence, 1 - 1e-6) / (1 - min(confidence, 1 - 1e-6)))
    return 1 / (1 + math.exp(-(line[0] * odds + line[1])))


def _confidence(text: str, tokens: list[Any], start: int, end: int) -> float | None:
    """Geometric mean of the probabilities of the chosen tokens that write ``text[start:end]``."""
    if not tokens:
        return None
    begin, finish = len(text[:start].encode()), len(text[:end].encode())
    at, chosen = 0, []
    for token in tokens:
        if begin <= at < finish and token.logprob < 0:
            chosen.append(token.logprob)
        at += len(token.bytes or ())
    return math.exp(sum(chosen) / len(chosen)) if chosen else 1.0
