"""Participants: the persons, states, organisations and groups of an article."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .quote import Derived, Quote, Record

ParticipantKind = Literal["person", "state", "organisation", "group"]
Role = Literal["committer", "beneficiary", "requester", "disputant", "speaker", "attendee"]


class Participant(Record):
    """Someone who acts, speaks, promises, receives or disputes; each once, under the fullest name.

    A place that is only a place is none. A capital that stands for its government is a state.
    """

    name: Quote = Field(description="the fullest form of the name, without title and possessive")
    kind: ParticipantKind = Field(description="what the participant is")
    title: Quote | None = Field(description='office or rank as written, without the nationality ("Prime Minister")')
    represents: Quote | None = Field(description='state or body stood for, as written ("Danish", "NATO")')
    entity: Annotated[str | None, Derived] = Field(
        default=None, description="canonical name that all spellings share; for states the short English name"
    )
    code: Annotated[str | None, Derived] = Field(default=None, description="ISO 3166-1 alpha-3 code of a state")
    roles: Annotated[list[Role], Derived] = Field(default=[], description="what it does in the article's records")
