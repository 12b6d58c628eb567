"""Durations: any length of time that the text names."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .quote import Derived, Quote, Record

Modality = Literal["proposed", "requested", "agreed", "elapsed"]
TimexMod = Literal[
    "LESS_THAN", "MORE_THAN", "EQUAL_OR_LESS", "EQUAL_OR_MORE", "APPROX", "START", "MID", "END"
]  # TimeML 1.2.1, attribute "mod" of TIMEX3


class Duration(Record):
    """A length of time, also as an adjective ("15-year term"); no date, no age."""

    text: Quote = Field(description='the measure with its approximator ("up to 50 years", "four-year")')
    applies_to: Quote | None = Field(description="what lasts that long")
    modality: Modality = Field(description="whether it is proposed, requested, agreed, or time already past")
    value: Annotated[str | None, Derived] = Field(
        default=None, description="ISO 8601 duration as in TIMEX3: P15Y, PT72H, PXY when vague"
    )
    mod: Annotated[TimexMod | None, Derived] = Field(default=None, description="TIMEX3 modifier")
    extendable: Annotated[bool, Derived] = Field(default=False, description="whether the text says it can be extended")
