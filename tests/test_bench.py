"""The bench: what is computed of its runs is right, and what it forces is what is written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import llama_cpp as lc
import numpy as np
import pytest

from extractor.article import Article
from extractor.engine import Request
from extractor.engine.context import Context, Run
from extractor.evals.bench import contenders, qwen, report
from extractor.evals.bench.__main__ import SEEDS, figures_of
from extractor.evals.bench.contenders import Measured
from extractor.evals.bench.forced import ForcedEngine, LogitsHook, Wanted
from extractor.evals.bench.report import Figures, Result
from extractor.evals.bench.tasks import Work, gold_answer, prepare
from extractor.evals.evaluation import GOLD
from extractor.evals.gold_files import Gold, load
from extractor.filling import kind
from extractor.passages import Passage
from extractor.pipeline import KINDS
from extractor.prompting import Prompt
from extractor.schemas import Commitment, Duration

FIGURES = Figures(10, 100, 50, 0.5, 1.5, 200, 0.75, 1, 0.1)


def result(contender: str, parallel: int, round: int, speed: float, **figures: Any) -> Result:
    return Result("tiny", contender, parallel, round, replace(FIGURES, articles_per_minute=speed, **figures))


RESULTS = [
    result("instructor", 1, 0, 2), result("all on", 1, 0, 10), result("all on", 4, 0, 18), result("ceiling", 4, 0, 20),
    result("instructor", 1, 1, 4), result("all on", 1, 1, 12), result("all on", 4, 1, 20), result("ceiling", 4, 1, 30),
    result("instructor", 1, 2, 3), result("all on", 1, 2, 9), result("all on", 4, 2, 27), result("ceiling", 4, 2, 27),
]  # fmt: skip


def test_runs_become_medians_and_ratios_within_a_round() -> None:
    objects = {(one["contender"], one["parallel"]): one for one in report.aggregate(RESULTS)}
    assert list(objects) == [("instructor", 1), ("all on", 1), ("all on", 4), ("ceiling", 4)]
    assert objects["instructor", 1]["ratios"] == {}
    one, four = objects["all on", 1], objects["all on", 4]
    assert (one["articles_per_minute"], one["spread"], one["rounds"]) == (10, [9, 12], 3)
    assert one["ratios"] == {"over_instructor": 3}  # the median of 5, 3 and 3; no ceiling ran at N = 1
    assert four["ratios"] == {"over_instructor": 9, "time_over_ceiling": 1.1111}
    assert four["llama_share"] == 0.75


def test_a_run_without_a_record_leaves_no_time_to_the_first() -> None:
    (one,) = report.aggregate([result("off", 1, 0, 5), result("off", 1, 1, 5, first_record_s=None)])
    assert one["first_record_s"] is None


def test_counts_and_times_become_figures() -> None:
    measured = Measured(
        opening=1, seconds=30, first=None, decoding=24, steps=50, memory=2**21, tokens=100, same=1, answers=["", ""]
    )
    assert figures_of(measured, 5) == Figures(
        articles_per_minute=10,
        tokens_per_second=100 / 30,
        tokens_per_article=20,
        steps_per_token=0.5,
        first_record_s=None,
        peak_mib=2,
        llama_share=0.8,
        same_share=0.5,
        opening_s=1,
    )


def test_the_table_has_a_row_for_each_contender_and_n() -> None:
    lines = report.table(report.aggregate(RESULTS)).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert [line.split(" | ")[:3] for line in lines[2:]] == [
        ["| instructor", "1", "3.00"],
        ["| all on", "1", "10.00"],
        ["| all on", "4", "20.00"],
        ["| ceiling", "4", "27.00"],
    ]
    assert lines[4].endswith("| 0.50 | 1.50 | 200 | 75% | 100% | 9.00 | 1.11 |")


def test_the_chart_is_well_formed_and_its_bars_are_to_scale() -> None:
    odd = [replace(one, model="<tiny> & co") for one in RESULTS]
    svg = ElementTree.fromstring(report.chart(report.aggregate([*RESULTS, *odd])))
    space = "{http://www.w3.org/2000/svg}"
    bars = [bar for bar in svg.iter(f"{space}rect") if bar.get("class")]
    widths = [float(bar.get("width", "")) for bar in bars]
    assert len(bars) == 8
    assert widths[1] / widths[0] == pytest.approx(10 / 3, rel=0.01)
    assert [bar.get("class") for bar in bars[:4]] == ["peer", "ours", "ours", "ceiling"]
    assert any("<tiny> & co" in (text.text or "") for text in svg.iter(f"{space}text"))


def test_the_page_is_written_between_its_markers_only() -> None:
    readme = f"# Bench\n\n{report.BEGIN}\nold\n{report.END}\n\nAfter.\n"
    objects = report.aggregate(RESULTS)
    once = report.page(readme, "3 rounds.", objects, {"tiny: outlines, N = 1": "a package is missing (outlines)"})
    assert once.startswith(f"# Bench\n\n{report.BEGIN}\n\n3 rounds.")
    assert once.endswith(f"{report.END}\n\nAfter.\n")
    assert "- tiny: outlines, N = 1: a package is missing (outlines)" in once
    assert "old" not in once
    assert report.page(once, "3 rounds.", [], {}).count("tiny") == 0


PIECES = [b"", b"ab", b"c", b"abc", b"b"]


def tokenise(text: bytes) -> list[int]:
    """Cut at the longest piece that fits."""
    tokens = []
    while text:
        tokens.append(max((t for t, piece in enumerate(PIECES) if piece and text.startswith(piece)), key=_length))
        text = text[len(PIECES[tokens[-1]]) :]
    return tokens


def _length(token: int) -> int:
    return len(PIECES[token])


@pytest.mark.parametrize(("at", "token"), [(0, 3), (3, 1), (1, 4), (2, 2), (4, 4), (5, 0), (9, 0)])
def test_the_next_token_is_known_at_every_byte(at: int, token: int) -> None:
    assert Wanted("abcab", tokenise, PIECES, end=0).token(at) == token


def test_a_logits_processor_raises_what_is_wanted_and_hands_on() -> None:
    seen: list[Sequence[int]] = []

    def inner(ids: Sequence[int], logits: np.ndarray) -> np.ndarray:
        seen.append(ids)
        return -logits

    hook = LogitsHook(Wanted("abcab", tokenise, PIECES, end=0), PIECES, 2, inner)
    assert hook([4, 4, 3], np.zeros(5)).argmin() == 1
    assert seen == [[4, 4, 3]]


GOLD_RECORDS = {
    "commitments": [
        {"actors": [{"text": "Kenya", "start": 0, "end": 5}], "action": {"text": "send", "start": 11, "end": 15},
         "beneficiary": {"text": "Chad", "start": 23, "end": 27}, "condition": None, "duration": None,
         "speaker": None, "status": "pledged", "category": "aid"},
    ],
    "durations": [
        {"text": {"text": "six days", "start": 33, "end": 41}, "applies_to": None, "modality": "agreed",
         "value": "P6D", "mod": None},
    ],
}  # fmt: skip
TEXT = "Kenya will send aid to Chad. For six days or two years."


def test_a_gold_answer_holds_the_records_of_its_passage() -> None:
    commitments, durations = kind("commitments", Commitment), kind("durations", Duration)
    whole, first = Passage(TEXT, 0, len(TEXT)), Passage(TEXT[:22], 0, 22)
    (record,) = json.loads(gold_answer(commitments, whole, GOLD_RECORDS["commitments"]))["commitments"]
    assert list(record)[:3] == ["actors", "action", "beneficiary"]
    assert gold_answer(commitments, first, GOLD_RECORDS["commitments"]) == '{"commitments":[]}'  # Chad is not in it
    written = json.loads(gold_answer(durations, whole, GOLD_RECORDS["durations"]))["durations"]
    assert [(one["text"], one["modality"]) for one in written] == [("six days", "agreed"), ("two years", "elapsed")]


@pytest.fixture(scope="module")
def random_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model of random weights with the bundled vocabulary's form."""
    torch = pytest.importorskip("torch", reason="a model of random weights is made with the extra [train]")
    from training import labelled, tokenizer
    from training.decoder import Decoder, Shape
    from training.export import export

    folder = tmp_path_factory.mktemp("random")
    tokenizer.train([row["text"] for row in labelled.written()], 600, folder / "tokenizer.json")
    torch.manual_seed(3)
    shape = Shape(vocabulary=600, width=64, layers=1, heads=2, hidden=64)
    export(Decoder(shape).state_dict(), shape, folder / "tokenizer.json", folder / "random.gguf", name="random")
    return folder / "random.gguf"


