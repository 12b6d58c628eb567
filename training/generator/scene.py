"""One passage in the making: its cast of states and cities, its entities, its slots."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from training.generator import lexicon
from training.generator.lexicon import CLOSE_SPAN, OPEN_SPAN, TEXT, State
from training.generator.markup import CLOSE, Marker, capitalise

Slot = str | Callable[[str], str]


@dataclass(slots=True)
class Entity:
    """A participant: the spans that name it, those that only stand for it, and what it is."""

    kind: str
    names: list[int] = field(default_factory=list)
    weak: list[int] = field(default_factory=list)
    title: int | None = None
    represents: int | None = None


@dataclass(slots=True)
class Local:
    """What one sentence binds: fillings of its slots and the numbers of its spans, by key."""

    values: dict[str, Slot] = field(default_factory=dict)
    spans: dict[str, list[int]] = field(default_factory=dict)


# Slots that no list of words fills; the module ``slots`` registers them here.
SLOTS: dict[str, Callable[[Scene, Local, str], str]] = {}


class Scene:
    """Draws words, states, organisations and groups, and remembers who takes part."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.marker = Marker()
        self.entities: dict[str, Entity] = {}
        self.commitments: list[dict[str, Any]] = []
        self.durations: list[tuple[int, list[int], str]] = []
        self.disputes: list[tuple[list[int], int, list[tuple[int | None, int]], str]] = []
        self.focus = rng.choice(lexicon.FOCUS if rng.random() < 0.5 else lexicon.STATE_LIST)
        self.cast = self._cast()
        self.cities = [rng.choice(lexicon.WORDS["city"]) for _ in range(3)]
        self.surfaces: dict[str, str] = {}
        # States of the sentence being written: none is to be named twice in it.
        self.used: set[str] = set()

    def _cast(self) -> list[State]:
        cast: list[State] = []
        while len(cast) < 7:
            pool = lexicon.MAJOR if self.rng.random() < 0.5 else lexicon.STATE_LIST
            state = self.rng.choice(pool)
            if state is not self.focus and state not in cast:
                cast.append(state)
        return cast

    # -- templates

    def fill(self, template: str, local: Local | None = None) -> str:
        """``template`` with its slots filled and its spans marked."""
        local = local or Local()
        parts: list[str] = []
        for kind, name, capital, argument in lexicon.compiled(template):
            if kind == TEXT:
                parts.append(name)
            elif kind == OPEN_SPAN:
                opening, number = self.marker.open()
                local.spans.setdefault(name, []).append(number)
                parts.append(opening)
            elif kind == CLOSE_SPAN:
                parts.append(CLOSE)
            else:
                value = self._value(name, argument, local)
                parts.append(capitalise(value) if capital else value)
        return "".join(parts)

    def _value(self, name: str, argument: str, local: Local) -> str:
        bound = local.values.get(name)
        if bound is not None:
            return bound if isinstance(bound, str) else bound(argument)
        if name == "city":
            return self.city()
        words = lexicon.WORDS.get(name)
        if words is not None:
            word = self.rng.choice(words)
            return self.fill(word, local) if "{" in word or "[" in word else word
        return SLOTS[name](self, local, argument)

    def city(self) -> str:
        """A place; half the time one that the passage has already used."""
        return self.rng.choice(self.cities if self.rng.random() < 0.45 else lexicon.WORDS["city"])

    # -- entities

    def mention(self, key: str, text: str, kind: str, weak: bool = False) -> tuple[str, int]:
        """``text`` marked as a mention of the entity ``key``, which becomes a participant."""
        marked, number = self.marker.mark(text)
        entity = self.entities.setdefault(key, Entity(kind))
        (entity.weak if weak else entity.names).append(number)
        return marked, number

    def pick(self, focus: float = 0.15) -> State:
        """A state not yet named in the sentence."""
        rng = self.rng
        while True:
            chance = rng.random()
            if chance < focus:
                state = self.focus
            else:
                state = rng.choice(self.cast if chance < 0.9 else lexicon.STATE_LIST)
            if state.key not in self.used and (focus or state is not self.focus):
                self.used.add(state.key)
                return state
            focus = 0.05

    def surface(self, state: State) -> str:
        """The name that this passage uses for ``state``: one and the same throughout."""
        return self.surfaces.setdefault(state.key, self.rng.choice(state.names))

    def adjective(self, state: State) -> str:
        """An adjective of ``state``."""
        return self.rng.choice(state.adjectives)

    def state(self, state: State, capital: float = 0.15) -> tuple[str, int]:
        """A marked mention of ``state``, now and then by its capital."""
        if state.capitals and self.rng.random() < capital:
            return self.mention(state.key, self.rng.choice(state.capitals), "state", weak=True)
        return self.mention(state.key, self.surface(state), "state")

    def organisation(self) -> tuple[str, int]:
        """A marked mention of an international body, an alliance or a national institution."""
        chance = self.rng.random()
        if chance < 0.56:
            return self.international()
        if chance < 0.63:
            return self.mention(name := self.rng.choice(lexicon.GROUPS["houses"]), name, "organisation")
        if chance < 0.78:
            name = self.fill(self.rng.choice(lexicon.GROUPS["coalitions"]))
            return self.mention(name, name, "organisation")
        return self.represented("institutions", "organisation", self.pick(0))

    def international(self) -> tuple[str, int]:
        """A marked mention of a body that states are members of, or of an aid organisation."""
        names = self.rng.choice(lexicon.ORGANISATIONS)
        return self.mention(names[0], self.rng.choice(names), "organisation")

    def represented(self, section: str, kind: str, state: State) -> tuple[str, int]:
        """A body or group whose name tells whom it stands for: "the Danish navy"."""
        local = Local()
        local.values.update(
            adj=self.adjective(state),
            st0=self.surface(state),
            its="its",
            ben="",
            F=self._focus_name(),
        )
        text = self.fill(self.rng.choice(lexicon.GROUPS[section]), local)
        marked, number = self.mention(text, text, kind)
        stands_for = local.spans.get("rep")
        if stands_for:
            self.entities[text].represents = stands_for[0]
        return marked, number

    def group(self) -> tuple[str, int]:
        """A marked mention of a plural actor: allies, donors, "German forces"."""
        if self.rng.random() < 0.4:
            return self.represented("national", "group", self.pick(0))
        return self.represented("plural", "group", self.focus)

    def rebels(self) -> tuple[str, int]:
        """A marked mention of an armed movement."""
        text = self.fill(self.rng.choice(lexicon.GROUPS["rebels"]))
        return self.mention(text, text, "group")

    def _focus_name(self) -> str:
        return self.surface(self.focus)
