"""The participants of an article: one per entity, with every mention, and the roles they play."""

from __future__ import annotations

import bisect
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from .entities import Entities
from .names import state_named
from .schemas import Commitment, Dispute, Participant, Quote, Role
from .tellings import first, span, told

_ATTENDS: Final = re.compile(
    r"\b(?:attend(?:s|ed|ing)?|in attendance|(?:was|were|is|are|be) (?:also )?present|t(?:ook|ake|akes|aking) part"
    r"|participat(?:e|es|ed|ing)|join(?:s|ed|ing)? (?:\w+ ){0,3}(?:talks|meeting|summit|conference|session)"
    r"|(?:met|meets?|sat down) (?:\w+ )?(?:in|with|at|for|on)|meeting with|host(?:s|ed|ing)?|at the table"
    r"|(?:meeting|talks|summit)\b[^.;]{0,60}\bincluded)\b"
)
_STAYS_AWAY: Final = re.compile(
    r"(?:\bnot|n['’]t|\bnever|\bwithout|\bdeclined? to|\brefused? to)(?: \w+){0,2}? "
    r"(?:attend|be present|present|take part|taking part|participat|join|meet|host)|\babsent\b|\bskip(?:s|ped|ping)?\b"
)
_ASIDE: Final = re.compile(r"['’]s?\b|,? (?:said|says|told|added|warned)\b")  # after a name: it only owns or speaks


def involved(record: Commitment | Dispute) -> Iterator[Quote]:
    """Yield the names of those who play a part in a record."""
    match record:
        case Commitment():
            yield from filter(None, (*record.actors, record.beneficiary, record.speaker))
        case Dispute():
            yield from record.parties
            yield from filter(None, (stance.party for stance in record.stances))


def missing_states(participants: Sequence[Participant], records: Iterable[Commitment | Dispute]) -> list[Participant]:
    """Return a participant for every state's name in other records that no participant has.

    A state that acts, receives, speaks or disputes takes part by definition, and its name is hardly ever
    mistaken; other names are left to the model.
    """
    known = {None} | {state_named(participant.name.text) for participant in participants}
    return [
        Participant(name=quote, kind="state", title=None, represents=None, confidence=record.confidence)
        for record in records
        for quote in involved(record)
        if state_named(quote.text) not in known
    ]


def merge_participants(records: Iterable[Participant], named: Iterable[Quote], entities: Entities) -> list[Participant]:
    """Return one participant per entity; ``named`` are the names in other records, which count as mentions."""
    groups: dict[str, list[Participant]] = {}
    for record in records:
        groups.setdefault(entities.key(record.name), []).append(record)
    places: dict[str, list[Quote]] = {key: [] for key in groups}
    for quote in named:
        places.get(entities.key(quote), []).append(quote)
    return [_one(key, group, places[key], entities) for key, group in groups.items()]


def _one(key: str, group: Sequence[Participant], places: Sequence[Quote], entities: Entities) -> Participant:
    kept, scanned, code = told(group), entities.mentions(key), entities.code(key)
    derived = {
        "name": _fullest_name(key, scanned) or group[0].name,
        "kind": "state" if code else _majority([record.kind for record in group]),
        "title": None if code else first(group, "title"),
        "represents": first(group, "represents"),
        "entity": key,
        "code": code,
        "mentions": _apart([*scanned, *kept["mentions"], *places]),
    }
    return group[0].model_copy(update=kept | derived)


def _fullest_name(key: str, named: Sequence[Quote]) -> Quote | None:
    """Return where the text first has the canonical name; a state's next best is its abbreviation."""
    return min(named, key=lambda quote: (quote.text != key, not quote.text.isupper(), quote.start), default=None)


def _majority(kinds: list[str]) -> str:
    counts = Counter(kinds)
    return max(kinds, key=lambda kind: counts[kind])


def _apart(places: Iterable[Quote]) -> list[Quote]:
    """Return the places in order, the longer of any two that overlap."""
    kept: list[Quote] = []
    for quote in sorted(set(places), key=lambda quote: (quote.start - quote.end, quote.start)):
        at = bisect.bisect(kept, span(quote), key=span)
        if all(quote.end <= other.start or other.end <= quote.start for other in kept[max(0, at - 1) : at + 1]):
            kept.insert(at, quote)
    return kept


def with_roles(
    participants: Iterable[Participant],
    records: Sequence[Commitment | Dispute],
    entities: Entities,
    text: str,
    bounds: Sequence[tuple[int, int]],
) -> list[Participant]:
    """Return the participants with the roles that the merged records and the text's sentences give them."""
    commitments = [record for record in records if isinstance(record, Commitment)]
    requests = [record for record in commitments if record.status == "requested"]
    disputes = [record for record in records if isinstance(record, Dispute)]
    holders: dict[Role, set[str]] = {
        "committer": entities.keys(actor for record in commitments for actor in record.actors),
        "beneficiary": entities.keys(record.beneficiary for record in commitments),
        "requester": entities.keys(record.speaker for record in requests),
        "disputant": entities.keys(party for record in disputes for party in record.parties),
        "speaker": entities.keys(record.speaker for record in commitments),
    }

    def roles(participant: Participant) -> Iterator[Role]:
        yield from (role for role, keys in holders.items() if participant.entity in keys)
        if _attends(participant, text, bounds):
            yield "attendee"

    return [participant.model_copy(update={"roles": list(roles(participant))}) for participant in participants]


def _attends(participant: Participant, text: str, bounds: Sequence[tuple[int, int]]) -> bool:
    """Whether a sentence that names the participant says who was present.

    States are left out: they are represented, and their names in such sentences mostly qualify others.
    """
    if participant.kind == "state":
        return False
    present = [mention.start for mention in participant.mentions if not _ASIDE.match(text, mention.end)]
    holding = {bisect.bisect(bounds, at, key=lambda bound: bound[0]) - 1 for at in present}
    return any(_ATTENDS.search(text, *bounds[i]) and not _STAYS_AWAY.search(text, *bounds[i]) for i in holding)
