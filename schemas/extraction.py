"""The result for one article."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from .commitments import Commitment
from .disputes import Dispute
from .durations import Duration
from .participants import Participant


class Source(BaseModel):
    """Which article was read."""

    id: str = Field(description="the file's name without its ending, or the JSON field id")
    title: str | None = None
    source: str | None = Field(default=None, description="where it was published, as the input says")
    published: str | None = Field(default=None, description="ISO 8601 date, as far as the input says")
    sha256: str | None = Field(description="of the article's text in UTF-8; null when it could not be read")


class Failure(BaseModel):
    """Something that could not be extracted; the rest of the article is not affected."""

    stage: str = Field(description="read, fill, validate, truncated or timeout")
    message: str = Field(description="what went wrong, in words")
    kind: str | None = Field(default=None, description="which list it would have gone to")
    start: int | None = Field(default=None, description="offset of the passage in the article")
    end: int | None = None
    item: Any = Field(default=None, description="what the model wrote, if it wrote something")


class Provenance(BaseModel):
    """What the result depends on: with equal provenance and text, the records are equal."""

    model: str
    model_sha256: str | None = Field(description="null for a model behind a server")
    prompt_sha256: str
    schema_sha256: str
    versions: dict[str, str] = Field(description="of the packages that take part")
    seed: int
    window: int = Field(description="words in a passage; 0 when whole articles are read")
    min_confidence: float = Field(default=0.0, description="records below it were left out")


class Extraction(BaseModel):
    """Everything found in one article. For each quote, ``article.text[start:end] == text``."""

    model_config = ConfigDict(extra="forbid")

    article: Source
    commitments: list[Commitment] = []
    participants: list[Participant] = []
    durations: list[Duration] = []
    disputes: list[Dispute] = []
    records: dict[str, list[dict[str, Any]]] = Field(
        default={}, description="records of a user's own schema, by its name"
    )
    failures: list[Failure] = []
    complete: bool = Field(description="whether every passage was read to its end")
    provenance: Provenance
