"""Disputes: what named sides want that cannot be had together."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from .quote import Names, Quote, Record

DisputeState = Literal["open", "narrowing", "resolved"]


class Stance(BaseModel):
    """What one side wants or says in a dispute."""

    party: Quote | None = Field(description="who holds it")
    stance: Quote = Field(description="the position, as a clause")


class Dispute(Record):
    """Two or more named sides want incompatible things, or one rejects what another proposes."""

    parties: Names = Field(min_length=1, max_length=8, description="the sides")
    issue: Quote = Field(description="the shortest words that name what is disputed")
    stances: list[Stance] = Field(max_length=6, description="each side's position")
    state: DisputeState = Field(description="whether it is open, narrowing or resolved")