@pytest.fixture(scope="module")
def work(random_gguf: Path) -> Work:
    """The first 60 words of a seed article and its gold records."""
    (gold,) = [one for one in load(GOLD, [SEEDS]) if isinstance(one, Gold) and one.name.startswith("06")]
    beginning = Article(" ".join(gold.article.text.split(" ")[:60]), id=gold.name)
    work = prepare("random", random_gguf, 1024, True, [replace(gold, article=beginning)])
    assert sum("[{" in task.answer for task in work.tasks) >= 2
    return work


@pytest.mark.parametrize("options", [{}, {"drafts": 0, "forced": False, "shared": False}])
def test_our_engine_writes_exactly_what_is_wanted(work: Work, options: dict[str, Any]) -> None:
    with closing(ForcedEngine(work.path, work.info, context=1024, parallel=2, threads=1, **options)) as engine:
        engine.answers = {task.key: task.answer for task in work.tasks}

        async def write() -> list[str | None]:
            requests = [
                Request(Prompt(task.messages), grammar, task.passage)
                for task in work.tasks
                if (grammar := kind(task.kind, KINDS[task.kind]).grammar_of(task.passage))
            ]
            answers = await asyncio.gather(*(engine.create(request=one, messages=[]) for one in requests))
            return [answer.choices[0].message.content for answer in answers]

        assert asyncio.run(write()) == [task.answer for task in work.tasks]


