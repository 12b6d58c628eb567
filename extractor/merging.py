"""Records of passages -> records of the article: nothing twice, entities named once, roles derived."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel

from .entities import Entities
from .grounding import attach_sentence
from .normalising import is_extendable, normalise_duration
from .participation import involved, merge_participants, missing_states, with_roles
from .passages import sentences
from .schemas import Commitment, Dispute, Duration, Participant, Quote, Stance
from .similarity import alike, overlap, stems
from .tellings import clusters, distinct, first, first_of_each, position, told

_OURS: Final[Mapping[str, type[BaseModel]]] = {
    "commitments": Commitment,
    "participants": Participant,
    "durations": Duration,
    "disputes": Dispute,
}
_STRENGTH: Final = ("signed", "pledged", "offered", "proposed")  # readings of one promise, the strongest first
_MOST_ROUNDS: Final = 8
_MOST_PARTIES, _MOST_STANCES = 8, 6  # the bounds of the schema


def merge(found: Mapping[str, Sequence[BaseModel]], text: str) -> dict[str, list[Any]]:
    """Return an article's lists, by the same names, sorted by position.

    ``found`` holds grounded records in article offsets. Participants become one per entity, and states
    that play a part in another record are added; commitments, durations and disputes told twice become
    one with all its ``mentions``; records of other types lose exact duplicates. The order of the records
    does not matter, and merging the result again changes nothing.
    """
    bounds = sentences(text)
    merged = _merge_once(found, text, bounds)
    for _ in range(_MOST_ROUNDS):
        # A merged record may match what none of its tellings did.
        again = _merge_once(merged, text, bounds)
        if again == merged:
            break
        merged = again
    return merged


def _merge_once(
    found: Mapping[str, Sequence[BaseModel]], text: str, bounds: Sequence[tuple[int, int]]
) -> dict[str, list[Any]]:
    lists: dict[str, list[Any]] = {
        name: sorted((attach_sentence(record, text, bounds) for record in records), key=position)
        for name, records in found.items()
    }
    ours = {name: lists.pop(name) for name in _OURS if name in lists and _is_ours(name, lists[name])}
    telling = [*ours.get("commitments", []), *ours.get("disputes", [])]
    participants = ours.get("participants", [])
    if "participants" in ours:
        participants = sorted([*participants, *missing_states(participants, telling)], key=position)
    entities = Entities(participants, text)
    merged = _merge_deeds(ours, entities)
    if "participants" in ours:
        named = [quote for record in telling for quote in involved(record)]
        once = merge_participants(participants, named, entities)
        records = [*merged.get("commitments", []), *merged.get("disputes", [])]
        roled = with_roles(once, records, entities, text, bounds)
        merged["participants"] = [attach_sentence(participant, text, bounds) for participant in roled]
    merged |= {name: distinct(records) for name, records in lists.items()}
    return {name: sorted(merged[name], key=position) for name in found}


def _is_ours(name: str, records: Sequence[BaseModel]) -> bool:
    """Whether a list is one of the four kinds; a user's schema may use their names for other types."""
    return all(isinstance(record, _OURS[name]) for record in records)


def _merge_deeds(ours: Mapping[str, list[Any]], entities: Entities) -> dict[str, list[Any]]:
    ways: Mapping[str, Callable[[list[Any]], list[Any]]] = {
        "commitments": lambda records: _merge_commitments(records, entities),
        "durations": _merge_durations,
        "disputes": lambda records: _merge_disputes(records, entities),
    }
    return {name: way(ours[name]) for name, way in ways.items() if name in ours}


def _merge_commitments(records: list[Commitment], entities: Entities) -> list[Commitment]:
    return [_one_commitment(group) for group in clusters(records, lambda a, b: _same_promise(a, b, entities))]


def _same_promise(one: Commitment, other: Commitment, entities: Entities) -> bool:
    return (
        _reading(one) == _reading(other)
        and not entities.keys(one.actors).isdisjoint(entities.keys(other.actors))
        and not _differ(one.beneficiary, other.beneficiary, entities)
        and not _last_differently(one, other)
        and alike(one.action.text, other.action.text, apart=_names(one) | _names(other))
    )


def _reading(record: Commitment) -> str:
    return "positive" if record.status in _STRENGTH else record.status


def _differ(one: Quote | None, other: Quote | None, entities: Entities) -> bool:
    """Whether two quotes name two known entities; words that name none may still mean the same."""
    keys = entities.keys((one, other))
    return len(keys) == 2 and all(entities.is_known(key) or entities.code(key) for key in keys)


def _last_differently(one: Commitment, other: Commitment) -> bool:
    lengths = [normalise_duration(r.duration.text) for r in (one, other) if r.duration]
    return len(lengths) == 2 and None not in lengths and lengths[0] != lengths[1]


def _names(record: Commitment) -> frozenset[str]:
    """Words that say who, not what: "send Ukraine troops" and "send Ukraine money" share no deed."""
    return stems(" ".join(quote.text for quote in (*record.actors, record.beneficiary) if quote))


def _one_commitment(group: list[Commitment]) -> Commitment:
    fullest = group[0]
    strongest = min((r.status for r in group), key=_STRENGTH.index) if fullest.status in _STRENGTH else fullest.status
    filled = {name: first(group, name) for name in ("beneficiary", "condition", "duration", "speaker")}
    return fullest.model_copy(update=filled | {"status": strongest} | told(group))


def _merge_durations(records: list[Duration]) -> list[Duration]:
    return [_one_duration(group) for group in clusters(map(_normalised, records), _same_length)]


def _normalised(record: Duration) -> Duration:
    length = normalise_duration(record.text.text)
    extendable = record.extendable or (record.sentence is not None and is_extendable(record.sentence.text))
    derived = {"value": length and length.value, "mod": length and length.mod, "extendable": extendable}
    return record.model_copy(update=derived)


def _same_length(one: Duration, other: Duration) -> bool:
    """Whether two tell of one length of time; what has passed is never what is to come."""
    if (one.value, one.mod, one.modality == "elapsed") != (other.value, other.mod, other.modality == "elapsed"):
        return False
    if one.value is None and one.text.text.casefold() != other.text.text.casefold():
        return False
    return not (one.applies_to and other.applies_to) or overlap(one.applies_to.text, other.applies_to.text) >= 0.5


def _one_duration(group: list[Duration]) -> Duration:
    extendable = any(record.extendable for record in group)
    return group[0].model_copy(
        update={"applies_to": first(group, "applies_to"), "extendable": extendable} | told(group)
    )


def _merge_disputes(records: list[Dispute], entities: Entities) -> list[Dispute]:
    def same(one: Dispute, other: Dispute) -> bool:
        shared = entities.keys(one.parties) & entities.keys(other.parties)
        return bool(shared) and overlap(one.issue.text, other.issue.text) >= 0.5

    return [_one_dispute(group, entities) for group in clusters(records, same)]


def _one_dispute(group: list[Dispute], entities: Entities) -> Dispute:
    parties = first_of_each((p for r in group for p in r.parties), entities.key)
    stances = first_of_each((s for r in group for s in r.stances), lambda stance: _held(stance, entities))
    return group[0].model_copy(
        update={"parties": parties[:_MOST_PARTIES], "stances": stances[:_MOST_STANCES]} | told(group)
    )


def _held(stance: Stance, entities: Entities) -> tuple[str | None, frozenset[str]]:
    return entities.key(stance.party) if stance.party else None, stems(stance.stance.text)
