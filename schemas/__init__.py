"""Pydantic models of what is extracted. This package imports nothing of the extractor."""

from .commitments import Category, Commitment, Status
from .disputes import Dispute, DisputeState, Stance
from .durations import Duration, Modality, TimexMod
from .extraction import Extraction, Failure, Provenance, Source
from .participants import Participant, ParticipantKind, Role
from .quote import Derived, DerivedMarker, Quote, Record
from .words import chunks, occurrences

__all__ = [
    "Category",
    "Commitment",
    "Derived",
    "DerivedMarker",
    "Dispute",
    "DisputeState",
    "Duration",
    "Extraction",
    "Failure",
    "Modality",
    "Participant",
    "ParticipantKind",
    "Provenance",
    "Quote",
    "Record",
    "Role",
    "Source",
    "Stance",
    "Status",
    "TimexMod",
    "chunks",
    "occurrences",
]
