"""The public names, pinned: a change here is a change for every program downstream."""

from __future__ import annotations

import inspect

import extractor


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
        "window",
        "limits",
    ]
    methods = [name for name in vars(extractor.Extractor) if not name.startswith("_")]
    assert methods == ["close", "extract", "aextract", "extract_many", "aextract_many", "unread"]
