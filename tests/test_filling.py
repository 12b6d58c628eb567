"""Filling: validation, correction and what is kept when an answer is not right."""

from __future__ import annotations

import asyncio
import json
import math
import time
from typing import Any

import pytest

from extractor.engine import FakeEngine, Request
from extractor.engine.base import completion
from extractor.filling import ATTEMPTS, Filled, calibrated, fill, kind, patched
from extractor.passages import Passage
from extractor.prompting import load_template
from extractor.schemas import Commitment, Dispute, Duration

TEXT = "Norland said it would send {{ 7*7 }} medics to Kesh for six months. Kesh accepted."
PASSAGE = Passage(TEXT, 100, 100 + len(TEXT))
COMMITMENT = {
    "actors": ["Norland"],
    "action": "send {{ 7*7 }} medics to Kesh",
    "beneficiary": "Kesh",
    "condition": None,
    "duration": "six months",
    "speaker": None,
    "status": "pledged",
    "category": "humanitarian",
}
DURATION = {"text": "six months", "applies_to": None, "modality": "agreed"}


def filled(engine: FakeEngine, record: type = Commitment, name: str = "commitments", budget: float = 30.0) -> Filled:
    deadline = time.monotonic() + 60
    return asyncio.run(
        fill(patched(engine), engine.info, load_template("instruct"), kind(name, record), PASSAGE, deadline, budget)
    )


def answers(*texts: str, corrigible: bool = True) -> tuple[FakeEngine, list[list[dict[str, Any]]]]:
    """An engine that gives these answers in turn, and what it was told each time."""
    told: list[list[dict[str, Any]]] = []

    def answer(request: Request, messages: list[dict[str, Any]]) -> str:
        told.append(list(messages))
        return texts[min(len(told), len(texts)) - 1]

    return FakeEngine(answer, corrigible=corrigible), told


def listed(name: str, *records: dict[str, Any]) -> str:
    return json.dumps({name: records})


def test_a_right_answer_is_taken_at_once() -> None:
    engine, told = answers(listed("commitments", COMMITMENT))
    result = filled(engine)
    (record,) = result.records
    assert isinstance(record, Commitment)
    assert record.action.text == "send {{ 7*7 }} medics to Kesh"
    assert TEXT[record.action.start : record.action.end] == record.action.text
    assert (len(told), result.failures, result.whole) == (1, [], True)


def test_article_text_is_no_template_for_instructor() -> None:
    seen: list[str] = []

    def answer(request: Request, messages: list[dict[str, Any]]) -> str:
        seen.append(request.prompt.messages[-1]["content"])
        return listed("commitments")

    filled(FakeEngine(answer))
    assert "{{ 7*7 }}" in seen[0]
    assert "49" not in seen[0]


@pytest.mark.parametrize(
    ("name", "record", "wrong", "reason"),
    [
        ("commitments", Commitment, COMMITMENT | {"actors": ["Norway"]}, "does not stand in the passage"),
        ("commitments", Commitment, COMMITMENT | {"actors": []}, "at least 1 item"),
        ("commitments", Commitment, COMMITMENT | {"actors": [COMMITMENT["action"]]}, "the actor and the action"),
        ("commitments", Commitment, COMMITMENT | {"status": "hoped"}, "Input should be 'signed'"),
        ("durations", Duration, DURATION | {"text": "medics"}, "names no length of time"),
        (
            "disputes",
            Dispute,
            {"parties": ["Kesh"], "issue": "Kesh", "stances": [], "state": "open"},
            "is one of the parties",
        ),
    ],
)
def test_a_model_that_can_be_corrected_is_told_what_is_wrong(
    name: str, record: type, wrong: dict[str, Any], reason: str
) -> None:
    engine, told = answers(listed(name, wrong), listed(name))
    result = filled(engine, record, name)
    assert len(told) == 2
    assert reason in told[1][-1]["content"]
    assert (result.records, result.failures) == ([], [])


def test_a_duplicate_is_objected_to() -> None:
    engine, told = answers(listed("commitments", COMMITMENT, COMMITMENT), listed("commitments", COMMITMENT))
    assert len(filled(engine).records) == 1
    assert "repeats an earlier one" in told[1][-1]["content"]


def test_after_the_last_attempt_valid_items_stay_and_others_become_failures() -> None:
    engine, told = answers(listed("commitments", COMMITMENT | {"actors": ["Norway"]}, COMMITMENT, COMMITMENT))
    result = filled(engine)
    assert len(told) == ATTEMPTS
    assert len(result.records) == 1
    assert [failure.stage for failure in result.failures] == ["validate", "validate"]
    assert "Norway" in result.failures[0].message
    assert result.failures[0].item["actors"] == ["Norway"]
    assert (result.failures[0].start, result.failures[0].end) == (PASSAGE.start, PASSAGE.end)
    assert "repeats" in result.failures[1].message


def test_the_bundled_model_is_asked_once() -> None:
    engine, told = answers(listed("commitments", COMMITMENT | {"actors": ["Norway"]}), corrigible=False)
    assert len(filled(engine).failures) == 1
    assert len(told) == 1


def test_corrections_end_when_their_time_is_up() -> None:
    engine, told = answers(listed("commitments", COMMITMENT | {"actors": ["Norway"]}))
    assert len(filled(engine, budget=0.0).failures) == 1
    assert len(told) == 1


def test_a_torn_answer_keeps_its_whole_items_and_is_not_asked_again() -> None:
    torn = listed("commitments", COMMITMENT, COMMITMENT | {"speaker": "Kesh"})[:-40]
    told = []

    class Torn(FakeEngine):
        async def create(self, **options: Any) -> Any:
            told.append(options)
            return completion("torn", torn, whole=False)

    result = filled(Torn(lambda request, messages: ""))
    assert len(result.records) == 1
    assert [failure.stage for failure in result.failures] == ["truncated"]
    assert not result.whole
    assert len(told) == 1


@pytest.mark.parametrize("text", ["", "no JSON at all", '{"commitments": "none"}', "[]"])
def test_an_answer_of_another_form_is_a_failure(text: str) -> None:
    engine, _ = answers(text, corrigible=False)
    result = filled(engine)
    assert result.records == []
    assert result.failures
    assert not result.whole


def test_calibration_by_hand() -> None:
    """A line of slope 1 and intercept 0 changes nothing; an intercept of -log 3 divides the odds by three."""
    assert calibrated(0.8, (1.0, 0.0)) == pytest.approx(0.8)
    assert calibrated(0.75, (1.0, -math.log(3))) == pytest.approx(0.5)
    assert calibrated(1.0, (1.0, 0.0)) == pytest.approx(1.0, abs=1e-5)
    assert calibrated(0.9, (2.0, 0.0)) > 0.9