@pytest.mark.parametrize("forced", [True, False])
def test_what_is_measured_is_work_done(work: Work, forced: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (lc, lc.llama_cpp):
        monkeypatch.setattr(module, "llama_decode", lc.llama_decode)  # put back afterwards
    one = contenders.Contender("all on", 2, {"forced": forced})
    measured = contenders.measure(replace(work, forced=forced), one, threads=1)
    assert all(
        json.loads(answer)[task.kind] is not None for answer, task in zip(measured.answers, work.tasks, strict=True)
    )
    assert (measured.same == len(work.tasks)) == forced
    assert measured.tokens > measured.steps > 0
    assert measured.seconds > measured.decoding > 0
    assert measured.memory > 2**20
    with pytest.raises(RuntimeError, match="1 of"):
        contenders.measure(
            replace(work, tasks=[*work.tasks, replace(work.tasks[0], passage="another")]), one, threads=1
        )


def test_instructor_on_llama_cpp_writes_exactly_what_is_wanted(work: Work) -> None:
    answer = contenders._instructor(work, 1)
    assert [answer(task) for task in work.tasks] == [task.answer for task in work.tasks]


def test_the_ceiling_decodes_as_many_tokens_as_the_others(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    context = Context(work.path, size=1024, sequences=3, threads=1, whole=True)
    read: list[int] = []
    decode = context.decode

    def counted(runs: Sequence[Run]) -> Any:
        assert len({run.sequence for run in runs}) == len(runs) <= 3
        read.append(sum(len(run.tokens) for run in runs))
        return decode(runs)

    monkeypatch.setattr(context, "decode", counted)
    contenders._decode_only(context, work, 3)
    answers = [context.tokenise(task.answer.encode(), special=False) for task in work.tasks]
    # The last token of an answer is chosen and not read.
    assert sum(read) == sum(
        len(task.prompt) + len(answer) - 1 for task, answer in zip(work.tasks, answers, strict=True)
    )
    assert max(map(len, answers)) <= len(read) < sum(map(len, answers))
    context.free()


def test_the_model_of_random_weights_runs(random_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"LAYERS": 1, "WIDTH": 64, "HIDDEN": 96, "HEADS": 2, "HEADS_KV": 1}.items():
        monkeypatch.setattr(qwen, name, value)
    qwen.write(tmp_path / "tiny.gguf", random_gguf)
    context = Context(tmp_path / "tiny.gguf", size=64, sequences=1, threads=1, whole=False)
    tokens = context.tokenise(TEXT.encode(), special=False)
    logits = context.decode([Run(0, 0, tokens, 1)])
    assert b"".join(map(context.piece, tokens)).decode() == TEXT
    assert logits.shape == (1, 600)
    assert np.isfinite(logits).all()
    assert logits.std() > 0
    context.free()
