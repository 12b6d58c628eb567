"""A GGUF model in this process, serving many requests at once (continuous batching; Yu et al. 2022, Orca).

One thread owns the context. Every step reads, in one decode, what each sequence has pending: a chunk of its
prompt, or the tokens it chose, those the grammar forces after them and a draft copied from the passage.
Each then goes on by as many tokens as it can, and one that is done makes room for the next request. A
prompt that a sequence holds is shared, not read again. Decoding is greedy under the grammar, and none of
this changes what is written.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import queue
import threading
import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import llguidance
import llguidance.numpy
import numpy as np
from llguidance.llamacpp import lltokenizer_from_vocab
from openai.types.chat import ChatCompletion

from ..errors import DecodeError, ExtractorError, ModelError
from ..prompting import segments
from .base import EngineInfo, Request, Stats, completion
from .context import Context, Run
from .drafts import Acceptance, Habits, Source, SourceDrafts
from .writing import Logits, Writing, agreement

_SHORT = 64  # pending tokens of a sequence that always fit beside the others


@dataclass
class _Job:
    """An answer to be written, and who waits for it."""

    writing: Writing
    future: asyncio.Future[None]
    left: bool = False
    number: int = field(default_factory=itertools.count().__next__)

    def settle(self, error: Exception | None) -> None:
        """Tell the one who waits, in its own thread, that the answer is written, or the error."""
        with suppress(RuntimeError):  # its loop is closed: nobody waits any more
            self.future.get_loop().call_soon_threadsafe(self._settle, error)

    def _settle(self, error: Exception | None) -> None:
        if self.future.done():
            return
        if error:
            self.future.set_exception(error)
        else:
            self.future.set_result(None)


@dataclass
class _Slot:
    """One sequence of the context: the tokens whose keys and values it holds, and who writes in it.

    A job whose prompt another slot is still reading is ``after`` that one's job, to copy so many tokens of it.
    """

    number: int
    held: list[int] = field(default_factory=list)
    job: _Job | None = None
    after: tuple[_Slot, _Job, int] | None = None


class LlamaEngine:
    """A model that answers up to ``parallel`` requests at once.

    ``context`` is in tokens for each (0 for what the model was trained with), ``drafts`` the most tokens to
    draft at once (0 for none); ``forced`` and ``shared`` switch forced tokens and the sharing of prompts off
    for comparison.
    """

    def __init__(
        self,
        path: Path,
        info: EngineInfo,
        *,
        context: int = 0,
        parallel: int = 1,
        threads: int = 0,
        drafts: int = 8,
        forced: bool = True,
        shared: bool = True,
    ) -> None:
        self.info = info
        self.parallel = parallel
        self.stats = Stats()
        self._drafts, self._forced, self._shared = drafts, forced, shared
        threads = threads or os.cpu_count() or 1
        self._context = Context(path, size=context, sequences=parallel, threads=threads, whole=info.prefix)
        self._closes = np.array([b"]}" in piece for piece in self._context.pieces], np.float32)
        with warnings.catch_warnings():
            # llguidance calls a function by a name that llama-cpp-python has since changed.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._tokenizer = lltokenizer_from_vocab(self._context.vocabulary)
        self._executor = llguidance.LLExecutor(threads)
        self._masks = llguidance.numpy.allocate_token_bitmask(parallel * (drafts + 1), self._tokenizer.vocab_size)
        self._acceptance, self._habits = Acceptance(), Habits()
        # The kinds of one passage come one after another.
        self._tokens = lru_cache(maxsize=64)(self._context.tokenise)
        self._source = lru_cache(maxsize=64)(self._read_source)
        self._slots = [_Slot(number) for number in range(parallel)]
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="llama", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Free the model; the engine cannot be used afterwards."""
        if self._thread.is_alive():
            self._jobs.put(None)
            self._thread.join()
            self._context.free()

    async def create(self, *, request: Request, messages: list[dict[str, Any]], **kwargs: Any) -> ChatCompletion:
        """See ``Engine.create``. A cancelled call gives its place up within one decode."""
        if not self._thread.is_alive():
            raise ModelError("the engine is closed", hint="Open another.")
        job = _Job(self._writing(request, messages), asyncio.get_running_loop().create_future())
        if not job.writing.done:
            self._jobs.put(job)
            try:
                await job.future
            finally:
                job.left = True
        writing = job.writing
        return completion(
            self.info.name,
            writing.text,
            whole=writing.whole,
            tokens=writing.tokens,
            prompt_tokens=len(writing.prompt),
        )

    def _writing(self, request: Request, messages: list[dict[str, Any]]) -> Writing:
        prompt = self._tokenise_prompt([*request.prompt.messages, *messages])
        if len(prompt) >= self._context.size:
            raise DecodeError(
                f"the prompt has {len(prompt)} tokens and the context holds {self._context.size}",
                stage="truncated",
                hint="Choose a larger --context or a smaller --window.",
            )
        matcher = llguidance.LLMatcher(self._tokenizer, request.grammar.lark(request.passage))
        if matcher.is_error():
            raise ModelError(
                f"the grammar was refused: {matcher.get_error()}", hint="Please report this with the article."
            )
        drafts = SourceDrafts(self._source(request.passage))
        return Writing(request, prompt, matcher, drafts, self._context, self._closes, forced=self._forced)

    def _read_source(self, passage: str) -> Source:
        return Source(passage, self._tokenizer.tokenize_bytes, self._context.pieces)

    def _tokenise_prompt(self, messages: Sequence[dict[str, Any]]) -> list[int]:
        context = self._context
        bos, eos = (context.piece(token).decode(errors="ignore") for token in (context.bos, context.eos))
        return context.add_bos(
            [
                token
                for segment in segments(context.chat_template, messages, bos=bos, eos=eos)
                for token in self._tokens(segment.text.encode(), segment.trusted)
            ]
        )

    # Everything below runs in the engine's thread.

    def _serve(self) -> None:
        while True:
            try:
                if not self._admit():
                    return
                began, inside = time.perf_counter(), self._context.seconds
                self._step()
                self.stats.seconds += time.perf_counter() - began
                self.stats.decoding += self._context.seconds - inside
            except Exception as error:
                failure = error if isinstance(error, ExtractorError) else _broken(error)
                for slot in self._slots:
                    self._end(slot, failure)
                    self._truncate(slot, 0)

    def _admit(self) -> bool:
        """Give free slots to waiting jobs; waits where there is nothing else to do. False at the end."""
        while free := [slot for slot in self._slots if not slot.job]:
            try:
                job = self._jobs.get(block=len(free) == len(self._slots))
            except queue.Empty:
                break
            if job is None:
                for slot in self._slots:
                    self._end(slot, ModelError("the engine was closed"))
                return False
            if not job.left:
                self._place(job, free)
        return True

    def _place(self, job: _Job, free: list[_Slot]) -> None:
        """Give ``job`` the free slot that holds most of its prompt, or else one with a copy of what another holds."""
        prompt = job.writing.prompt
        # Of equals, one that waits for nobody, and that is free.
        source = max(self._slots, key=lambda slot: (self._shareable(slot, prompt), not slot.after, not slot.job))
        length = self._shareable(source, prompt)
        slot = source if length and not source.job else min(free, key=lambda slot: len(slot.held))
        slot.job = job
        job.writing.pending = prompt + job.writing.pending
        if source is not slot and length > len(source.held):
            assert source.job
            self._truncate(slot, 0)
            slot.after = (source, source.job, length)
        elif source is not slot and length:
            self._copy(source, slot, length)
        else:
            self._hold(slot, length)

    def _shareable(self, slot: _Slot, prompt: list[int]) -> int:
        """Count the tokens of ``prompt`` that ``slot`` holds, or will hold once its own prompt is read."""
        if not self._shared:
            return 0
        there = slot.job.writing.prompt if slot.job else slot.held
        if self.info.prefix:  # what is read in both directions is the same only as a whole
            return len(prompt) if there[: len(prompt)] == prompt else 0
        return agreement(there, prompt)

    def _hold(self, slot: _Slot, length: int) -> None:
        """Keep the first ``length`` tokens that ``slot`` holds: its job need not read them.

        It reads one at least, for the logits after it.
        """
        assert slot.job
        length = min(length, len(slot.job.writing.pending) - 1)
        self._truncate(slot, length)
        del slot.job.writing.pending[:length]

    def _copy(self, source: _Slot, slot: _Slot, length: int) -> None:
        self._context.copy(source.number, slot.number, length)
        slot.held = source.held[:length]
        self._hold(slot, length)

    def _truncate(self, slot: _Slot, length: int) -> None:
        del slot.held[length:]
        self._context.truncate(slot.number, length)

    def _step(self) -> None:
        """Read once for every sequence, and let each write on."""
        for slot in self._slots:
            if slot.job and slot.job.left:
                self._end(slot, None)
            elif slot.job and slot.job.writing.request.expired():
                late = DecodeError("the time for this article was up", stage="timeout", hint="Raise --timeout.")
                self._end(slot, late)
        self._follow()
        if self.info.prefix:
            self._read_prompts()
            self._follow()
        if runs := self._runs():
            logits = self._context.decode([run for _, _, run in runs])
            self.stats.steps += 1
            self._advance(runs, logits)

    def _follow(self) -> None:
        """Copy to the slots that wait what another one has read by now."""
        for slot in self._slots:
            if not slot.job or not slot.after:
                continue
            source, job, length = slot.after
            if source.held[:length] == slot.job.writing.prompt[:length]:
                slot.after = None
                self._copy(source, slot, length)
            elif source.job is not job:  # it ended before it had read so far
                slot.after = None
                self._hold(slot, 0)

    def _read_prompts(self) -> None:
        """Read the prompts of new jobs in both directions, as many at once as the batch holds."""
        new = [(slot, slot.job.writing.prompt) for slot in self._slots if slot.job and not slot.after and not slot.held]
        while new:
            part, room = [], self._context.batch
            while new and len(new[0][1]) <= room:
                room -= len(new[0][1])
                part.append(new.pop(0))
            self._context.decode([Run(slot.number, 0, prompt, 0) for slot, prompt in part], causal=False)
            self.stats.steps += 1
            for slot, prompt in part:
                slot.held = list(prompt)
                # The last token sees the whole prompt either way: where it is read again, nothing changes.
                self._hold(slot, len(prompt))

    def _runs(self) -> list[tuple[_Slot, Writing, Run]]:
        """Choose what to read now, with drafts: what is short, then the oldest, while there is room."""
        ready = [(slot, slot.job) for slot in self._slots if slot.job and not slot.after]
        ready.sort(key=lambda one: (len(one[1].writing.pending) > _SHORT, one[1].number))
        runs, room = [], self._context.batch
        for slot, job in ready:
            writing = job.writing
            part = writing.pending[:room]
            room -= len(part)
            del writing.pending[: len(part)]
            outputs = 0
            if not writing.pending:
                writing.guess(self._acceptance, self._habits, min(self._drafts, room), len(ready))
                room -= len(writing.draft)
                outputs = 1 + len(writing.draft)
            if part:
                runs.append((slot, writing, Run(slot.number, len(slot.held), part + writing.draft, outputs)))
                slot.held += part + writing.draft
        return runs

    def _advance(self, runs: list[tuple[_Slot, Writing, Run]], logits: Logits) -> None:
        """Let every sequence whose pending tokens are read write on, with all masks made at once."""
        row, rows, plain, drafted = 0, [], [], []
        for _, writing, run in runs:
            rows.append(slice(row, row + run.outputs))
            if writing.draft:
                drafted.append((writing.matcher, row, writing.draft))
            elif run.outputs:
                plain.append((writing.matcher, row))
            row += run.outputs
        if plain:
            llguidance.numpy.fill_next_token_bitmask_par(self._executor, plain, self._masks)
        if drafted:
            llguidance.numpy.fill_next_token_bitmask_par_with_draft_tokens(self._executor, drafted, self._masks)
        for (slot, writing, run), its in zip(runs, rows, strict=True):
            if not run.outputs:
                continue
            kept = 1 + writing.advance(logits[its], self._masks[its], self._acceptance, self._habits)
            if kept < run.outputs:
                self._truncate(slot, len(slot.held) - run.outputs + kept)
            if writing.done:
                self._end(slot, None)

    def _end(self, slot: _Slot, error: Exception | None) -> None:
        """Free a slot; what it holds may serve the next job."""
        if slot.job:
            self.stats.add(slot.job.writing.stats)
            slot.job.settle(error)
        slot.job = slot.after = None


def _broken(error: Exception) -> ModelError:
    return ModelError(f"the engine failed: {type(error).__name__}: {error}", hint="Please report this.")
