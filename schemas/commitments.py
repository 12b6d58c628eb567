"""Commitments: who is, would be or refuses to be bound to which future action."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .quote import Names, Quote, Record

Status = Literal["signed", "pledged", "offered", "proposed", "requested", "refused", "dropped"]
Category = Literal[
    "military", "monitoring", "aid", "finance", "diplomacy", "legal", "humanitarian", "economy", "territory", "other"
]


class Commitment(Record):
    """A reported future course of action that an actor is bound to, offers, is asked for, or refuses.

    Past deeds, opinions and mere talks are none. A guarantee, force, mechanism, aid package or
    withdrawal that a text proposes is one, also in noun form. Coordinated actions with their own
    objects are two commitments.
    """

    actors: Names = Field(
        min_length=1,
        max_length=12,
        description="who would act, not who talks; a pronoun is replaced by the name it stands for",
    )
    action: Quote = Field(
        description="the verb phrase without to, will or would, without condition and duration; or the noun phrase"
    )
    beneficiary: Quote | None = Field(description="for whom it is done, as named in the text")
    condition: Quote | None = Field(
        description='on what it depends, with its connective ("once a ceasefire is in place")'
    )
    duration: Quote | None = Field(description='for how long ("up to 50 years")')
    speaker: Quote | None = Field(description="who says so; null when the text itself does")
    status: Status = Field(
        description="signed: in a concluded text; pledged: the actor binds itself; offered: ready, could, willing; "
        "proposed: draft, plan, under discussion; requested: another party wants it; refused: ruled out; "
        "dropped: was in an earlier text and no longer is. The strongest that the text supports"
    )
    category: Category = Field(description="the field that the action belongs to")
