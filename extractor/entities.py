"""Spellings -> entities, within one article.

A gazetteer is made of the article's own participants: their names, folded so that accents, endings
of transliteration and abbreviating dots do not count, their family names, their acronyms, and the
offices they hold. States come from ``normalising``. Whatever the gazetteer knows is then found in the
whole text, the longest spelling first.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from .names import (
    ARTICLES,
    TITLE_WORDS,
    Form,
    acronyms,
    fold,
    form,
    may_be_shortened,
    state_named,
    tokens,
    untitled,
    words,
)
from .normalising import state_code, state_name
from .schemas import Participant, Quote

_WITHIN_NAME: Final = re.compile(r"[^\w;:!?]{0,3}")
_LONGEST_LIKE_A_WORD: Final = 3  # letters; WHO, IS and UN need their capitals, NATO may be Nato
_SAME_OFFICE: Final[Mapping[Form, Form]] = {("premier",): ("prime", "minister"), ("pm",): ("prime", "minister")}
_ANY_OFFICE: Final = (("leader",), ("chief",), ("head",))
_GOVERNMENTS: Final = (("government",), ("administration",))


class Office(NamedTuple):
    """A title and for whom it is held: the key of a state or body, None when the text does not say."""

    title: Form
    body: str | None


@dataclass(eq=False)
class _Entity:
    name: str
    code: str | None = None
    person: bool = False
    titles: set[str] = field(default_factory=set)
    offices: set[Office] = field(default_factory=set)
    mentions: list[Quote] = field(default_factory=list)


class Entities:
    """The entities of one article: who is meant by a spelling, and where the text names them.

    The name of a state is always the state: a model errs about kinds more often than a person is called Jordan
    and nothing else. A participant's ``mentions`` count as its spellings, so that the entities of merged
    participants are those of the participants they were merged from.
    """

    def __init__(self, participants: Sequence[Participant], text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._forms: dict[Form, _Entity] = {}
        self._short: dict[Form, set[_Entity]] = {}  # family names and acronyms, perhaps shared
        self._states: dict[str, _Entity] = {}
        self._lower: set[Form] = set()  # names that the records write in lower case
        self._capitals: set[Form] = set()  # abbreviations that are words in lower case
        self._at: dict[tuple[int, int], _Entity] = {}
        self._persons: list[_Entity] = []
        self._reach: dict[str, int] = {}  # words of the longest name that starts with a word
        self._keys: dict[Quote | str, str] = {}
        named, described = self._sorted(participants)
        for participant, quote in named:
            self._register(quote, participant)
        self._find_mentions()
        self._find_offices(participants)
        self._settle(participants, described)

    def key(self, name: Quote | str) -> str:
        """Return the canonical name of who is meant: that of a known entity, else the folded words.

        A quote, which has a place, also resolves "the prime minister" among several, to the one named last.
        """
        if name not in self._keys:
            self._keys[name] = self._key(name)
        return self._keys[name]

    def keys(self, names: Iterable[Quote | None]) -> set[str]:
        """Return the keys of all names that are not null."""
        return {self.key(name) for name in names if name}

    def code(self, key: str) -> str | None:
        """Return the ISO 3166-1 alpha-3 code of a key that is a state's."""
        code = state_code(key)
        return code if code and state_name(code) == key else None

    def mentions(self, key: str) -> list[Quote]:
        """Return every place where the text names an entity, in order and without overlap.

        Of a state, that is its name and abbreviations: "Paris" is mostly a city, and "American" part of another name.
        """
        return list(next((entity.mentions for entity in self._all() if entity.name == key), []))

    def is_known(self, key: str) -> bool:
        """Whether a key is a participant's."""
        return any(entity.name == key for entity in self._all())

    def _all(self) -> Iterable[_Entity]:
        return dict.fromkeys((*self._states.values(), *self._forms.values()))

    def _sorted(self, participants: Iterable[Participant]) -> tuple[list[tuple[Participant, Quote]], list[Quote]]:
        """Split all spellings into names, the fullest first, and descriptions."""
        spellings = [(p, quote) for p in participants for quote in (p.name, *p.mentions)]
        spellings.sort(key=lambda s: (-len(form(s[1].text)), s[1].start, s[1].text, s[0].kind))
        named = [(p, quote) for p, quote in spellings if not self._office(quote.text)]
        return named, [quote for _, quote in spellings if self._office(quote.text)]

    def _register(self, quote: Quote, participant: Participant) -> None:
        person, code = participant.kind == "person", state_named(quote.text)
        if code:
            state = self._states.setdefault(code, _Entity(state_name(code), code))
            self._forms.setdefault(form(quote.text), state)
            self._forms.setdefault(form(state.name), state)
            self._capitals.update([form(quote.text)] if _is_abbreviation(quote.text) else [])
            return
        folded = untitled(quote.text) if person else form(quote.text)
        if not folded:
            return
        title = form(participant.title.text) if person and participant.title else ()
        entity = self._lookup(folded, quote.text) or self._namesake(folded, person)
        stranger = len(folded) == 1 and title and entity and entity.titles and entity.titles.isdisjoint(title)
        if not entity or stranger:  # President Biden is not the First Lady Jill Biden
            entity = _Entity(" ".join(words(quote.text)))
        self._forms[folded] = entity
        entity.titles.update(title)
        if words(quote.text)[0].islower():
            self._lower.add(folded)
        if person and not entity.person:
            entity.person = True
            self._persons.append(entity)
        if not may_be_shortened(quote.text):
            return
        for short in self._family_names(folded) if person else self._acronyms(quote.text):
            self._short.setdefault(short, set()).add(entity)

    def _lookup(self, folded: Form, written: str) -> _Entity | None:
        """Find a name, or a short form that only one entity has; "who" is not the WHO."""
        if folded in self._capitals and not "".join(words(written)).isupper():
            return None
        if folded in self._forms:
            return self._forms[folded]
        owners = self._short.get(folded, set())
        return next(iter(owners)) if len(owners) == 1 else None

    def _namesake(self, name: Form, person: bool) -> _Entity | None:
        """Find the person whose name differs by middle names only ("Donald J. Trump")."""
        if not person or len(name) < 2:
            return None
        fulls = ((full, entity) for full, entity in self._forms.items() if entity.person and len(full) > 1)
        return next((entity for full, entity in fulls if (full[0], full[-1]) == (name[0], name[-1])), None)

    def _acronyms(self, name: str) -> Iterator[Form]:
        """Yield the initials of a body, and what stands in parentheses after its name; none of them a state's."""
        written = words(name)
        found = acronyms(name) | ({written[0]} if len(written) == 1 and written[0].isupper() else set())
        found |= set(re.findall(rf"{re.escape(name)}\s*\(([A-Z][\w.&-]{{1,11}})\)", self._text))
        for acronym in found:
            if not state_named(acronym):
                yield form(acronym)
                self._capitals.update([form(acronym)] if len(acronym) <= _LONGEST_LIKE_A_WORD else [])

    def _family_names(self, folded: Form) -> Iterator[Form]:
        if len(folded) < 2:
            return
        if self._is_family_first(folded):
            yield folded[:1]
        else:
            yield folded[0], folded[-1]
            yield from (folded[at:] for at in range(1, len(folded)))

    def _is_family_first(self, name: Form) -> bool:
        """Whether the text uses a name's first word by itself and never its last: "Xi" for Xi Jinping."""
        first = last = False
        for number, token in enumerate(self._tokens):
            if token[0][0].isupper() and fold(token[0]) in (name[0], name[-1]):
                before = self._tokens[number - 1][0] if number else ""
                first |= fold(token[0]) == name[0] and not self._goes_on(number)
                last |= fold(token[0]) == name[-1] and fold(before) != name[-2]
        return first and not last

    def _goes_on(self, number: int) -> bool:
        """Whether another capitalised word follows a token, as in a name."""
        end = self._tokens[number].end()
        return self._text[end : end + 1] in (" ", "-") and self._text[end + 1 : end + 2].isupper()

    def _key(self, name: Quote | str) -> str:
        entity = self._entity(name)
        return entity.name if entity else " ".join(form(str(name))) or str(name)

    def _entity(self, name: Quote | str) -> _Entity | None:
        text = str(name)
        if isinstance(name, Quote) and (name.start, name.end) in self._at:
            return self._at[name.start, name.end]
        return self._named(text) or self._holder(name)

    def _named(self, text: str) -> _Entity | None:
        folded = form(text)
        if known := self._lookup(folded, text):
            return known
        governed = " ".join(words(text)[:-1]) if folded[-1:] in _GOVERNMENTS else text
        if code := state_named(text) or state_named(governed):
            return self._states.get(code) or _Entity(state_name(code), code)
        bare = self._lookup(untitled(text), text)
        return bare if bare and bare.person else None

    def _office(self, text: str) -> Office | None:
        """Read "the Ukrainian president", "Ukraine's leader", "president of Ukraine", "the prime minister"."""
        written = words(text)
        folded = tuple(fold(word) for word in written)
        splits = [(written[:at], folded[at:]) for at in range(min(4, len(written)))]
        if "of" in folded:
            at = len(folded) - 1 - folded[::-1].index("of")
            splits.append((written[at + 1 :], folded[:at]))
        for body, title in splits:
            owner = self._named(" ".join(body)) if body else None
            if title and TITLE_WORDS.issuperset(title) and title[-1] != "of" and (owner or not body):
                return Office(_SAME_OFFICE.get(title, title), owner.name if owner else None)
        return None

    def _holder(self, description: Quote | str) -> _Entity | None:
        """Find the person whom a description means; of several, the one that the text names last before it."""
        office = self._office(str(description))
        if not office:
            return None
        holders = [person for person in self._persons if any(_means(office, held) for held in person.offices)]
        if len(holders) < 2 or not isinstance(description, Quote):
            return holders[0] if len(holders) == 1 else None
        before = [(m.start, p.name, p) for p in holders for m in p.mentions if m.end <= description.start]
        return max(before, key=lambda one: one[:2])[2] if before else None

    def _find_mentions(self) -> None:
        self._reach = {}
        for folded in (*self._forms, *self._short):
            self._reach[folded[0]] = max(len(folded), self._reach.get(folded[0], 0))
        for entity in self._all():
            entity.mentions = []
        at = 0
        while at < len(self._tokens):
            length, found = self._match(at)
            if found:
                start, end = self._tokens[at].start(), self._tokens[at + length - 1].end()
                found.mentions.append(Quote(text=self._text[start:end], start=start, end=end))
            at += length
        for entity in self._all():
            if entity.mentions and not entity.code:
                entity.name = min(entity.mentions, key=lambda m: (-len(form(m.text)), m.start)).text

    def _match(self, at: int) -> tuple[int, _Entity | None]:
        """Return how many tokens from ``at`` on name an entity, and which; 1 and None without one."""
        first = self._tokens[at]
        folded = [fold(first[0])]
        longest = 1, None if first[0].lower() in ARTICLES else self._spelled(tuple(folded), first[0])
        for before, token in itertools.pairwise(self._tokens[at : at + self._reach.get(folded[0], 1)]):
            if not _WITHIN_NAME.fullmatch(self._text, before.end(), token.start()):
                break
            folded.append(fold(token[0]))
            if entity := self._spelled(tuple(folded), self._text[first.start() : token.end()]):
                longest = len(folded), entity
        return longest

    def _spelled(self, folded: Form, surface: str) -> _Entity | None:
        if surface[0].islower() and folded not in self._lower:
            return None
        abbreviated = self._states.get(state_code(surface) or "") if surface.isupper() else None
        if abbreviated and _is_abbreviation(surface):
            return abbreviated
        entity = self._lookup(folded, surface)
        return entity if entity and (not entity.code or folded == form(entity.name)) else None

    def _find_offices(self, participants: Iterable[Participant]) -> None:
        """Give every person the offices in its records, whichever of them tells the title, and those in the text."""
        titles: dict[_Entity, set[Office]] = {}
        bodies: dict[_Entity, set[str]] = {}
        for participant in participants:
            entity = self._named(participant.name.text)
            if entity and entity.person and participant.title:
                office = self._office(participant.title.text) or Office(form(participant.title.text), None)
                titles.setdefault(entity, set()).add(office)
            if entity and participant.represents:
                bodies.setdefault(entity, set()).add(self._key(participant.represents.text))
        for person in self._persons:
            for title, body in titles.get(person, ()):
                person.offices.update(Office(title, one) for one in ([body] if body else bodies.get(person, [None])))
            for mention in person.mentions:
                person.offices.update(self._offices_beside(mention))

    def _offices_beside(self, name: Quote) -> Iterator[Office]:
        """Read "Ukrainian President NAME" and "NAME, Ukraine's president,"."""
        before = re.split(r"[,.;:!?]\s|\n", self._text[max(0, name.start - 80) : name.start])[-1]
        offices = (self._office(before[word.start() :]) for word in re.finditer(r"\S+", before))
        if self._text[name.start - 1 : name.start].isspace() and (office := next(filter(None, offices), None)):
            yield office
        if after := re.match(r",\s+([^,.;:!?\n]{4,60})[,.;]", self._text[name.end : name.end + 80]):
            yield from filter(None, [self._office(after[1])])

    def _settle(self, participants: Iterable[Participant], described: Iterable[Quote]) -> None:
        """Give every participant's place to its entity; a description of nobody is an entity of its own."""
        known = len(self._forms)
        for quote in described:
            if holder := self._holder(quote):
                self._at[quote.start, quote.end] = holder
            else:
                self._forms.setdefault(form(quote.text), _Entity(" ".join(words(quote.text))))
                self._lower.update([form(quote.text)] if quote.text[0].islower() else [])
        if len(self._forms) > known:
            self._find_mentions()
        for participant in participants:
            if entity := self._entity(participant.name):
                self._at.update({(m.start, m.end): entity for m in participant.mentions})


def _is_abbreviation(surface: str) -> bool:
    """Whether a word in capitals is a state's: of all that names a state, only abbreviations depend on case."""
    return state_code(surface) is not None and state_code(surface.lower()) is None


def _means(described: Office, held: Office) -> bool:
    if described.body and described.body != held.body:
        return False
    return described.title == held.title or (described.body is not None and described.title in _ANY_OFFICE)
