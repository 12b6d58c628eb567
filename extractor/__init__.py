"""Who committed to do what, for whom, under which condition, for how long: with the exact words as proof."""

from .article import Article
from .errors import (
    DecodeError,
    ExtractorError,
    InputError,
    ModelError,
    OutputError,
    PromptError,
    SchemaError,
)
from .pipeline import Extractor, Limits, extract
from .schemas import Commitment, Dispute, Duration, Extraction, Failure, Participant, Quote

__all__ = [
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
