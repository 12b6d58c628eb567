"""A verbatim span of an article, and the marker of fields that code derives."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from .words import occurrences


class DerivedMarker:
    """Marks a field that code fills after the model; it is in no grammar and no prompt."""

    def __repr__(self) -> str:
        return "Derived"


Derived: Final = DerivedMarker()


class Quote(BaseModel):
    """Words copied verbatim from the article."""

    model_config = ConfigDict(frozen=True)

    text: str = Field(min_length=1, description="the exact words")
    start: int = Field(ge=0, description="offset of the first character, in Unicode code points")
    end: int = Field(ge=0, description="offset after the last character, in Unicode code points")

    @model_validator(mode="before")
    @classmethod
    def _ground(cls, value: Any, info: ValidationInfo) -> Any:
        """Find a plain string in the passage that the validation context holds."""
        if not isinstance(value, str):
            return value
        passage = (info.context or {}).get("passage")
        if passage is None:
            raise ValueError("a quote given as plain text needs the passage it was copied from")
        text = value.strip()
        if not text:
            raise ValueError("the quote is empty")
        places = occurrences(text, passage)
        if not places:
            raise ValueError(
                f"{json.dumps(text, ensure_ascii=False)} does not stand in the passage; copy its words exactly"
            )
        return {"text": text, "start": places[0], "end": places[0] + len(text)}

    @model_validator(mode="after")
    def _measure(self) -> Quote:
        if self.end - self.start != len(self.text):
            raise ValueError(f"the offsets {self.start} to {self.end} do not span {len(self.text)} characters")
        return self

    def moved(self, by: int) -> Quote:
        """Return the same words ``by`` code points further on."""
        return Quote(text=self.text, start=self.start + by, end=self.end + by)

    def __str__(self) -> str:
        return self.text


def _each_once(quotes: list[Quote]) -> list[Quote]:
    first: dict[str, Quote] = {}
    for quote in quotes:
        first.setdefault(quote.text, quote)
    return list(first.values())


Names = Annotated[list[Quote], AfterValidator(_each_once)]
"""Quotes, the same words once."""

DerivedQuote = Annotated[Quote | None, Derived]


class Record(BaseModel):
    """What every extracted record carries besides its own fields."""

    sentence: DerivedQuote = Field(default=None, description="the sentence that the record rests on")
    confidence: Annotated[float | None, Derived] = Field(
        default=None,
        ge=0,
        le=1,
        description="how likely the record is right: calibrated for the bundled model; for another, the geometric "
        "mean of the probabilities of the tokens it chose",
    )
    mentions: Annotated[list[Quote], Derived] = Field(
        default=[], description="every place where the article tells or names it, the first one included"
    )
