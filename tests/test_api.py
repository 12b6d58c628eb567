"""The public names, pinned: a change here is a change for every program downstream."""

from __future__ import annotations

import inspect
from itertools import pairwise
from typing import Any

import pytest

import extractor
from extractor import Extractor, pipeline

from .conftest import REPOSITORY


def test_public_names() -> None:
    assert extractor.__all__ == [
        "Article",
        "Commitment",
        "DecodeError",
        "Dispute",
        "Duration",
        "Extraction",
        "Extractor",
        "ExtractorError",
        "Failure",
        "InputError",
        "Limits",
        "ModelError",
        "OutputError",
        "Participant",
        "PromptError",
        "Quote",
        "SchemaError",
        "extract",
    ]
    assert all(getattr(extractor, name).__doc__ for name in extractor.__all__)


def test_signatures() -> None:
    assert list(inspect.signature(extractor.Extractor).parameters) == [
        "model",
        "engine",
        "schema",
        "prompt",
        "threads",
        "context",
        "parallel",
        "window",
        "min_confidence",
        "limits",
    ]
    methods = [name for name in vars(extractor.Extractor) if not name.startswith("_")]
    assert methods == ["close", "extract", "aextract", "extract_many", "aextract_many", "unread"]


def test_records_below_a_confidence_are_left_out(bundled: Extractor) -> None:
    text = (REPOSITORY / "seeds" / "06-grain-corridor.txt").read_text("utf-8")
    every = bundled.extract(text)
    values = sorted(record.confidence for record in every.participants if record.confidence is not None)
    # In the widest gap, since what else is decoded at the time changes the last digits.
    low, high = max(pairwise(values), key=lambda pair: pair[1] - pair[0])
    middle = (low + high) / 2
    sure = Extractor(engine=bundled.engine, min_confidence=middle).extract(text)
    expected = [r.name.text for r in every.participants if r.confidence is None or r.confidence >= middle]
    assert [r.name.text for r in sure.participants] == expected
    assert 0 < len(sure.participants) < len(every.participants)
    assert sure.provenance.min_confidence == middle


def test_an_article_that_cannot_be_merged_fails_alone(bundled: Extractor, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pipeline.merge

    def broken(found: Any, text: str) -> Any:
        if text.startswith("Mali"):
            raise RuntimeError("no such luck")
        return whole(found, text)

    monkeypatch.setattr(pipeline, "merge", broken)
    extractions = bundled.extract_many(["Mali will wait.", "Chad will send ten trucks."])
    found = {one.complete: one.failures for one in extractions}
    assert found.keys() == {False, True}
    assert [(failure.stage, failure.message) for failure in found[False]] == [("fill", "RuntimeError: no such luck")]
